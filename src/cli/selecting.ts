// Which tasks a run takes: tags of the command line and of crun.yml, and --step.

import { CrunError } from "../diagnostic/diagnostic.js";
import type { TagSelection } from "../engine/selection.js";
import { StepMode } from "../engine/steps.js";
import type { Prompt } from "../target/session.js";
import type { Config } from "./config.js";
import type { PlayOptions } from "./options.js";

/** Tags of the command line, else those of crun.yml. */
export function selectionOf({ tags, skipTags }: PlayOptions, config: Config): TagSelection {
  const only = tags.length > 0 ? tags : (config.tags ?? []);
  const skip = skipTags.length > 0 ? skipTags : (config.skipTags ?? []);
  return { only: new Set(only), skip: new Set(skip) };
}

/** --step asks the person at the terminal. */
export function stepMode(prompt: Prompt): StepMode {
  if (!process.stdin.isTTY)
    throw new CrunError({
      severity: "error",
      summary: "--step asks before each task, and there is no terminal to ask at",
      remedy: "Run it from a terminal, or leave --step out.",
    });
  return new StepMode(async (task, target) => {
    // What came before the question is shown before it.
    await new Promise((resolve) => void setImmediate(resolve));
    const where = target === undefined ? "" : ` on ${target}`;
    const answer = await prompt(`Perform task: ${task}${where} (N)o/(y)es/(c)ontinue: `, { isSecret: false });
    if (answer === undefined) return "stop";
    const word = answer.trim().toLowerCase();
    if (word === "c" || word === "continue") return "all";
    return word === "y" || word === "yes" ? "yes" : "no";
  });
}
