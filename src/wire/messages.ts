// The messages between controller and helper: twins of the tables in native/PROTOCOL.md.

import type { Exit, Failure } from "../module/probe.js";
import { readChange, writeChange } from "./changes.js";
import type { WireChange } from "./changes.js";
import { Reader, WireError } from "./codec.js";
import type { Writer } from "./codec.js";
import { beginFrame, endFrame } from "./frames.js";
import type { Frame } from "./frames.js";
import { readProbe, writeProbe } from "./probes.js";
import type { WireProbe } from "./probes.js";
import {
  checkFlags,
  flagBits,
  readExec,
  readExit,
  readFailure,
  writeExec,
  writeExit,
  writeFailure,
} from "./structs.js";
import type { WireExec } from "./structs.js";

/** The version that the greeting must name. */
export const PROTOCOL_VERSION = 8;

interface OnChannel {
  /** The request that it belongs to; 0 for the greeting. */
  readonly channel: number;
}

interface OnTree extends OnChannel {
  readonly tree: number;
}

/** From the controller to the helper. */
export type Request =
  | (OnTree & {
      readonly kind: "openTree";
      readonly path: string;
      readonly entry: number;
      readonly isHostRoot: boolean;
      /** Without root: as root of the helper's user namespace, on the host itself too. */
      readonly isAsRoot: boolean;
      /** In the mount namespace of the helper's own, which ends with it. */
      readonly hasOwnMounts: boolean;
    })
  | (OnTree & { readonly kind: "closeTree" })
  | (OnTree & { readonly kind: "observe"; readonly probes: readonly WireProbe[] })
  | (OnTree & { readonly kind: "apply"; readonly batch: number; readonly changes: readonly WireChange[] })
  | (OnTree & { readonly kind: "exec"; readonly exec: WireExec })
  | (OnChannel & { readonly kind: "input"; readonly data: Uint8Array })
  | (OnChannel & { readonly kind: "resize"; readonly rows: number; readonly columns: number })
  | (OnChannel & { readonly kind: "signal"; readonly signal: number })
  | (OnChannel & {
      readonly kind: "blob";
      readonly sha256: string;
      readonly size: number;
      readonly offset: number;
      readonly data: Uint8Array;
    })
  | (OnChannel & { readonly kind: "cancel" });

export interface Greeting extends OnChannel {
  readonly kind: "greeting";
  readonly protocol: number;
  readonly version: string;
  readonly architecture: string;
  readonly kernel: string;
  readonly nodename: string;
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly features: number;
  readonly cpus: number;
  readonly memory: number;
  /** Owners that files of trees can be given: the ids from 0 up to these; 4294967295: all, 0: files are the login's. */
  readonly users: number;
  readonly groups: number;
  /** Why there are no more of them. */
  readonly lack: string;
}

/** Bits of a greeting's features. */
export const FEATURES = { openat2: 1, rootCapabilities: 2, newuidmap: 4, userNamespace: 8 } as const;

/** From the helper to the controller. Data lies in the frame: what is kept must be copied. */
export type Reply =
  | Greeting
  | (OnChannel & {
      readonly kind: "opened";
      readonly realPath: string;
      readonly device: number;
      readonly fileSystem: number;
      readonly isReadOnly: boolean;
    })
  /** `items` is the encoded list: decodeItems needs the probes too. */
  | (OnChannel & {
      readonly kind: "observed";
      readonly isLast: boolean;
      readonly first: number;
      readonly items: Buffer;
    })
  /** `outcome` is encoded: decodeOutcome needs the change's kind too. */
  | (OnChannel & { readonly kind: "applied"; readonly index: number; readonly outcome: Buffer })
  | (OnChannel & { readonly kind: "done"; readonly applied: number })
  /** `livesOn`: the process ends neither with the tree nor with the connection. */
  | (OnChannel & { readonly kind: "started"; readonly pid: number; readonly livesOn: boolean })
  | (OnChannel & {
      readonly kind: "output";
      readonly index: number;
      readonly stream: "stdout" | "stderr";
      readonly data: Buffer;
    })
  | (OnChannel & { readonly kind: "exited"; readonly exit: Exit })
  | (OnChannel & { readonly kind: "blobStored"; readonly sha256: string })
  | (OnChannel & { readonly kind: "content"; readonly index: number; readonly data: Buffer })
  | (OnChannel & { readonly kind: "inputTaken"; readonly count: number })
  | (OnChannel & { readonly kind: "error"; readonly failure: Failure });

/** Numbers of the messages' types. */
export const REQUEST_TYPES = {
  openTree: 0x01,
  closeTree: 0x02,
  observe: 0x03,
  apply: 0x04,
  exec: 0x05,
  input: 0x06,
  resize: 0x07,
  signal: 0x08,
  blob: 0x09,
  cancel: 0x0a,
} as const satisfies Record<Request["kind"], number>;

