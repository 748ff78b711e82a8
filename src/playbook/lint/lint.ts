// Lints a loaded playbook: what rules find, less what comments allow.

import type { Diagnostic } from "../../diagnostic/diagnostic.js";
import type { PlaybookFiles } from "../load/files.js";
import type { LoadedPlaybook } from "../load/load.js";
import { walk } from "../preflight/walk.js";
import { rules, type Hint, type Rule } from "./rules.js";

/** Warnings of all rules but those in `without`. A line with `# crun: allow RULE` (or the line above it) is left alone by the rule. */
export async function lint({ playbook, files }: LoadedPlaybook, without: ReadonlySet<string>): Promise<Diagnostic[]> {
  const walked = await walk(playbook);
  const found: Diagnostic[] = [];
  for (const play of playbook.plays) {
    const tasks = walked.tasks.filter((one) => one.play === play);
    for (const rule of rules) {
      if (without.has(rule.name)) continue;
      for (const hint of rule.find(play, tasks, walked.openPlays.has(play)))
        if (!isAllowed(rule, hint, files)) found.push(warning(rule, hint, files));
    }
  }
  return found;
}

function warning(rule: Rule, { at, summary, remedy }: Hint, files: PlaybookFiles): Diagnostic {
  const { place } = at;
  const source = files.sourceLine(place);
  return { severity: "warning", rule: rule.name, summary, place, source, detail: rule.doc, remedy };
}

function isAllowed(rule: Rule, { at }: Hint, files: PlaybookFiles): boolean {
  const { file, line } = at.place;
  if (line === undefined) return false;
  return [line, line - 1].some((one) => {
    const words = /#\s*crun:\s*allow\s+([\w, -]+)$/.exec(files.writtenLine({ file, line: one }) ?? "")?.[1];
    return words !== undefined && words.split(/[\s,]+/).includes(rule.name);
  });
}
