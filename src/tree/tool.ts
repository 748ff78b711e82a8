// The host's programs that fill trees: whether they are there, and what they say when they fail.

import type { Outcome } from "../module/change.js";
import type { Refusal } from "../module/contract.js";
import { reasonOf } from "../module/failure-text.js";
import type { StatObservation, StatProbe } from "../module/probe.js";
import { lastWords, programRefusal } from "./program.js";

/** A program, and the packages that have it. */
export interface Tool {
  readonly name: string;
  /** As an administrator asks for it: `apt install mmdebstrap`. The distributions that have it, the likeliest first. */
  readonly packages: readonly string[];
}

/** Where the helper's PATH leads. */
const directories = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Probes for programs: all places of the first, then of the second, … */
export function toolProbes(...tools: readonly Tool[]): readonly StatProbe[] {
  return tools.flatMap(({ name }) =>
    directories.map((directory) => ({ kind: "stat", path: `${directory}/${name}`, follow: true }) as const),
  );
}

/** Why the tree cannot be made: the first program that is not there. `seen` answers `toolProbes` of the same tools. */
export function missingTool(seen: readonly StatObservation[], ...tools: readonly Tool[]): Refusal | undefined {
  const missing = tools.find((_, index) => {
    const own = seen.slice(index * directories.length, (index + 1) * directories.length);
    return own.every(({ stat }) => stat?.type !== "file");
  });
  if (!missing) return undefined;
  return {
    message: `the host has no ${missing.name}`,
    remedy: `Install it on the host (${missing.packages.join(", ")}), or make the tree from another source.`,
  };
}

/** How a program's own words are read. */
export interface Words {
  /** The lines that say what went wrong; where there are none, the last ones are shown. */
  readonly telling: RegExp;
  /** Lines that never do. */
  readonly noise?: RegExp;
  /** They stand in its output, not among its errors. */
  readonly inOutput?: boolean;
  /** What to do, by what was said; after what holds for all. */
  readonly remedies?: readonly (readonly [RegExp, string])[];
}

const shownLines = 8;
const shownLength = 900;

/** Why a program failed: its own telling words, and what can be done. Undefined: it did not fail. */
export function toolRefusal(name: string, outcome: Outcome, words: Words): Refusal | undefined {
  const plain = programRefusal(name, outcome);
  if (!plain) return undefined;
  const { failure, exit } = outcome;
  if (failure) return { message: `${name}: ${reasonOf(failure)}` };
  const said = tellingWords(outcome, words);
  const how = plain.message.slice(0, plain.message.length - lastWords(outcome).length).replace(/: $/, "");
  const find = (rows: readonly (readonly [RegExp, string])[], text: string): string | undefined =>
    rows.find(([pattern]) => pattern.test(text))?.[1];
  const all = `${textOf(outcome.stdout)}\n${textOf(outcome.stderr)}`;
  const remedy =
    exit?.kind === "timed-out"
      ? "Raise timeout, or look at the mirror."
      : exit?.kind === "not-started" && (exit.failure?.errno === 1 || exit.failure?.errno === 13)
        ? "Filling a tree from packages takes root on the host: log in as root, or set crun_become."
        : (find([...common, ...(words.remedies ?? [])], said) ?? find(common, all));
  return { message: said === "" ? how : `${how}: ${said}`, ...(remedy === undefined ? {} : { remedy }) };
}

function tellingWords(outcome: Outcome, { telling, noise, inOutput }: Words): string {
  const lines = [...(inOutput ? [outcome.stdout] : []), outcome.stderr]
    .flatMap((bytes) => textOf(bytes).split(/[\r\n]+/))
    .filter((line) => line.trim() !== "" && !noise?.test(line));
  const first = lines.findIndex((line) => telling.test(line));
  const chosen = first < 0 ? lines.slice(-shownLines) : lines.slice(first).slice(0, shownLines);
  const text = [...new Set(chosen.map((line) => line.trimEnd()))].join("\n").slice(0, shownLength);
  return text === "" ? lastWords(outcome) : text;
}

const common: readonly (readonly [RegExp, string])[] = [
  [
    /No space left on device|Failed writing received data to disk|Failure writing output|needs? [0-9.]+ ?[KMG]i?B more space|don't have enough free space|not enough free disk space/i,
    "The file system that the tree lies on is full.",
  ],
  [
    /Temporary failure resolving|unable to resolve|[Cc]ould(?:n't| not) (?:resolve|connect)|Connection (?:failed|timed out|refused)|Failed to connect|Network is unreachable|unable to connect|timed? out|Operation too slow/i,
    "The host cannot reach the mirror: look at its address, the host's network and, where there is one, the proxy.",
  ],
];

function textOf(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("utf8");
}
