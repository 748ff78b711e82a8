// Home directories: made from a skeleton, or given to another owner.

import { posix } from "node:path";
import type { Change } from "../module/change.js";
import { modeOnceOwned } from "../module/mode.js";
import type { ListEntry, ListObservation, StatObservation } from "../module/probe.js";
import type { LoginDefs } from "./login-defs.js";
import { AccountProblem } from "./user-account.js";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The directories above a path, outermost first, without the root. */
export function ancestorsOf(path: string): string[] {
  const parts = path.split("/").filter(Boolean).slice(0, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
}

/** Mode of a new home: HOME_MODE of login.defs, else 0777 less the umask (given, of login.defs, or 022). */
export function homeMode(defs: LoginDefs, umask: string | undefined): number {
  const mask = umask === undefined ? defs.number("UMASK", 0o22) : Number.parseInt(umask, 8);
  return defs.number("HOME_MODE", 0o777 & ~mask) & 0o7777;
}

/** Where a home lies until all of the skeleton is in it. */
export function unfinishedHome(home: string): string {
  return posix.join(posix.dirname(home), `.crun-unfinished-${posix.basename(home)}`);
}

/**
 * A new home with the skeleton's content. `ancestors`: what was seen of the directories above it; those missing are made, root's. It takes its name when it is
 * whole: `hasUnfinished`, where a run before broke off.
 */
export function makeHome(
  home: string,
  owner: Owner,
  mode: number,
  ancestors: readonly { readonly path: string; readonly seen: StatObservation }[],
  skeleton: ListObservation | undefined,
  skeletonPath: string,
  hasUnfinished: boolean,
): Change[] {
  const expect = { type: "absent" } as const;
  const parents = ancestors.flatMap(({ path, seen }): Change[] =>
    seen.stat ? [] : [{ kind: "makeDirectory", path, mode: 0o755, uid: 0, gid: 0, expect }],
  );
  const content = skeleton?.stat?.type === "directory" ? skeleton.entries : [];
  const interim = unfinishedHome(home);
  const cleared: Change[] = hasUnfinished
    ? [{ kind: "remove", path: interim, isRecursive: true, expect: { type: "directory" } }]
    : [];
  if (content.length === 0)
    return [...parents, ...cleared, { kind: "makeDirectory", path: home, mode, ...owner, expect }];
  return [
    ...parents,
    ...cleared,
    { kind: "makeDirectory", path: interim, mode, ...owner, expect },
    ...content.flatMap((entry) => copyEntry(entry, skeletonPath, interim, home, owner)),
    { kind: "rename", path: interim, to: home, onTaken: "refuse", expect: { type: "directory" } },
  ];
}

function copyEntry(entry: ListEntry, skeleton: string, into: string, home: string, owner: Owner): Change[] {
  const path = posix.join(into, entry.name);
  const from = posix.join(skeleton, entry.name);
  const expect = { type: "absent" } as const;
  const { type, mode, target } = entry.stat;
  if (type === "directory") return [{ kind: "makeDirectory", path, mode, ...owner, expect }];
  if (type === "file") return [{ kind: "copyFile", path, from, mode, ...owner, keepTimes: true, expect }];
  if (type !== "link") return [];
  // A link into the skeleton becomes one into the home, as copy_symlink of shadow-utils does.
  const isInside = target === skeleton || target.startsWith(`${skeleton}/`);
  return [
    { kind: "makeLink", path, target: isInside ? home + target.slice(skeleton.length) : target, ...owner, expect },
  ];
}

/** Gives what the user owned in a home (files with the old uid, the old gid) to the new ids, as usermod does. `home`: where it is now. */
export function changeOwner(home: string, files: ListObservation, before: Owner, after: Owner): Change[] {
  if (before.uid === after.uid && before.gid === after.gid) return [];
  if (files.isTruncated) {
    throw new AccountProblem(
      `${home} holds too many files to give them to another owner in one task`,
      "Run usermod -u or usermod -g in the tree, with the module command.",
    );
  }
  const all = files.entries.map((entry) => ({ path: posix.join(home, entry.name), stat: entry.stat })).toReversed();
  if (files.stat) all.push({ path: home, stat: files.stat });
  return all.flatMap(({ path, stat }): Change[] => {
    const uid = stat.uid === before.uid ? after.uid : stat.uid;
    const gid = stat.gid === before.gid ? after.gid : stat.gid;
    if (uid === stat.uid && gid === stat.gid) return [];
    const owned = { uid: stat.uid, gid: stat.gid };
    // The kernel clears setuid bits when the owner changes; usermod leaves them cleared, and so does this.
    const left = stat.type === "file" ? modeOnceOwned(stat.mode) : stat.mode;
    const mode = left === stat.mode ? {} : { mode: left };
    const expect = { type: stat.type, owner: owned };
    return [{ kind: "setAttributes", path, uid, gid, ...mode, allowHardLinks: true, expect }];
  });
}
