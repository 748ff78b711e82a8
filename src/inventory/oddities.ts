// What is odd about an inventory, but no error.

import type { Diagnostic } from "../diagnostic/diagnostic.js";
import { editDistance } from "../diagnostic/near.js";
import type { Graph } from "./graph.js";

/** A group_vars or host_vars directory and the names that it has files for. */
export interface NamedFiles {
  readonly path: string;
  readonly kind: "group" | "host";
  readonly names: readonly string[];
}

/** More stray files than these belong to other inventories. */
const maximalStrays = 50;
/** Comparing more pairs of names than these would take longer than reading the inventory. */
const maximalPairs = 50_000;

/** Groups and entries of one name. */
export function doubleNames(graph: Graph): Diagnostic[] {
  return [...graph.groups.keys()].flatMap((name): Diagnostic[] => {
    if (!graph.entries.has(name) || graph.groups.get(name)?.own.includes(name) === true) return [];
    const summary = `${JSON.stringify(name)} is the name of a group and of a host: patterns mean the host`;
    return [{ severity: "warning", summary, remedy: "Give one of them another name." }];
  });
}

/** Files of variables for a name that is unknown, where a near name is known and has none: nobody reads them. */
export function strayFiles(graph: Graph, hosts: ReadonlySet<string>, folders: readonly NamedFiles[]): Diagnostic[] {
  return folders.flatMap(({ path, kind, names }) => {
    const isKnown = (name: string): boolean => (kind === "group" ? graph.groups.has(name) : hosts.has(name));
    const strays = names.filter((name) => !isKnown(name));
    if (strays.length === 0 || strays.length > maximalStrays) return [];
    const served = new Set(folders.flatMap((one) => (one.kind === kind ? one.names : [])));
    const candidates = [...(kind === "group" ? graph.groups.keys() : hosts)].filter((name) => !served.has(name));
    if (strays.length * candidates.length > maximalPairs) return [];
    return strays.flatMap((name): Diagnostic[] => {
      const near = candidates.find((one) => isSlip(name, one));
      if (near === undefined) return [];
      const summary = `${path}/${name} is for no ${kind} of this inventory`;
      return [{ severity: "warning", summary, remedy: `Did you mean ${JSON.stringify(near)}?` }];
    });
  });
}

/** A letter or two apart; names that differ in their numbers alone are different names. */
function isSlip(name: string, candidate: string): boolean {
  if (name.replace(/\d+/g, "") === candidate.replace(/\d+/g, "")) return false;
  const limit = Math.min(2, Math.floor(candidate.length / 3));
  return limit > 0 && editDistance(name, candidate, limit) <= limit;
}