export const REPLY_TYPES = {
  greeting: 0x80,
  opened: 0x81,
  observed: 0x82,
  applied: 0x83,
  done: 0x84,
  started: 0x85,
  output: 0x86,
  exited: 0x87,
  blobStored: 0x88,
  content: 0x89,
  inputTaken: 0x8a,
  error: 0x8f,
} as const satisfies Record<Reply["kind"], number>;

const STREAMS = ["", "stdout", "stderr"] as const;

/** Appends a request's frame. Throws a WireError (and appends nothing) where it is larger than a frame or holds what cannot be sent. */
export function writeRequest(writer: Writer, request: Request): void {
  const start = beginFrame(writer, REQUEST_TYPES[request.kind], request.channel);
  try {
    writeRequestFields(writer, request);
  } catch (error) {
    writer.truncate(start);
    throw error;
  }
  endFrame(writer, start);
}

function writeRequestFields(writer: Writer, request: Request): void {
  switch (request.kind) {
    case "openTree":
      writer.u32(request.tree);
      writer.str(request.path);
      writer.u8(request.entry);
      writer.u32(flagBits([request.isHostRoot, 1], [request.isAsRoot, 2], [request.hasOwnMounts, 4]));
      break;
    case "closeTree":
      writer.u32(request.tree);
      break;
    case "observe":
      writer.u32(request.tree);
      writer.list(request.probes, writeProbe);
      break;
    case "apply":
      writer.u32(request.tree);
      writer.u32(request.batch);
      writer.list(request.changes, writeChange);
      break;
    case "exec":
      writer.u32(request.tree);
      writeExec(writer, request.exec);
      break;
    case "input":
      writer.bytes(request.data);
      break;
    case "resize":
      writer.u16(request.rows);
      writer.u16(request.columns);
      break;
    case "signal":
      writer.u8(request.signal);
      break;
    case "blob":
      writer.hex(request.sha256, 32);
      writer.u64(request.size);
      writer.u64(request.offset);
      writer.bytes(request.data);
      break;
    case "cancel":
      break;
  }
}

/** The request in a frame. Throws a WireError. */
export function readRequest(frame: Frame): Request {
  const reader = new Reader(frame.payload);
  const request = readRequestFields(frame.type, frame.channel, reader);
  reader.end();
  return request;
}

function readRequestFields(type: number, channel: number, reader: Reader): Request {
  switch (type) {
    case REQUEST_TYPES.openTree: {
      const tree = reader.u32();
      const path = reader.str();
      const entry = reader.u8();
      const flags = checkFlags(reader.u32(), 7);
      return {
        kind: "openTree",
        channel,
        tree,
        path,
        entry,
        isHostRoot: (flags & 1) !== 0,
        isAsRoot: (flags & 2) !== 0,
        hasOwnMounts: (flags & 4) !== 0,
      };
    }
    case REQUEST_TYPES.closeTree:
      return { kind: "closeTree", channel, tree: reader.u32() };
    case REQUEST_TYPES.observe:
      return { kind: "observe", channel, tree: reader.u32(), probes: reader.list(6, readProbe) };
    case REQUEST_TYPES.apply:
      return { kind: "apply", channel, tree: reader.u32(), batch: reader.u32(), changes: reader.list(7, readChange) };
    case REQUEST_TYPES.exec:
      return { kind: "exec", channel, tree: reader.u32(), exec: readExec(reader) };
    case REQUEST_TYPES.input:
      return { kind: "input", channel, data: reader.bytes() };
    case REQUEST_TYPES.resize:
      return { kind: "resize", channel, rows: reader.u16(), columns: reader.u16() };
    case REQUEST_TYPES.signal:
      return { kind: "signal", channel, signal: reader.u8() };
    case REQUEST_TYPES.blob:
      return {
        kind: "blob",
        channel,
        sha256: reader.hex(32),
        size: reader.u64(),
        offset: reader.u64(),
        data: reader.bytes(),
      };
    case REQUEST_TYPES.cancel:
      return { kind: "cancel", channel };
    default:
      throw new WireError(`a request of type ${type} is not known`);
  }
}

/** Appends a reply's frame, as a helper does. */
export function writeReply(writer: Writer, reply: Reply): void {
  const start = beginFrame(writer, REPLY_TYPES[reply.kind], reply.channel);
  writeReplyFields(writer, reply);
  endFrame(writer, start);
}

