// The benchmark of a fleet: 100 trees from one base on btrfs, configured by the 36-task play, beside snapshots and a shell script by hand.
// usage (as root, after `npm run build` and `npm run compile`): node build/test/bench/fleet.js [--repeat N] [--trees N] [--cpu]
// It fails where crun takes more than three times as long.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { btrfsPool } from "../lab/btrfs.js";
import { missing } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { Scope } from "../lab/scope.js";
import type { Contender, Sample } from "./measure.js";
import { measure, median, onProcessorTime, processorMs } from "./measure.js";
import {
  bench,
  changedTasks,
  crun,
  hasEndedWell,
  row,
  say,
  script,
  seconds,
  treeNames,
  writeInventory,
} from "./shop.js";

const { values } = parseArgs({
  options: {
    repeat: { type: "string", default: "3" },
    trees: { type: "string", default: "100" },
    cpu: { type: "boolean", default: false },
  },
});
const aim = 3;

/** By hand, four trees at a time: a snapshot, its own machine-id, and the script in it. */
const byHand = `printf '%s\\n' "$@" | xargs -P 4 -I TREE sh -ec '
  btrfs subvolume snapshot "$1/base" "$1/$2" >/dev/null
  : >"$1/$2/etc/machine-id"
  exec chroot "$1/$2" /bin/sh -s <"$0"' ${script} "$POOL" TREE`;

const lack = missing({
  root: true,
  tools: ["mmdebstrap", "btrfs", "xargs"],
  paths: [crun, "/dev/loop-control"],
});
if (lack !== undefined) {
  process.stderr.write(`the benchmark ${lack}: see the first lines of test/bench/fleet.ts\n`);
  process.exit(1);
}
const scope = new Scope();
try {
  const pool = await btrfsPool(scope, { sizeMib: 16_384 });
  await pool.snapshot("base");
  const names = treeNames(Number(values.trees));
  const directory = scope.tempDir("bench-fleet");
  const inventory = writeInventory(directory, "local", names, [`crun_trees=${pool.directory}`]);
  const argv = [process.execPath, crun, "play", join(bench, "play", "fleet.yml"), "-i", inventory];
  const contenders: readonly Contender[] = [
    { name: "crun", argv, check: hasEndedWell },
    {
      name: "by hand",
      argv: ["bash", "-c", byHand, "by-hand", ...names],
      env: { POOL: pool.directory },
      check: (sample) => {
        hasEndedWell(sample);
        assert.equal(sample.output.match(/^changed=3\d /gm)?.length, names.length, "the script changed too little");
      },
    },
  ];
  const clear = async (): Promise<void> => {
    for (const name of names) await pool.remove(name);
    await must(["rm", "-rf", join(pool.directory, ".crun")]);
    // what is removed is freed in the background: not while something is measured
    await must(["btrfs", "subvolume", "sync", pool.directory]);
    await must(["sync"]);
  };
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  const cost = ({ output, ms }: Sample): number => processorMs(output) ?? ms;
  for (let round = 0; round < Number(values.repeat); round++) {
    for (const contender of contenders) {
      times.get(contender.name)?.push(cost(await measure(values.cpu ? onProcessorTime(contender) : contender)));
      assert.equal(readdirSync(pool.directory).filter((name) => names.includes(name)).length, names.length);
      if (round === 0) {
        // Both must have done the same: crun finds nothing to do in what was made by hand, nor in what it made itself.
        const again = { name: "again", argv: [...argv.with(3, join(bench, "play", "site.yml")), "--output", "json"] };
        assert.equal(changedTasks((await measure(again)).output), 0, `${contender.name}: something is left to do`);
      }
      await clear();
    }
  }
  const [ours = NaN, theirs = NaN] = contenders.map(({ name }) => median(times.get(name) ?? []));
  const cpus = (await must(["nproc"])).trim();
  const load = readFileSync("/proc/loadavg", "utf8").split(" ")[0];
  say(`node ${process.versions.node}, ${cpus} cpus, load ${load}, medians of ${values.repeat} interleaved repetitions`);
  if (values.cpu) say("processor time of all processes, not wall clock");
  say(`\n${names.length} trees cloned from one base on btrfs, then 36 tasks in each, whole process`);
  row("crun play", seconds(ours));
  row("btrfs subvolume snapshot and a shell script, 4 at a time", seconds(theirs));
  row("crun / by hand", (ours / theirs).toFixed(2), `<= ${aim}`);
  if (!(ours / theirs <= aim)) process.exitCode = 1;
} finally {
  await scope.end();
}
