// Probes and the items that answer them: twins of the tables in native/PROTOCOL.md.

import type {
  ConnectProbe,
  ExecObservation,
  GlobProbe,
  HashProbe,
  ListProbe,
  MachineObservation,
  MachineProbe,
  Observation,
  Probe,
  ReadProbe,
  Root,
  StatObservation,
  StatProbe,
} from "../module/probe.js";
import { Reader, WireError } from "./codec.js";
import type { Writer } from "./codec.js";
import { fileSystemMagic, fileSystemName } from "./file-systems.js";
import {
  ROOTS,
  checkFlags,
  flagBits,
  readAlgorithms,
  readDigests,
  readExec,
  readExit,
  readFailure,
  readSha256,
  readStat,
  writeAlgorithms,
  writeDigests,
  writeExec,
  writeExit,
  writeFailure,
  writeSha256,
  writeStat,
  readTime,
  writeTime,
} from "./structs.js";
import type { WireExec } from "./structs.js";

export interface WireExecProbe {
  readonly kind: "exec";
  readonly at?: Root;
  readonly exec: WireExec;
}

/** A probe whose exec leaves nothing to choose. */
export type WireProbe =
  | StatProbe
  | ReadProbe
  | HashProbe
  | ListProbe
  | GlobProbe
  | WireExecProbe
  | MachineProbe
  | ConnectProbe;

const KINDS = ["", "stat", "read", "hash", "list", "glob", "exec", "machine", "connect"] as const;
/** Bytes of a file that are read where nothing else is asked for. */
export const DEFAULT_READ_LIMIT = 16 * 1024 * 1024;
const DEFAULT_LIST_LIMIT = 100_000;

export function writeProbe(writer: Writer, probe: WireProbe): void {
  writer.oneOf(KINDS, probe.kind, "kind of probe");
  writer.oneOf(ROOTS, ("at" in probe ? probe.at : undefined) ?? "tree", "root");
  writer.str("path" in probe ? probe.path : "");
  switch (probe.kind) {
    case "stat":
      writer.u8(flagBits([probe.follow, 1], [probe.withFlags, 2], [probe.withFileSystem, 4]));
      break;
    case "read":
      writer.u8(flagBits([probe.follow ?? true, 1]));
      writer.u64(probe.limit ?? DEFAULT_READ_LIMIT);
      writer.bool(probe.unlessSha256 !== undefined);
      if (probe.unlessSha256 !== undefined) writer.hex(probe.unlessSha256, 32);
      writer.list(probe.needles ?? [], (_, needle) => writer.name(needle));
      break;
    case "hash":
      writer.u8(flagBits([probe.follow, 1]));
      writeAlgorithms(writer, probe.algorithms);
      break;
    case "list":
      writer.u32(probe.depth);
      writer.u32(probe.limit ?? DEFAULT_LIST_LIMIT);
      writeAlgorithms(writer, probe.algorithms ?? []);
      writer.bool(probe.since !== undefined);
      if (probe.since !== undefined) writeTime(writer, probe.since);
      break;
    case "glob":
      writer.u32(DEFAULT_LIST_LIMIT);
      break;
    case "exec":
      writeExec(writer, probe.exec);
      break;
    case "machine":
      break;
    case "connect":
      writer.str(probe.host);
      writer.u16(probe.port);
      writer.u32(probe.timeoutMs);
      writer.u32(probe.limit ?? 0);
      break;
  }
}

/** With every optional field filled in. */
export function readProbe(reader: Reader): WireProbe {
  const kind = reader.oneOf(KINDS, "kind of probe");
  const at = reader.oneOf(ROOTS, "root");
  const path = reader.str();
  switch (kind) {
    case "stat": {
      const bits = checkFlags(reader.u8(), 7);
      const [follow, withFlags, withFileSystem] = [(bits & 1) !== 0, (bits & 2) !== 0, (bits & 4) !== 0];
      return { kind, at, path, follow, withFlags, withFileSystem };
    }
    case "read": {
      const follow = reader.bool();
      const limit = reader.u64();
      const unless = reader.bool() ? { unlessSha256: reader.hex(32) } : {};
      const needles = reader.list(4, () => reader.name());
      return { kind, at, path, follow, limit, ...unless, ...(needles.length > 0 ? { needles } : {}) };
    }
    case "hash":
      return { kind, at, path, follow: reader.bool(), algorithms: readAlgorithms(reader) };
    case "list": {
      const [depth, limit, algorithms] = [reader.u32(), reader.u32(), readAlgorithms(reader)];
      return { kind, at, path, depth, limit, algorithms, ...(reader.bool() ? { since: readTime(reader) } : {}) };
    }
    case "glob":
      reader.u32();
      return { kind, at, path };
    case "exec":
      return { kind, at, exec: readExec(reader) };
    case "machine":
      return { kind };
    case "connect": {
      const [host, port, timeoutMs, limit] = [reader.str(), reader.u16(), reader.u32(), reader.u32()];
      return { kind, host, port, timeoutMs, ...(limit > 0 ? { limit } : {}) };
    }
    case "":
      throw new WireError("kind of probe 0 is not known");
  }
}

