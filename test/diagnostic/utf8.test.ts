// Files that are no UTF-8 are refused with the place; a playbook in Latin-1 would else write other characters into trees.

import assert from "node:assert/strict";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { textOfFile } from "../../src/diagnostic/utf8.js";
import { PlaybookFiles, realFiles } from "../../src/playbook/load/files.js";

const latin = Buffer.from("ok: \u00fc\nname: gr\u00fcn # s\n", "latin1");

function problemOf(work: () => unknown): CrunError["diagnostics"][number] | undefined {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof CrunError);
    return error.diagnostics[0];
  }
  return assert.fail("nothing was refused");
}

describe("text of files", () => {
  it("is UTF-8, a written U+FFFD included", () => {
    assert.equal(textOfFile(Buffer.from("gr\u00fcn \ufffd"), "a.yml"), "gr\u00fcn \ufffd");
  });

  it("is refused at the first bytes that are none, with what to do", () => {
    const problem = problemOf(() => textOfFile(Buffer.concat([Buffer.from("a: \u00fc\n"), latin]), "a.yml"));
    assert.deepEqual(problem?.place, { file: "a.yml", line: 2, column: 5 });
    assert.match(String(problem?.remedy), /iconv -f latin1 -t utf-8 a\.yml/);
    assert.match(String(problem?.source), /^ok: /);
  });

  it("shows no line of what was encrypted", () => {
    assert.equal(problemOf(() => textOfFile(latin, "a.yml", true))?.source, undefined);
  });

  it("of playbooks, variables and templates is refused so, too", () => {
    const files = new PlaybookFiles({ ...realFiles, kind: () => "file", bytes: () => latin }, "/play");
    for (const work of [() => files.yaml("/play/site.yml"), () => files.plainText("/play/t.hbs")]) {
      const { place, summary } = problemOf(work) ?? {};
      assert.deepEqual([place?.line, place?.column, summary], [1, 5, "this is no UTF-8 text"]);
    }
  });
});
