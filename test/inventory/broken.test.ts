// Broken inventories, each with the message that it must give: NAME.* or NAME/ beside NAME.txt. CRUN_WRITE_EXPECTED=1 writes the messages anew.

import assert from "node:assert/strict";
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CrunError, formatDiagnostic } from "../../src/diagnostic/diagnostic.js";
import { loadInventory } from "../../src/inventory/load.js";
import { language } from "../../src/playbook/language.js";

const folder = "test/inventory/broken";

/** Modes that no archive of the sources keeps. */
function setModes(): void {
  for (const file of readdirSync(folder).filter((one) => one.endsWith(".sh"))) {
    const isWritable = file === "program-writable.sh";
    chmodSync(join(folder, file), isWritable ? 0o777 : file === "program-not-executable.sh" ? 0o644 : 0o755);
  }
}

/** All that is wrong with the inventory, its templates too: what a play tells before the first connection. */
async function messagesOf(sources: readonly string[]): Promise<string> {
  const said: string[] = [];
  try {
    const warn = (one: Parameters<typeof formatDiagnostic>[0]): void => void said.push(formatDiagnostic(one));
    const inventory = await loadInventory(sources, { language, warn, programTimeoutMs: 2_000 });
    for (const name of inventory.targets.keys())
      for (const layer of inventory.varsOf(name)) for (const key of layer.names()) layer.get(key);
  } catch (error) {
    if (!(error instanceof CrunError)) throw error;
    assert.equal(error.exitStatus, 1);
    said.push(error.message);
  }
  return `${said.join("\n")}\n`.replaceAll(`${process.cwd()}/`, "").replaceAll(`${folder}/`, "");
}

describe("broken inventories", function () {
  this.timeout(20_000);
  before(setModes);
  after(() => chmodSync(join(folder, "program-writable.sh"), 0o755));

  const cases = readdirSync(folder).filter((one) => !one.endsWith(".txt"));
  for (const file of cases) {
    const name = file.replace(/\.\w+$/, "");
    it(`${name.replaceAll("-", " ")}: says what, where and what to do`, async () => {
      const messages = await messagesOf([join(folder, file)]);
      const expected = join(folder, `${name}.txt`);
      if (process.env["CRUN_WRITE_EXPECTED"]) writeFileSync(expected, messages);
      assert.equal(messages, readFileSync(expected, "utf8"));
      assert.match(messages, /^(error|warning): /);
      assert.doesNotMatch(messages, /^\s+at .*\.js:\d+/m);
      // oxlint-disable-next-line no-control-regex
      assert.doesNotMatch(messages, /[\u0000-\u0008\u000b-\u001f]/);
    });
  }

  it("has a case for each text, and no two of a name", () => {
    const names = cases.map((one) => one.replace(/\.\w+$/, ""));
    assert.equal(new Set(names).size, names.length);
    const texts = readdirSync(folder).filter((one) => one.endsWith(".txt"));
    assert.deepEqual(texts.map((one) => one.slice(0, -4)).sort(), names.sort());
    assert.ok(names.length >= 100);
    for (const name of names) assert.ok(existsSync(join(folder, `${name}.txt`)));
  });

  const onTheCommandLine: readonly (readonly [source: string, message: RegExp])[] = [
    ["none.yml", /there is no inventory none\.yml\n {2}Is the path right\?/],
    ["web1", /there is no inventory web1\n {2}For a host by its name write a comma after it: -i web1,/],
    ["web1,web2:22", /so 22 would be a tree and no port\n {2}at -i web1,web2:22/],
    ["web[3:1],", /runs backwards in web\[3:1\]\n {2}at -i web\[3:1\],/],
    ["web1,we*", /names its host in full/],
  ];
  for (const [source, message] of onTheCommandLine)
    it(`-i ${source} says what to write`, async () => assert.match(await messagesOf([source]), message));
});
