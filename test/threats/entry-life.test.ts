// Row 23: whoever of crun's is killed, stopped or gone, nothing of a program goes on that ignores every signal, leaves its session, or comes back.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { crunPath } from "../integration/crun-tasks.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import type { TreeSession } from "../../src/target/session.js";
import {
  entrances,
  hasNamespaceLimit,
  inside,
  payload,
  Tally,
  tools,
  type Entrance,
  type Way,
} from "./hostile-entries.js";

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
}

/** What runs now, zombies left out. */
function processes(): Process[] {
  return readdirSync("/proc").flatMap((entry): Process[] => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state === "Z") return [];
      return [
        { pid: Number(entry), parent: Number(parent), name: stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")) },
      ];
    } catch {
      return []; // it ended meanwhile
    }
  });
}

function descendants(pid: number): Process[] {
  const all = processes();
  const found = new Set([pid]);
  for (let before = 0; before !== found.size;) {
    before = found.size;
    for (const one of all) if (found.has(one.parent)) found.add(one.pid);
  }
  return all.filter((one) => one.pid !== pid && found.has(one.pid));
}

/** Waits until none of them runs, and gives who does. */
async function survivors(mine: readonly Process[], withinMs: number): Promise<readonly Process[]> {
  const left = (): Process[] => {
    const now = new Map(processes().map((one) => [one.pid, one.name]));
    return mine.filter((one) => now.get(one.pid) === one.name);
  };
  for (let waited = 0; left().length > 0 && waited < withinMs; waited += 25) await sleep(25);
  return left();
}

/** Starts a program that says `up` when all of it is there. */
async function startUp(tree: TreeSession, role: readonly string[]): Promise<void> {
  const running = await tree.exec({ argv: ["/bin/payload", ...role], user: "root" });
  const ended = running.exited.then(
    () => undefined,
    () => undefined, // the session is broken off on purpose
  );
  await Promise.race([ended, new Promise<void>((resolve) => running.onOutput(() => resolve()))]);
}

