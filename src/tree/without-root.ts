// What trees need of a host on which crun is not root, and what to say where that is not there.

import type { ExecChange } from "../module/change.js";
import type { Refusal } from "../module/contract.js";
import { hasSingleId, remedyFor, why, type Reach } from "../module/reach.js";
import { hostProgram } from "./program.js";
import type { BackendName } from "./record.js";

/** `one id`: a user namespace with the login's single id does. `root`: nothing less than root of the host, for the reason that is said. */
export type WithoutRoot =
  | { readonly takes: "one id" }
  | { readonly takes: "subordinate ids"; readonly because: string }
  | { readonly takes: "root"; readonly because: string; readonly instead: string };

/** How trees can be stored without root. */
export const backendsWithoutRoot: Readonly<Record<BackendName, WithoutRoot>> = {
  directory: { takes: "one id" },
  btrfs: { takes: "one id" },
  overlay: {
    takes: "root",
    because: "what a login mounts nobody else sees, and it ends with the run",
    instead: "Say backend: directory, or auto",
  },
  zfs: { takes: "root", because: "datasets are made and mounted by root", instead: "Say backend: directory, or auto" },
};

/** Of btrfs, where quotas count. */
export const sizeWithoutRoot: WithoutRoot = {
  takes: "root",
  because: "quotas of btrfs are set by root",
  instead: "Leave size out",
};

/** Why `what` (a source, a backend) cannot be had; undefined: it can. */
export function withoutRootRefusal(what: string, needs: WithoutRoot, reach: Reach): Refusal | undefined {
  if (!reach.isRootless) return undefined;
  if (needs.takes === "root")
    return {
      message: `${what} takes root on the host, and crun is not root there: ${needs.because}`,
      remedy: `${needs.instead}, or become root (crun_become).`,
    };
  if (!reach.hasEntries)
    return {
      message: `${what} takes a user namespace where crun is not root${why(reach)}`,
      remedy: remedyFor(reach),
    };
  if (needs.takes === "one id" || !hasSingleId(reach)) return undefined;
  return {
    message: `${what} takes subordinate ids where crun is not root: ${needs.because}${why(reach)}`,
    remedy: remedyFor(reach),
  };
}

/** Why trees cannot be stored so. */
export function backendRefusal(name: BackendName, reach: Reach): Refusal | undefined {
  return withoutRootRefusal(`the backend ${name}`, backendsWithoutRoot[name], reach);
}

/** Why a new tree cannot be made from the source, stored as it is wished, or be limited. */
export function newTreeRefusal(
  source: { readonly name: string; readonly withoutRoot: WithoutRoot },
  wish: { readonly backend: BackendName | "auto"; readonly size?: number | "none" | undefined },
  reach: Reach,
): Refusal | undefined {
  return (
    withoutRootRefusal(source.name, source.withoutRoot, reach) ??
    (wish.backend === "auto" || !(wish.backend in backendsWithoutRoot)
      ? undefined
      : backendRefusal(wish.backend, reach)) ??
    (typeof wish.size === "number" ? withoutRootRefusal("size", sizeWithoutRoot, reach) : undefined)
  );
}

/**
 * Shell words that print the first thing beneath `$1` which belongs to somebody else's ids, or the first directory that can therefore not be emptied; nothing with root.
 * Who has no name in the user namespace is shown as nobody, and unlike nobody's its files cannot be written to by the namespace's root.
 */
export const findForeign =
  'foreign=; while read -r inside outside count; do [ "$outside" = 0 ] && [ "$count" = 4294967295 ] && whole=1; done </proc/self/uid_map; ' +
  '[ -n "${whole-}" ] || foreign=$(find "$1" -xdev \\( -uid 65534 -o -gid 65534 \\) ! -type l ! -writable -print -quit 2>/dev/null)';

const check = `${findForeign}; [ -z "$foreign" ] || { echo "$foreign belongs to an id that this login has not" >&2; exit 1; }`;

/** Fails where something beneath the path cannot be taken away without root: before anything is done. */
export function foreignCheck(path: string): ExecChange {
  return hostProgram({ argv: ["sh", "-c", check, "looking for files of other ids", path] });
}
