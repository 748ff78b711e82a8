// What is in a directory of the model, or matches a pattern: what was observed, overlaid with what was predicted.

import { globPattern } from "./glob-pattern.js";
import { nodeObservation, type Node } from "./model-node.js";
import type { GlobProbe, ListEntry, ListProbe } from "./probe.js";

type Overlay = ReadonlyMap<string, Node>;

/** What was listed, less what is predicted to be gone, with what is predicted to be there. */
export function mergeEntries(
  overlay: Overlay,
  probe: ListProbe,
  directory: string,
  entries: readonly ListEntry[],
): ListEntry[] {
  const root = probe.at === "host" ? "h" : "t";
  const prefix = `${root}${directory === "/" ? "" : directory}/`;
  const found = new Map(entries.map((entry) => [entry.name, entry]));
  for (const [key, node] of overlay) {
    if (!key.startsWith(prefix) || key.length === prefix.length) continue;
    const name = key.slice(prefix.length);
    if (node === "absent" || node.isNewDirectory) {
      for (const other of found.keys()) if (other === name || other.startsWith(`${name}/`)) found.delete(other);
    }
    if (node === "absent" || (probe.depth > 0 && name.split("/").length > probe.depth)) continue;
    const observation = nodeObservation(
      { kind: "hash", path: key.slice(1), algorithms: probe.algorithms ?? [] },
      key.slice(1),
      node,
    );
    const digests =
      observation.kind === "hash" && node.content
        ? observation.digests
        : (node.digests ?? found.get(name)?.digests ?? {});
    found.set(name, { name, stat: node.stat, digests });
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Paths that were found by a pattern, less what is predicted to be gone, with what is predicted to be there. */
export function mergePaths(overlay: Overlay, probe: GlobProbe, found: readonly string[]): string[] {
  const root = probe.at === "host" ? "h" : "t";
  const paths = new Set(found);
  const pattern = globPattern(probe.path);
  for (const [key, node] of overlay) {
    if (!key.startsWith(root)) continue;
    const path = key.slice(1);
    if (node === "absent") {
      for (const other of paths) if (other === path || other.startsWith(`${path}/`)) paths.delete(other);
    } else if (pattern.test(path)) paths.add(path);
  }
  return [...paths].sort();
}
