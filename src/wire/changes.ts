// Changes and their outcomes: twins of the tables in native/PROTOCOL.md.

import type {
  CopyFile,
  Expect,
  HardLink,
  Lock,
  MakeDirectory,
  MakeLink,
  MountOverlay,
  Outcome,
  Remove,
  Rename,
  SetAttributes,
  SetSubvolume,
  Subvolume,
  Unlock,
  Unmount,
  WriteFile,
  WriteKernel,
} from "../module/change.js";
import type { Root } from "../module/probe.js";
import { Reader, WireError } from "./codec.js";
import type { Writer } from "./codec.js";
import type { TakeContent } from "./probes.js";
import {
  KEEP_ID,
  KEEP_MODE,
  ROOTS,
  checkFlags,
  flagBits,
  readContent,
  readExec,
  readExit,
  readExpect,
  readFailure,
  readTimeSpec,
  writeContent,
  writeExec,
  writeExit,
  writeExpect,
  writeFailure,
  writeTimeSpec,
} from "./structs.js";
import type { WireContent, WireExec } from "./structs.js";

export type WireWriteFile = Omit<WriteFile, "content" | "isSecret"> & { readonly content: WireContent };

export interface WireExecChange {
  readonly kind: "exec";
  readonly at?: Root;
  readonly expect?: Expect;
  readonly exec: WireExec;
}

/** A change whose content and exec leave nothing to choose. */
export type WireChange =
  | WireWriteFile
  | MakeDirectory
  | MakeLink
  | HardLink
  | Remove
  | SetAttributes
  | CopyFile
  | Rename
  | WireExecChange
  | WriteKernel
  | Lock
  | Hold
  | Unlock
  | Subvolume
  | SetSubvolume
  | MountOverlay
  | Unmount;

/** In the order of their numbers, from 1. */
export const CHANGE_KINDS = [
  "writeFile",
  "makeDirectory",
  "makeLink",
  "hardLink",
  "remove",
  "setAttributes",
  "copyFile",
  "rename",
  "exec",
  "writeKernel",
  "lock",
  "unlock",
  "subvolume",
  "setSubvolume",
  "mountOverlay",
  "unmount",
  "hold",
] as const;
const KINDS = ["", ...CHANGE_KINDS] as const;
/** In the order of their flags' values. */
const WAYS_TO_RENAME = ["replace", "exchange", "refuse"] as const;

/** Take the lock of the session's whole tree until that is closed; `path` is the directory of locks on the host. */
export interface Hold {
  readonly kind: "hold";
  readonly at: Root;
  readonly path: string;
  readonly expect: Expect;
  readonly timeoutMs: number;
  /** Who holds it, for who has to wait. */
  readonly holder: string;
}

