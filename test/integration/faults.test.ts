// A system call of the helper fails, is cut short, or is its process's last: nothing half is left, it is told, and the next run comes to the same end.
// Bounded here; all of them: node build/test/integration/faults/run.js, or CRUN_FAULTS_EVERY=1.

import assert from "node:assert/strict";
import { requireOrSkip } from "../lab/needs.js";
import { buildFaulty, productHelper } from "../lab/faulty.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { unmount } from "../lab/mounts.js";
import { FaultBench, nameOf, tryFrames } from "./faults/every-call.js";

/** One fault of so many is tried. */
const every = Number(process.env["CRUN_FAULTS_EVERY"] ?? 0);

describe("faults: system calls of the helper", function () {
  this.timeout(0);
  const scope = testScope();

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["make", "musl-gcc", "busybox", "setfattr"], paths: [productHelper()] });
    await buildFaulty();
  });

  async function makeBench(play: string): Promise<FaultBench> {
    const directory = scope.tempDir("faults");
    await must(["mount", "-t", "tmpfs", "-o", "size=200m,mode=755", "tmpfs", directory]);
    scope.defer(async () => await unmount(directory));
    return FaultBench.make(directory, play);
  }

  for (const [play, stride] of [
    ["files.yml", 139],
    ["processes.yml", 331],
  ] as const)
    it(`${play}: what fails is told, files are the old ones or the new ones, and the next run ends as an undisturbed one`, async () => {
      const bench = await makeBench(play);
      const { faults } = bench;
      const tried = faults.filter((_, index) => index % (every || stride) === 0);
      const problems: string[] = [];
      const ends = new Map<string, number>();
      for (const fault of tried) {
        const verdict = await bench.try(fault);
        const end = verdict.fired ? `status ${verdict.exitStatus}` : "never came to it";
        ends.set(end, (ends.get(end) ?? 0) + 1);
        if (verdict.problems.length > 0)
          problems.push(`${nameOf(fault)}: ${verdict.problems.join("; ")}; told: ${verdict.told.join("; ")}`);
      }
      const shown = [...ends].map(([end, count]) => `${end}: ${count}`).join(", ");
      process.stdout.write(
        `figure: ${play}: ${bench.calls.length} system calls, ${tried.length} of ${faults.length} faults tried (${shown}), ${tried.length - problems.length} converged\n`,
      );
      assert.deepEqual(problems, []);
      assert.ok((ends.get("status 2") ?? 0) + (ends.get("status 4") ?? 0) > tried.length / 4, "faults were done");
    });

  it("a connection that is cut or stalls at a frame, within one, and a controller that is killed at one: likewise", async () => {
    const bench = await makeBench("files.yml");
    const counts = await bench.frames();
    const tried = await tryFrames(bench, counts, every || 27);
    const ends = new Set(tried.map(({ end }) => end));
    const broken = tried.filter(({ problems }) => problems.length > 0);
    process.stdout.write(
      `figure: connections: ${counts.up} frames up, ${counts.down} down, ${tried.length} of ${(counts.up + counts.down) * 4} breaks tried (${[...ends].join(", ")}), ${tried.length - broken.length} converged\n`,
    );
    assert.deepEqual(
      broken.map(({ name, problems }) => `${name}: ${problems.join("; ")}`),
      [],
    );
    assert.ok(ends.size >= 3, [...ends].join(", "));
  });
});
