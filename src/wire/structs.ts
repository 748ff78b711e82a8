// The structs of native/PROTOCOL.md that several messages share.

import type { Expect, TimeSpec } from "../module/change.js";
import type { CgroupStep, DigestName, Exit, Failure, FileType, Root, Stat, Timestamp } from "../module/probe.js";
import type { Reader, Writer } from "./codec.js";
import { WireError } from "./codec.js";

/** Bytes that travel with the message, or a blob that was sent before. */
export type WireContent =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "blob"; readonly sha256: string };

/** `input`: comes as INPUT messages. */
export type WireStdin = WireContent | { readonly kind: "none" } | { readonly kind: "input" };

/** A program to run, with nothing left to choose. */
export interface WireExec {
  readonly argv: readonly string[];
  /** `NAME=value`; the whole environment. */
  readonly environment: readonly string[];
  readonly directory: string;
  readonly user: string;
  readonly hasTerminal: boolean;
  readonly streamsOutput: boolean;
  readonly mergesStderr: boolean;
  readonly killsLeftovers: boolean;
  /** What is asked of the tree later does not wait for its end; for EXEC messages alone. */
  readonly isInBackground: boolean;
  /** Where nobody but root can be had, owners that cannot be given count as given. */
  readonly hasLaxOwners: boolean;
  readonly stdin: WireStdin;
  /** 0: none. */
  readonly timeoutMs: number;
  /** 0: 1 MiB. */
  readonly outputLimit: number;
  readonly rows: number;
  readonly columns: number;
  /** 0xffff: 022. */
  readonly umask: number;
  /** Of ENTRIES; 255: the tree's. */
  readonly entry: number;
  readonly files: readonly { readonly name: string; readonly mode: number; readonly content: WireContent }[];
  /** Before it runs, on the host: cgroups that are made and that it is put into, and what is written to their files. */
  readonly cgroups: readonly CgroupStep[];
  /** The helper itself is executed; argv[0] is its name, and the rest its arguments. */
  readonly isHelper: boolean;
  /** Bits of the kernel's capabilities that root keeps beyond those of the entry. */
  readonly capabilities: number;
  /** Groups of system calls that are not refused, as bits. */
  readonly calls: number;
  /** Devices of the host that it may open, beneath /dev. */
  readonly devices: readonly string[];
}

const KNOWN_CALLS = 255;

/** In the order of their numbers. */
export const ENTRIES = ["auto", "chroot", "unshare", "nspawn", "machine"] as const;
export const ROOTS: readonly Root[] = ["tree", "host"];
/** In the order of their bits. */
export const DIGESTS: readonly DigestName[] = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "xattrs"];

/** In the order of their numbers. */
export const FILE_TYPES: readonly (FileType | "absent")[] = [
  "absent",
  "file",
  "directory",
  "link",
  "block",
  "char",
  "fifo",
  "socket",
];
const FAILURE_CODES: readonly Failure["code"][] = [
  "system",
  "conflict",
  "refused",
  "no-such-user",
  "bad-request",
  "entry",
  "deadline",
];
const EXIT_KINDS: readonly Exit["kind"][] = ["exited", "signaled", "timed-out", "not-started", "cancelled"];
const CONTENT_KINDS = ["bytes", "blob"] as const;
const STDIN_KINDS = ["none", "bytes", "blob", "input"] as const;
const TIME_KINDS = ["leave", "now", "at"] as const;

/** Where a number is left to what is there. */
export const KEEP_ID = 0xffffffff;
export const KEEP_MODE = 0xffff;
const NO_FLAGS = 0xffffffff;
const NO_FAILURE: Failure = { errno: 0, code: "system", step: "", path: "", message: "" };
const ZERO_SHA256 = "0".repeat(64);

/** Bits to a set of flags: `flagBits([a, 1], [b, 2])`. */
export function flagBits(...flags: readonly (readonly [boolean | undefined, number])[]): number {
  return flags.reduce((bits, [isSet, bit]) => (isSet ? bits | bit : bits), 0);
}

/** Throws where a bit is set that has no meaning. */
export function checkFlags(bits: number, known: number): number {
  if ((bits & ~known) !== 0) throw new WireError(`unknown flags in ${bits}`);
  return bits;
}

export function writeTime(writer: Writer, time: Timestamp): void {
  writer.i64(time.seconds);
  writer.u32(time.nanoseconds);
}

export function readTime(reader: Reader): Timestamp {
  return { seconds: reader.i64(), nanoseconds: reader.u32() };
}

export function writeTimeSpec(writer: Writer, time: TimeSpec | undefined): void {
  writer.oneOf(TIME_KINDS, time === undefined ? "leave" : time === "now" ? "now" : "at", "kind of time");
  if (time !== undefined && time !== "now") writeTime(writer, time);
}

export function readTimeSpec(reader: Reader): TimeSpec | undefined {
  const kind = reader.oneOf(TIME_KINDS, "kind of time");
  return kind === "leave" ? undefined : kind === "now" ? "now" : readTime(reader);
}

