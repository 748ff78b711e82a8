// Patterns of plays that stand for nothing, unless a task of a play before makes the name.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { suggest } from "../../diagnostic/near.js";
import type { PlaybookFiles } from "../load/files.js";
import type { Findings } from "../load/findings.js";
import type { Play } from "../play.js";
import { MadeNames } from "./made-names.js";
import { staticText, type Walked } from "./walk.js";

/** Throws a CrunError for a pattern with unknown names; `mayCome` tells which of them tasks may make before. */
export type CheckPattern = (pattern: string, mayCome: (name: string) => boolean) => void;

export function checkHosts(
  plays: readonly Play[],
  walked: Walked,
  checkPattern: CheckPattern,
  files: PlaybookFiles,
  found: Findings,
): void {
  const made = new MadeNames();
  for (const play of plays) {
    const pattern = staticText(play.hosts);
    try {
      if (pattern !== undefined && pattern !== "") checkPattern(pattern, made.mayCome);
    } catch (error) {
      if (!(error instanceof CrunError)) throw error;
      const place = play.hosts.place ?? play.place;
      const remedy = suggest(pattern ?? "", made.names);
      for (const one of error.diagnostics) {
        const told = one.place ? one : { ...one, place, source: files.sourceLine(place) };
        found.add(remedy === undefined ? told : { ...told, remedy });
      }
    }
    for (const { task, play: of } of walked.tasks) if (of === play) made.add(task);
    if (walked.openPlays.has(play)) made.isOpen = true;
  }
}
