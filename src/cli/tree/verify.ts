// `crun tree verify`: whether a tree is whole, as its record says, and as crun left it.

import { cleanLine } from "../../report/clean.js";
import { compareTrees } from "../../target/compare-trees.js";
import { checkTree } from "../../target/check-tree.js";
import { differenceData, differenceLine, summaryOf } from "../../tree/difference/difference-text.js";
import { lastAfter } from "../../tree/snapshot.js";
import { atDesk, type Desk, type LookOptions, type OpenTree } from "./open-trees.js";

/** Differences that are shown of each tree; `crun tree diff` shows them all. */
const mostShown = 20;

/** Gives 0 where all is well, 2 where something is not, 4 where a host could not be looked at. */
export async function runTreeVerify(pattern: string, options: LookOptions): Promise<number> {
  return atDesk(options, async (desk) => {
    const { trees, isLost } = await desk.openAll(pattern);
    let isWell = true;
    for (const tree of trees) isWell = (await verify(desk, tree)) && isWell;
    return isLost ? 4 : isWell ? 0 : 2;
  });
}

async function verify(desk: Desk, { name, snapshots }: OpenTree): Promise<boolean> {
  const { problems, notes, isThere } = await checkTree(snapshots.root, snapshots.place);
  const infos = isThere ? await snapshots.list() : [];
  const last = lastAfter(infos) ?? infos.at(-1);
  const now = { kind: "session", session: snapshots.tree } as const;
  const found = last ? await compareTrees(await snapshots.compared(last), now, { isSuccessor: true }) : [];
  const isWell = problems.length === 0 && found.length === 0;
  const since = last && `${name}@${last.number}`;
  if (desk.isJson) {
    const differences = found.map((one) => differenceData(one));
    desk.printData({ event: "verified", tree: name, ok: isWell, problems, notes, since: since ?? null, differences });
    return isWell;
  }
  desk.print(`${isWell ? desk.paint.status.ok("well") : desk.paint.status.failed("not well")}  ${cleanLine(name)}\n`);
  for (const problem of problems) desk.print(`  ${cleanLine(problem)}\n`);
  for (const note of notes) desk.print(`  ${cleanLine(note)}\n`);
  if (since !== undefined) desk.print(`  since ${cleanLine(since)}: ${summaryOf(found)}\n`);
  else if (isThere)
    desk.print("  nothing was kept to compare it with (crun tree snapshot, or track: snapshot in a play)\n");
  for (const one of found.slice(0, mostShown)) desk.print(`    ${cleanLine(differenceLine(one))}\n`);
  if (found.length > mostShown)
    desk.print(`    and ${found.length - mostShown} more: crun tree diff ${cleanLine(name)}\n`);
  return isWell;
}
