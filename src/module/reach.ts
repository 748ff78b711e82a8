// What crun can have on a host where it is not root, and what to say of a change that asks for more.

import type { Change, ExecChange } from "./change.js";
import type { Refusal } from "./contract.js";

/** What a helper can have. With root: all. */
export interface Reach {
  /** Without root over the host: a login with a user namespace for its trees, or without one. */
  readonly isRootless: boolean;
  /** Programs can run in trees. */
  readonly hasEntries: boolean;
  /** Owners that files of trees can be given: the ids from 0 up to these. 0: the host allows no user namespace, and files are the login's. */
  readonly users: number;
  readonly groups: number;
  /** Why there are no more ids, in the helper's words; empty: nothing is lacking. */
  readonly lack: string;
  /** The login itself, on the host. */
  readonly uid: number;
  readonly gid: number;
}

/** Of root: nothing is out of reach. */
export const wholeReach: Reach = {
  isRootless: false,
  hasEntries: true,
  users: 0xffffffff,
  groups: 0xffffffff,
  lack: "",
  uid: 0,
  gid: 0,
};

/** Where changes are made: in a tree, on the host as the login, or on the host as the root of trees. */
export type Ground = "tree" | "login" | "trees-root";

/** Nobody but root can be had in trees. */
export function hasSingleId({ isRootless, users, groups }: Reach): boolean {
  return isRootless && (users <= 1 || groups <= 1);
}

/** Why the changes cannot be made there: the first that asks for what crun has not. */
export function outOfReach(changes: readonly Change[], reach: Reach, ground: Ground): Refusal | undefined {
  if (!reach.isRootless) return undefined;
  for (const change of changes) {
    const refusal =
      change.kind === "exec" ? programOutOfReach(change, reach, ground) : changeOutOfReach(change, reach, ground);
    if (refusal) return refusal;
  }
  return undefined;
}

/** What gives a login without root more ids, or namespaces. */
export function remedyFor({ lack }: Reach): string {
  if (/user namespace/.test(lack))
    return (
      "Allow user namespaces there (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces above 0, kernel.apparmor_restrict_unprivileged_userns=0; " +
      "in a container its seccomp profile), or become root (crun_become)."
    );
  if (/new[ug]idmap/.test(lack))
    return "Install newuidmap and newgidmap there (Debian: apt install uidmap), setuid root or with their file capabilities, on a file system that is not mounted nosuid; or become root (crun_become).";
  return "Give the login subordinate ids (`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 LOGIN`, which writes /etc/subuid and /etc/subgid), or become root (crun_become).";
}

/** The warning where a program's owners are let go, which could not be had. */
export function ownersAreLost(reach: Reach): string {
  return `all files belong to root: crun works in trees without root there, with the id 0 alone${why(reach)}`;
}

/** `because /etc/subuid has no line for ann`, for the end of a message. */
export function why({ lack }: Reach): string {
  return lack === "" ? "" : ` (${lack})`;
}

function changeOutOfReach(change: Exclude<Change, ExecChange>, reach: Reach, ground: Ground): Refusal | undefined {
  if (change.kind === "mountOverlay" || change.kind === "unmount")
    return {
      message: "mounts need root on the host: what a login mounts nobody else sees, and it ends with the run",
      remedy: "Take another backend than overlay, or become root (crun_become).",
    };
  const uid = "uid" in change ? change.uid : undefined;
  const gid = "gid" in change ? change.gid : undefined;
  if (ground === "login" || reach.users === 0) {
    const isOwn = uid === undefined || uid === reach.uid;
    // Which groups of the host a login is in, the host knows best.
    if (isOwn && (ground === "login" || gid === undefined || gid === reach.gid)) return undefined;
    const [what, id, own] = isOwn ? ["group", gid, reach.gid] : ["owner", uid, reach.uid];
    return {
      message: `${change.path}: its ${what} cannot be ${id}: crun is not root there, and the login has no other id than ${own}${ground === "login" ? "" : why(reach)}`,
      remedy:
        reach.users === 0 && ground !== "login"
          ? remedyFor(reach)
          : "Become root (crun_become), or leave the owner out.",
    };
  }
  const beyond =
    uid !== undefined && uid >= reach.users
      ? (["owner", uid, reach.users] as const)
      : gid !== undefined && gid >= reach.groups
        ? (["group", gid, reach.groups] as const)
        : undefined;
  if (!beyond) return undefined;
  const [what, id, count] = beyond;
  const had = count === 1 ? "with the id 0 alone" : `with the ids 0 to ${count - 1} alone`;
  return {
    message: `${change.path}: its ${what} cannot be ${id}: crun works in trees without root there, ${had}${why(reach)}`,
    remedy: remedyFor(reach),
  };
}

function programOutOfReach(change: ExecChange, reach: Reach, ground: Ground): Refusal | undefined {
  const { argv, user = "" } = change.exec;
  if (ground === "tree" && change.at !== "host" && !reach.hasEntries)
    return {
      message: `${argv[0] ?? "the program"} cannot run in the tree: crun is not root there, and no tree can be entered${why(reach)}`,
      remedy: remedyFor(reach),
    };
  if (ground === "login" || !hasSingleId(reach) || /^(?:|0|root)(?::(?:0|root))?$/.test(user)) return undefined;
  return {
    message: `${argv[0] ?? "the program"} cannot run as ${user}: crun works in trees without root there, with the id 0 alone${why(reach)}`,
    remedy: remedyFor(reach),
  };
}
