// Broken playbooks, each with the message that it must give: NAME.yml beside NAME.txt. CRUN_WRITE_EXPECTED=1 writes the messages anew.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CrunError, formatDiagnostic } from "../../src/diagnostic/diagnostic.js";
import { loadPlaybook } from "../../src/playbook/load/load.js";
import { preflight } from "../../src/playbook/preflight/preflight.js";
import { modules } from "../../modules/index.js";

const folder = join(process.cwd(), "test/playbook/broken");

async function messagesOf(file: string): Promise<string> {
  try {
    const loaded = await loadPlaybook(file, { modules, workingDirectory: folder });
    const found = await preflight([loaded], {
      layers: [],
      playedLayers: [],
      places: () => new Set(["local", "localhost", "web1", "db"]),
    });
    return `${found.map((one) => formatDiagnostic(one)).join("\n")}\n`;
  } catch (error) {
    if (error instanceof CrunError) return `${error.message}\n`;
    throw error;
  }
}

describe("broken playbooks", () => {
  for (const file of readdirSync(folder).filter((one) => one.endsWith(".yml"))) {
    const name = file.slice(0, -".yml".length);
    it(`${name.replaceAll("-", " ")}: says what, where and what to do`, async () => {
      const messages = await messagesOf(file);
      const expected = join(folder, `${name}.txt`);
      if (process.env["CRUN_WRITE_EXPECTED"]) writeFileSync(expected, messages);
      assert.equal(messages, readFileSync(expected, "utf8"));
      assert.match(messages, /^(error|warning): /);
    });
  }
});
