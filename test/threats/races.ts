// The races: what a hostile owner swaps, and what crun does meanwhile, operation by operation.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Change, Expect } from "../../src/module/change.js";
import { contentOf } from "../../src/module/content.js";
import type { Observation, Probe } from "../../src/module/probe.js";
import type { Scene } from "./oracle.js";

/** One operation: probes, or changes of one batch. */
export type Operation = { readonly probes: readonly Probe[] } | { readonly changes: readonly Change[] };

export interface Race {
  readonly name: string;
  readonly rows: readonly number[];
  /** Makes what is swapped; the tree has `own` and `etc/secret` already. */
  readonly lay: (place: Scene) => void;
  /** Arguments of racer.c. */
  readonly swap: (place: Scene) => readonly string[];
  /** `owner`: a user to give things to. */
  readonly operation: (index: number, owner: number) => Operation;
  /** Runs in CI for machines and without root, too: one for each kind of operation. */
  readonly isEverywhere?: boolean;
  /** So many times the operations in CI: the moment in which the race is lost is short. */
  readonly weight?: number;
  /** What the tree itself must be like afterwards. */
  readonly check?: (place: Scene) => void;
}

const free: Expect = {};
const text = (index: number) => contentOf(`crun's ${index}\n`);
const at = (place: Scene, name: string): string => join(place.tree, name);

/** A directory `d` with the names that the host's has. */
function layDirectory(place: Scene): void {
  for (const name of ["d", "d/d"]) mkdirSync(at(place, name));
  for (const name of ["d/secret", "d/d/secret", "d/setuid"]) writeFileSync(at(place, name), "tree's\n");
}

/** `d` by turns a directory and a link to the host's. */
const parent = {
  lay: (place: Scene): void => {
    layDirectory(place);
    symlinkSync(place.host, at(place, "evil"));
  },
  swap: (place: Scene): string[] => ["exchange", at(place, "d"), at(place, "evil")],
};

/** `f` by turns a file and something else. */
const last = (lay: (place: Scene) => void): Pick<Race, "lay" | "swap"> => ({
  lay: (place) => {
    writeFileSync(at(place, "f"), "tree's\n");
    lay(place);
  },
  swap: (place) => ["exchange", at(place, "f"), at(place, "g")],
});

const turns = <T>(list: readonly T[], index: number): T => {
  const one = list[index % list.length];
  if (one === undefined) throw new Error("an empty list has no turns");
  return one;
};

const attributes = (path: string, index: number, owner: number, expect: Expect): Change => ({
  kind: "setAttributes",
  path,
  follow: index % 3 !== 0,
  mode: turns([0o644, 0o666, 0o4755], index),
  uid: turns([owner, 0], index),
  gid: turns([owner, 0], index),
  mtime: { seconds: 1_000_000_000 + index, nanoseconds: 0 },
  expect,
});

const lookAt = (path: string): readonly Probe[] => [
  { kind: "stat", path, follow: true, withFlags: true, withFileSystem: true },
  { kind: "hash", path, follow: true, algorithms: ["sha256", "xattrs"] },
  { kind: "read", path, limit: 100_000 },
];