describe("threats: who outlives whom", function () {
  this.timeout(60_000);
  const scope = testScope();
  const tally = new Tally();

  /** The programs in a tree, and before them crun's processes that lead to them, the router first. */
  function around(tree: string): { readonly mine: readonly Process[]; readonly programs: readonly Process[] } {
    const all = new Map(processes().map((one) => [one.pid, one]));
    const within = new Set(inside(tree).map((line) => Number(line.split(" ")[0])));
    const programs = [...all.values()].filter((one) => one.name === "payload" && within.has(one.pid));
    const first = programs.find((one) => all.get(one.parent)?.name === "crun-runner");
    const above: Process[] = [];
    for (
      let at = first && all.get(first.parent);
      at && !/^(?:node|unshare|mocha)/.test(at.name);
      at = all.get(at.parent)
    )
      above.unshift(at);
    return { mine: [...above, ...programs], programs };
  }

  before(function () {
    requireOrSkip(this, { root: true, tools, paths: [crunPath] });
    payload();
  });

  after(() => tally.tell("who outlives whom"));

  /** An entrance with a helper of its own. */
  async function entrance(way: Way): Promise<Entrance> {
    const [one] = await entrances(scope, [way], hasNamespaceLimit() ? { pidMax: 1500 } : {});
    if (!one) throw new Error(way);
    return one;
  }

  for (const way of ["unshare", "chroot", "nspawn", "rootless"] as const) {
    it(`row 23 (${way}): nothing of a stubborn program outlives a killed router, worker, agent or keeper`, async () => {
      for (const victim of ["router", "worker", "crun-agent", "crun-runner"]) {
        const one = await entrance(way);
        const tree = one.open();
        await startUp(tree, ["stubborn"]);
        const { mine, programs } = around(one.place.tree);
        assert.ok(programs.length >= 5, `${way}: ${JSON.stringify(mine)}`);
        const hit = mine.find(({ name }, index) =>
          victim === "router" ? index === 0 : victim === "worker" ? index === 1 : name === victim,
        );
        assert.ok(hit, `${way}: no ${victim} in ${JSON.stringify(mine)}`);
        process.kill(hit.pid, "SIGKILL");
        // What a killed keeper's program left behind ends with the entry, as what any program leaves there.
        if (victim === "crun-runner") await one.session.close();
        const left = await survivors(victim === "router" ? mine : programs, 15_000);
        for (const { pid } of left) process.kill(pid, "SIGKILL");
        assert.deepEqual(left, [], `${way}: a killed ${victim}`);
        await one.session.close();
        assert.deepEqual(inside(one.place.tree), [], `${way}: a killed ${victim}`);
        tally.count(23, way, "");
      }
    });
  }

  it("row 23 (unshare, chroot, nspawn, rootless): keepers that root of the tree stops hold up neither the end of a connection nor that of what runs", async () => {
    for (const way of ["unshare", "chroot", "nspawn", "rootless"] as const) {
      for (const signal of ["19", "9"]) {
        const one = await entrance(way);
        // Killed early enough, its keeper has not even told that it runs.
        await startUp(one.open(), ["keepers", signal]).catch(() => undefined);
        const started = Date.now();
        await one.session.close();
        assert.ok(Date.now() - started < 12_000, `${way}: signal ${signal}`);
        for (let turn = 0; turn < 80 && inside(one.place.tree).length > 0; turn++) await sleep(25);
        assert.deepEqual(inside(one.place.tree), [], `${way}: signal ${signal}`);
        tally.count(23, way, "");
      }
    }
  });

  it("row 23 (unshare, chroot, nspawn, rootless): programs that come back when they are killed end with their tree", async function () {
    for (const way of ["unshare", "chroot", "nspawn", "rootless"] as const) {
      // On kernels without a limit of namespaces they would fill this machine before they are killed.
      if (!hasNamespaceLimit() && way !== "chroot") continue;
      const one = await entrance(way);
      const tree = one.open();
      const running = await tree.exec({ argv: ["/bin/payload", "phoenix"], user: "root" });
      await new Promise<void>((resolve) => running.onOutput(() => resolve()));
      await sleep(100);
      running.cancel();
      assert.equal((await running.exited).kind, "cancelled", way);
      await tree.close();
      for (let turn = 0; turn < 80 && inside(one.place.tree).length > 0; turn++) await sleep(25);
      assert.deepEqual(inside(one.place.tree), [], way);
      await one.session.close();
      tally.count(23, way, "");
    }
  });

  for (const [where, target, program] of [
    ["unshare", "tree", "/bin/payload"],
    ["host", "local", ""],
  ] as const) {
    for (const victim of where === "host"
      ? ["controller", "router", "worker", "crun-agent", "crun-runner"]
      : ["controller"]) {
      it(`row 23 (${where}): nothing of a stubborn program outlives a killed ${victim}`, async () => {
        const [one] = await entrances(scope, ["unshare"]);
        const name = target === "tree" ? `local:${one?.place.tree}` : target;
        const argv = [crunPath, "exec", name, "--", program === "" ? payload() : program, "stubborn"];
        const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "ignore"] });
        await new Promise((resolve) => child.stdout.once("data", resolve));
        const pid = child.pid ?? 0;
        const mine = descendants(pid);
        const router = mine.find((it_) => it_.parent === pid)?.pid ?? 0;
        const worker = mine.find((it_) => it_.parent === router)?.pid ?? 0;
        const known = new Map([
          ["controller", pid],
          ["router", router],
          ["worker", worker],
        ]);
        const hit = known.get(victim) ?? mine.find((it_) => it_.name === victim)?.pid ?? 0;
        assert.ok(hit > 1 && mine.length > 8, "nothing to kill");
        process.kill(hit, "SIGKILL");
        const left = await survivors(mine, 15_000);
        for (const one_ of left) process.kill(one_.pid, "SIGKILL");
        child.kill("SIGKILL");
        assert.deepEqual(left, []);
        tally.count(23, where, "");
      });
    }
  }
});