export function writeFailure(writer: Writer, failure: Failure): void {
  writer.u32(failure.errno);
  writer.oneOf(FAILURE_CODES, failure.code, "failure code");
  writer.str(failure.step);
  writer.str(failure.path);
  writer.str(failure.message);
}

export function readFailure(reader: Reader): Failure {
  return {
    errno: reader.u32(),
    code: reader.oneOf(FAILURE_CODES, "failure code"),
    step: reader.str(),
    path: reader.str(),
    message: reader.str(),
  };
}

export function writeExit(writer: Writer, exit: Exit): void {
  writer.oneOf(EXIT_KINDS, exit.kind, "kind of exit");
  writer.u32(exit.value);
  writeFailure(writer, exit.failure ?? NO_FAILURE);
  writer.u32(exit.wallMs);
  writer.u32(exit.cpuMs);
}

export function readExit(reader: Reader): Exit {
  const kind = reader.oneOf(EXIT_KINDS, "kind of exit");
  const value = reader.u32();
  const failure = readFailure(reader);
  const wallMs = reader.u32();
  const cpuMs = reader.u32();
  return kind === "not-started" ? { kind, value, failure, wallMs, cpuMs } : { kind, value, wallMs, cpuMs };
}

/** Undefined: nothing is there. */
export function writeStat(writer: Writer, stat: Stat | undefined): void {
  writer.oneOf(FILE_TYPES, stat?.type ?? "absent", "file type");
  if (stat === undefined) return;
  writer.u16(stat.mode);
  writer.u32(stat.uid);
  writer.u32(stat.gid);
  writer.u32(stat.links);
  writer.u64(stat.size);
  writer.u64(stat.device);
  writer.u64(stat.inode);
  writer.u64(stat.rdev);
  writer.u64(stat.blocks);
  writer.u32(stat.blockSize);
  writeTime(writer, stat.atime);
  writeTime(writer, stat.mtime);
  writeTime(writer, stat.ctime);
  writer.name(stat.target);
  writer.u32(stat.flags ?? NO_FLAGS);
}

export function readStat(reader: Reader): Stat | undefined {
  const type = reader.oneOf(FILE_TYPES, "file type");
  if (type === "absent") return undefined;
  const stat = {
    type,
    mode: reader.u16(),
    uid: reader.u32(),
    gid: reader.u32(),
    links: reader.u32(),
    size: reader.u64(),
    device: reader.u64(),
    inode: reader.u64(),
    rdev: reader.u64(),
    blocks: reader.u64(),
    blockSize: reader.u32(),
    atime: readTime(reader),
    mtime: readTime(reader),
    ctime: readTime(reader),
    target: reader.name(),
  };
  const flags = reader.u32();
  return flags === NO_FLAGS ? stat : { ...stat, flags };
}

export function writeSha256(writer: Writer, sha256: string | undefined): void {
  writer.hex(sha256 ?? ZERO_SHA256, 32);
}

/** Undefined where it is zero. */
export function readSha256(reader: Reader): string | undefined {
  const sha256 = reader.hex(32);
  return sha256 === ZERO_SHA256 ? undefined : sha256;
}

export function writeAlgorithms(writer: Writer, algorithms: readonly DigestName[]): void {
  writer.u8(flagBits(...DIGESTS.map((name, index) => [algorithms.includes(name), 1 << index] as const)));
}

export function readAlgorithms(reader: Reader): DigestName[] {
  const bits = checkFlags(reader.u8(), 0x7f);
  return DIGESTS.filter((_, index) => (bits & (1 << index)) !== 0);
}

/** In the order of the bits; none at all where the thing is no regular file. */
export function writeDigests(writer: Writer, digests: Readonly<Partial<Record<DigestName, string>>>): void {
  const values = DIGESTS.flatMap((name) => digests[name] ?? []);
  writer.list(values, (_, value) => writer.hexBytes(value));
}

export function readDigests(reader: Reader, algorithms: readonly DigestName[]): Partial<Record<DigestName, string>> {
  const digests: Partial<Record<DigestName, string>> = {};
  const count = reader.count(4);
  if (count === 0) return digests;
  const asked = DIGESTS.filter((name) => algorithms.includes(name));
  if (count !== asked.length) throw new WireError(`${count} digests where ${asked.length} were asked for`);
  for (const name of asked) {
    const digest = reader.hexBytes();
    // A directory has attributes, and no content.
    if (digest !== "" || name === "xattrs") digests[name] = digest;
  }
  return digests;
}

export function writeContent(writer: Writer, content: WireContent): void {
  writer.oneOf(CONTENT_KINDS, content.kind, "kind of content");
  if (content.kind === "bytes") writer.bytes(content.bytes);
  else writer.hex(content.sha256, 32);
}

