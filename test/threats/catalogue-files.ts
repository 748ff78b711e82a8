// The catalogue's rows for file operations.

import type { Cell, FileWay, Row } from "./catalogue.js";

const everywhere: Readonly<Record<FileWay, Cell>> = {
  files: "test",
  "files/no-openat2": "test",
  "files/machine": "test",
  "files/rootless": "test",
};

/** A row that concerns files has a cell for each of their ways. */
export const fileRows: readonly (Row & { readonly cells: Readonly<Record<FileWay, Cell>> })[] = [
  { row: 1, attack: "absolute or `..` link out of the tree", cells: everywhere },
];
