// Which backend stores a tree: the one that was asked for, or what its file system can do best.

import type { Refusal } from "../../module/contract.js";
import type { Backend, StorageSeen } from "../backend.js";
import type { BackendName } from "../record.js";
import { btrfs } from "./btrfs.js";
import { directory } from "./directory.js";

/** Those that are built in, best first. */
export const backends: readonly Backend[] = [btrfs, directory];

export function backendNamed(name: BackendName): Backend {
  const found = backends.find((one) => one.name === name);
  if (!found) throw new Error(`no backend is called ${name}`);
  return found;
}

/** For a new tree. `auto` never refuses: a plain directory lies anywhere. */
export function chooseBackend(
  wanted: BackendName | "auto",
  seen: StorageSeen,
  wish: "create" | "clone",
): Backend | { readonly refusal: Refusal } {
  if (wanted === "auto") return backends.find((one) => one.cannot(seen, wish) === undefined) ?? directory;
  const backend = backendNamed(wanted);
  const refusal = backend.cannot(seen, wish);
  return refusal ? { refusal } : backend;
}
