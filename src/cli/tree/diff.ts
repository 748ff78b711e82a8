// `crun tree diff`: what is not the same in two trees, in a tree and a snapshot, or since crun last ran there.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { cleanLine } from "../../report/clean.js";
import { unifiedDiff } from "../../report/unified-diff.js";
import { compareTrees, contentDiffs, type ComparedTree } from "../../target/compare-trees.js";
import type { Difference } from "../../tree/difference/compare.js";
import type { ContentDiff } from "../../tree/difference/content-diff.js";
import { differenceData, differenceLine, summaryOf } from "../../tree/difference/difference-text.js";
import { lastAfter, type SnapshotInfo } from "../../tree/snapshot.js";
import { atDesk, type Desk, type LookOptions, type OpenTree } from "./open-trees.js";

export interface DiffOptions extends LookOptions {
  readonly isDiff: boolean;
  readonly withTimes: boolean;
  readonly exclude: readonly string[];
}

/** A side of the comparison and how it is called. */
interface Side {
  readonly name: string;
  readonly tree: ComparedTree;
}

/** Gives 0 where nothing differs, 2 where something does. Throws a CrunError (1) where there is nothing to compare with. */
export async function runTreeDiff(first: string, second: string | undefined, options: DiffOptions): Promise<number> {
  return atDesk(options, async (desk) => {
    const one = await desk.open(first);
    const other = second === undefined ? undefined : await desk.open(second);
    const before = other ? await sideOf(one) : await lastRunOf(one);
    const after = await sideOf(other ?? { ...one, snapshot: undefined });
    const { exclude, withTimes } = options;
    // A snapshot stands still, so what came after it can be told from it by inodes and times.
    const isSuccessor = !other || (isSameTree(one, other) && isOlder(one.snapshot, other.snapshot));
    const found = await compareTrees(before.tree, after.tree, { isSuccessor, exclude, withTimes });
    const contents = options.isDiff
      ? await contentDiffs(found, before.tree, after.tree)
      : new Map<string, ContentDiff>();
    showDifferences(desk, before.name, after.name, found, contents);
    return found.length === 0 ? 0 : 2;
  });
}

/** Prints them, as lines or as data. */
export function showDifferences(
  desk: Desk,
  before: string,
  after: string,
  found: readonly Difference[],
  contents: ReadonlyMap<string, ContentDiff>,
): void {
  const { paint } = desk;
  if (desk.isJson) {
    for (const one of found) {
      const diff = contents.get(one.path);
      desk.printData({ event: "difference", ...differenceData(one), ...(diff ? { diff: textsOf(diff) } : {}) });
    }
    const counts = (kind: Difference["kind"]): number => found.filter((one) => one.kind === kind).length;
    const totals = { added: counts("added"), removed: counts("removed"), changed: counts("changed") };
    desk.printData({ event: "comparison", before, after, ...totals });
    return;
  }
  for (const one of found) {
    const line = cleanLine(differenceLine(one));
    const painter = one.kind === "added" ? paint.added : one.kind === "removed" ? paint.removed : paint.status.changed;
    desk.print(`${painter(line)}\n`);
    const diff = contents.get(one.path);
    if (diff) desk.print(unifiedDiff(diff, paint));
  }
  desk.print(`${cleanLine(before)} → ${cleanLine(after)}: ${summaryOf(found)}\n`);
}

function textsOf({ before, after }: ContentDiff): { readonly before: string | null; readonly after: string | null } {
  return { before: before ?? null, after: after ?? null };
}

async function sideOf({ name, snapshot, snapshots }: OpenTree): Promise<Side> {
  if (snapshot === undefined) return { name, tree: { kind: "session", session: snapshots.tree } };
  return { name: `${name}@${snapshot}`, tree: await snapshots.compared(await snapshots.get(snapshot)) };
}

async function lastRunOf({ name, snapshot, snapshots }: OpenTree): Promise<Side> {
  const infos = await snapshots.list();
  const info = snapshot === undefined ? lastAfter(infos) : await snapshots.get(snapshot);
  if (!info) throw nothingKept(name, infos);
  const run = info.run === undefined ? "" : ` (${info.kind} run ${info.run}, ${info.takenAt.slice(0, 16)}Z)`;
  return { name: `${name}@${info.number}${run}`, tree: await snapshots.compared(info) };
}

/** Nothing tells what the tree was after the last run. */
export function nothingKept(name: string, infos: readonly SnapshotInfo[]): CrunError {
  const newest = infos.at(-1);
  const other = newest ? `, or compare with one that there is: crun tree diff ${name}@${newest.number} ${name}` : "";
  return new CrunError({
    severity: "error",
    summary: `${name}: no run of crun has kept what the tree was when it ended`,
    remedy: `Write track: snapshot in the play (or crun play --track snapshot), and the next run does${other}.`,
  });
}

function isSameTree(one: OpenTree, other: OpenTree): boolean {
  return one.session === other.session && one.path === other.path;
}

function isOlder(one: number | undefined, other: number | undefined): boolean {
  return one !== undefined && (other === undefined || one < other);
}
