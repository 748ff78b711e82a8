// The catalogue's rows for processes in trees.

import type { ProcessWay, Cell, Row } from "./catalogue.js";

/** A row that concerns processes has a cell for each of their ways. */
export const processRows: readonly (Row & { readonly cells: Readonly<Record<ProcessWay, Cell>> })[] = [];
