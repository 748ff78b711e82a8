// A system call of the helper fails, is cut short, or is its process's last: nothing half is left, it is told, and the next run comes to the same end.
// Bounded here; all of them: node build/test/integration/faults/run.js, or CRUN_FAULTS_EVERY=1.

import assert from "node:assert/strict";
import type { Observation } from "../../src/module/probe.js";
import type { HostSession, TreeSession } from "../../src/target/session.js";
import { requireOrSkip } from "../lab/needs.js";
import { buildFaulty, productHelper } from "../lab/faulty.js";
import { testScope } from "../lab/scope.js";
import { nameOf, tryFrames, type FaultBench, type Tried, type Verdict } from "./faults/every-call.js";
import { BreakingNetwork, networkBreaks } from "./faults/networks.js";
import { benchInMemory, tryFaults } from "./faults/sampled.js";

/** One fault of so many is tried. */
const every = Number(process.env["CRUN_FAULTS_EVERY"] ?? 0);

describe("faults: system calls of the helper", function () {
  this.timeout(every ? 0 : 240_000);
  const scope = testScope();

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["make", "musl-gcc", "busybox", "setfattr"], paths: [productHelper()] });
    await buildFaulty();
  });

  const benches = new Map<string, Promise<FaultBench>>();
  function benchOf(play: string): Promise<FaultBench> {
    const bench = benches.get(play) ?? benchInMemory(scope, play);
    benches.set(play, bench);
    return bench;
  }

  for (const [play, stride] of [
    ["files.yml", 179],
    ["processes.yml", 511],
  ] as const)
    it(`${play}: what fails is told, files are the old ones or the new ones, and the next run ends as an undisturbed one`, async () => {
      await tryFaults(await benchOf(play), play, every || stride);
    });

  it("a connection that is cut or stalls at a frame, within one, and a controller that is killed at one: likewise", async () => {
    const bench = await benchOf("files.yml");
    const counts = await bench.frames();
    const tried: Tried[] = [];
    for await (const one of tryFrames(bench, counts, every || 33)) tried.push(one);
    const ends = new Set(tried.map(({ end }) => end));
    const broken = tried.filter(({ problems }) => problems.length > 0);
    process.stdout.write(
      `figure: connections: ${counts.up} frames up, ${counts.down} down, ${tried.length} of ${(counts.up + counts.down) * 4} breaks tried (${[...ends].join(", ")}), ${tried.length - broken.length} converged\n`,
    );
    assert.deepEqual(
      broken.map(({ name, told, problems }) => `${name}: ${problems.join("; ")}; told: ${told.join("; ")}`),
      [],
    );
    assert.ok(ends.size >= 3, [...ends].join(", "));
  });

  it("a host's clock that is set back during a transaction: nobody takes the tree for unchanged, or for not touched by others", async () => {
    const bench = await benchInMemory(scope, "trees.yml");
    let asked = 0;
    // What a file of the trees' own tells of the host's time: ten years less, once the clone is made.
    const setBack = (seen: Observation): Observation => {
      if (seen.kind !== "stat" || !seen.stat || asked < 3) return seen;
      return {
        ...seen,
        stat: { ...seen.stat, mtime: { seconds: seen.stat.mtime.seconds - 315_360_000, nanoseconds: 0 } },
      };
    };
    const between = (session: HostSession): HostSession => ({
      ...session,
      info: session.info,
      host: session.host,
      close: () => session.close(),
      openTree: (path, options) => {
        const tree = session.openTree(path, options);
        const observe: TreeSession["observe"] = async (probes) => {
          const answers = await tree.observe(probes);
          return answers.map((answer, index) => {
            const probe = probes[index];
            if (probe?.kind !== "stat" || !probe.path.endsWith("/.crun/tree.lock")) return answer;
            asked++;
            return setBack(answer);
          });
        };
        return new Proxy(tree, {
          get: (target, name) => {
            if (name === "observe") return observe;
            const value: unknown = Reflect.get(target, name);
            return typeof value === "function" ? value.bind(target) : value;
          },
        });
      },
    });
    const { told, changed } = await bench.playBetween(between);
    assert.ok(asked >= 3, `${asked}`);
    assert.match(told.join("\n"), /the host's clock was set back meanwhile/);
    assert.deepEqual(
      changed.filter((one) => one.startsWith("/tree/")),
      [],
    );
  });

  it("a helper that dies before or behind the exchange of two trees: what is told of the swap is so", async () => {
    const bench = await benchInMemory(scope, "trees.yml");
    const kills = bench.faults.filter(({ what }) => what === "kill");
    const exchange = kills.findLastIndex(({ call }) => /^renameat2 .*tree$/.test(`${call.name} ${call.path}`));
    assert.ok(exchange > 0, "no exchange among the calls");
    const isSaid = (verdict: Verdict, words: RegExp): boolean => verdict.told.some((one) => words.test(one));
    const dies = async (away: number): Promise<Verdict> => {
      const fault = kills[exchange + away];
      assert.ok(fault);
      const verdict = await bench.try(fault);
      assert.deepEqual(verdict.problems, [], nameOf(fault));
      return verdict;
    };
    assert.ok(isSaid(await dies(-24), /not swapped in:/));
    // Numbers of calls shift by some from run to run.
    let isBehind = false;
    for (let away = 4; away < 40 && !isBehind; away += 5)
      isBehind = isSaid(await dies(away), /swapped in, but what comes behind that failed/);
    assert.ok(isBehind);
  });

  it("a connection over SSH whose network, server or controller breaks at a frame: likewise, and the helper ends on its host", async () => {
    const bench = await benchOf("files.yml");
    const network = await BreakingNetwork.make(scope);
    const all = networkBreaks(await bench.frames());
    const tried: Tried[] = [];
    for (const broken of all.filter((_, index) => index % (every || 41) === 0))
      tried.push(await network.try(bench, broken));
    const broken = tried.filter(({ problems }) => problems.length > 0);
    const ends = new Set(tried.map(({ end }) => end));
    process.stdout.write(
      `figure: networks: ${tried.length} of ${all.length} breaks tried over SSH (${[...ends].join(", ")}), ${tried.length - broken.length} converged\n`,
    );
    assert.deepEqual(
      broken.map(({ name, told, problems }) => `${name}: ${problems.join("; ")}; told: ${told.join("; ")}`),
      [],
    );
    assert.ok(ends.size >= 4, [...ends].join(", "));
  });
});
