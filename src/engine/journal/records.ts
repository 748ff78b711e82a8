// What a run's journal holds: one record a line, each with a checksum, so that a torn end is told from what was written whole.

import { crc32 } from "node:zlib";
import type { JobState } from "../../module/contract.js";

/** Version of the form; another one is not read. */
export const JOURNAL_VERSION = 1;

/** `o` ok, `c` changed, `s` skipped, `f` failed, `u` unreachable, `p` passed over at the person's wish (--step). */
export type StepStatus = "o" | "c" | "s" | "f" | "u" | "p";

/** Who runs crun: a process that can be told from a later one of the same number. */
export interface Runner {
  readonly pid: number;
  /** When the process began, in the kernel's ticks since the machine started. */
  readonly ticks: string;
  /** Of the machine's start. */
  readonly boot: string;
  /** Of the machine, and of what tells its processes' numbers apart (containers have their own). Absent: an earlier crun wrote it. */
  readonly machine?: string;
  readonly pids?: string;
  /** `user@host`. */
  readonly by: string;
}

/** A job of a step: one that goes on beside what comes after it. */
export interface JobRecord {
  readonly kind: "job";
  readonly target: string;
  readonly id: string;
  /** Absent: it holds what must not be kept. */
  readonly result?: JobState["result"];
  readonly remedy?: string;
}

/** What was asked. */
export interface RunRecord {
  readonly kind: "run";
  readonly version: number;
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
  readonly runner: Runner;
  readonly directory: string;
  readonly playbooks: readonly string[];
  /** Options of the command line without values of variables. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Names of variables that the command line gave a value; the values are not kept. */
  readonly extraNames: readonly string[];
}

/** A file that was read: its path and its SHA-256 in hexadecimal. */
export type FileRecord = { readonly kind: "files"; readonly files: Readonly<Record<string, string>> };

/** The run goes on after it was broken off. `isAnew`: all plays from their beginning, since what was asked has changed. */
export interface ResumeRecord {
  readonly kind: "resume";
  readonly at: string;
  readonly runner: Runner;
  readonly isAnew: boolean;
}

export interface PlayRecord {
  readonly kind: "play";
  readonly play: number;
  readonly title: string;
  /** In the order in which they are taken. */
  readonly targets: readonly string[];
  readonly isTransaction: boolean;
  /** Titles of what the play lists, but for handlers and what is included. */
  readonly titles: readonly string[];
}

/** Gives a place in the plays a number. */
export interface OpRecord {
  readonly kind: "op";
  readonly op: number;
  readonly key: string;
  readonly title: string;
}

/** Steps that are done and of which nothing else has to be known. */
export interface StepsRecord {
  readonly kind: "steps";
  readonly target: string;
  readonly play: number;
  readonly steps: readonly (readonly [op: number, status: StepStatus])[];
}

/** A step that is done, with what later ones need of it. */
export interface StepRecord {
  readonly kind: "step";
  readonly target: string;
  readonly play: number;
  readonly op: number;
  readonly status: StepStatus;
  readonly isIgnored?: boolean;
  /** What was registered, or what failed. */
  readonly result?: Readonly<Record<string, unknown>>;
  /** Variables that it set, and for which other target. */
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly owner?: string;
  readonly effects?: readonly Readonly<Record<string, unknown>>[];
  /** Of what failed and was rescued. */
  readonly arguments?: Readonly<Record<string, unknown>>;
  /** Something above holds a secret and stands there masked, or (absent) is not kept at all. */
  readonly isWithheld?: boolean;
  /** Titles of handlers that it notified. */
  readonly notified?: readonly string[];
  /** A handler. */
  readonly isHandler?: boolean;
  /** Jobs that it began. */
  readonly jobs?: readonly string[];
  readonly message?: string;
}

/** One item of a task's loop that has acted. */
export interface ItemRecord {
  readonly kind: "item";
  readonly target: string;
  readonly play: number;
  readonly op: number;
  readonly index: number;
  readonly status: StepStatus;
  readonly isIgnored?: boolean;
  /** Of the item, as JSON. */
  readonly value: string;
  readonly result: Readonly<Record<string, unknown>>;
  readonly message?: string;
}

/** What is about to be sent: it is done, half done or not done until its step is told. */
export interface DoingRecord {
  readonly kind: "doing";
  readonly target: string;
  readonly play: number;
  /** With the index of the loop's item; `c`: a command, whose effect nobody knows. */
  readonly steps: readonly (readonly [op: number, index: number, isCommand: 0 | 1])[];
}

