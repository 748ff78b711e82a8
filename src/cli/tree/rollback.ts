// `crun tree rollback`: back to the tree before the last transaction, or a list of those that are kept.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { OldTrees, type KeptTree } from "../../engine/trees/old-trees.js";
import { cleanLine } from "../../report/clean.js";
import { table } from "../../report/table.js";
import { runMark } from "../../tree/place.js";
import { atDesk, type Desk, type LookOptions, type OpenTree } from "./open-trees.js";

export interface RollbackOptions extends LookOptions {
  /** The number of the old tree, as it was written. */
  readonly to: string | undefined;
  readonly restarts: boolean;
  readonly lists: boolean;
}

/** Gives the exit status: 0 all went back, 2 one did not, 4 one could not be reached. */
export async function runTreeRollback(pattern: string, options: RollbackOptions): Promise<number> {
  const to = options.to === undefined ? undefined : numberIn(options.to);
  const startedAt = new Date();
  return atDesk(options, async (desk) => {
    const { trees, isLost } = await desk.openAll(pattern);
    if (options.lists) {
      for (const tree of trees) showKept(desk, tree, await oldTrees(tree).list());
      return isLost ? 4 : 0;
    }
    const run = runMark({ startedAt, pid: process.pid });
    const statuses = await Promise.all(
      trees.map(async (tree) => {
        const onWait = (): void =>
          desk.warn({ severity: "warning", summary: `${tree.name}: another run works on the tree; waiting for it` });
        try {
          const wish = { to, restarts: options.restarts, run, onWait, isInterrupted: () => false };
          showBack(desk, tree, await oldTrees(tree).rollback(wish));
          return 0;
        } catch (error) {
          if (!(error instanceof CrunError)) throw error;
          for (const one of error.diagnostics) desk.warn(one);
          return error.exitStatus;
        }
      }),
    );
    return isLost ? 4 : Math.max(0, ...statuses);
  });
}

function oldTrees({ session, path, name }: OpenTree): OldTrees {
  return new OldTrees(session, path, name);
}

function showBack(desk: Desk, { name }: OpenTree, { number, info }: KeptTree): void {
  if (desk.isJson) return desk.printData({ event: "rollback", tree: name, number, ...info });
  desk.print(
    `${cleanLine(name)}  went back to ${number}, which was replaced ${when(info.replacedAt)}; what was there is kept as ${number} now\n`,
  );
}

function showKept(desk: Desk, { name }: OpenTree, kept: readonly KeptTree[]): void {
  if (desk.isJson) {
    for (const { number, info } of kept) desk.printData({ event: "old", tree: name, number, ...info });
    return;
  }
  if (kept.length === 0) return desk.print(`${cleanLine(name)} has no old trees\n`);
  const rows = kept.map(({ number, info }) => [
    cleanLine(name),
    String(number),
    when(info.replacedAt),
    info.why,
    cleanLine(info.run),
    cleanLine(info.play ?? ""),
  ]);
  desk.print(table(["TREE", "#", "REPLACED", "BY", "RUN", "PLAY"], rows));
}

function when(iso: string): string {
  return cleanLine(iso.slice(0, 19).replace("T", " "));
}

function numberIn(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new CrunError({
    severity: "error",
    summary: `--to ${text}: no number of an old tree`,
    remedy: "crun tree rollback --list TREE shows them.",
  });
}
