// Row 4 for trees as wholes: names are swapped while a tree is cloned, written out, compared, kept and removed.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { copied } from "../../src/tree/backends/directory.js";
import { brief } from "../integration/cli.js";
import { crunPath } from "../integration/crun-tasks.js";
import { requireOrSkip } from "../lab/needs.js";
import { run, type Finished } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { controllerFiles, fileTasks } from "./file-operations.js";
import { scene, withstands, type Scene } from "./oracle.js";
import { hold, program } from "./ways.js";

/** How often each is done: 200 by hand, fewer in CI. */
const rounds = Number(process.env["CRUN_RACE_ROUNDS"] ?? 1);

describe("threats: whole trees whose names are swapped", function () {
  this.timeout(60_000 + rounds * 30_000);
  const scope = testScope();
  let racer = "";

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["gcc", "mkfifo", "tar"] });
    racer = await program(scope, "racer");
  });

  /** A tree `web` in the scene's, with names to swap among many others. */
  function lay(place: Scene): void {
    const web = join(place.tree, "web");
    for (const name of ["", "etc", "a", "d", "d/d", "z"]) mkdirSync(join(web, name));
    writeFileSync(join(web, "etc/passwd"), "root:x:0:0::/root:/bin/sh\n");
    for (const name of ["d/secret", "d/d/secret", "f"]) writeFileSync(join(web, name), "tree's\n");
    for (let index = 0; index < 300; index++) writeFileSync(join(web, index % 2 === 0 ? "a" : "z", String(index)), "x");
    symlinkSync(place.host, join(web, "evil"));
    execFileSync("mkfifo", [join(web, "g")]);
  }

  async function whileSwapped(place: Scene, work: () => Promise<void>): Promise<number[]> {
    const at = (name: string): string => join(place.tree, "web", name);
    const counts = scope.tempDir("count");
    const racers = [
      ["exchange", at("d"), at("evil")],
      ["exchange", at("f"), at("g")],
    ].map((swap, index) =>
      spawn(racer, [join(counts, String(index)), ...swap], {
        stdio: ["ignore", "pipe", "ignore"],
        env: place.environment,
      }),
    );
    const ended = racers.map((one) => new Promise((resolve) => one.once("close", resolve)));
    await Promise.all(racers.map((one) => new Promise((resolve) => one.stdout.once("data", resolve))));
    try {
      await work();
    } finally {
      for (const one of racers) one.kill("SIGKILL");
      await Promise.all(ended);
    }
    return racers.map((_, index) => Number(readFileSync(join(counts, String(index))).readBigUInt64LE()));
  }

  it("row 4 (files): a clone, an archive, a snapshot, a comparison and a removal take nothing of the host's along", async () => {
    const place = scene(scope, "trees");
    lay(place);
    writeFileSync(join(place.tree, "hosts"), `local crun_trees=${place.tree}\n`);
    const crun = (...args: readonly string[]): Promise<Finished> =>
      run([process.execPath, crunPath, "tree", ...args, "-i", "hosts"], {
        cwd: place.tree,
        env: { ...place.environment, HOME: place.tree },
        timeoutMs: 20_000,
      });
    const statuses = new Map<string, number>();
    const said: string[] = [];
    const swaps = await withstands(place, { deadlineMs: 30_000 * rounds }, () =>
      whileSwapped(place, async () => {
        for (let round = 0; round < rounds; round++) {
          for (const args of [
            ["clone", "local:web", `copy${round}`],
            ["export", "local:web", `out${round}.tar`],
            ["snapshot", "local:web"],
            ["diff", "local:web", `local:copy${round}`, "-D"],
            ["verify", "local:web"],
            ["rm", `local:copy${round}`],
          ]) {
            const done = await crun(...args);
            said.push(`${args.join(" ")}: ${done.status}\n${done.stdout}${done.stderr}`);
            assert.ok(!(done.stdout + done.stderr).includes(place.secret), said.at(-1));
            const key = `${args[0]} ${done.status}`;
            statuses.set(key, (statuses.get(key) ?? 0) + 1);
          }
        }
        const gone = await crun("rm", "local:web");
        said.push(`${gone.status} ${gone.stderr}`);
      }),
    );
    process.stdout.write(
      `figure: whole trees while names are swapped: ${rounds} rounds, ${swaps.join(" and ")} swaps, ${[...statuses].map(([key, count]) => `${key}: ${count}`).join(", ")}, 0 escapes\n`,
    );
    // What moves beneath a copy makes it fail; what walks by descriptors does not.
    assert.equal(statuses.get("export 0"), rounds, said.join("\n"));
    assert.ok(!existsSync(join(place.tree, "web/a")), said.join("\n"));
  });

  for (const way of ["files", "files/no-openat2"] as const) {
    it(`rows 2, 4 (${way}): whole plays change nothing of the host's while their directory is swapped`, async () => {
      const place = scene(scope, "plays");
      lay(place);
      writeFileSync(join(place.tree, "srv/own"), "own\n");
      const held = await hold(scope, way, place);
      const tasks = ["/web/d/secret", "/web/f"].flatMap((path) => fileTasks(path));
      const [swaps] = await withstands(place, { deadlineMs: 60_000 * rounds }, () =>
        whileSwapped(place, async () => {
          for (let round = 0; round < rounds; round++) {
            const told = await held.play(tasks, { files: controllerFiles, timeoutMs: 60_000 });
            assert.equal(told.results.length, tasks.length, brief(told));
            assert.ok(!told.all.includes(place.secret), "told");
          }
        }),
      );
      process.stdout.write(`figure: whole plays (${way}): ${rounds * tasks.length} tasks, ${swaps} swaps, 0 escapes\n`);
    });
  }

  it("row 13 (files): a fifo that comes in the place of a file does not hold a copy up for ever", async () => {
    const place = scene(scope, "fifo");
    // As cp is when the names change right between its look and its open.
    const late = join(scope.tempDir("bin"), "cp");
    execFileSync("mkfifo", [join(place.tree, "srv/fifo")]);
    writeFileSync(late, `#!/bin/sh\nexec cat ${join(place.tree, "srv/fifo")}\n`, { mode: 0o755 });
    const { argv } = copied(join(place.tree, "srv"), join(place.tree, "copy")).exec;
    const env = { ...place.environment, PATH: `${dirname(late)}:${process.env["PATH"]}` };
    const done = await withstands(place, { deadlineMs: 15_000 }, () => run(argv, { env }));
    assert.notEqual(done.status, 0);
    assert.match(done.stderr, /^cp: a fifo came in the place of a file while that was copied$/m);
  });
});