/** The facts that a target's play goes by: written before the first change, after which others would be found. */
export interface FactsRecord {
  readonly kind: "facts";
  readonly target: string;
  readonly play: number;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** A failure that nothing takes (`isLost` false), or the loss of the connection, at a place in the play. */
export interface FailureRecord {
  readonly kind: "failure";
  readonly target: string;
  readonly play: number;
  readonly op: number;
  readonly isLost: boolean;
  readonly message?: string;
}

/** Failed and lost targets are in again. */
export interface ClearRecord {
  readonly kind: "clear";
  readonly targets: readonly string[];
}

/** A target's way through a play is over. `cut`: before its end, because of others or an interruption. */
export interface OverRecord {
  readonly kind: "over";
  readonly target: string;
  readonly play: number;
  readonly how: "done" | "failed" | "unreachable" | "cut";
}

/** From this place on nothing of the target counts as done, in later plays either. */
export interface CutRecord {
  readonly kind: "cut";
  readonly target: string;
  readonly play: number;
  readonly op: number;
}

export interface TransactionRecord {
  readonly kind: "transaction";
  readonly target: string;
  readonly play: number;
  readonly outcome: "swapped" | "unchanged" | "discarded" | "failed";
}

export interface EndRecord {
  readonly kind: "end";
  readonly at: string;
  readonly exitStatus: number;
}

/** What belongs together. Of changes that were sent together a torn end must not know the first alone, when the last have been made, too; nor a failed step without its failure. */
export interface BatchRecord {
  readonly kind: "batch";
  readonly records: readonly SingleRecord[];
}

export type JournalRecord = SingleRecord | BatchRecord;

export type SingleRecord =
  | RunRecord
  | FileRecord
  | ResumeRecord
  | PlayRecord
  | OpRecord
  | StepsRecord
  | StepRecord
  | ItemRecord
  | DoingRecord
  | FactsRecord
  | FailureRecord
  | ClearRecord
  | OverRecord
  | CutRecord
  | TransactionRecord
  | JobRecord
  | EndRecord;

const kinds: ReadonlySet<string> = new Set<SingleRecord["kind"]>([
  "run",
  "files",
  "resume",
  "play",
  "op",
  "steps",
  "step",
  "item",
  "doing",
  "facts",
  "failure",
  "clear",
  "over",
  "cut",
  "transaction",
  "job",
  "end",
]);

/** As a line: its CRC-32 in eight hexadecimal digits, a blank, JSON, a newline. */
export function lineOf(record: JournalRecord): string {
  const text = JSON.stringify(record);
  return `${crc32(text).toString(16).padStart(8, "0")} ${text}\n`;
}

export interface ReadJournal {
  readonly records: readonly SingleRecord[];
  /** Bytes of whole lines: what lies behind them is torn. */
  readonly length: number;
  /** The number of the first line that is damaged though others follow it. */
  readonly damagedLine: number | undefined;
}

/** Reads as many whole records as there are. A torn last line is no damage: what it was to say was never promised. */
export function parseJournal(bytes: Buffer): ReadJournal {
  const records: SingleRecord[] = [];
  let at = 0;
  for (let line = 1; at < bytes.length; line++) {
    const end = bytes.indexOf(10, at);
    const record = end < 0 ? undefined : parseLine(bytes.toString("utf8", at, end));
    if (!record) {
      const isLast = end < 0 || end === bytes.length - 1;
      return { records, length: at, damagedLine: isLast ? undefined : line };
    }
    if (record.kind === "batch") records.push(...record.records);
    else records.push(record);
    at = end + 1;
  }
  return { records, length: at, damagedLine: undefined };
}

function parseLine(line: string): JournalRecord | undefined {
  const text = line.slice(9);
  if (line.slice(0, 9) !== `${crc32(text).toString(16).padStart(8, "0")} `) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) || isBatch(value) ? value : undefined;
  } catch {
    // The checksum fits what is no JSON: nobody but an accident has written it.
    return undefined;
  }
}

/** The checksum says that it is what was written; the kind is looked at, since another version may have others. */
function isRecord(value: unknown): value is SingleRecord {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    typeof value.kind === "string" &&
    kinds.has(value.kind)
  );
}

function isBatch(value: unknown): value is BatchRecord {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    value.kind === "batch" &&
    "records" in value &&
    Array.isArray(value.records) &&
    value.records.every(isRecord)
  );
}
