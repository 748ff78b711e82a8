// Looks at all trees of a directory on a host: how each is stored, what it was made from, its snapshots, whether it runs.

import { CrunError } from "../diagnostic/diagnostic.js";
import { outputText } from "../module/command-result.js";
import { describeFailure } from "../module/failure-text.js";
import type { ListObservation, Observation, Probe } from "../module/probe.js";
import { treePlace } from "../tree/place.js";
import { parseRecord, type TreeRecord } from "../tree/record.js";
import { numberIn } from "../tree/snapshot.js";
import { mostTrees } from "./find-trees.js";
import type { HostSession } from "./session.js";

/** A tree as it is listed. */
export interface ListedTree {
  readonly name: string;
  readonly path: string;
  /** What it was made from; undefined: not by crun. */
  readonly record: TreeRecord | undefined;
  /** Why its record says nothing. */
  readonly problem: string | undefined;
  readonly snapshots: number;
  /** The machine that runs from it. */
  readonly machine: string | undefined;
}

/** Trees that are looked into at once. */
const treesAtOnce = 16;

/** All of them, by name; a directory that is not there holds none. Rejects with a CrunError (exitStatus 4) where it cannot be listed. */
export async function listTrees(
  session: HostSession,
  directory: string,
  isWanted: (path: string) => boolean,
): Promise<readonly ListedTree[]> {
  const root = session.openTree("/", { entry: "auto", isHostRoot: true, isAsRoot: true });
  try {
    const keep = treePlace(`${directory}/x`).keep;
    const [trees, records, snapshots] = await root.observe([
      { kind: "list", path: directory, depth: 1, limit: mostTrees + 1 },
      { kind: "glob", path: `${globbed(keep)}/*.json` },
      { kind: "list", path: `${keep}/snapshots`, depth: 2 },
    ]);
    const names = namesIn(session.host, directory, trees).filter((name) => isWanted(`${directory}/${name}`));
    const hasRecord = new Set(records?.kind === "glob" ? records.paths : []);
    const known = names.filter((name) => hasRecord.has(treePlace(`${directory}/${name}`).record));
    const probes = known.map((name): Probe => ({ kind: "read", path: treePlace(`${directory}/${name}`).record }));
    const answers = new Map((await root.observe(probes)).map((answer, index) => [known[index], answer]));
    const counts = countsIn(snapshots);
    const machines = await machinesOf(
      session,
      names.map((name) => `${directory}/${name}`),
    );
    return names.map((name) => {
      const record = recordIn(answers.get(name));
      const path = `${directory}/${name}`;
      const isRead = record !== undefined && !("problem" in record);
      return {
        name,
        path,
        record: isRead ? record : undefined,
        problem: record && "problem" in record ? record.problem : undefined,
        snapshots: counts.get(name) ?? 0,
        machine: machines.get(path),
      };
    });
  } finally {
    await root.close();
  }
}

/** A path is no pattern. */
function globbed(path: string): string {
  return path.replace(/[*?[\]\\]/g, "[$&]").replace("[\\]", "\\\\");
}

function namesIn(host: string, directory: string, seen: Observation | undefined): string[] {
  if (seen?.kind !== "list") throw new Error("a list was asked for");
  const lost = (why: string, remedy?: string): CrunError =>
    new CrunError({ severity: "error", summary: `${host}: ${directory} cannot be listed: ${why}`, remedy }, 4);
  if (seen.failure)
    throw lost(
      describeFailure(seen.failure),
      "Set crun_trees to a directory that the login can read, or become root on the host (crun_become).",
    );
  if (seen.isTruncated) throw lost(`it holds more than ${mostTrees} names`);
  return seen.entries
    .filter(({ name, stat }) => stat.type === "directory" && !name.startsWith("."))
    .map(({ name }) => name)
    .sort();
}

function recordIn(answer: Observation | undefined): TreeRecord | { readonly problem: string } | undefined {
  if (answer?.kind !== "read") return undefined;
  if (answer.failure) return { problem: describeFailure(answer.failure) };
  return answer.content ? parseRecord(outputText(answer.content)) : { problem: "it cannot be read" };
}

/** Snapshots of each tree: those that have their note. */
function countsIn(seen: Observation | ListObservation | undefined): Map<string, number> {
  const counts = new Map<string, number>();
  if (seen?.kind !== "list") return counts;
  for (const { name } of seen.entries) {
    const [tree = "", file] = name.split("/");
    if (file?.endsWith(".json") && numberIn(file) !== undefined) counts.set(tree, (counts.get(tree) ?? 0) + 1);
  }
  return counts;
}

async function machinesOf(session: HostSession, paths: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const queue = paths.values();
  const worker = async (): Promise<void> => {
    for (const path of queue) {
      const tree = session.openTree(path, { entry: "chroot", isHostRoot: false });
      try {
        const [answer] = await tree.observe([{ kind: "machine" }]);
        if (answer?.kind === "machine" && answer.machine) found.set(path, answer.machine.name);
      } catch (error) {
        // A tree that went away meanwhile runs no machine.
        if (!(error instanceof CrunError)) throw error;
      } finally {
        await tree.close();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(treesAtOnce, paths.length) }, worker));
  return found;
}
