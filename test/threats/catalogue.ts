// Which attack is carried out where: a cell for each row of the threats and each way that crun touches a tree.

import { fileRows } from "./catalogue-files.js";
import { processRows } from "./catalogue-processes.js";

/** How crun gets at a tree. `files…`: file operations; the others: processes by that entry. */
export const ways = {
  files: [
    // a tree that no process is in
    "files",
    // the same, where the kernel (or a filter around crun) knows no openat2
    "files/no-openat2",
    // the own root of a machine that runs
    "files/machine",
    // without root, in a user namespace
    "files/rootless",
  ],
  processes: ["unshare", "chroot", "nspawn", "machine", "host", "rootless"],
} as const;

export type FileWay = (typeof ways.files)[number];
export type ProcessWay = (typeof ways.processes)[number];
export type Way = FileWay | ProcessWay;

/**
 * `test`: a test carries it out; its title begins with the row and the way, as in `row 3 (files, files/rootless): …` or
 * `rows 1, 2 (unshare): …`. `none`: why it cannot be tried. `limit`: what crun refuses, warns of or does not hold; the words are
 * those of docs/SECURITY.md.
 */
export type Cell = "test" | { readonly none: string } | { readonly limit: string };

export interface Row {
  readonly row: number;
  readonly attack: string;
  readonly cells: Partial<Record<Way, Cell>>;
}

/** Every row; those that concern files and processes both have cells of both. */
export function catalogue(): readonly Row[] {
  const merged = new Map<number, Row>();
  for (const one of [...fileRows, ...processRows]) {
    const known = merged.get(one.row);
    merged.set(one.row, known ? { ...known, cells: { ...known.cells, ...one.cells } } : one);
  }
  return [...merged.values()].sort((one, other) => one.row - other.row);
}

/** Rows and ways that the title of a test names; none where it names no row. */
export function tagsOf(title: string): readonly { readonly row: number; readonly way: string }[] {
  const [, rows = "", named = ""] = /^rows? (\d+(?:(?:, | and )\d+)*) \(([^)]+)\): /.exec(title) ?? [];
  const numbers = rows.match(/\d+/g) ?? [];
  return numbers.flatMap((row) => named.split(", ").map((way) => ({ row: Number(row), way })));
}

/** The table, as Markdown. */
export function tableOf(rows: readonly Row[], columns: readonly Way[]): string {
  const shown = (cell: Cell | undefined): string =>
    cell === undefined ? "" : cell === "test" ? "test" : "none" in cell ? `– ${cell.none}` : `limit: ${cell.limit}`;
  return [
    `| # | attack | ${columns.join(" | ")} |`,
    `|---|---|${columns.map(() => "---").join("|")}|`,
    ...rows.map(
      ({ row, attack, cells }) => `| ${row} | ${attack} | ${columns.map((way) => shown(cells[way])).join(" | ")} |`,
    ),
  ].join("\n");
}