export const races: readonly Race[] = [
  {
    name: "a directory on the way, read",
    isEverywhere: true,
    rows: [2],
    ...parent,
    operation: (index) => ({
      probes: [{ kind: "read", path: turns(["/d/secret", "/d/d/secret", "/d/link", "/d/./d/../secret"], index) }],
    }),
  },
  {
    name: "a directory on the way, stat, hash and glob",
    rows: [2],
    ...parent,
    operation: (index) => ({
      probes: [
        ...lookAt("/d/secret").slice(0, 2),
        { kind: "glob", path: turns(["/d/*", "/*/secret", "/d/d/s*"], index) },
      ],
    }),
  },
  {
    name: "a directory on the way, list",
    rows: [2, 4],
    ...parent,
    operation: (index) => ({
      probes: [{ kind: "list", path: turns(["/d", "/", "/d/d"], index), depth: 0, algorithms: ["sha256"] }],
    }),
  },
  {
    name: "a directory on the way, write",
    isEverywhere: true,
    rows: [2],
    ...parent,
    operation: (index, owner) => ({
      changes: [
        {
          kind: "writeFile",
          path: turns(["/d/secret", "/d/d/secret", "/d/link"], index),
          content: text(index),
          follow: index % 2 === 0,
          inPlace: index % 5 === 0,
          uid: owner,
          mode: 0o666,
          expect: free,
        },
      ],
    }),
  },
  {
    name: "a directory on the way, make and remove a directory",
    rows: [2],
    ...parent,
    operation: (index, owner) => ({
      changes: [
        index % 2 === 0
          ? { kind: "makeDirectory", path: "/d/made", mode: 0o777, uid: owner, gid: owner, expect: free }
          : { kind: "remove", path: "/d/made", expect: free },
      ],
    }),
  },
  {
    name: "a directory on the way, links",
    rows: [2],
    ...parent,
    operation: (index, owner) => ({
      changes: [
        turns<Change>(
          [
            { kind: "makeLink", path: "/d/secret", target: "nowhere", uid: owner, gid: owner, expect: free },
            { kind: "hardLink", path: "/d/secret", source: "/own", expect: free },
            { kind: "hardLink", path: "/linked", source: "/d/setuid", expect: free },
            { kind: "remove", path: "/linked", expect: free },
            { kind: "makeLink", path: "/d/made-link", target: "nowhere", expect: { type: "absent" } },
            { kind: "remove", path: "/d/made-link", expect: free },
          ],
          index,
        ),
      ],
    }),
  },
  {
    name: "a directory on the way, remove",
    rows: [2, 4],
    ...parent,
    operation: (index) => ({
      changes: [
        turns<Change>(
          [
            { kind: "remove", path: "/d/secret", expect: free },
            { kind: "writeFile", path: "/d/secret", content: text(index), expect: free },
            { kind: "remove", path: "/d/d", isRecursive: true, withSubvolumes: true, expect: free },
            { kind: "makeDirectory", path: "/d/d", expect: free },
            { kind: "writeFile", path: "/d/d/secret", content: text(index), expect: free },
          ],
          index,
        ),
      ],
    }),
  },
  {
    name: "a directory on the way, owner, mode, times",
    isEverywhere: true,
    rows: [2, 4],
    ...parent,
    operation: (index, owner) => ({
      changes: [attributes(turns(["/d/secret", "/d/d", "/d/setuid", "/d/d/secret"], index), index, owner, free)],
    }),
  },
  {
    name: "a directory on the way, copy within the tree",
    rows: [2, 4],
    ...parent,
    operation: (index, owner) => ({
      changes: [
        index % 2 === 0
          ? {
              kind: "copyFile",
              from: turns(["/d/secret", "/d/d/secret", "/d/link"], index),
              path: "/out",
              follow: true,
              keepXattrs: true,
              keepTimes: true,
              expect: free,
            }
          : { kind: "copyFile", from: "/own", path: "/d/secret", uid: owner, expect: free },
      ],
    }),
  },
  {
    name: "a directory on the way, rename",
    rows: [2],
    ...parent,
    operation: (index) => ({
      changes: [
        turns<Change>(
          [
            { kind: "writeFile", path: "/moved", content: text(index), expect: free },
            { kind: "rename", path: "/moved", to: "/d/secret", expect: free },
            { kind: "rename", path: "/d/setuid", to: "/d/d/secret", onTaken: "exchange", expect: free },
            { kind: "rename", path: "/d/secret", to: "/taken", onTaken: "refuse", expect: free },
            { kind: "remove", path: "/taken", expect: free },
          ],
          index,
        ),
      ],
    }),
  },
  {
    name: "a directory on the way, lock",
    rows: [2],
    ...parent,
    operation: (index) => ({
      changes: [{ kind: "lock", path: turns(["/d/secret", "/d/lock"], index), timeoutMs: 0, expect: free }],
    }),
  },
  {
    name: "a directory that is being removed",
    weight: 10,
    isEverywhere: true,
    rows: [4],
    lay: (place) => symlinkSync(place.host, at(place, "evil")),
    swap: (place) => ["bait", at(place, "r/sub"), at(place, "evil"), place.host],
    operation: (index) => ({
      changes: turns<readonly Change[]>(
        [
          [{ kind: "makeDirectory", path: "/r", expect: free }],
          [{ kind: "makeDirectory", path: "/r/sub", expect: free }],
          [{ kind: "makeDirectory", path: "/r/sub/d", expect: free }],
          [{ kind: "writeFile", path: "/r/sub/secret", content: text(index), expect: free }],
          // Read before it and removed before it: meanwhile the name is known as a directory's.
          ...Array.from({ length: 8 }, (_, number): readonly Change[] => [
            { kind: "makeDirectory", path: `/r/${number}`, expect: free },
          ]),
          [{ kind: "remove", path: "/r", isRecursive: true, withSubvolumes: index % 2 === 0, expect: free }],
        ],
        index,
      ),
    }),
  },
  {
    name: "a directory that is being listed with all beneath",
    weight: 10,
    rows: [4],
    lay: (place) => {
      layDirectory(place);
      symlinkSync(place.host, at(place, "evil"));
      for (let index = 0; index < 5; index++) mkdirSync(at(place, `d/${index}`));
    },
    swap: (place) => ["exchange", at(place, "d/d"), at(place, "evil")],
    operation: () => ({ probes: [{ kind: "list", path: "/d", depth: 0, algorithms: ["sha256", "xattrs"] }] }),
  },
  {
    name: "a directory that is moved out of the tree, and .. after it",
    rows: [2],
    lay: (place) => {
      mkdirSync(at(place, "d/s/t"), { recursive: true });
      mkdirSync(join(place.base, "outside/t"), { recursive: true });
      writeFileSync(at(place, "secret"), "tree's\n");
    },
    swap: (place) => ["exchange", at(place, "d/s"), join(place.base, "outside")],
    operation: (index) => ({
      probes: [
        {
          kind: "read",
          path: turns(["/d/s/../../host/secret", "/d/s/t/../../../host/secret", "/d/s/../host/secret"], index),
        },
        { kind: "list", path: "/d/s/t/../../..", depth: 1 },
        { kind: "glob", path: "/d/s/../*/secret" },
      ],
    }),
  },
  {
    name: "a file, a link to the host's",
    rows: [1, 2],
    ...last((place) => symlinkSync(join(place.host, "secret"), at(place, "g"))),
    operation: (index, owner) =>
      turns<Operation>(
        [
          { probes: lookAt("/f") },
          { changes: [{ kind: "writeFile", path: "/f", content: text(index), follow: true, expect: free }] },
          {
            changes: [
              { kind: "writeFile", path: "/f", content: text(index), follow: true, inPlace: true, expect: free },
            ],
          },
          { changes: [attributes("/f", index, owner, free)] },
          { changes: [{ kind: "copyFile", from: "/f", path: "/out", follow: true, expect: free }] },
          { changes: [{ kind: "lock", path: "/f", timeoutMs: 0, expect: free }] },
        ],
        index,
      ),
  },
  {
    name: "a file, a fifo",
    isEverywhere: true,
    rows: [2, 13],
    ...last((place) => execFileSync("mkfifo", [at(place, "g")])),
    operation: (index, owner) =>
      turns<Operation>(
        [
          { probes: lookAt("/f") },
          {
            changes: [{ kind: "writeFile", path: "/f", content: text(index), inPlace: true, expect: { type: "file" } }],
          },
          { changes: [{ kind: "copyFile", from: "/f", path: "/out", expect: free }] },
          { changes: [attributes("/f", index, owner, free)] },
          { changes: [{ kind: "lock", path: "/f", timeoutMs: 0, expect: free }] },
          { probes: [{ kind: "list", path: "/", depth: 1, algorithms: ["sha256"] }] },
        ],
        index,
      ),
  },
  {
    name: "a file, a device",
    rows: [2, 13],
    ...last((place) => execFileSync("mknod", [at(place, "g"), "c", "1", "5"])),
    operation: (index) =>
      turns<Operation>(
        [
          { probes: lookAt("/f") },
          {
            changes: [{ kind: "writeFile", path: "/f", content: text(index), inPlace: true, expect: { type: "file" } }],
          },
          { changes: [{ kind: "copyFile", from: "/f", path: "/out", expect: free }] },
        ],
        index,
      ),
  },
  {
    name: "a file, another name of the host's",
    isEverywhere: true,
    rows: [2, 14],
    ...last((place) => linkSync(join(place.host, "secret"), at(place, "g"))),
    operation: (index, owner) => ({
      changes: [
        turns<Change>(
          [
            { kind: "writeFile", path: "/f", content: text(index), inPlace: true, expect: { type: "file" } },
            {
              kind: "writeFile",
              path: "/f",
              content: text(index),
              follow: true,
              mode: 0o666,
              uid: owner,
              expect: free,
            },
            attributes("/f", index, owner, free),
            { kind: "setAttributes", path: "/f", setFlags: 0x80, expect: free },
          ],
          index,
        ),
      ],
    }),
  },
  {
    name: "a directory of the tree's own, expected where it was",
    isEverywhere: true,
    rows: [4],
    lay: (place) => {
      layDirectory(place);
      symlinkSync("etc", at(place, "evil"));
    },
    swap: (place) => ["exchange", at(place, "d"), at(place, "evil")],
    operation: (index, owner) => ({
      changes: [
        turns<Change>(
          [
            attributes("/d/secret", index, owner, { real: "/d/secret" }),
            { kind: "writeFile", path: "/d/secret", content: text(index), follow: true, expect: { real: "/d/secret" } },
            { kind: "makeDirectory", path: "/d/made", expect: { real: "/d/made" } },
            { kind: "remove", path: "/d/made", expect: { real: "/d/made" } },
            { kind: "makeLink", path: "/d/link", target: "x", expect: { real: "/d/link" } },
            { kind: "copyFile", from: "/own", path: "/d/copy", expect: { real: "/d/copy" } },
          ],
          index,
        ),
      ],
    }),
    check: ({ tree }) => {
      const { uid, mode, nlink } = lstatSync(join(tree, "etc/secret"));
      assert.deepEqual([uid, mode & 0o7777, nlink], [lstatSync(join(tree, "etc")).uid, 0o600, 1]);
      const made = readdirSync(join(tree, "etc")).filter((name) => ["made", "link", "copy"].includes(name));
      assert.deepEqual(made, []);
      assert.equal(readFileSync(join(tree, "etc/secret"), "utf8"), "etc's\n");
    },
  },
];

