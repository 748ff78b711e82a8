// Mistakes in templates and conditions, each with what must be said: the expression behind `>`, then the message. CRUN_WRITE_EXPECTED=1 writes the messages anew.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { conditionOf } from "../../src/playbook/condition/condition.js";
import { templateOfText } from "../../src/playbook/template/template.js";
import { scopeOf } from "./scopes.js";

const folder = join(process.cwd(), "test/playbook/mistakes");

const scope = scopeOf(
  `
n: 7
name: web
flag: true
nothing: null
none: []
list: [a, b]
map: {a: 1, b: 2}
users:
  - {name: joe, uid: 1, on: true}
  - {name: ann, uid: 2}
`,
  { out: { changed: true, failed: false, skipped: false, rc: 0, stdout: "ok" } },
);

const kinds: Readonly<Record<string, (text: string) => unknown>> = {
  templates: (text) => templateOfText("t", text).render(scope),
  conditions: (text) => conditionOf("when", text).test(scope),
};

interface Mistake {
  readonly text: string;
  readonly message: string;
}

function mistakesOf(file: string): Mistake[] {
  return readFileSync(file, "utf8")
    .split(/^> /m)
    .slice(1)
    .map((block) => {
      const [text = "", ...lines] = block.trimEnd().split("\n");
      return { text: text.replaceAll("\\n", "\n"), message: lines.join("\n") };
    });
}

function messageOf(work: () => unknown): string {
  try {
    return `gives ${JSON.stringify(work())}`;
  } catch (error) {
    if (error instanceof CrunError) return error.message.replaceAll(process.cwd(), "HERE");
    throw error;
  }
}

for (const [kind, judge] of Object.entries(kinds)) {
  describe(`mistakes in ${kind}`, () => {
    const file = join(folder, `${kind}.txt`);
    const all = mistakesOf(file);
    it("are many", () => assert.ok(all.length >= 80, String(all.length)));
    if (process.env["CRUN_WRITE_EXPECTED"]) {
      const texts = all.map(({ text }) => `> ${text.replaceAll("\n", "\\n")}\n${messageOf(() => judge(text))}\n`);
      writeFileSync(file, texts.join("\n"));
    }
    for (const { text, message } of all) {
      it(`${JSON.stringify(text)}: says what, where and what to do`, () => {
        const said = messageOf(() => judge(text));
        assert.equal(said, message);
        assert.match(said, /^error: /);
        assert.match(said, /\n {2}at (t|when):\d+:\d+\n[^]*\n {2,}\| +\^/);
        assert.doesNotMatch(said, /\bat .*\.js:|\[object Object\]|crun_/);
      });
    }
  });
}
