// The benchmark: a 36-task play on 10 and 100 trees, second run, beside a shell script and Ansible, as ratios of one run.
// usage (as root, after `npm run build` and `npm run compile`): node build/test/bench/run.js [--repeat N] [--no-ansible] [--cpu]
// --cpu: processor time in place of wall clock, for a machine that is busy with other things
// --journal: only what writing runs down costs
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { btrfsPool } from "../lab/btrfs.js";
import { findTool, missing } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { delayingRelay } from "../lab/relay.js";
import { Scope } from "../lab/scope.js";
import type { SshHost } from "../lab/sshd.js";
import { sshHost } from "../lab/sshd.js";
import { measureAnsible } from "./ansible.js";
import type { Contender, Sample } from "./measure.js";
import { measure, onProcessorTime, processorMs, race } from "./measure.js";
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
    repeat: { type: "string", default: "7" },
    "no-ansible": { type: "boolean", default: false },
    cpu: { type: "boolean", default: false },
    journal: { type: "boolean", default: false },
  },
});
const repeat = Number(values.repeat);
const wanted = (contender: Contender): Contender => (values.cpu ? onProcessorTime(contender) : contender);

function nothingChanged(count: number): (sample: Sample) => void {
  return (sample) => {
    hasEndedWell(sample);
    assert.equal(sample.output.match(/^changed=0 /gm)?.length, count, "the script changed something");
  };
}

function crunContender(name: string, inventory: string, more: readonly string[] = []): Contender {
  const argv = [process.execPath, crun, "play", join(bench, "play", "site.yml"), "-i", inventory, ...more];
  return { name, argv, check: hasEndedWell };
}

/** The script on all trees, all at once or four at a time. */
function scriptContender(name: string, trees: readonly string[], width: number): Contender {
  const command = `printf '%s\\n' "$@" | xargs -P ${width} -I TREE sh -c 'exec chroot "$1" /bin/sh -s <"$0"' ${script} TREE`;
  return { name, argv: ["bash", "-c", command, "script", ...trees], check: nothingChanged(trees.length) };
}

/** Both must agree on what is wanted: what one has made, the other finds converged. */
async function checkFairness(directory: string, trees: readonly [string, string], pool: string): Promise<void> {
  const [byCrun, byScript] = trees;
  const json = (tree: string): Contender =>
    crunContender("crun", writeInventory(directory, "local", [tree], [`crun_trees=${pool}`]), ["--output", "json"]);
  const shell = (tree: string): Contender => ({
    ...scriptContender("script", [join(pool, tree)], 1),
    check: hasEndedWell,
  });
  assert.ok(changedTasks((await measure(json(byCrun))).output) > 30, "crun changed too little at first");
  assert.equal(changedTasks((await measure(json(byCrun))).output), 0, "crun's second run changed something");
  assert.match((await measure(shell(byCrun))).output, /^changed=0 /m, "the script changed what crun had made");
  assert.match((await measure(shell(byScript))).output, /^changed=3\d /m, "the script changed too little at first");
  assert.equal(changedTasks((await measure(json(byScript))).output), 0, "crun changed what the script had made");
}

async function measureLocal(scope: Scope, pool: string, names: readonly string[]): Promise<void> {
  const directory = scope.tempDir("bench");
  const vars = [`crun_trees=${pool}`];
  const [first = "", second = ""] = names;
  await checkFairness(directory, [first, second], pool);
  const all = writeInventory(directory, "local", names, vars);
  await measure(crunContender("first run", all));

  for (const count of [10, names.length]) {
    const some = names.slice(0, count);
    const inventory = writeInventory(directory, "local", some, vars);
    const contenders = [
      crunContender("crun", inventory),
      scriptContender(
        "script",
        some.map((name) => join(pool, name)),
        count <= 10 ? count : 4,
      ),
    ];
    const times = await race(contenders.map(wanted), count <= 10 ? repeat : Math.max(3, Math.floor(repeat / 2)));
    const [ours = NaN, theirs = NaN] = [times.get("crun"), times.get("script")];
    say(`\n${count} local trees, second run, 36 tasks`);
    row("crun", seconds(ours));
    row(`shell script, ${count <= 10 ? "all at once" : "4 at a time"}`, seconds(theirs));
    row("crun / script", (ours / theirs).toFixed(2), count <= 10 ? "<= 0.80" : "<= 0.25");
  }
  const { peakMib } = await measure(crunContender("memory", all), true);
  row(`peak memory of the controller, ${names.length} trees`, `${peakMib.toFixed(0)} MiB`, "< 150 MiB");
}