function writeReplyFields(writer: Writer, reply: Reply): void {
  switch (reply.kind) {
    case "greeting":
      writer.u16(reply.protocol);
      for (const text of [reply.version, reply.architecture, reply.kernel, reply.nodename]) writer.str(text);
      for (const number of [reply.pid, reply.uid, reply.gid, reply.features, reply.cpus]) writer.u32(number);
      writer.u64(reply.memory);
      for (const number of [reply.users, reply.groups]) writer.u32(number);
      writer.str(reply.lack);
      break;
    case "opened":
      writer.str(reply.realPath);
      writer.u64(reply.device);
      writer.u64(reply.fileSystem);
      writer.bool(reply.isReadOnly);
      break;
    case "observed":
      writer.bool(reply.isLast);
      writer.u32(reply.first);
      writer.raw(reply.items);
      break;
    case "applied":
      writer.u32(reply.index);
      writer.raw(reply.outcome);
      break;
    case "done":
      writer.u32(reply.applied);
      break;
    case "started":
      writer.u32(reply.pid);
      writer.u32(flagBits([reply.livesOn, 1]));
      break;
    case "output":
      writer.u32(reply.index);
      writer.oneOf(STREAMS, reply.stream, "stream");
      writer.bytes(reply.data);
      break;
    case "exited":
      writeExit(writer, reply.exit);
      break;
    case "blobStored":
      writer.hex(reply.sha256, 32);
      break;
    case "content":
      writer.u32(reply.index);
      writer.bytes(reply.data);
      break;
    case "inputTaken":
      writer.u32(reply.count);
      break;
    case "error":
      writeFailure(writer, reply.failure);
      break;
  }
}

/** The reply in a frame. Throws a WireError. */
export function readReply(frame: Frame): Reply {
  const reader = new Reader(frame.payload);
  const reply = readReplyFields(frame.type, frame.channel, reader);
  reader.end();
  return reply;
}

function readReplyFields(type: number, channel: number, reader: Reader): Reply {
  switch (type) {
    case REPLY_TYPES.greeting:
      return readGreeting(channel, reader);
    case REPLY_TYPES.opened:
      return {
        kind: "opened",
        channel,
        realPath: reader.str(),
        device: reader.u64(),
        fileSystem: reader.u64(),
        isReadOnly: reader.bool(),
      };
    case REPLY_TYPES.observed:
      return { kind: "observed", channel, isLast: reader.bool(), first: reader.u32(), items: reader.raw(reader.left) };
    case REPLY_TYPES.applied:
      return { kind: "applied", channel, index: reader.u32(), outcome: reader.raw(reader.left) };
    case REPLY_TYPES.done:
      return { kind: "done", channel, applied: reader.u32() };
    case REPLY_TYPES.started:
      return { kind: "started", channel, pid: reader.u32(), livesOn: checkFlags(reader.u32(), 1) !== 0 };
    case REPLY_TYPES.output: {
      const index = reader.u32();
      const stream = reader.oneOf(STREAMS, "stream");
      if (stream === "") throw new WireError("stream 0 is not known");
      return { kind: "output", channel, index, stream, data: reader.view() };
    }
    case REPLY_TYPES.exited:
      return { kind: "exited", channel, exit: readExit(reader) };
    case REPLY_TYPES.blobStored:
      return { kind: "blobStored", channel, sha256: reader.hex(32) };
    case REPLY_TYPES.content:
      return { kind: "content", channel, index: reader.u32(), data: reader.view() };
    case REPLY_TYPES.inputTaken:
      return { kind: "inputTaken", channel, count: reader.u32() };
    case REPLY_TYPES.error:
      return { kind: "error", channel, failure: readFailure(reader) };
    default:
      throw new WireError(`a reply of type ${type} is not known`);
  }
}

/** Fields after the version are read only where the version is ours: another one may have others. */
function readGreeting(channel: number, reader: Reader): Greeting {
  const protocol = reader.u16();
  const version = reader.str();
  if (protocol !== PROTOCOL_VERSION) {
    reader.raw(reader.left);
    const unknown = {
      architecture: "",
      kernel: "",
      nodename: "",
      pid: 0,
      uid: 0,
      gid: 0,
      features: 0,
      cpus: 0,
      memory: 0,
      users: 0,
      groups: 0,
      lack: "",
    };
    return { kind: "greeting", channel, protocol, version, ...unknown };
  }
  return {
    kind: "greeting",
    channel,
    protocol,
    version,
    architecture: reader.str(),
    kernel: reader.str(),
    nodename: reader.str(),
    pid: reader.u32(),
    uid: reader.u32(),
    gid: reader.u32(),
    features: reader.u32(),
    cpus: reader.u32(),
    memory: reader.u64(),
    users: reader.u32(),
    groups: reader.u32(),
    lack: reader.str(),
  };
}
