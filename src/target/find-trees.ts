// Looks which trees there are in a directory of a host. What it says is data of the host: bounded, and names are checked.

import { CrunError, type Diagnostic } from "../diagnostic/diagnostic.js";
import { describeFailure } from "../module/failure-text.js";
import type { ListObservation } from "../module/probe.js";
import { escapeControls } from "../wire/noise.js";
import type { HostSession } from "./session.js";

/** A directory with more entries than this is no directory of trees. */
export const mostTrees = 4096;
/** Names that are shown of those that are left out. */
const mostShown = 3;
const nameOfTree = /^[A-Za-z0-9_](?:[A-Za-z0-9_.@+-]{0,254})$/;

export interface FoundTrees {
  /** Sorted. */
  readonly names: readonly string[];
  readonly warnings: readonly Diagnostic[];
}

/** One look; the directory may be a link. Rejects with a CrunError (exitStatus 4) where it cannot be listed or holds too much. */
export async function findTrees(session: HostSession, directory: string): Promise<FoundTrees> {
  const root = session.openTree("/", { entry: "auto", isHostRoot: true });
  try {
    const [answer] = await root.observe([{ kind: "list", path: directory, depth: 1, limit: mostTrees + 1 }]);
    if (answer?.kind !== "list") throw new Error("a list was asked for");
    return treesIn(session.host, directory, answer);
  } finally {
    await root.close();
  }
}

function treesIn(host: string, directory: string, seen: ListObservation): FoundTrees {
  const where = `${host}: ${directory}`;
  if (seen.failure) {
    const why = escapeControls(describeFailure(seen.failure));
    throw lost(
      `${where} cannot be listed: ${why}`,
      "Set crun_trees to a directory that the login can read, or become root on the host (crun_become).",
    );
  }
  if (!seen.stat) {
    const remedy = "Set crun_trees to the directory that holds the trees.";
    return {
      names: [],
      warnings: [{ severity: "warning", summary: `${where} is not there, so it has no trees`, remedy }],
    };
  }
  if (seen.stat.type !== "directory")
    throw lost(`${where} is no directory`, "Set crun_trees to the directory that holds the trees.");
  if (seen.isTruncated || seen.entries.length > mostTrees) {
    const summary = `${where} has more than ${mostTrees} entries: trees are not looked for there`;
    throw lost(summary, "Name the trees in the inventory, or set crun_trees to a directory of trees alone.");
  }
  const names: string[] = [];
  const odd: string[] = [];
  for (const { name, stat } of seen.entries) {
    if (stat.type !== "directory" || name.startsWith(".")) continue;
    if (nameOfTree.test(name)) names.push(name);
    else odd.push(name);
  }
  return { names: names.sort(), warnings: odd.length === 0 ? [] : [leftOut(where, odd)] };
}

function leftOut(where: string, odd: readonly string[]): Diagnostic {
  const shown = odd.slice(0, mostShown).map((name) => `"${escapeControls(name.slice(0, 60))}"`);
  const more = odd.length > mostShown ? ` and ${odd.length - mostShown} more` : "";
  return {
    severity: "warning",
    summary: `${where}: no trees, for their names: ${shown.join(", ")}${more}`,
    remedy: "Letters, digits and _ . @ + - make a tree's name, and none of . @ + - begins it.",
  };
}

function lost(summary: string, remedy: string): CrunError {
  return new CrunError({ severity: "error", summary, remedy }, 4);
}
