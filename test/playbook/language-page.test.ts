// docs/LANGUAGE.md: what its tables say to write is what crun's own messages say.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { conditionOf } from "../../src/playbook/condition/condition.js";
import { celOfJinja } from "../../src/playbook/jinja/jinja-to-cel.js";
import { handlebarsOfJinja } from "../../src/playbook/jinja/jinja-to-handlebars.js";
import { compileTemplate } from "../../src/playbook/template/template-compile.js";

const rows = [...readFileSync("docs/LANGUAGE.md", "utf8").matchAll(/^\| `(.+)` \| `(.+)` \|$/gm)].map(
  ([, ansible = "", crun = ""]) => [ansible.replaceAll("\\|", "|"), crun.replaceAll("\\|", "|")] as const,
);

describe("the language's page", () => {
  it("has tables", () => assert.ok(rows.length > 30));
  for (const [ansible, crun] of rows) {
    it(`${ansible} is ${crun}`, () => {
      if (ansible.startsWith("{{")) {
        assert.equal(handlebarsOfJinja(ansible.slice(2, -2)), crun);
        assert.doesNotThrow(() => compileTemplate(crun));
      } else {
        assert.equal(celOfJinja(ansible), crun);
        assert.doesNotThrow(() => conditionOf("when", crun));
      }
    });
  }
});
