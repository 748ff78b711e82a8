// Makes the directories that are missing above a path.

import type { Change, MakeDirectory, SetAttributes } from "./change.js";
import type { Context, Refusal } from "./contract.js";
import type { FileParams, Node } from "./file-params.js";
import { attributeChange, differenceOf } from "./file-params.js";
import { defaultDirectoryMode } from "./mode.js";
import type { Accounts } from "./ownership.js";
import { defaultOwnership } from "./ownership.js";
import type { StatObservation, StatProbe } from "./probe.js";
import { parentsOf } from "./tree-path.js";

/** Looks at each parent of a path, links followed, from the top down. */
export function parentProbes(path: string): readonly StatProbe[] {
  return parentsOf(path).map((parent) => ({ kind: "stat", path: parent, follow: true }));
}

/** Mode, owner and group for new directories; a fresh directory is root's (or become_user's) with 0755. */
export interface DirectoryMaker {
  readonly params: FileParams;
  readonly accounts: Accounts;
  readonly owner: { readonly uid: number; readonly gid: number };
}

/** A maker for a module's params; new directories belong to the task's become_user where the params do not say. */
export function directoryMaker(params: FileParams, accounts: Accounts, context: Context): DirectoryMaker {
  return { params, accounts, owner: defaultOwnership(context.becomeUser, accounts) };
}

/** A directory as what is made in it sees it: with the setgid bit its group is passed on, to directories the bit, too. */
export type Above = Pick<Node, "mode" | "gid">;

const setgid = 0o2000;

/** What the kernel gives to what is made in a directory; nothing where the maker's own group holds. */
export function inherited(above: Above | undefined, type: "file" | "directory"): { mode?: number; gid?: number } {
  if (above === undefined || (above.mode & setgid) === 0) return {};
  return { gid: above.gid, ...(type === "directory" ? { mode: defaultDirectoryMode | setgid } : {}) };
}

/** Changes that make `paths`, those of them that are missing, in order; or why it cannot be. `last`: the last of them. */
export function planParents(
  paths: readonly string[],
  seen: readonly StatObservation[],
  maker: DirectoryMaker,
): { readonly changes: readonly Change[]; readonly refusal?: Refusal; readonly last?: Above } {
  const changes: Change[] = [];
  let above: Above | undefined;
  for (const [index, path] of paths.entries()) {
    const stat = seen[index]?.stat;
    if (stat?.type === "directory") {
      above = stat;
      continue;
    }
    if (stat !== undefined)
      return {
        changes: [],
        refusal: { message: `There was an issue creating ${path} as requested: it is no directory` },
      };
    const made = planDirectory(path, maker, above);
    if (made.refusal) return { changes: [], refusal: made.refusal };
    changes.push(...made.changes);
    above = made.node;
  }
  return { changes, ...(above ? { last: above } : {}) };
}

/** One new directory with the attributes that the params ask for, and what it will be. `above`: where it is made. */
export function planDirectory(
  path: string,
  maker: DirectoryMaker,
  above: Above | undefined,
): { readonly changes: readonly (MakeDirectory | SetAttributes)[]; readonly node: Node; readonly refusal?: Refusal } {
  const given = inherited(above, "directory");
  const fresh: Node = { type: "directory", mode: defaultDirectoryMode, ...maker.owner, ...given, links: 2, size: 0 };
  const { refusal, setFlags, clearFlags, ...fields } = differenceOf(maker.params, fresh, maker.accounts);
  if (refusal) return { changes: [], node: fresh, refusal };
  const node = { ...fresh, ...fields };
  const flags = attributeChange(path, node, {
    ...(setFlags ? { setFlags } : {}),
    ...(clearFlags ? { clearFlags } : {}),
  });
  return {
    changes: [
      { kind: "makeDirectory", path, ...given, ...fields, expect: { type: "absent" } },
      ...(flags ? [flags] : []),
    ],
    node,
  };
}
