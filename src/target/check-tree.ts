// Checks a tree against its record: is it there, stored as written, whole, its base still the one it came from.

import { outputText } from "../module/command-result.js";
import { describeFailure } from "../module/failure-text.js";
import type { Observation } from "../module/probe.js";
import { treePlace, type TreePlace } from "../tree/place.js";
import { recipeHash } from "../tree/recipe.js";
import { parseRecord, type TreeRecord } from "../tree/record.js";
import type { TreeSession } from "./session.js";

export interface TreeCheck {
  readonly isThere: boolean;
  /** What is not as it should be, a sentence each. */
  readonly problems: readonly string[];
  /** What is worth knowing and no fault. */
  readonly notes: readonly string[];
}

/** `root` is the host's. Two round trips. */
export async function checkTree(root: TreeSession, place: TreePlace): Promise<TreeCheck> {
  const [tree, written, making] = await root.observe([
    { kind: "stat", path: place.path, withFileSystem: true },
    { kind: "read", path: place.record },
    { kind: "list", path: place.making, depth: 1 },
  ]);
  if (tree?.kind !== "stat" || written?.kind !== "read" || making?.kind !== "list")
    throw new Error("answers of other kinds than was asked for");
  const problems: string[] = [];
  const notes: string[] = [];
  const isThere = tree.stat?.type === "directory";
  if (tree.failure) problems.push(`it cannot be looked at: ${describeFailure(tree.failure)}`);
  else if (!isThere) problems.push(tree.stat ? `it is a ${tree.stat.type}, no directory` : "it is not there");
  const record = recordIn(written);
  if (typeof record === "string") problems.push(`${place.record}: ${record}`);
  else if (!record) notes.push("crun did not make it: there is no record of what it was made from");
  else {
    if (recipeHash(record.recipe) !== record.recipeHash)
      problems.push(`${place.record}: its recipe does not have the hash that is written there`);
    const isSubvolume = tree.fileSystem === "btrfs" && tree.stat?.inode === 256;
    if (record.backend === "btrfs" && isThere && !isSubvolume)
      problems.push("it is no btrfs subvolume, though its record says so: it was moved or copied");
    notes.push(...(await baseNotes(root, record)));
  }
  const left = making.entries.filter(({ name }) => name.startsWith(`${place.name}.`) && !name.includes("/"));
  if (left.length > 0) notes.push(`${left.length} unfinished beside it, of a run that goes on or was killed`);
  return { isThere, problems, notes };
}

async function baseNotes(root: TreeSession, { base }: TreeRecord): Promise<string[]> {
  if (!base) return [];
  const [tree, written] = await root.observe([
    { kind: "stat", path: base.path },
    { kind: "read", path: treePlace(base.path).record },
  ]);
  if (tree?.kind === "stat" && !tree.stat) return [`its base ${base.path} is not there any more`];
  const record = recordIn(written);
  const isOther = record && typeof record !== "string" && base.recipeHash !== undefined;
  return isOther && record.recipeHash !== base.recipeHash
    ? [`its base ${base.path} was made anew from another recipe since`]
    : [];
}

/** A sentence where it cannot be read; undefined: there is none. */
function recordIn(answer: Observation | undefined): TreeRecord | string | undefined {
  if (answer?.kind !== "read") return undefined;
  if (answer.failure) return `it cannot be read: ${describeFailure(answer.failure)}`;
  if (!answer.stat) return undefined;
  const record = answer.content ? parseRecord(outputText(answer.content)) : { problem: "it cannot be read" };
  return "problem" in record ? record.problem : record;
}
