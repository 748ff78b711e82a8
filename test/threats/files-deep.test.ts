// Row 20: a tree without end, downwards and sideways, for everything that walks.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { brief, type Told } from "../integration/cli.js";
import { crunPath } from "../integration/crun-tasks.js";
import { requireOrSkip } from "../lab/needs.js";
import { run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { ways } from "./catalogue.js";
import { scene, withstands } from "./oracle.js";
import { hold } from "./ways.js";

/** 50,000 and 1,000,000 by hand (README.md), fewer in CI. */
const isAsked = process.env["CRUN_THREAT_LEVELS"] !== undefined;
const levels = Number(process.env["CRUN_THREAT_LEVELS"] ?? 2100);
const names = Number(process.env["CRUN_THREAT_NAMES"] ?? 2000);
const deadlineMs = 30_000 + levels * 20 + names * 2;

/** Makes directories in each other, by descriptors: no path is that long. */
const deepen = `import os, sys
os.chdir(sys.argv[1])
for level in range(int(sys.argv[2])):
    os.mkdir("d")
    open("f", "w").close()
    os.chdir("d")
`;
const widen = `import os, sys
os.makedirs(sys.argv[1], exist_ok=True)
os.chdir(sys.argv[1])
for number in range(int(sys.argv[2])): os.close(os.open("name-%d" % number, os.O_CREAT | os.O_WRONLY, 0o600))
`;

describe("threats: trees without end", function () {
  this.timeout(120_000 + 8 * deadlineMs);
  const scope = testScope();

  before(function () {
    requireOrSkip(this, { root: true, tools: ["gcc", "python3", "setpriv", "systemd-nspawn"] });
  });

  const python = (script: string, ...args: readonly string[]): void =>
    void execFileSync("python3", ["-c", script, ...args]);

  function assertClear(told: Told): void {
    for (const { status, message = "", task } of told.results)
      if (status === "failed") assert.match(message, /\w+ \w+/, `${task}: ${brief(told)}`);
    for (const counts of Object.values(told.recap)) assert.equal(counts.unreachable, 0, brief(told));
  }

  for (const way of ways.files) {
    it(`row 20 (${way}): directories deep in each other, and one of very many names, are walked or refused, and removed`, async () => {
      const place = scene(scope, "deep", true);
      for (const name of ["deep", "wide"]) execFileSync("mkdir", [join(place.tree, "srv", name)]);
      // Beyond what a path can name in one way; beyond what a walk holds open in the others.
      const [deep, wide] = isAsked || way === "files" ? [levels, names] : [300, 500];
      python(deepen, join(place.tree, "srv/deep"), String(deep));
      python(widen, join(place.tree, "srv/wide"), String(wide));
      const held = await hold(scope, way, place);
      const told = await withstands(place, { deadlineMs }, () =>
        held.play(
          [
            { name: "deep: owners", file: { path: "/srv/deep", state: "directory", recurse: true, mode: "u=rwX" } },
            { name: "deep: copy", copy: { src: "/srv/deep/", dest: "/srv/copy", remote_src: true } },
            { name: "deep: absent", file: { path: "/srv/deep", state: "absent" } },
            { name: "wide: modes", file: { path: "/srv/wide", state: "directory", recurse: true, mode: "u=rwX,g=rX" } },
            { name: "wide: look", stat: { path: "/srv/wide" } },
            { name: "wide: copy", copy: { src: "/srv/wide/", dest: "/srv/copy2", remote_src: true } },
            { name: "wide: absent", file: { path: "/srv/wide", state: "absent" } },
          ],
          { timeoutMs: deadlineMs },
        ),
      );
      assertClear(told);
      for (const { task, status } of told.results.filter((one) => one.task.endsWith(": absent")))
        assert.equal(status, "changed", `${task}: ${brief(told)}`);
      for (const name of ["deep", "wide"]) assert.ok(!existsSync(join(place.tree, "srv", name)), name);
      process.stdout.write(
        `figure: ${deep} levels and ${wide} names (${way}): ${told.results.map(({ task, status }) => `${task} ${status}`).join(", ")}\n`,
      );
    });
  }

  it("row 20 (files): such a tree is cloned, written out, compared and removed, or refused in words", async () => {
    const place = scene(scope, "endless", true);
    const web = join(place.tree, "web");
    for (const name of ["", "deep", "etc"]) execFileSync("mkdir", ["-p", join(web, name)]);
    // What walks a tree as a whole takes its time with paths that long.
    const [deep, wide] = isAsked ? [levels, names] : [300, 500];
    python(deepen, join(web, "deep"), String(deep));
    python(widen, join(web, "wide"), String(wide));
    const told: string[] = [];
    await withstands(place, { deadlineMs: 4 * deadlineMs }, async () => {
      for (const args of [
        ["clone", "local:web", "copy"],
        ["export", "local:web", "out.tar"],
        ["snapshot", "local:web"],
        ["diff", "local:web", "local:copy"],
        ["rm", "local:copy"],
        ["rm", "local:web"],
      ]) {
        const argv = [process.execPath, crunPath, "tree", ...args, "-e", `crun_trees=${place.tree}`];
        const env = { ...place.environment, HOME: place.tree };
        const done = await run(argv, { cwd: place.tree, env, timeoutMs: deadlineMs });
        told.push(`${args[0]}: ${done.status} ${(done.stdout + done.stderr).slice(-300)}`);
        assert.ok([0, 1, 2, 4].includes(done.status ?? -1), told.join("\n"));
        assert.doesNotMatch(done.stderr, /bug in crun|Maximum call stack|heap/, told.join("\n"));
      }
      return "";
    });
    assert.equal(lstatSync(web, { throwIfNoEntry: false }), undefined, told.join("\n"));
    process.stdout.write(
      `figure: a tree of ${deep} levels and ${wide} names: ${told.map((one) => one.slice(0, 12).split("\n")[0]).join(", ")}\n`,
    );
  });
});
