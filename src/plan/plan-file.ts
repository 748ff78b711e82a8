// The file of a saved plan: JSON lines, the last of which is the digest of all before; written whole or not at all, for its owner alone.

import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { CrunError } from "../diagnostic/diagnostic.js";
import { isEncrypted } from "../vault/format.js";
import { PROTOCOL_VERSION } from "../wire/messages.js";
import { ContentReader, ContentStore, takePiece } from "./contents.js";
import { FieldFault, fields, integer, text, type Take } from "./fields.js";
import { encodeStep, encodeVenue, takeMade, takePlay, takeStep, takeTarget, takeVenue } from "./plan-codec.js";
import type { Made, PlannedPlay, PlannedStep, PlannedTarget, PlannedVenue, SavedPlan } from "./saved-plan.js";

/** Grows when a file means something else than before. */
const FORMAT = 1;
const BEGIN = Buffer.from('{"crun-plan":');
const END = /^\{"sha256":"([0-9a-f]{64})"\}$/;

/** A plan as it was read, with the version of crun that wrote it. */
export interface ReadPlan {
  readonly plan: SavedPlan;
  readonly crun: string;
  readonly protocol: number;
}

/** The lines of a plan's file. Throws a CrunError where it would be too large. */
export function* encodePlan(plan: SavedPlan, version: string): Generator<string> {
  const store = new ContentStore();
  const head = { "crun-plan": FORMAT, crun: version, protocol: PROTOCOL_VERSION, made: plan.made };
  const rest = [
    ...plan.plays.map((play) => ({ play })),
    ...plan.targets.map((target) => ({ target })),
    ...plan.venues.map((venue) => ({ venue: encodeVenue(venue, store.add) })),
    ...plan.steps.map((step) => ({ step: encodeStep(step, store.add) })),
  ];
  const hash = createHash("sha256");
  const line = (value: unknown): string => {
    const json = `${JSON.stringify(value)}\n`;
    hash.update(json);
    return json;
  };
  yield line(head);
  for (const piece of store.pieces()) yield line({ piece });
  for (const one of rest) yield line(one);
  yield `${JSON.stringify({ sha256: hash.digest("hex") })}\n`;
}

/** Encrypts what a file holds. */
export type Seal = (plain: Uint8Array) => string;

/** Opens a file that is encrypted. Throws a CrunError. */
export type Unseal = (sealed: Uint8Array) => Uint8Array;

