// From inside every entry: programs, descriptors, memory and rights of others, settings of the kernel, devices, mounts.

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import {
  entrances,
  execute,
  heldByNspawn,
  holes,
  payload,
  Tally,
  tools,
  ways,
  withstandsEntry,
  type Entrance,
  type Way,
} from "./hostile-entries.js";
import type { Scene } from "./oracle.js";

/** In the keyrings of who starts the helper. */
const KEY = `crun-threat-${process.pid}`;

/** Attacks by their rows. The host's secret and its inode are given to them: an attacker might guess them. */
function attacks({ host, secret }: Scene): readonly (readonly string[])[] {
  const path = join(host, "secret");
  const inode = String(statSync(path).ino);
  return [["programs", "0"], ["run-others"], ["reach", path, secret, inode], ["kernel"], ["faults"], ["keys", KEY]];
}

/** Directories that a process may be asked to begin in, and that could lead out. */
const directories = [
  ...Array.from({ length: 12 }, (_, fd) => `/proc/self/fd/${fd}`),
  "/proc/1/cwd",
  "/proc/1/root/..",
  "/proc/self/cwd/../../..",
  "/../../..",
];

const user = "1000:1000";

describe("threats: from inside", function () {
  this.timeout(60_000);
  const scope = testScope();
  const tally = new Tally();
  let all: ReadonlyMap<Way, Entrance>;
  /** What systemd-nspawn itself does not hold on this machine; it is not for crun to hold it. */
  let unheld: ReadonlySet<string>;

  before(async function () {
    requireOrSkip(this, { root: true, tools });
    payload();
    all = new Map((await entrances(scope, ways, { key: KEY })).map((one) => [one.way, one]));
    const [native] = await entrances(scope, ["nspawn"]);
    unheld = native ? await heldByNspawn(native.place.tree, attacks(native.place)) : new Set();
  });

  after(() => tally.tell("from inside"));

  /** What the machine's own root can do; it may trace crun's keepers, too: what that is worth, entry-machine.test.ts shows. */
  const isMachines = (way: Way, line: string): boolean =>
    way === "machine" && (unheld.has(line) || / of crun's | traced /.test(line));

  async function attack(way: Way, who: string, more: readonly (readonly string[])[] = []): Promise<string[]> {
    const one = all.get(way);
    if (!one) throw new Error(way);
    const { place } = one;
    const found = await withstandsEntry(one, 20_000, async (tree) => {
      const said: string[] = [];
      for (const argv of [...attacks(place), ...more]) {
        const done = await execute(tree, ["/bin/payload", ...argv], { user: who });
        assert.equal(done.exit?.kind, "exited", `${way} ${argv[0]}: ${done.refusal}${done.out}`);
        const own = done.out.split("\n").filter((line) => !isMachines(way, line));
        for (const row of [5, 6, 15, 17, 18]) tally.count(row, way, row === 5 ? own.join("\n") : "");
        said.push(...holes(own.join("\n")));
      }
      for (const directory of directories) {
        const done = await execute(tree, ["/bin/payload", "where", join(place.host, "secret"), place.secret], {
          user: who,
          directory,
        });
        if (done.exit?.kind === "exited") said.push(...holes(done.out));
      }
      return said.map((line) => line.replaceAll(place.secret, "SECRET").replaceAll(place.base, "BASE"));
    });
    return found;
  }

  for (const way of ways) {
    // Root of a chroot is not held, as docs/SECURITY.md says; without root and subordinate ids there are no users.
    if (way !== "chroot")
      it(`rows 5, 6, 17, 18 (${way}): root of the tree reaches nothing of crun's, the kernel's or the host's`, async () => {
        const found = await attack(way, "root");
        assert.deepEqual(found, []);
      });
    if (way === "rootless") continue;
    it(`rows 5, 6, 15, 17, 18 (${way}): a user of the tree neither, and gets no right back`, async () => {
      const siblings = Array.from({ length: 40 }, (_, index) => String(index + 1));
      const found = await attack(way, user, [["regain", ...siblings]]);
      assert.deepEqual(found, []);
    });
  }

  it("services of the host's that listen at a name without a file are out of reach where Linux can do it (6.12)", async () => {
    const name = `crun-threat-${process.pid}`;
    const server = createServer((socket) => void socket.end());
    await new Promise<void>((resolve) => server.listen(`\0${name}`, resolve));
    scope.defer(() => void server.close());
    const native = (await must([payload(), "abstract", name])).trim();
    assert.match(native, /^abstract connected/);
    const canRefuse = Number(/landlock (-?\d+)/.exec(native)?.[1]) >= 6;
    for (const way of ["unshare", "nspawn", "rootless"] as const) {
      const tree = all.get(way)?.open();
      const done = tree && (await execute(tree, ["/bin/payload", "abstract", name]));
      await tree?.close();
      assert.match(
        done?.out ?? "",
        canRefuse ? /^abstract Operation not permitted/ : /^abstract/,
        `${way}: ${done?.refusal}`,
      );
    }
  });
});