/** What writing a run down costs where it finds nothing to do. */
async function measureJournal(scope: Scope, pool: string, names: readonly string[]): Promise<void> {
  const directory = scope.tempDir("bench-journal");
  const inventory = writeInventory(directory, "local", names, [`crun_trees=${pool}`]);
  const state = ["--runs", join(directory, "runs")];
  await measure(crunContender("first run", inventory));
  const contenders = [crunContender("with", inventory, state), crunContender("without", inventory, ["--runs", "none"])];
  const times = await race(contenders.map(wanted), repeat);
  const [having = NaN, lacking = NaN] = [times.get("with"), times.get("without")];
  say(`\n${names.length} local trees, second run, written down or not`);
  row("crun", seconds(having));
  row("crun --runs none", seconds(lacking));
  row("with / without", (having / lacking).toFixed(3), "<= 1.03");
}

/** Twenty files in each tree, played and applied by turns: a saved plan must not cost more than the play. */
async function measurePlans(scope: Scope, pool: string, names: readonly string[]): Promise<void> {
  const directory = scope.tempDir("bench-plans");
  const inventory = writeInventory(directory, "local", names, [`crun_trees=${pool}`]);
  const site = join(directory, "site.yml");
  const copies = Array.from(
    { length: 20 },
    (_, index) => `    - copy: { dest: /srv/bench-${index}, content: "{{inventory_hostname}} {{mark}}\\n" }\n`,
  );
  writeFileSync(site, `- hosts: all\n  tasks:\n${copies.join("")}`);
  const contender = (name: string, ...more: readonly string[]): Contender =>
    wanted({ name, argv: [process.execPath, crun, ...more], check: hasEndedWell });
  const file = join(directory, "site.plan");
  const costs = { plan: [] as number[], apply: [] as number[], play: [] as number[] };
  const cost = (sample: Sample): number => processorMs(sample.output) ?? sample.ms;
  const rounds = Math.max(3, Math.floor(repeat / 2));
  for (let round = 0; round < rounds; round++) {
    const playing = ["-i", inventory, site, "-e"] as const;
    costs.plan.push(cost(await measure(contender("plan", "plan", "-o", file, ...playing, `mark=a${round}`))));
    costs.apply.push(cost(await measure(contender("apply", "apply", file))));
    costs.play.push(cost(await measure(contender("play", "play", ...playing, `mark=b${round}`))));
  }
  const median = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? NaN;
  say(`\n${names.length} local trees, 20 files change in each`);
  row("crun play", seconds(median(costs.play)));
  row("crun plan", seconds(median(costs.plan)));
  row("crun apply", seconds(median(costs.apply)));
  row("apply / play", (median(costs.apply) / median(costs.play)).toFixed(2), "<= 1");
}

function sshVars(host: SshHost, port: number, knownHosts: string, pool: string): string[] {
  return [
    `crun_trees=${pool}`,
    `crun_host=${host.host}`,
    `crun_port=${port}`,
    "crun_user=root",
    `crun_identity=${host.identityFile}`,
    `crun_known_hosts=${knownHosts}`,
  ];
}