/** Bytes of an item that came as CONTENT before the message that names it; `length` is what the item says. Undefined: they were too many to be kept. */
export type TakeContent = (index: number, length: number) => Buffer | undefined;

/** The items of an OBSERVED, `first` being the index of the first of them, for the probes that were asked. Throws a WireError. */
export function decodeItems(
  items: Buffer,
  first: number,
  probes: readonly Pick<Probe, "kind">[],
  take: TakeContent,
): Observation[] {
  const reader = new Reader(items);
  const count = reader.count(1);
  if (first + count > probes.length) throw new WireError(`items up to ${first + count} for ${probes.length} probes`);
  const observations: Observation[] = [];
  for (let index = first; index < first + count; index++)
    observations.push(readItem(reader, index, probes[index], take));
  reader.end();
  return observations;
}

/** The bytes of a list of items, each whole: what a helper sends that never needs CONTENT. */
export function encodeItems(writer: Writer, probes: readonly WireProbe[], observations: readonly Observation[]): void {
  writer.u32(observations.length);
  observations.forEach((observation, index) => writeItem(writer, observation, probes[index]));
}

function readItem(
  reader: Reader,
  index: number,
  probe: WireProbe | Pick<Probe, "kind"> | undefined,
  take: TakeContent,
): Observation {
  if (probe === undefined) throw new WireError(`an item ${index} that nobody asked for`);
  const status = reader.u8();
  if (status === 0) return readResult(reader, index, asked(probe), take);
  if (status === 1) return failed(asked(probe), readFailure(reader));
  if (status !== 2) throw new WireError(`item status ${status} is not known`);
  const bytes = take(index, reader.u64());
  if (bytes === undefined) return failed(asked(probe), tooMuch(asked(probe).path));
  const whole = new Reader(bytes);
  if (whole.u8() !== 0) throw new WireError("an item sent as content without a result");
  const observation = readResult(whole, index, asked(probe), take);
  whole.end();
  return observation;
}

/** What of a probe its item depends on. */
interface Asked {
  readonly kind: Probe["kind"];
  readonly path: string;
  readonly algorithms: HashProbe["algorithms"];
  readonly withFileSystem: boolean;
  readonly limit: number;
}

function asked(probe: Pick<Probe, "kind"> & Partial<Asked>): Asked {
  const { kind, path = "", algorithms = [], withFileSystem = false, limit = DEFAULT_LIST_LIMIT } = probe;
  return { kind, path, algorithms, withFileSystem, limit };
}

/** A list's items, no more than were asked for: their objects take more memory than their bytes. */
function readLimited<T>(reader: Reader, smallest: number, limit: number, read: () => T): T[] {
  const count = reader.count(smallest);
  if (count > limit) throw new WireError(`a list of ${count} where ${limit} were asked for`);
  return Array.from({ length: count }, read);
}

function readResult(reader: Reader, index: number, probe: Asked, take: TakeContent): Observation {
  switch (probe.kind) {
    case "stat":
      return {
        kind: "stat",
        real: readReal(reader, probe.path),
        stat: readStat(reader),
        ...(probe.withFileSystem ? readFileSystem(reader) : {}),
      };
    case "read":
      return readRead(reader, index, probe.path, take);
    case "hash": {
      const real = readReal(reader, probe.path);
      const stat = readStat(reader);
      return { kind: "hash", real, stat, digests: readDigests(reader, probe.algorithms) };
    }
    case "list": {
      const real = readReal(reader, probe.path);
      const stat = readStat(reader);
      const isTruncated = reader.bool();
      const entries = readLimited(reader, 105, probe.limit, () => {
        const name = reader.name();
        const entry = readStat(reader);
        if (entry === undefined) throw new WireError("an entry of a list that is absent");
        return { name, stat: entry, digests: readDigests(reader, probe.algorithms) };
      });
      return { kind: "list", real, stat, isTruncated, entries };
    }
    case "glob":
      reader.str();
      return { kind: "glob", paths: readLimited(reader, 4, DEFAULT_LIST_LIMIT, () => reader.name()) };
    case "exec":
      return { kind: "exec", exit: readExit(reader), stdout: reader.bytes(), stderr: reader.bytes() };
    case "machine":
      return { kind: "machine", machine: readMachine(reader) };
    case "connect":
      return { kind: "connect", isOpen: reader.bool(), errno: reader.u32(), data: reader.bytes() };
  }
}

/** In the order of their numbers. */
const SUBVOLUMES = ["none", "writable", "read-only"] as const;

function readFileSystem(reader: Reader): Pick<StatObservation, "fileSystem" | "subvolume"> {
  const magic = reader.u64();
  const subvolume = reader.oneOf(SUBVOLUMES, "kind of subvolume");
  return {
    ...(magic === 0 ? {} : { fileSystem: fileSystemName(magic) }),
    ...(subvolume === "none" ? {} : { subvolume }),
  };
}