/** Whether an answer tells of the host's: its content, its digest, its inodes or its names. */
export function tellsOfHost(place: Scene): (answer: Observation) => boolean {
  const digest = createHash("sha256")
    .update(readFileSync(join(place.host, "secret")))
    .digest("hex");
  const { dev, ino } = lstatSync(place.host);
  const inodes = new Set([
    ino,
    ...["secret", "d", "setuid", "d/secret"].map((name) => lstatSync(join(place.host, name)).ino),
  ]);
  const isHosts = (stat: { readonly inode: number; readonly device: number } | undefined): boolean =>
    stat !== undefined && inodes.has(stat.inode) && stat.device === Number(dev);
  return (answer) => {
    switch (answer.kind) {
      case "read":
        return (
          isHosts(answer.stat) || answer.sha256 === digest || Buffer.from(answer.content ?? []).includes(place.secret)
        );
      case "stat":
        return isHosts(answer.stat);
      case "hash":
        return isHosts(answer.stat) || answer.digests.sha256 === digest;
      case "list":
        return isHosts(answer.stat) || answer.entries.some((one) => isHosts(one.stat) || one.digests.sha256 === digest);
      case "glob":
        return answer.paths.some((path) => path.includes("other-name"));
      case "exec":
      case "machine":
      case "connect":
        return false;
    }
  };
}
