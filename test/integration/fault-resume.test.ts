// A run that breaks at a frame of its connection, or dies there, and is gone on with: it ends as it would have, and handlers run as often as they must.
// Bounded here; all of them: CRUN_FAULTS_EVERY=1.

import assert from "node:assert/strict";
import { buildFaulty, productHelper } from "../lab/faulty.js";
import { unmount } from "../lab/mounts.js";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import type { Tried } from "./faults/every-call.js";
import { ResumeBench } from "./faults/resumed.js";

/** One break of so many is tried. */
const every = Number(process.env["CRUN_FAULTS_EVERY"] ?? 0) || 61;

describe("faults: runs that are gone on with", function () {
  this.timeout(process.env["CRUN_FAULTS_EVERY"] ? 0 : 240_000);
  const scope = testScope();

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["make", "musl-gcc", "busybox", "setfattr"], paths: [productHelper()] });
    await buildFaulty();
  });

  it("a run whose connection is cut at a frame, or that is killed at one, and --resume: the same trees, handlers and counts", async () => {
    const directory = scope.tempDir("faults");
    await must(["mount", "-t", "tmpfs", "-o", "size=200m,mode=755", "tmpfs", directory]);
    scope.defer(async () => await unmount(directory));
    const bench = await ResumeBench.make(directory);
    const tried: Tried[] = [];
    for (const one of bench.breaks.filter((_, index) => index % every === 0)) tried.push(await bench.try(one));
    const broken = tried.filter(({ problems }) => problems.length > 0);
    const ends = new Set(tried.map(({ end }) => end));
    process.stdout.write(
      `figure: runs gone on with: ${tried.length} of ${bench.breaks.length} breaks tried (${[...ends].join(", ")}), ${tried.length - broken.length} ended as undisturbed ones\n`,
    );
    assert.deepEqual(
      broken.map(({ name, told, problems }) => `${name}: ${problems.join("; ")}; told: ${told.join("; ")}`),
      [],
    );
    assert.ok(ends.has("cut: status 4") && ends.has("kill: status 137"), [...ends].join(", "));
  });
});
