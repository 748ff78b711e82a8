// The catalogue's rows for processes in trees.

import type { ProcessWay, Cell, Row } from "./catalogue.js";

/** A row that concerns processes has a cell for each of their ways. */
export const processRows: readonly (Row & { readonly cells: Readonly<Record<ProcessWay, Cell>> })[] = [
  {
    row: 23,
    attack: "daemons and fork bombs outlive the run, or take the host",
    cells: {
      unshare: "test",
      chroot: "test",
      nspawn: "test",
      machine: { limit: "the end of daemons, which the machine keeps" },
      host: { limit: "anything else: it is the host" },
      rootless: "test",
    },
  },
];