async function measureSsh(scope: Scope, pool: string, names: readonly string[]): Promise<void> {
  const directory = scope.tempDir("bench-ssh");
  const host = await sshHost(scope, { hostname: "bench" });
  const delayMs = 50;
  const relay = await delayingRelay(scope, host, delayMs);
  const knownHosts = join(directory, "known_hosts");
  const key = host.knownHostsLines[0]?.split(" ").slice(1).join(" ");
  writeFileSync(knownHosts, [host.port, relay.port].map((port) => `[127.0.0.1]:${port} ${key}\n`).join(""));
  mkdirSync(join(directory, "far"));
  const local = writeInventory(directory, "local", names, [`crun_trees=${pool}`]);
  const near = writeInventory(directory, "bench", names, sshVars(host, host.port, knownHosts, pool));
  const far = writeInventory(join(directory, "far"), "bench", names, sshVars(host, relay.port, knownHosts, pool));

  const contenders = [crunContender("local", local), crunContender("ssh", near)];
  const times = await race(contenders.map(wanted), repeat);
  const [here = NaN, there = NaN] = [times.get("local"), times.get("ssh")];
  say(`\n${names.length} trees of one host over SSH on loopback, second run`);
  row("crun, local", seconds(here));
  row("crun, over SSH", seconds(there));
  row("more than locally", seconds(there - here), "<= 0.2 s");

  const distant = crunContender("far", far);
  await measure(distant);
  await relay.reset();
  const { ms } = await measure(distant);
  const counts = await relay.counts();
  say(`\nthe same through a relay that delays each way by ${delayMs} ms`);
  row("crun", seconds(ms));
  if (!values.cpu) {
    row("round trips by the time that they cost", ((ms - there) / (2 * delayMs)).toFixed(1), "<= 10");
  }
  row("times that the client spoke after hearing the host", String(counts.turns));
  row("bytes up / down", `${counts.bytesUp} / ${counts.bytesDown}`);
}

async function measureStart(): Promise<void> {
  const node = process.execPath;
  const contenders = [
    { name: "node", argv: [node, "-e", "0"], check: hasEndedWell },
    { name: "crun", argv: [node, crun, "--version"], check: hasEndedWell },
  ];
  const times = await race(contenders.map(wanted), repeat * 3);
  const [bare = NaN, ours = NaN] = [times.get("node"), times.get("crun")];
  say("\nstart");
  row("node -e 0", seconds(bare));
  row("crun --version", seconds(ours));
  row("crun --version / node -e 0", (ours / bare).toFixed(2), "<= 1.5");
}

const lack = missing({
  root: true,
  tools: ["mmdebstrap", "btrfs", "sshd", "xargs"],
  paths: [crun, "/dev/loop-control"],
});
if (lack !== undefined || !existsSync(crun)) {
  process.stderr.write(`the benchmark ${lack ?? "needs dist/crun.js"}: see the first lines of test/bench/run.ts\n`);
  process.exit(1);
}
const scope = new Scope();
try {
  const cpus = (await must(["nproc"])).trim();
  const load = readFileSync("/proc/loadavg", "utf8").split(" ")[0];
  say(`node ${process.versions.node}, ${cpus} cpus, load ${load}, medians of ${repeat} interleaved repetitions`);
  if (values.cpu) {
    say("processor time of all processes, not wall clock");
  }
  const pool = await btrfsPool(scope, { sizeMib: 8192 });
  const names = treeNames(100);
  for (const name of names) {
    await pool.snapshot(name);
  }
  if (values.journal) await measureJournal(scope, pool.directory, names);
  else {
    await measureStart();
    await measureLocal(scope, pool.directory, names);
    await measurePlans(scope, pool.directory, names);
    await measureSsh(scope, pool.directory, names.slice(0, 10));
  }
  if (!values.journal && !values["no-ansible"] && findTool("ansible-playbook") !== undefined) {
    const ansible = await measureAnsible(scope, 10);
    const inventory = writeInventory(scope.tempDir("bench-beside"), "local", names.slice(0, 10), [
      `crun_trees=${pool.directory}`,
    ]);
    const { ms } = await measure(crunContender("crun", inventory));
    say("\n10 trees, beside Ansible");
    row(`${ansible.version}, ssh into each tree, pipelining, 10 forks`, seconds(ansible.ms));
    row("crun, local", seconds(ms));
    row("crun / Ansible", (ms / ansible.ms).toFixed(4));
  }
} finally {
  await scope.end();
}