function readReal(reader: Reader, path: string): string {
  const real = reader.str();
  return real === "" ? path : real;
}

function readRead(reader: Reader, index: number, path: string, take: TakeContent): Observation {
  const real = readReal(reader, path);
  const stat = readStat(reader);
  const sha256 = readSha256(reader);
  const kind = reader.oneOf(["none", "bytes", "content", "large"], "kind of content");
  const content = kind === "bytes" ? reader.bytes() : kind === "content" ? take(index, reader.u64()) : undefined;
  if (kind === "content" && content === undefined) return failed({ kind: "read", path }, tooMuch(path));
  return { kind: "read", real, stat, sha256, content, isTooLarge: kind === "large" };
}

/** Why an answer is not there. */
function tooMuch(path: string): NonNullable<Observation["failure"]> {
  const message = "the tree holds more than can be looked at at once: its files or lists are far larger than usual";
  return { errno: 0, code: "refused", step: "observe", path, message };
}

function readMachine(reader: Reader): MachineObservation["machine"] {
  const isRunning = reader.bool();
  const machine = {
    name: reader.str(),
    leader: reader.u32(),
    cgroup: reader.str(),
    uidShift: reader.u32(),
    init: reader.str(),
    hasPrivateUsers: reader.bool(),
  };
  return isRunning ? machine : undefined;
}

/** The observation of a probe that could not be carried out. */
export function failed(probe: Pick<Asked, "kind" | "path">, failure: NonNullable<Observation["failure"]>): Observation {
  const { kind, path } = probe;
  switch (kind) {
    case "stat":
      return { kind, real: path, failure, stat: undefined };
    case "read":
      return { kind, real: path, failure, stat: undefined, sha256: undefined, content: undefined, isTooLarge: false };
    case "hash":
      return { kind, real: path, failure, stat: undefined, digests: {} };
    case "list":
      return { kind, real: path, failure, stat: undefined, isTruncated: false, entries: [] };
    case "glob":
      return { kind, failure, paths: [] };
    case "exec":
      return { kind, failure, exit: { kind: "not-started", value: 0, failure, wallMs: 0, cpuMs: 0 }, ...noOutput() };
    case "machine":
      return { kind, failure, machine: undefined };
    case "connect":
      return { kind, failure, isOpen: false, errno: failure.errno, data: new Uint8Array(0) };
  }
}

function noOutput(): Pick<ExecObservation, "stdout" | "stderr"> {
  return { stdout: new Uint8Array(0), stderr: new Uint8Array(0) };
}

function writeItem(writer: Writer, observation: Observation, probe: WireProbe | undefined): void {
  writer.bool(observation.failure !== undefined);
  if (observation.failure !== undefined) return writeFailure(writer, observation.failure);
  if ("real" in observation) {
    const path = probe !== undefined && "path" in probe ? probe.path : "";
    writer.str(observation.real === path ? "" : observation.real);
    writeStat(writer, observation.stat);
  }
  switch (observation.kind) {
    case "stat":
      if (probe?.kind !== "stat" || !probe.withFileSystem) break;
      writer.u64(observation.fileSystem === undefined ? 0 : fileSystemMagic(observation.fileSystem));
      writer.oneOf(SUBVOLUMES, observation.subvolume ?? "none", "kind of subvolume");
      break;
    case "read": {
      const { content, isTooLarge } = observation;
      writeSha256(writer, observation.sha256);
      writer.u8(content !== undefined ? 1 : isTooLarge ? 3 : 0);
      if (content !== undefined) writer.bytes(content);
      break;
    }
    case "hash":
      writeDigests(writer, observation.digests);
      break;
    case "list":
      writer.bool(observation.isTruncated);
      writer.list(observation.entries, (_, entry) => {
        writer.name(entry.name);
        writeStat(writer, entry.stat);
        writeDigests(writer, entry.digests);
      });
      break;
    case "glob":
      writer.str("");
      writer.list(observation.paths, (_, path) => writer.name(path));
      break;
    case "exec":
      writeExit(writer, observation.exit);
      writer.bytes(observation.stdout);
      writer.bytes(observation.stderr);
      break;
    case "machine":
      writeMachine(writer, observation.machine);
      break;
    case "connect":
      writer.bool(observation.isOpen);
      writer.u32(observation.errno);
      writer.bytes(observation.data);
      break;
  }
}

function writeMachine(writer: Writer, machine: MachineObservation["machine"]): void {
  writer.bool(machine !== undefined);
  writer.str(machine?.name ?? "");
  writer.u32(machine?.leader ?? 0);
  writer.str(machine?.cgroup ?? "");
  writer.u32(machine?.uidShift ?? 0);
  writer.str(machine?.init ?? "");
  writer.bool(machine?.hasPrivateUsers ?? false);
}