interface Owned {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export function writeChange(writer: Writer, change: WireChange): void {
  writer.oneOf(KINDS, change.kind, "kind of change");
  writer.oneOf(ROOTS, change.at ?? "tree", "root");
  writer.str(change.kind === "exec" ? "" : change.path);
  writeExpect(writer, change.expect ?? {});
  switch (change.kind) {
    case "writeFile":
      writeContent(writer, change.content);
      writeOwned(writer, change);
      writer.u8(flagBits([change.follow, 1], [change.inPlace, 2]));
      writeTimeSpec(writer, change.mtime);
      break;
    case "makeDirectory":
      writeOwned(writer, change);
      break;
    case "makeLink":
      writer.name(change.target);
      writer.u32(change.uid ?? KEEP_ID);
      writer.u32(change.gid ?? KEEP_ID);
      break;
    case "hardLink":
      writer.str(change.source);
      break;
    case "remove":
      writer.u8(flagBits([change.isRecursive, 1], [change.withSubvolumes, 2]));
      break;
    case "setAttributes":
      writer.u8(flagBits([change.follow, 1], [change.allowHardLinks, 2]));
      writeOwned(writer, change);
      writeTimeSpec(writer, change.atime);
      writeTimeSpec(writer, change.mtime);
      writer.u32(change.setFlags ?? 0);
      writer.u32(change.clearFlags ?? 0);
      break;
    case "copyFile":
      writer.str(change.from);
      writeOwned(writer, change);
      writer.u8(flagBits([change.follow, 1], [change.keepTimes, 2], [change.keepXattrs, 4]));
      break;
    case "rename":
      writer.str(change.to);
      writer.oneOf(WAYS_TO_RENAME, change.onTaken ?? "replace", "way to rename");
      break;
    case "exec":
      writeExec(writer, change.exec);
      break;
    case "writeKernel":
      writer.name(change.value);
      writer.bool(change.current !== undefined);
      if (change.current !== undefined) writer.name(change.current);
      break;
    case "lock":
      writer.u32(change.timeoutMs);
      break;
    case "hold":
      writer.u32(change.timeoutMs);
      writer.name(change.holder);
      break;
    case "unlock":
      break;
    case "subvolume":
      writer.str(change.from ?? "");
      writer.bool(change.isReadOnly ?? false);
      break;
    case "setSubvolume":
      writer.bool(change.isReadOnly);
      break;
    case "mountOverlay":
      writer.str(change.lower);
      writer.str(change.upper);
      writer.str(change.work);
      writer.bool(change.replaces ?? false);
      break;
    case "unmount":
      writer.bool(change.removesDirectory ?? false);
      break;
  }
}

/** Booleans filled in; numbers and times that are kept are absent. */
export function readChange(reader: Reader): WireChange {
  const kind = reader.oneOf(KINDS, "kind of change");
  const at = reader.oneOf(ROOTS, "root");
  const path = reader.str();
  const expect = readExpect(reader);
  const start = { at, path, expect };
  switch (kind) {
    case "writeFile": {
      const content = readContent(reader);
      const owned = readOwned(reader);
      const bits = checkFlags(reader.u8(), 3);
      return {
        kind,
        ...start,
        content,
        ...owned,
        follow: (bits & 1) !== 0,
        inPlace: (bits & 2) !== 0,
        ...readTimeAs("mtime", reader),
      };
    }
    case "makeDirectory":
      return { kind, ...start, ...readOwned(reader) };
    case "makeLink":
      return { kind, ...start, target: reader.name(), ...readIds(reader) };
    case "hardLink":
      return { kind, ...start, source: reader.str() };
    case "remove": {
      const bits = checkFlags(reader.u8(), 3);
      return { kind, ...start, isRecursive: (bits & 1) !== 0, withSubvolumes: (bits & 2) !== 0 };
    }
    case "setAttributes": {
      const bits = checkFlags(reader.u8(), 3);
      const flags = { follow: (bits & 1) !== 0, allowHardLinks: (bits & 2) !== 0 };
      const owned = readOwned(reader);
      const times = { ...readTimeAs("atime", reader), ...readTimeAs("mtime", reader) };
      return { kind, ...start, ...flags, ...owned, ...times, setFlags: reader.u32(), clearFlags: reader.u32() };
    }
    case "copyFile": {
      const from = reader.str();
      const owned = readOwned(reader);
      const bits = checkFlags(reader.u8(), 7);
      return {
        kind,
        ...start,
        from,
        ...owned,
        follow: (bits & 1) !== 0,
        keepTimes: (bits & 2) !== 0,
        keepXattrs: (bits & 4) !== 0,
      };
    }
    case "rename": {
      const to = reader.str();
      const onTaken = reader.oneOf(WAYS_TO_RENAME, "way to rename");
      return { kind, ...start, to, onTaken };
    }
    case "exec":
      return { kind, at, expect, exec: readExec(reader) };
    case "writeKernel": {
      const value = reader.name();
      return { kind, ...start, value, ...(reader.bool() ? { current: reader.name() } : {}) };
    }
    case "lock":
      return { kind, ...start, timeoutMs: reader.u32() };
    case "hold":
      return { kind, ...start, timeoutMs: reader.u32(), holder: reader.name() };
    case "unlock":
      return { kind, ...start };
    case "subvolume": {
      const from = reader.str();
      return { kind, ...start, ...(from === "" ? {} : { from }), isReadOnly: reader.bool() };
    }
    case "setSubvolume":
      return { kind, ...start, isReadOnly: reader.bool() };
    case "mountOverlay":
      return {
        kind,
        ...start,
        lower: reader.str(),
        upper: reader.str(),
        work: reader.str(),
        replaces: reader.bool(),
      };
    case "unmount":
      return { kind, ...start, removesDirectory: reader.bool() };
    case "":
      throw new WireError("kind of change 0 is not known");
  }
}

function writeOwned(writer: Writer, owned: Owned): void {
  writer.u16(owned.mode ?? KEEP_MODE);
  writer.u32(owned.uid ?? KEEP_ID);
  writer.u32(owned.gid ?? KEEP_ID);
}

function readOwned(reader: Reader): Owned {
  const mode = reader.u16();
  return { ...(mode === KEEP_MODE ? {} : { mode }), ...readIds(reader) };
}

function readIds(reader: Reader): Omit<Owned, "mode"> {
  const uid = reader.u32();
  const gid = reader.u32();
  return { ...(uid === KEEP_ID ? {} : { uid }), ...(gid === KEEP_ID ? {} : { gid }) };
}

function readTimeAs<K extends "atime" | "mtime">(
  key: K,
  reader: Reader,
): Partial<Record<K, NonNullable<ReturnType<typeof readTimeSpec>>>> {
  const time = readTimeSpec(reader);
  const fields: Partial<Record<K, NonNullable<typeof time>>> = {};
  if (time !== undefined) fields[key] = time;
  return fields;
}

/** What an APPLIED says of a change of this kind. Throws a WireError. */
export function decodeOutcome(outcome: Buffer, index: number, kind: WireChange["kind"], take: TakeContent): Outcome {
  const reader = new Reader(outcome);
  const status = reader.u8();
  if (status === 2) {
    const whole = take(index, reader.u64());
    reader.end();
    if (whole === undefined) throw new WireError("more output of programs than one list of changes may bring");
    if (whole[0] !== 0) throw new WireError("an outcome sent as content without a result");
    return decodeOutcome(whole, index, kind, take);
  }
  if (status > 2) throw new WireError(`outcome status ${status} is not known`);
  const result = status === 1 ? { failure: readFailure(reader) } : kind === "exec" ? readExecOutcome(reader) : {};
  reader.end();
  return result;
}

function readExecOutcome(reader: Reader): Outcome {
  return { exit: readExit(reader), stdout: reader.bytes(), stderr: reader.bytes() };
}

/** The bytes of an outcome, whole. */
export function encodeOutcome(writer: Writer, outcome: Outcome): void {
  writer.bool(outcome.failure !== undefined);
  if (outcome.failure !== undefined) return writeFailure(writer, outcome.failure);
  if (outcome.exit === undefined) return;
  writeExit(writer, outcome.exit);
  writer.bytes(outcome.stdout ?? new Uint8Array(0));
  writer.bytes(outcome.stderr ?? new Uint8Array(0));
}
