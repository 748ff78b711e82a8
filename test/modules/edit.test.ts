// lineinfile, blockinfile and stat: what the scenarios of Ansible do not show.

import assert from "node:assert/strict";
import blockinfile from "../../modules/blockinfile.js";
import lineinfile from "../../modules/lineinfile.js";
import stat from "../../modules/stat.js";
import { contentOf } from "../../src/module/content.js";
import { planModule } from "../../src/module/run-plan.js";
import { statOf } from "../../src/module/model-node.js";
import { convertParams } from "../../src/module/params.js";
import type { Observation } from "../../src/module/probe.js";
import { contextOf, testFixtures } from "../module/harness.js";

testFixtures(lineinfile, [
  {
    name: "converged: the line is there",
    tree: { "/f": "a\nb\n" },
    params: { path: "/f", line: "a" },
    expect: { changed: false, message: "" },
  },
  {
    name: "partial: the line that matches is replaced, bytes around it stay",
    tree: { "/f": { content: Buffer.from("\xe4\nPort 1\n\xff", "latin1"), mode: 0o640 } },
    params: { path: "/f", regexp: "^Port", line: "Port 2" },
    expect: {
      kinds: ["writeFile"],
      message: "line replaced",
      after: { "/f": { content: Buffer.from("\xe4\nPort 2\n\xff", "latin1"), mode: 0o640 } },
    },
  },
  {
    name: "error: an expression that JavaScript cannot have is refused by name",
    params: { path: "/f", regexp: "a++", line: "x" },
    expect: { problem: /possessive quantifiers/ },
  },
  {
    name: "a reference to a group that is not there is refused, with the file left as it is",
    tree: { "/f": "abc\n" },
    params: { path: "/f", regexp: "a(b)c", line: "\\2", backrefs: true },
    expect: { refusal: /invalid group reference 2/ },
  },
  {
    name: "letters that are not ASCII are found by their bytes",
    tree: { "/f": "größe=1\n" },
    params: { path: "/f", regexp: "^größe=", line: "größe=2" },
    expect: { changed: true, after: { "/f": "größe=2\n" } },
  },
  {
    name: "a line that the expression does not match will be put in place of another match the next time: a warning",
    tree: { "/f": "a1\na2\n" },
    params: { path: "/f", regexp: "^a", line: "b" },
    expect: { changed: true, warning: /2 lines match .* next run/ },
    isNeverConverged: "each run replaces one more match, in Ansible too",
  },
]);

testFixtures(blockinfile, [
  {
    name: "converged: the block is there",
    tree: { "/f": "a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n" },
    params: { path: "/f", block: "x" },
    expect: { changed: false, message: "" },
  },
  {
    name: "partial: a block with other lines is replaced where it is",
    tree: { "/f": "# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\nz\n" },
    params: { path: "/f", block: "y" },
    expect: {
      message: "Block inserted",
      after: { "/f": "# BEGIN ANSIBLE MANAGED BLOCK\ny\n# END ANSIBLE MANAGED BLOCK\nz\n" },
    },
  },
  {
    name: "error: a bad expression",
    params: { path: "/f", block: "x", insertafter: "(" },
    expect: { problem: /no regular expression/ },
  },
  {
    name: "a marker with a dollar and an ampersand is text",
    tree: { "/f": "" },
    params: { path: "/f", block: "x", marker: "$& {mark} $1" },
    expect: { changed: true, after: { "/f": "$& BEGIN $1\nx\n$& END $1\n" } },
  },
]);

testFixtures(stat, [
  {
    name: "converged: it never changes anything",
    tree: { "/f": "x" },
    params: { path: "/f" },
    expect: { changed: false },
  },
  {
    name: "partial: nothing there is no error",
    params: { path: "/f" },
    expect: { changed: false, result: { stat: { exists: false } } },
  },
  { name: "error: a relative path", params: { path: "f" }, expect: { problem: /path must be an absolute path/ } },
]);

describe("files that are too large", () => {
  it("are refused by edits, with what to do instead", () => {
    const big = {
      kind: "read",
      real: "/big",
      stat: statOf("file", { size: 17 << 20 }),
      sha256: contentOf("").sha256,
      content: undefined,
      isTooLarge: true,
    } as const;
    const answer = (): Observation => big;
    const { params } = convertParams(lineinfile, { path: "/big", line: "x" });
    const { refusal } = planModule(lineinfile, params, contextOf(), answer);
    assert.match(`${refusal?.message} ${refusal?.remedy}`, /too large to be edited line by line.*copy or template/);
  });
});
