// A system call of the helper fails, is cut short, or is its process's last: nothing half is left, it is told, and the next run comes to the same end.
// Bounded here; all of them: node build/test/integration/faults/run.js, or CRUN_FAULTS_EVERY=1.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startSsh } from "../../src/connection/ssh.js";
import type { Observation } from "../../src/module/probe.js";
import type { HostSession, TreeSession } from "../../src/target/session.js";
import { addressOf, nobody } from "../connection/hosts.js";
import { requireOrSkip } from "../lab/needs.js";
import { buildFaulty, productHelper } from "../lab/faulty.js";
import { must } from "../lab/process.js";
import { delayingRelay } from "../lab/relay.js";
import { testScope } from "../lab/scope.js";
import { sshHost, type SshHost } from "../lab/sshd.js";
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

  const benches = new Map<string, Promise<FaultBench>>();
  function benchOf(play: string): Promise<FaultBench> {
    const bench = benches.get(play) ?? makeBench(play);
    benches.set(play, bench);
    return bench;
  }

  async function makeBench(play: string): Promise<FaultBench> {
    const directory = scope.tempDir("faults");
    await must(["mount", "-t", "tmpfs", "-o", "size=200m,mode=755", "tmpfs", directory]);
    scope.defer(async () => await unmount(directory));
    return FaultBench.make(directory, play);
  }

  for (const [play, stride] of [
    ["files.yml", 179],
    ["processes.yml", 511],
  ] as const)
    it(`${play}: what fails is told, files are the old ones or the new ones, and the next run ends as an undisturbed one`, async () => {
      const bench = await benchOf(play);
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
    const bench = await benchOf("files.yml");
    const counts = await bench.frames();
    const tried = await tryFrames(bench, counts, every || 33);
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

  it("a host's clock that is set back during a transaction: nobody takes the tree for unchanged, or for not touched by others", async () => {
    const bench = await makeBench("trees.yml");
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

  it("a network that is cut or stalls at a frame of a connection over SSH: likewise, and the helper ends on its host", async () => {
    const bench = await benchOf("files.yml");
    const host = await sshHost(scope);
    const counts = await bench.frames();
    const all = (["up", "down"] as const).flatMap((direction) =>
      Array.from({ length: counts[direction] }, (_, index) => index + 1).flatMap((number) =>
        (["cut", "half", "stall"] as const).map((how) => ({ direction, number, how })),
      ),
    );
    const tried = all.filter((_, index) => index % (every || 53) === 0);
    const problems: string[] = [];
    const ends = new Set<string>();
    for (const broken of tried) {
      const relay = await delayingRelay(scope, host, 0);
      const known = join(scope.tempDir("known"), "known_hosts");
      const lines = host.knownHostsLines.map((line) => line.replace(`:${host.port} `, `:${relay.port} `));
      writeFileSync(known, lines.join("\n"));
      const address = addressOf(host, { port: relay.port, knownHostsFiles: [known] });
      const judged = await bench.tryNetwork(
        broken,
        () => startSsh(address, nobody),
        (how) => void (how === "stall" ? relay.stall() : relay.cut()),
        () => {
          // A stalled network that nobody cuts is the kernel's to give up.
          if (broken.how === "stall") void relay.cut();
          return !hasHelper(host);
        },
      );
      await relay.stop();
      ends.add(`${broken.how}: ${judged.exitStatus}`);
      if (judged.told.some((one) => one.includes("greeting")))
        problems.push(`${broken.number}: ${judged.told.join(" ")}`);
      problems.push(...judged.problems.map((one) => `${broken.direction} ${broken.number} ${broken.how}: ${one}`));
    }
    process.stdout.write(`figure: networks: ${tried.length} of ${all.length} breaks tried over SSH\n`);
    assert.deepEqual(problems, []);
    assert.ok(ends.has("cut: 4") && ends.has("stall: 4"), [...ends].join(", "));
  });
});

/** Whether a helper runs on the host, whose processes are alone in a namespace. */
function hasHelper(host: SshHost): boolean {
  const own = readlinkSync(`/proc/${host.pid}/ns/pid`);
  return readdirSync("/proc").some((pid) => {
    try {
      if (!/^\d+$/.test(pid) || readlinkSync(`/proc/${pid}/ns/pid_for_children`) !== own) return false;
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("/.cache/crun/helper-");
    } catch {
      // gone
      return false;
    }
  });
}