/** Writes the plan's file, mode 0600, in place of what was there; with `seal` nothing of it is ever written as it is. Throws a CrunError. */
export function writePlan(file: string, plan: SavedPlan, version: string, seal?: Seal): void {
  const temporary = join(dirname(file), `.${basename(file)}.${process.pid}.tmp`);
  try {
    const descriptor = openSync(temporary, "wx", 0o600);
    try {
      const lines = encodePlan(plan, version);
      for (const text of seal ? [seal(Buffer.from([...lines].join("")))] : lines) writeSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error instanceof CrunError ? error : unwritable(file, error);
  }
}

/** Throws a CrunError where the plan's file could not be written: that is told before anything is planned. */
export function checkWritable(file: string): void {
  const old = statSync(file, { throwIfNoEntry: false });
  if (old && !old.isFile()) throw unwritable(file, new Error("something else than a file is there"));
  const temporary = join(dirname(file), `.${basename(file)}.${process.pid}.tmp`);
  try {
    closeSync(openSync(temporary, "wx", 0o600));
    rmSync(temporary);
  } catch (error) {
    throw unwritable(file, error);
  }
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: "there is no such directory",
  ENOTDIR: "what stands above it is no directory",
  EACCES: "permission denied",
  ENOSPC: "the disk is full",
  EROFS: "the file system is read-only",
};

function unwritable(file: string, error: unknown): CrunError {
  const why = error instanceof Error && "code" in error ? (WHY[String(error.code)] ?? error.message) : String(error);
  return new CrunError({
    severity: "error",
    summary: `the plan cannot be written to ${file}: ${why.replace(/^Error: /, "")}`,
    remedy: "Name another place: crun plan -o FILE.",
  });
}

/** Reads a plan's file. Rejects with a CrunError that says what is wrong with it and what to do. */
export async function readPlan(file: string, unsealer: () => Promise<Unseal>): Promise<ReadPlan> {
  const data = bytesOf(file);
  if (!isEncrypted(data)) return decodePlan(file, data);
  const unseal = await unsealer();
  return decodePlan(file, Buffer.from(unseal(data)));
}

function bytesOf(file: string): Buffer {
  let descriptor: number | undefined;
  try {
    // A pipe that nobody writes to would never open.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw fault(file, "is no file", "Name the file that crun plan -o wrote.");
    if ((stat.mode & 0o022) !== 0) {
      const remedy = `Look at it (crun show), then take that away: chmod go-w ${file}`;
      throw fault(file, "can be written by others than its owner, who could have put anything into it", remedy);
    }
    return readFileSync(descriptor);
  } catch (error) {
    if (error instanceof CrunError) throw error;
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const why =
      code === "ENOENT"
        ? "does not exist"
        : `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    throw fault(file, why, "Make it with: crun plan -o FILE PLAYBOOK");
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** The plan in a file's bytes. Throws a CrunError. */
export function decodePlan(file: string, data: Buffer): ReadPlan {
  const lines = linesOf(file, data);
  const [first = ""] = lines;
  const { crun, protocol, made } = headOf(file, first);
  const contents = new ContentReader();
  const plays: PlannedPlay[] = [];
  const targets: PlannedTarget[] = [];
  const venues: PlannedVenue[] = [];
  const steps: PlannedStep[] = [];
  const takeLine = fields((all): void => {
    const { piece } = all.maybe("piece", takePiece);
    if (piece) return contents.add(piece);
    contents.end();
    plays.push(...one(all.maybe("play", takePlay).play));
    targets.push(...one(all.maybe("target", takeTarget).target));
    venues.push(...one(all.maybe("venue", takeVenue(contents.find)).venue));
    steps.push(...one(all.maybe("step", takeStep(contents.find)).step));
  });
  for (const [index, text] of lines.entries()) {
    if (index > 0) inLine(file, index + 1, text, takeLine);
  }
  const plan = { made, plays, targets, venues, steps };
  try {
    contents.end();
    checkNames(plan);
  } catch (error) {
    if (!(error instanceof FieldFault)) throw error;
    throw fault(file, `makes no sense: ${error.message}`, damaged);
  }
  return { plan, crun, protocol };
}

const damaged = "Plan again: a plan that was edited or damaged is not applied.";

function one<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
}

/** The lines before the digest, which must be theirs. */
function linesOf(file: string, data: Buffer): string[] {
  if (data.length === 0) throw fault(file, "is empty", "Make it with: crun plan -o FILE PLAYBOOK");
  if (!data.subarray(0, BEGIN.length).equals(BEGIN)) {
    throw fault(file, "is no plan of crun", "Name the file that crun plan -o wrote; a playbook is run by crun play.");
  }
  const last = data.lastIndexOf(0x0a, data.length - 2) + 1;
  const found = data.at(-1) === 0x0a ? END.exec(data.toString("latin1", last, data.length - 1)) : null;
  if (!found) throw fault(file, "is cut short: its last line, the digest of all others, is not there", damaged);
  if (createHash("sha256").update(data.subarray(0, last)).digest("hex") !== found[1])
    throw fault(file, "is not as crun wrote it: its digest is another", damaged);
  const lines: string[] = [];
  for (let at = 0; at < last;) {
    const end = data.indexOf(0x0a, at);
    lines.push(data.toString("utf8", at, end));
    at = end + 1;
  }
  return lines;
}

function headOf(file: string, line: string): { readonly crun: string; readonly protocol: number; readonly made: Made } {
  const format = inLine(file, 1, line, (value) => (isRecord(value) ? value["crun-plan"] : undefined));
  if (format !== FORMAT) {
    throw fault(
      file,
      `has the format ${JSON.stringify(format)}; this crun knows format ${FORMAT}`,
      "Apply it with the version of crun that made it, or plan again.",
    );
  }
  return inLine(
    file,
    1,
    line,
    fields((all) => {
      all.get("crun-plan", integer);
      return { crun: all.get("crun", text), protocol: all.get("protocol", integer), made: all.get("made", takeMade) };
    }),
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function inLine<T>(file: string, number: number, line: string, take: Take<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw fault(file, `line ${number} is no JSON`, damaged);
  }
  try {
    return take(value, "");
  } catch (error) {
    if (!(error instanceof FieldFault)) throw error;
    throw fault(file, `line ${number}: ${error.message}`, damaged);
  }
}

/** Every name that a step bears is one of the plan's, and stands there once. */
function checkNames({ plays, targets, venues, steps }: SavedPlan): void {
  const targetNames = unique("target", targets);
  const venueNames = unique("tree", venues);
  const players = plays.map((play) => new Set(play.targets));
  let stage = 0;
  for (const [index, step] of steps.entries()) {
    const at = `steps[${index}]`;
    if (!targetNames.has(step.target))
      throw new FieldFault(at, `is for the target ${JSON.stringify(step.target)}, which the plan does not have`);
    if (!venueNames.has(step.venue))
      throw new FieldFault(at, `acts in ${JSON.stringify(step.venue)}, which the plan does not have`);
    if (!players[step.play]?.has(step.target))
      throw new FieldFault(at, `is of the play ${step.play}, which does not have its target`);
    if (step.stage < stage) throw new FieldFault(at, "comes after a later stage");
    if (step.texts.length !== step.changes.length) throw new FieldFault(at, "describes other changes than it makes");
    stage = step.stage;
  }
}

function unique(what: string, all: readonly { readonly name: string }[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { name } of all) {
    if (names.has(name)) throw new FieldFault("", `the ${what} ${JSON.stringify(name)} stands there twice`);
    names.add(name);
  }
  return names;
}

function fault(file: string, problem: string, remedy: string): CrunError {
  return new CrunError({ severity: "error", summary: `the plan ${file} ${problem}`, remedy });
}
