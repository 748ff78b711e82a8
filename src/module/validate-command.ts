// The command of `validate`, run on the new content before it is put in place.

import type { ExecChange, Outcome } from "./change.js";
import type { Conclusion, Context } from "./contract.js";
import { reasonOf } from "./failure-text.js";
import type { Content } from "./probe.js";
import { splitWords } from "./words.js";

/** Preflight: a sentence if the command does not name the file. */
export function checkValidate(command: string | undefined): string | undefined {
  if (command === undefined) return undefined;
  if (!command.includes("%s")) return `validate must contain %s: ${command}`;
  const split = splitWords(command);
  return "problem" in split ? `validate ${split.problem}` : undefined;
}

/**
 * Runs `command` in the tree. `%s` stands for a private copy of the new content that lies outside the tree, or for the path in the tree that it
 * is copied from.
 */
export function validateChange(
  command: string,
  source: { readonly content: Content; readonly from?: string },
  mode: number | undefined,
  context: Context,
): ExecChange {
  const split = splitWords(command);
  const words = ("words" in split ? split.words : [command]).map((word) =>
    word.replaceAll("%s", source.from ?? "@files@/source").replaceAll("%%", "%"),
  );
  if (source.from !== undefined) return { kind: "exec", exec: { argv: words }, isContained: true, isUncounted: true };
  const fileMode = mode ?? (context.becomeUser === undefined ? 0o600 : 0o644);
  const files = [{ name: "source", mode: fileMode, content: source.content }];
  return { kind: "exec", exec: { argv: words, files }, isContained: true, isUncounted: true };
}

/** What a failed validation makes of the result; nothing where all passed. The validations must be the only execs among the changes. */
export function concludeValidation(outcomes: readonly Outcome[], command: string): Conclusion {
  const failed = outcomes.find(({ exit }) => exit !== undefined && !(exit.kind === "exited" && exit.value === 0));
  if (!failed?.exit) return {};
  const stderr = textOf(failed.stderr);
  const how =
    failed.exit.kind === "not-started"
      ? `it could not be started${failed.exit.failure ? `: ${reasonOf(failed.exit.failure)}` : ""}`
      : `rc:${failed.exit.value}`;
  return {
    refusal: {
      message: `failed to validate: ${how} error:${stderr.trimEnd()}`,
      remedy: `The file was left as it was. The command was: ${command}`,
      result: { exit_status: failed.exit.value, stdout: textOf(failed.stdout), stderr },
    },
  };
}

function textOf(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("utf8");
}
