// Row 23: a fork bomb in a tree meets a limit that leaves the host room to work, whatever the entry.

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import {
  entrances,
  execute,
  hasNamespaceLimit,
  hostileScene,
  openSession,
  Tally,
  tools,
  type Way,
} from "./hostile-entries.js";

/** Of the small hosts that are filled here, where the kernel allows such; a tree may have a third. */
const PID_MAX = 1200;
const LIMIT = PID_MAX / 3;
const small = hasNamespaceLimit() ? { pidMax: PID_MAX } : {};

/** How many processes a bomb of the payload's could make. */
const made = (out: string): number => Number(/row 23 bomb (\d+) Resource temporarily unavailable/.exec(out)?.[1]);

/** Numbers below 300 are given once, and then no more. */
function isMet(count: number): boolean {
  return hasNamespaceLimit() ? count > LIMIT - 30 && count < LIMIT + 310 : count > 0 && count < 32_310;
}

/** Of helpers that entered trees. */
function cgroups(): string[] {
  return ["/sys/fs/cgroup", "/sys/fs/cgroup/pids"].flatMap((directory) => {
    const names = existsSync(directory) ? readdirSync(directory) : [];
    return names.filter((name) => /^crun-\d+-1\d{9}$/.test(name)).map((name) => join(directory, name));
  });
}

describe("threats: fork bombs", function () {
  this.timeout(60_000);
  const scope = testScope();
  const tally = new Tally();
  const known = cgroups();

  before(function () {
    requireOrSkip(this, { root: true, tools: [...tools, "setarch"] });
  });

  after(() => tally.tell("fork bombs"));

  // Kernels from 6.14 on have a limit of a PID namespace; before that it takes a cgroup, which systemd gives where it runs.
  const kernels = hasNamespaceLimit() ? [false, true] : [true];
  for (const isOldKernel of kernels) {
    const wanted: readonly Way[] = isOldKernel
      ? ["unshare", "chroot", "nspawn"]
      : ["unshare", "chroot", "nspawn", "rootless"];
    const when = isOldKernel ? " (kernels before 6.14)" : "";
    it(`row 23 (${wanted.join(", ")}): a fork bomb meets the limit of its tree, the host and other trees go on${when}`, async () => {
      for (const one of await entrances(scope, wanted, { isOldKernel, ...small })) {
        const tree = one.open();
        const bomb = await tree.exec({ argv: ["/bin/payload", "bomb", "40000"], timeoutMs: 20_000 });
        let out = "";
        bomb.onOutput((_, data) => void (out += Buffer.from(data).toString("latin1")));
        for (let turn = 0; turn < 700 && !out.includes("\n"); turn++) await sleep(25);
        assert.ok(isMet(made(out)), `${one.way}: ${out}`);
        const other = one.session.openTree(one.place.tree, {
          entry: one.way === "chroot" ? "chroot" : "unshare",
          isHostRoot: false,
        });
        const beside = await execute(other, ["/bin/payload", "ids"]);
        assert.match(beside.out, /^ids 0 0/, `${one.way}: a second entry: ${beside.refusal}`);
        await other.close();
        bomb.cancel();
        assert.equal((await bomb.exited).kind, "cancelled", one.way);
        assert.match((await execute(tree, ["/bin/payload", "ids"])).out, /^ids 0 0/, `${one.way}: after the bomb`);
        await tree.close();
        tally.count(23, one.way, out);
      }
      assert.deepEqual(cgroups(), known);
    });
  }

  it("a limit of a process's own may be greater than the tree's", async () => {
    const [one] = await entrances(scope, ["unshare"], small);
    const tree = one?.open();
    const argv = ["/bin/payload", "bomb", "40000", "end"];
    const limits = { pids_max: String(2 * LIMIT) };
    const [outcome] = (await tree?.apply([{ kind: "exec", exec: { argv, limits } }])) ?? [];
    const out = Buffer.from(outcome?.stdout ?? []).toString("latin1");
    assert.ok(made(out) > 2 * LIMIT - 50 && made(out) < 2 * LIMIT, `${out}${JSON.stringify(outcome)}`);
    await tree?.close();
  });

  it("row 23 (unshare, chroot): a user of a tree has a limit where the tree can have none", async () => {
    const session = await openSession(scope, { isOldKernel: true, hasNoCgroups: true, ...small });
    const { tree: path } = hostileScene(scope);
    for (const entry of ["unshare", "chroot"] as const) {
      const tree = session.openTree(path, { entry, isHostRoot: false });
      // A number that nobody on this machine has, or others' processes would count.
      const done = await execute(tree, ["/bin/payload", "bomb", "40000", "end"], { user: "54321:54321" });
      assert.ok(isMet(made(done.out)), `${entry}: ${done.out}`);
      await tree.close();
      tally.count(23, `${entry}, as a user`, done.out);
    }
  });
});