export function readContent(reader: Reader): WireContent {
  const kind = reader.oneOf(CONTENT_KINDS, "kind of content");
  return kind === "bytes" ? { kind, bytes: reader.bytes() } : { kind, sha256: reader.hex(32) };
}

export function writeExpect(writer: Writer, expect: Expect): void {
  const { type, sha256, owner, mode, target, real } = expect;
  const has = [type, sha256, owner, mode, target, real].map(
    (field, index) => [field !== undefined, 1 << index] as const,
  );
  writer.u8(flagBits(...has));
  if (type !== undefined) writer.oneOf(FILE_TYPES, type, "file type");
  if (sha256 !== undefined) writer.hex(sha256, 32);
  if (owner !== undefined) {
    writer.u32(owner.uid);
    writer.u32(owner.gid);
  }
  if (mode !== undefined) writer.u16(mode);
  if (target !== undefined) writer.name(target);
  if (real !== undefined) writer.str(real);
}

export function readExpect(reader: Reader): Expect {
  const bits = checkFlags(reader.u8(), 0x3f);
  return {
    ...(bits & 1 ? { type: reader.oneOf(FILE_TYPES, "file type") } : {}),
    ...(bits & 2 ? { sha256: reader.hex(32) } : {}),
    ...(bits & 4 ? { owner: { uid: reader.u32(), gid: reader.u32() } } : {}),
    ...(bits & 8 ? { mode: reader.u16() } : {}),
    ...(bits & 16 ? { target: reader.name() } : {}),
    ...(bits & 32 ? { real: reader.str() } : {}),
  };
}

export function writeExec(writer: Writer, exec: WireExec): void {
  writer.list(exec.argv, (_, word) => writer.str(word));
  writer.list(exec.environment, (_, word) => writer.str(word));
  writer.str(exec.directory);
  writer.str(exec.user);
  const { hasTerminal, streamsOutput, mergesStderr, killsLeftovers, isInBackground, isHelper, hasLaxOwners } = exec;
  writer.u32(
    flagBits(
      [hasTerminal, 1],
      [streamsOutput, 2],
      [mergesStderr, 4],
      [killsLeftovers, 8],
      [isInBackground, 16],
      [isHelper, 32],
      [hasLaxOwners, 64],
    ),
  );
  writer.oneOf(STDIN_KINDS, exec.stdin.kind, "kind of stdin");
  if (exec.stdin.kind === "bytes") writer.bytes(exec.stdin.bytes);
  else if (exec.stdin.kind === "blob") writer.hex(exec.stdin.sha256, 32);
  writer.u32(exec.timeoutMs);
  writer.u64(exec.outputLimit);
  writer.u16(exec.rows);
  writer.u16(exec.columns);
  writer.u16(exec.umask);
  writer.u8(exec.entry);
  writer.list(exec.files, (_, file) => {
    writer.str(file.name);
    writer.u16(file.mode);
    writeContent(writer, file.content);
  });
  writer.list(exec.cgroups, (_, { path, value }) => {
    writer.str(path);
    writer.name(value ?? "");
  });
  writer.u64(exec.capabilities);
  writer.u32(checkFlags(exec.calls, KNOWN_CALLS));
  writer.list(exec.devices, (_, path) => writer.str(path));
}

export function readExec(reader: Reader): WireExec {
  const argv = reader.list(4, () => reader.str());
  const environment = reader.list(4, () => reader.str());
  const directory = reader.str();
  const user = reader.str();
  const bits = checkFlags(reader.u32(), 127);
  const stdin = readStdin(reader);
  return {
    argv,
    environment,
    directory,
    user,
    hasTerminal: (bits & 1) !== 0,
    streamsOutput: (bits & 2) !== 0,
    mergesStderr: (bits & 4) !== 0,
    killsLeftovers: (bits & 8) !== 0,
    isInBackground: (bits & 16) !== 0,
    isHelper: (bits & 32) !== 0,
    hasLaxOwners: (bits & 64) !== 0,
    stdin,
    timeoutMs: reader.u32(),
    outputLimit: reader.u64(),
    rows: reader.u16(),
    columns: reader.u16(),
    umask: reader.u16(),
    entry: reader.u8(),
    files: reader.list(11, () => ({ name: reader.str(), mode: reader.u16(), content: readContent(reader) })),
    cgroups: reader.list(8, () => readCgroupStep(reader)),
    capabilities: reader.u64(),
    calls: checkFlags(reader.u32(), KNOWN_CALLS),
    devices: reader.list(4, () => reader.str()),
  };
}

function readCgroupStep(reader: Reader): CgroupStep {
  const path = reader.str();
  const value = reader.name();
  return value === "" ? { path } : { path, value };
}

function readStdin(reader: Reader): WireStdin {
  const kind = reader.oneOf(STDIN_KINDS, "kind of stdin");
  if (kind === "bytes") return { kind, bytes: reader.bytes() };
  return kind === "blob" ? { kind, sha256: reader.hex(32) } : { kind };
}
