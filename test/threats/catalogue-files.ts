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
  { row: 2, attack: "component swapped during the operation", cells: everywhere },
  {
    row: 3,
    attack: "passwd and other files that crun reads by itself are links, fifos, devices, 10 GB",
    cells: everywhere,
  },
  { row: 4, attack: "parent swapped during recursive delete, copy, chown", cells: everywhere },
  { row: 10, attack: "code loaded from the tree: NSS, gconv, nscd socket", cells: everywhere },
  { row: 13, attack: "fifo, socket, lease, device blocks an open", cells: everywhere },
  { row: 14, attack: "hard link to a host file in the same file system", cells: everywhere },
  {
    row: 19,
    attack: "evil archives: links, absolute names, `..`, device nodes, bombs",
    cells: { ...everywhere, "files/machine": { none: "an archive becomes a new tree, which no machine runs yet" } },
  },
  { row: 20, attack: "50,000 levels deep, a directory of a million names", cells: everywhere },
  { row: 21, attack: "names with newline, escape sequences, invalid UTF-8", cells: everywhere },
  {
    row: 24,
    attack: "settings shipped with an image",
    cells: { ...everywhere, "files/machine": { none: "an archive becomes a new tree, which no machine runs yet" } },
  },
  { row: 25, attack: "evil templates or values from facts", cells: everywhere },
];
