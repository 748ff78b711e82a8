// lineinfile: each wish against a tree in memory.

import lineinfile from "../../modules/lineinfile.js";
import type { Fixture } from "../module/harness.js";
import { testFixtures } from "../module/harness.js";

const file = (content: string) => ({ "/f": { content, mode: 0o640, uid: 3, gid: 4 } });
const after = (content: string) => ({ "/f": { content, mode: 0o640, uid: 3, gid: 4 } });

const fixtures: readonly Fixture[] = [
  {
    name: "converged: a line that is there is left alone",
    tree: file("a\nb\n"),
    params: { path: "/f", line: "a" },
    expect: { changed: false, message: "", result: { backup: "" }, after: after("a\nb\n") },
  },
  {
    name: "partial: a new line goes to the end, and a missing newline before it is made",
    tree: file("a\nb"),
    params: { path: "/f", line: "c" },
    expect: { kinds: ["writeFile"], message: "line added", after: after("a\nb\nc\n") },
  },
  {
    name: "error: a missing file is refused with Ansible's words unless create is said",
    params: { path: "/f", line: "c" },
    expect: { refusal: /Destination \/f does not exist !/ },
  },
];

testFixtures(lineinfile, fixtures);
