// Row 4 (and 2) without luck: the tree is another between every look and its change, and each module notices.

import assert from "node:assert/strict";
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readEvents } from "../integration/cli.js";
import { requireOrSkip } from "../lab/needs.js";
import { run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { crunBetween } from "./between.js";
import { controllerFiles } from "./file-operations.js";
import { scene, withstands } from "./oracle.js";
import type { Task } from "../integration/crun-tasks.js";

/** Changes of what lies at a path in a directory `d`, by its full path; each has something to do there. */
const changes: readonly (readonly [string, (path: string) => Task])[] = [
  [
    "owners, recursively",
    (path) => ({ file: { path: `${path}/d`, state: "directory", recurse: true, follow: false, owner: "1000" } }),
  ],
  [
    "modes, recursively",
    (path) => ({
      file: { path: `${path}/d`, state: "directory", recurse: true, follow: false, mode: "u=rwX,g=rwX,o=rwX" },
    }),
  ],
  ["owner", (path) => ({ file: { path: `${path}/d/secret`, owner: "1000" } })],
  ["mode", (path) => ({ file: { path: `${path}/d/secret`, mode: "0666", follow: false } })],
  [
    "times",
    (path) => ({
      file: { path: `${path}/d/secret`, modification_time: "202001010000.00", access_time: "202001010000.00" },
    }),
  ],
  ["flags", (path) => ({ file: { path: `${path}/d/secret`, attributes: "+d" } })],
  ["content", (path) => ({ copy: { dest: `${path}/d/secret`, content: "mine\n" } })],
  ["content in place", (path) => ({ copy: { dest: `${path}/d/secret`, content: "mine\n", unsafe_writes: true } })],
  ["a template", (path) => ({ template: { dest: `${path}/d/secret`, src: "t.hbs" } })],
  ["a line", (path) => ({ lineinfile: { path: `${path}/d/secret`, line: "mine" } })],
  ["a block", (path) => ({ blockinfile: { path: `${path}/d/secret`, block: "mine" } })],
  ["a copy within the tree", (path) => ({ copy: { src: "/srv/own", dest: `${path}/d/secret`, remote_src: true } })],
  ["a new file", (path) => ({ copy: { dest: `${path}/d/new`, content: "mine\n" } })],
  ["a new directory", (path) => ({ file: { path: `${path}/d/new`, state: "directory", owner: "1000" } })],
  ["new directories", (path) => ({ file: { path: `${path}/d/new/er/est`, state: "directory" } })],
  ["a new link", (path) => ({ file: { path: `${path}/d/new`, state: "link", src: "/srv/own" } })],
  ["a link instead", (path) => ({ file: { path: `${path}/d/secret`, state: "link", src: "/srv/own", force: true } })],
  ["a hard link", (path) => ({ file: { path: `${path}/d/new`, state: "hard", src: "/srv/own" } })],
  ["a touch", (path) => ({ file: { path: `${path}/d/new`, state: "touch" } })],
  ["files", (path) => ({ copy: { src: "files/", dest: `${path}/d` } })],
  ["the end of a file", (path) => ({ file: { path: `${path}/d/secret`, state: "absent" } })],
  ["the end of a directory", (path) => ({ file: { path: `${path}/d`, state: "absent" } })],
];

describe("threats: swaps between a look and its change", function () {
  this.timeout(90_000);
  const scope = testScope();

  before(function () {
    requireOrSkip(this, { root: true, tools: ["gcc"] });
  });

  for (const [what, target] of [
    ["a directory of the tree's own", "etc"],
    ["one of the host's", "host"],
  ] as const) {
    it(`rows 2, 4 (files): no change follows a link to ${what} that came in its way since the look`, async () => {
      const place = scene(scope, "between");
      const etc = join(place.tree, "etc");
      writeFileSync(join(place.tree, "srv/own"), "own\n");
      // As what it is mistaken for: nothing but the way tells them apart.
      const bait = (directory: string): void => {
        for (const name of ["secret", "passwd"]) writeFileSync(join(directory, name), "canary\n");
        chmodSync(join(directory, "secret"), 0o640);
      };
      bait(etc);
      const at = (index: number): string => join(place.tree, "srv", String(index));
      for (const index of changes.keys()) {
        mkdirSync(join(at(index), "d"), { recursive: true });
        bait(join(at(index), "d"));
      }
      const crun = crunBetween(
        scope,
        [...changes.keys()].map((index) => ({
          name: join(at(index), "d"),
          target: target === "etc" ? "../../etc" : place.host,
        })),
      );
      const work = scope.tempDir("play");
      for (const [name, text] of Object.entries(controllerFiles)) {
        mkdirSync(join(work, name, ".."), { recursive: true });
        writeFileSync(join(work, name), text);
      }
      // A play each: what is in one is carried out in one batch.
      const plays = changes.map(([name, task], index) => ({
        hosts: `local:${place.tree}`,
        gather_facts: false,
        tasks: [{ name, ignore_errors: true, ...task(`/srv/${index}`) }],
      }));
      writeFileSync(join(work, "site.yml"), JSON.stringify(plays));
      const look = (): unknown =>
        readdirSync(etc)
          .sort()
          .map((name) => {
            const { ino, mode, uid, gid, mtimeMs, nlink } = lstatSync(join(etc, name));
            return [name, ino, mode, uid, gid, mtimeMs, nlink, readFileSync(join(etc, name), "utf8")];
          });
      const before = look();
      const done = await withstands(place, { deadlineMs: 40_000 }, async () => {
        const argv = [process.execPath, crun, "play", "--output", "json", "site.yml"];
        return await run(argv, { cwd: work, env: { ...place.environment, HOME: work } });
      });
      assert.deepEqual(look(), before, "what the link led to was changed");
      const { results } = readEvents(done.stdout);
      assert.deepEqual(
        results.map(({ task, status }) => `${task}: ${status}`),
        changes.map(([name]) => `${name}: changed`),
        "the second try, which nobody disturbs, does what was wanted",
      );
      assert.ok(!existsSync(join(at(changes.length - 1), "d")));
    });
  }
});
