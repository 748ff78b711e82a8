// Which backend stores a tree: the one that was asked for, or what its file system can do best.

import type { Refusal } from "../../module/contract.js";
import type { Backend, StorageSeen } from "../backend.js";
import { backendNames, type BackendName } from "../record.js";
import { NOTHING_SEEN } from "../storage-seen.js";
import { btrfs } from "./btrfs.js";
import { directory } from "./directory.js";
import { overlay } from "./overlay.js";
import { zfs } from "./zfs.js";

const makers: Readonly<Record<BackendName, (seen: StorageSeen) => Backend>> = { btrfs, directory, overlay, zfs };

/** All, for the documentation. */
export const backends: readonly Backend[] = Object.values(makers).map((make) => make(NOTHING_SEEN));

/** What is asked for nowhere is an overlay: its base must stay as it is. */
const automatic: readonly BackendName[] = ["btrfs", "zfs", "directory"];

/** The backend, for what was seen: overlays and datasets lie where that says. */
export function backendNamed(name: BackendName, seen: StorageSeen = NOTHING_SEEN): Backend {
  return makers[name](seen);
}

/** For a new tree. `auto` never refuses: a plain directory lies anywhere. */
export function chooseBackend(
  wanted: BackendName | "auto",
  seen: StorageSeen,
  wish: "create" | "clone",
): Backend | { readonly refusal: Refusal } {
  if (wanted === "auto") {
    const all = automatic.map((name) => backendNamed(name, seen));
    return all.find((one) => one.cannot(seen, wish) === undefined) ?? directory();
  }
  if (!backendNames.includes(wanted))
    return {
      refusal: {
        message: `${JSON.stringify(wanted)} is no way to store trees`,
        remedy: `crun_backend is one of auto, ${backendNames.join(", ")}.`,
      },
    };
  const backend = backendNamed(wanted, seen);
  const refusal = backend.cannot(seen, wish);
  return refusal ? { refusal } : backend;
}
