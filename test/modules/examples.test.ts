// Every example of every module is a task that loads: right names, right types, right YAML.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modules } from "../../modules/index.js";
import { formatDiagnostic } from "../../src/diagnostic/diagnostic.js";
import { loadPlaybook } from "../../src/playbook/load/load.js";

describe("examples of the modules", () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "crun-examples-"));
    mkdirSync(join(directory, "files"));
    mkdirSync(join(directory, "templates"));
  });
  after(() => rmSync(directory, { recursive: true }));

  for (const name of modules.names) {
    it(`${name} has examples, and they load`, async () => {
      const module = await modules.load(name);
      assert.ok(module && module.examples.length > 0, "a module without an example cannot be learnt from");
      for (const { title, yaml } of module.examples) {
        const task = yaml.startsWith("- ") ? yaml : `- ${yaml.trimEnd().replaceAll("\n", "\n  ")}`;
        const file = join(directory, `${name}.yml`);
        const lines = task.split("\n").map((line) => (line === "" ? line : `    ${line}`));
        writeFileSync(file, `- hosts: all\n  tasks:\n${lines.join("\n")}\n`);
        const { playbook, findings } = await loadPlaybook(file, { modules });
        const errors = findings.filter(({ severity }) => severity === "error");
        assert.deepEqual(errors, [], `${title}: ${errors.map((one) => formatDiagnostic(one)).join("\n")}`);
        assert.equal(playbook.plays.length, 1, title);
        const used = new RegExp(`(?:^|\\n)- (?:name: .*\\n {2})?(?:ansible\\.builtin\\.)?${name}:|\\n {2}${name}:`);
        assert.match(task, used, `${title}: an example of ${name} must use it`);
      }
    });
  }
});
