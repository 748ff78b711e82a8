// Asks for the variables of vars_prompt, before anything is connected to.

import { CrunError, type Diagnostic } from "../diagnostic/diagnostic.js";
import type { Masker } from "../engine/task/masker.js";
import type { VarLayer } from "../module/value.js";
import { passwordHash } from "../playbook/helpers/password.js";
import type { Play, VarPrompt } from "../playbook/play.js";
import { createScope } from "../playbook/scope/scope.js";
import { templateOfValue } from "../playbook/template/template.js";
import type { Prompt } from "../target/session.js";

export interface Asking {
  /** Variables of the command line: what they give is not asked for. */
  readonly extra: VarLayer;
  readonly prompt: Prompt;
  readonly isInteractive: boolean;
  /** Is told what is private. */
  readonly masker: Masker;
}

/** Fills the plays' answers. Throws a CrunError where nobody can be asked and there is no default. */
export async function askVars(plays: readonly Play[], asking: Asking): Promise<void> {
  const missing: Diagnostic[] = [];
  for (const play of plays) {
    for (const one of play.prompts) {
      if (asking.extra.get(one.name) !== undefined) continue;
      const scope = createScope([play.vars, asking.extra]);
      const fallback = one.default && text(one.default.render(scope));
      if (!asking.isInteractive && fallback === undefined) missing.push(nobody(one));
      else play.answers.set(one.name, valueOf(one, await answerTo(one, fallback, asking)));
    }
  }
  if (missing.length > 0) throw new CrunError(missing);
}

/** The defaults alone, for what only shows or checks a playbook. */
export function takeDefaults(plays: readonly Play[]): void {
  for (const { prompts, answers } of plays)
    for (const one of prompts) answers.set(one.name, one.default ?? { raw: "" });
}

function text(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

function nobody({ name, place, source }: VarPrompt): Diagnostic {
  return {
    severity: "error",
    summary: `vars_prompt: there is nobody to ask for ${JSON.stringify(name)}`,
    place,
    source,
    detail: "Standard input is no terminal.",
    remedy: `Give it with -e ${name}=…, or write a default.`,
  };
}

async function answerTo(one: VarPrompt, fallback: string | undefined, asking: Asking): Promise<string> {
  if (!asking.isInteractive) return fallback ?? "";
  const shown = one.question ?? one.name;
  const question = fallback === undefined ? `${shown}: ` : `${shown} [${fallback}]: `;
  for (;;) {
    const answer = await ask(one, question, asking);
    const isSame = !one.isConfirmed || answer === (await ask(one, `confirm ${question}`, asking));
    if (isSame) {
      // A default stands in the playbook for all to read.
      if (one.isPrivate) asking.masker.add(answer);
      return answer === "" ? (fallback ?? "") : answer;
    }
    process.stderr.write("***** VALUES ENTERED DO NOT MATCH ****\n");
  }
}

async function ask(one: VarPrompt, question: string, { prompt }: Asking): Promise<string> {
  const answer = await prompt(question, { isSecret: one.isPrivate, atInterrupt: "reject" });
  if (answer !== undefined) return answer;
  throw new CrunError({
    severity: "error",
    summary: `vars_prompt: no value was given for ${JSON.stringify(one.name)}`,
    place: one.place,
    source: one.source,
  });
}

function valueOf(one: VarPrompt, answer: string): ReturnType<VarLayer["get"]> & object {
  if (one.hash) {
    const { method, salt, saltSize } = one.hash;
    return { raw: passwordHash(answer, method, salt, undefined, saltSize) };
  }
  return one.isUnsafe ? { raw: answer } : templateOfValue(`the answer for ${one.name}`, answer);
}
