// `crun tree snapshot` and `crun tree snapshots`: takes one, lists them, removes some.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { cleanLine } from "../../report/clean.js";
import { table } from "../../report/table.js";
import { userAtHost } from "../user-at-host.js";
import type { SnapshotInfo } from "../../tree/snapshot.js";
import { atDesk, type LookOptions } from "./open-trees.js";

/** Takes a snapshot of each tree of the pattern. */
export async function runTreeSnapshot(
  pattern: string,
  note: string | undefined,
  options: LookOptions,
): Promise<number> {
  return atDesk(options, async (desk) => {
    const { trees, isLost } = await desk.openAll(pattern);
    for (const { name, snapshots } of trees) {
      const takenAt = new Date().toISOString();
      const wish = { kind: "single", takenAt, by: userAtHost(), ...(note === undefined ? {} : { note }) } as const;
      const info = await snapshots.take(wish, undefined);
      if (desk.isJson) desk.printData({ event: "snapshot", tree: name, ...info });
      else desk.print(`${cleanLine(name)}@${info.number}  ${storageText(info)}\n`);
    }
    return isLost ? 4 : 0;
  });
}

export interface SnapshotsOptions extends LookOptions {
  /** Numbers of those that are taken away first, as `3,5-7`. */
  readonly remove: string | undefined;
  /** How many runs' snapshots stay. */
  readonly keep: string | undefined;
}

/** Lists a tree's snapshots, once those are taken away that are to go. */
export async function runTreeSnapshots(reference: string, options: SnapshotsOptions): Promise<number> {
  const gone = options.remove === undefined ? [] : numbersIn(options.remove);
  const keep = options.keep === undefined ? undefined : keepIn(options.keep);
  return atDesk(options, async (desk) => {
    const { name, snapshots } = await desk.open(reference);
    if (gone.length > 0) await snapshots.remove(gone);
    if (keep !== undefined) await snapshots.trim(keep);
    const infos = await snapshots.list();
    if (desk.isJson) for (const info of infos) desk.printData({ event: "snapshot", tree: name, ...info });
    else if (infos.length === 0) desk.print(`${cleanLine(name)} has no snapshots\n`);
    else desk.print(table(["#", "KIND", "TAKEN", "RUN", "PLAYBOOK", "BY", "STORED", "NOTE"], infos.map(row)));
    return 0;
  });
}

function row(info: SnapshotInfo): string[] {
  const { number, kind, takenAt, run = "", playbook = "", by = "", storage, note = "" } = info;
  return [String(number), kind, takenAt.slice(0, 19).replace("T", " "), run, playbook, by, storage, note];
}

function storageText({ storage }: SnapshotInfo): string {
  return storage === "btrfs"
    ? "a read-only subvolume"
    : "a manifest: what there was, without contents (the trees lie on no btrfs)";
}

function keepIn(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new CrunError({
    severity: "error",
    summary: `--keep ${text}: no number of runs`,
    remedy: "Write how many runs' snapshots are to stay, from 1.",
  });
}

/** `3,5-7`. Throws a CrunError. */
export function numbersIn(text: string): number[] {
  const numbers = text.split(",").flatMap((part) => {
    const match = /^\s*([1-9]\d{0,8})(?:-([1-9]\d{0,8}))?\s*$/.exec(part);
    const from = Number(match?.[1]);
    const to = match?.[2] === undefined ? from : Number(match[2]);
    if (!match || to < from || to - from > 10_000)
      throw new CrunError({
        severity: "error",
        summary: `--remove ${text}: ${JSON.stringify(part)} is no number of a snapshot`,
        remedy: "Write numbers and ranges, as 3,5-7.",
      });
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
  return [...new Set(numbers)];
}
