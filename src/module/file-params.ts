// The parameters that all modules which write files share, and what they make of a file that is there.

import type { SetAttributes, TimeSpec } from "./change.js";
import type { Refusal } from "./contract.js";
import { flagChanges } from "./file-flags.js";
import { BadMode, checkMode, formatMode, modeOnceOwned, resolveMode } from "./mode.js";
import type { Accounts } from "./ownership.js";
import { resolveOwnership } from "./ownership.js";
import type { FileType, Stat } from "./probe.js";

const selinux = "Accepted for Ansible's sake; without SELinux it does nothing, there as here.";

/** Spread into the `params` of a module. */
export const fileParams = {
  mode: {
    type: "mode",
    doc: 'Permissions, octal (`"0644"`, quoted) or symbolic (`u=rw,g-w,a+X`). Without it a file keeps what it has; a new one gets 0644, a new directory 0755.',
  },
  owner: { type: "str", doc: "User by name or number. Names are looked up in the tree's own /etc/passwd." },
  group: { type: "str", doc: "Group by name or number. Names are looked up in the tree's own /etc/group." },
  attributes: { type: "str", aliases: ["attr"], doc: "File flags as chattr takes them: `+i`, `-a`, `=d`." },
  seuser: { type: "str", doc: selinux },
  serole: { type: "str", doc: selinux },
  setype: { type: "str", doc: selinux },
  selevel: { type: "str", doc: selinux },
  unsafe_writes: {
    type: "bool",
    default: false,
    doc: "Write into the existing file instead of replacing it as a whole: for files that are mounts.",
  },
} as const;

/** The values of `fileParams`. */
export interface FileParams {
  readonly mode: string | undefined;
  readonly owner: string | undefined;
  readonly group: string | undefined;
  readonly attributes: string | undefined;
  readonly unsafe_writes: boolean;
}

/** Preflight: a sentence for a mode or flags that are wrong whatever the tree holds. */
export function checkFileParams(params: Partial<FileParams>): string | undefined {
  const mode = params.mode === undefined || params.mode === "preserve" ? undefined : checkMode(params.mode);
  if (mode !== undefined) return mode;
  const flags = params.attributes === undefined ? undefined : flagChanges(params.attributes, 0);
  return typeof flags === "string" ? flags : undefined;
}

/** What is, or is about to be, at a path. */
export interface Node {
  readonly type: FileType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly size: number;
  readonly flags?: number;
}

/** What of a stat a plan about attributes needs: no times, no inode. */
export function nodeOf({ type, mode, uid, gid, links, size }: Stat, flags: number | undefined): Node {
  return { type, mode, uid, gid, links, size, ...(flags === undefined ? {} : { flags }) };
}

/** Fields that differ from what the params want. `refusal` where they cannot be had. */
export interface Difference {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly setFlags?: number;
  readonly clearFlags?: number;
  readonly refusal?: Refusal;
}

/** What has to change of `node` for the params to hold. A link has no mode of its own. */
export function differenceOf(params: FileParams, node: Node, accounts: Accounts): Difference {
  const { refusal, uid, gid } = resolveOwnership(params, accounts);
  if (refusal) return { refusal };
  const result: { -readonly [K in keyof Difference]: Difference[K] } = {};
  if (uid !== undefined && uid !== node.uid) result.uid = uid;
  if (gid !== undefined && gid !== node.gid) result.gid = gid;
  const isGivenAway = node.type === "file" && (result.uid ?? result.gid) !== undefined;
  const left = isGivenAway ? modeOnceOwned(node.mode) : node.mode;
  if (left !== node.mode) result.mode = left;
  if (params.mode !== undefined && node.type !== "link") {
    try {
      const mode = resolveMode(params.mode, { mode: left, isDirectory: node.type === "directory" });
      if (mode === node.mode) delete result.mode;
      else result.mode = mode;
    } catch (error) {
      if (error instanceof BadMode) return { refusal: { message: error.message } };
      throw error;
    }
  }
  if (params.attributes !== undefined && node.type !== "link") {
    const changes = flagChanges(params.attributes, node.flags ?? 0);
    if (typeof changes === "string") return { refusal: { message: changes } };
    if (changes.set !== 0) result.setFlags = changes.set;
    if (changes.clear !== 0) result.clearFlags = changes.clear;
  }
  return result;
}

/** The node once a difference was applied. */
export function withDifference(node: Node, difference: Difference): Node {
  return {
    type: node.type,
    mode: difference.mode ?? node.mode,
    uid: difference.uid ?? node.uid,
    gid: difference.gid ?? node.gid,
    links: node.links,
    size: node.size,
    ...(node.flags === undefined ? {} : { flags: node.flags }),
  };
}

export interface Times {
  readonly atime?: TimeSpec;
  readonly mtime?: TimeSpec;
}

/** The change that brings a difference (and times) about, or undefined if there is nothing to do. Never follows: give the real path. */
export function attributeChange(
  path: string,
  node: Node,
  difference: Difference,
  options: { readonly times?: Times; readonly allowHardLinks?: boolean } = {},
): SetAttributes | undefined {
  const { refusal: _refusal, ...fields } = difference;
  const wanted = { ...fields, ...options.times };
  if (Object.keys(wanted).length === 0) return undefined;
  return {
    kind: "setAttributes",
    path,
    follow: false,
    ...(options.allowHardLinks === true ? { allowHardLinks: true } : {}),
    ...wanted,
    expect: {
      type: node.type,
      owner: { uid: node.uid, gid: node.gid },
      ...(node.type === "link" ? {} : { mode: node.mode }),
    },
  };
}

/** Ansible's fields about the file that a result names: `uid gid owner group mode size state`. */
export function pathInfo(node: Node, accounts: Accounts): Readonly<Record<string, unknown>> {
  return {
    uid: node.uid,
    gid: node.gid,
    owner: accounts.userNames.get(node.uid) ?? String(node.uid),
    group: accounts.groupNames.get(node.gid) ?? String(node.gid),
    mode: formatMode(node.mode),
    size: node.size,
    state:
      node.type === "file"
        ? node.links > 1
          ? "hard"
          : "file"
        : node.type === "directory" || node.type === "link"
          ? node.type
          : "file",
  };
}

/** Ansible's word for what lies at a path, as its messages use it. */
export function stateName(stat: Stat | undefined): string {
  if (stat === undefined) return "absent";
  if (stat.type === "link" || stat.type === "directory") return stat.type;
  return stat.links > 1 ? "hard" : "file";
}
