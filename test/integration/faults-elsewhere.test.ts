// Faults where processes get into trees by other ways, and where trees are subvolumes or overlays: as faults.test.ts has it.
// Bounded here; all of them: node build/test/integration/faults/run.js, or CRUN_FAULTS_EVERY=1.

import { buildFaulty, productHelper } from "../lab/faulty.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { benchInMemory, tryFaults } from "./faults/sampled.js";

/** One fault of so many is tried. */
const every = Number(process.env["CRUN_FAULTS_EVERY"] ?? 0);

describe("faults: entries, limits, jobs, subvolumes, overlays", function () {
  this.timeout(every ? 0 : 240_000);
  const scope = testScope();

  before(async function () {
    const tools = ["make", "musl-gcc", "busybox", "setfattr", "systemd-nspawn", "mkfs.btrfs", "btrfs", "flock"];
    requireOrSkip(this, { root: true, tools, paths: [productHelper(), "/dev/loop-control"] });
    await buildFaulty();
  });

  for (const [play, stride] of [
    ["entries.yml", 2777],
    ["btrfs.yml", 1949],
    ["overlay.yml", 4801],
  ] as const)
    it(`${play}: what fails is told, trees are the old ones or the new ones, and the next run ends as an undisturbed one`, async () => {
      await tryFaults(await benchInMemory(scope, play), play, every || stride);
    });
});
