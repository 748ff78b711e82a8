// Every message survives the way there and back, whatever it holds; lists are cut into frames and lose nothing.

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Expect, Outcome, TimeSpec } from "../../src/module/change.js";
import type { DigestName, Exit, Failure, Observation, Stat, StatObservation } from "../../src/module/probe.js";
import { writeBatches } from "../../src/wire/batches.js";
import { decodeOutcome, encodeOutcome, readChange, writeChange } from "../../src/wire/changes.js";
import type { WireChange } from "../../src/wire/changes.js";
import { Reader, Writer } from "../../src/wire/codec.js";
import { FRAME_LIMIT, FrameDecoder } from "../../src/wire/frames.js";
import { REQUEST_TYPES, readRequest } from "../../src/wire/messages.js";
import { decodeItems, encodeItems, readProbe, writeProbe } from "../../src/wire/probes.js";
import type { WireProbe } from "../../src/wire/probes.js";
import { DIGESTS } from "../../src/wire/structs.js";
import type { WireContent, WireExec } from "../../src/wire/structs.js";
import { textOf } from "../../src/wire/text.js";

const u16 = fc.integer({ min: 0, max: 0xfffe });
const u32 = fc.integer({ min: 0, max: 0xfffffffe });
const u64 = fc.maxSafeNat();
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const name = bytes.map((array) => textOf(array));
const str = bytes.map((array) => textOf(array.filter((byte) => byte !== 0)));
const hex = (length: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array).toString("hex"));
const sha256 = hex(32).filter((text) => !/^0+$/.test(text));
const at = fc.constantFrom("tree" as const, "host" as const);
const algorithms = fc.subarray([...DIGESTS]).map((some): DigestName[] => DIGESTS.filter((one) => some.includes(one)));
const time = fc.record({ seconds: fc.maxSafeInteger(), nanoseconds: u32 }, { noNullPrototype: true });

/** A record whose `optional` fields may be missing. */
function partly<T extends object>(
  shape: { readonly [K in keyof T]-?: fc.Arbitrary<NonNullable<T[K]>> },
  required: readonly (keyof T)[],
): fc.Arbitrary<T> {
  return fc.record(shape, { requiredKeys: [...required], noNullPrototype: true }) as fc.Arbitrary<T>;
}

function record<T extends object>(shape: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(shape, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const failure: fc.Arbitrary<Failure> = record<Failure>({
  errno: u32,
  code: fc.constantFrom("system", "conflict", "refused", "no-such-user", "bad-request", "entry", "deadline"),
  step: str,
  path: str,
  message: str,
});

const exit: fc.Arbitrary<Exit> = fc.oneof(
  record<Omit<Exit, "failure" | "note">>({
    kind: fc.constantFrom("exited", "signaled", "timed-out", "cancelled"),
    value: u32,
    wallMs: u32,
    cpuMs: u32,
  }),
  record<Required<Omit<Exit, "note">>>({
    kind: fc.constant("not-started"),
    value: u32,
    failure,
    wallMs: u32,
    cpuMs: u32,
  }),
);

const STAT_FIELDS = [
  ...(["type", "mode", "uid", "gid", "links", "size", "device", "inode", "rdev", "blocks", "blockSize"] as const),
  ...(["atime", "mtime", "ctime", "target"] as const),
];

const stat: fc.Arbitrary<Stat> = partly<Stat>(
  {
    type: fc.constantFrom("file", "directory", "link", "block", "char", "fifo", "socket"),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: u32,
    gid: u32,
    links: u32,
    size: u64,
    device: u64,
    inode: u64,
    rdev: u64,
    blocks: u64,
    blockSize: u32,
    atime: time,
    mtime: time,
    ctime: time,
    target: name,
    flags: u32,
  },
  [...STAT_FIELDS],
);

const content: fc.Arbitrary<WireContent> = fc.oneof(
  record<WireContent>({ kind: fc.constant("bytes" as const), bytes }),
  record<WireContent>({ kind: fc.constant("blob" as const), sha256 }),
);

const exec: fc.Arbitrary<WireExec> = record<WireExec>({
  argv: fc.array(str, { maxLength: 4 }),
  environment: fc.array(str, { maxLength: 4 }),
  directory: str,
  user: str,
  hasTerminal: fc.boolean(),
  streamsOutput: fc.boolean(),
  mergesStderr: fc.boolean(),
  killsLeftovers: fc.boolean(),
  isInBackground: fc.boolean(),
  isHelper: fc.boolean(),
  hasLaxOwners: fc.boolean(),
  stdin: fc.oneof(content, fc.constant({ kind: "none" as const }), fc.constant({ kind: "input" as const })),
  timeoutMs: u32,
  outputLimit: u64,
  rows: u16,
  columns: u16,
  umask: u16,
  entry: fc.integer({ min: 0, max: 255 }),
  files: fc.array(record({ name: str, mode: u16, content }), { maxLength: 2 }),
  cgroups: fc.array(fc.oneof(record({ path: str }), record({ path: str, value: str.filter((text) => text !== "") })), {
    maxLength: 2,
  }),
  capabilities: fc.integer({ min: 0, max: 2 ** 41 - 1 }),
  calls: fc.integer({ min: 0, max: 255 }),
  devices: fc.array(str, { maxLength: 2 }),
});

const real = str.filter((text) => text !== "");

/** A probe with an answer to it. */
const answered: fc.Arbitrary<readonly [WireProbe, Observation]> = fc.oneof(
  fc.tuple(
    record<WireProbe>({
      kind: fc.constant("stat" as const),
      at,
      path: real,
      follow: fc.boolean(),
      withFlags: fc.boolean(),
      withFileSystem: fc.constant(false),
    }),
    record<Observation>({ kind: fc.constant("stat" as const), real, stat: fc.option(stat, { nil: undefined }) }),
  ),
  fc.tuple(
    record<WireProbe>({
      kind: fc.constant("stat" as const),
      at,
      path: real,
      follow: fc.boolean(),
      withFlags: fc.boolean(),
      withFileSystem: fc.constant(true),
    }),
    partly<Omit<StatObservation, "failure">>(
      {
        kind: fc.constant("stat" as const),
        real,
        stat,
        fileSystem: fc.oneof(
          fc.constantFrom("btrfs", "ext4"),
          fc.integer({ min: 1, max: 999 }).map((magic) => `0x${magic.toString(16)}`),
        ),
        subvolume: fc.constantFrom("writable", "read-only"),
      },
      ["kind", "real", "stat", "fileSystem"],
    ),
  ),
  fc.tuple(
    partly<Extract<WireProbe, { kind: "read" }>>(
      {
        kind: fc.constant("read" as const),
        at,
        path: real,
        follow: fc.boolean(),
        limit: u64,
        unlessSha256: sha256,
        needles: fc.array(name, { minLength: 1, maxLength: 3 }),
      },
      ["kind", "at", "path", "follow", "limit"],
    ),
    fc.oneof(
      record<Observation>({
        kind: fc.constant("read" as const),
        real,
        stat: fc.option(stat, { nil: undefined }),
        sha256: fc.option(sha256, { nil: undefined }),
        content: fc.option(bytes, { nil: undefined }),
        isTooLarge: fc.constant(false),
      }),
      record<Observation>({ kind: fc.constant("read" as const), real, failure, ...nothingRead() }),
    ),
  ),
  algorithms.chain((some) =>
    fc.tuple(
      record<WireProbe>({
        kind: fc.constant("list" as const),
        at,
        path: real,
        depth: u32,
        limit: u32,
        algorithms: fc.constant(some),
      }),
      record<Observation>({
        kind: fc.constant("list" as const),
        real,
        stat: fc.option(stat, { nil: undefined }),
        isTruncated: fc.boolean(),
        entries: fc.array(record({ name, stat, digests: digests(some) }), { maxLength: 4 }),
      }),
    ),
  ),
  algorithms.chain((some) =>
    fc.tuple(
      record<WireProbe>({
        kind: fc.constant("hash" as const),
        at,
        path: real,
        follow: fc.boolean(),
        algorithms: fc.constant(some),
      }),
      record<Observation>({
        kind: fc.constant("hash" as const),
        real,
        stat: fc.option(stat, { nil: undefined }),
        digests: digests(some),
      }),
    ),
  ),
  fc.tuple(
    record<WireProbe>({ kind: fc.constant("exec" as const), at, exec }),
    record<Observation>({ kind: fc.constant("exec" as const), exit, stdout: bytes, stderr: bytes }),
  ),
  fc.tuple(
    record<WireProbe>({ kind: fc.constant("glob" as const), at, path: real }),
    record<Observation>({ kind: fc.constant("glob" as const), paths: fc.array(name, { maxLength: 4 }) }),
  ),
);

function nothingRead() {
  return {
    stat: fc.constant(undefined),
    sha256: fc.constant(undefined),
    content: fc.constant(undefined),
    isTooLarge: fc.constant(false),
  };
}

/** All that were asked for, or none. */
function digests(some: readonly DigestName[]): fc.Arbitrary<Partial<Record<DigestName, string>>> {
  const lengths = { md5: 16, sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64, xattrs: 32 };
  const shape = Object.fromEntries(some.map((one) => [one, hex(lengths[one])]));
  return fc.oneof(fc.constant({}), fc.record(shape, { noNullPrototype: true }));
}

const expectation: fc.Arbitrary<Expect> = partly<Expect>(
  {
    type: fc.constantFrom("absent", "file", "directory", "link", "block", "char", "fifo", "socket"),
    sha256,
    owner: record({ uid: u32, gid: u32 }),
    mode: u16,
    target: name,
    real: str,
  },
  [],
);
const timeSpec: fc.Arbitrary<TimeSpec> = fc.oneof(fc.constant("now" as const), time);
const placed = { at, path: str, expect: expectation };
const owned = { mode: u16, uid: u32, gid: u32 };
const flag = fc.boolean();
const base = ["kind", "at", "path", "expect"] as const;
const kind = <K extends string>(value: K): fc.Arbitrary<K> => fc.constant(value);

const change: fc.Arbitrary<WireChange> = fc.oneof(
  fc.record(
    { kind: kind("writeFile"), ...placed, content, ...owned, follow: flag, inPlace: flag, mtime: timeSpec },
    { requiredKeys: [...base, "content", "follow", "inPlace"], noNullPrototype: true },
  ),
  fc.record({ kind: kind("makeDirectory"), ...placed, ...owned }, { requiredKeys: [...base], noNullPrototype: true }),
  fc.record(
    { kind: kind("makeLink"), ...placed, target: name, uid: u32, gid: u32 },
    { requiredKeys: [...base, "target"], noNullPrototype: true },
  ),
  fc.record({ kind: kind("hardLink"), ...placed, source: str }, { noNullPrototype: true }),
  fc.record({ kind: kind("remove"), ...placed, isRecursive: flag, withSubvolumes: flag }, { noNullPrototype: true }),
  fc.record(
    {
      kind: kind("setAttributes"),
      ...placed,
      follow: flag,
      allowHardLinks: flag,
      ...owned,
      atime: timeSpec,
      mtime: timeSpec,
      setFlags: u32,
      clearFlags: u32,
    },
    { requiredKeys: [...base, "follow", "allowHardLinks", "setFlags", "clearFlags"], noNullPrototype: true },
  ),
  fc.record(
    { kind: kind("copyFile"), ...placed, from: str, ...owned, follow: flag, keepTimes: flag, keepXattrs: flag },
    { requiredKeys: [...base, "from", "follow", "keepTimes", "keepXattrs"], noNullPrototype: true },
  ),
  fc.record(
    { kind: kind("rename"), ...placed, to: str, onTaken: fc.constantFrom("replace", "exchange", "refuse") },
    { noNullPrototype: true },
  ),
  fc.record(
    { kind: kind("subvolume"), ...placed, from: real, isReadOnly: flag },
    { requiredKeys: [...base, "isReadOnly"], noNullPrototype: true },
  ),
  fc.record(
    { kind: kind("mountOverlay"), ...placed, lower: str, upper: str, work: str, replaces: flag },
    { noNullPrototype: true },
  ),
  fc.record({ kind: kind("unmount"), ...placed, removesDirectory: flag }, { noNullPrototype: true }),
  fc.record({ kind: kind("setSubvolume"), ...placed, isReadOnly: flag }, { noNullPrototype: true }),
  fc.record({ kind: kind("exec"), at, expect: expectation, exec }, { noNullPrototype: true }),
  fc.record(
    { kind: kind("writeKernel"), ...placed, value: name, current: name },
    { requiredKeys: [...base, "value"], noNullPrototype: true },
  ),
  fc.record({ kind: kind("lock"), ...placed, timeoutMs: u32 }, { noNullPrototype: true }),
  fc.record({ kind: kind("unlock"), ...placed }, { noNullPrototype: true }),
  fc.record({ kind: kind("hold"), ...placed, timeoutMs: u32, holder: name }, { noNullPrototype: true }),
);

const outcome: fc.Arbitrary<readonly [WireChange["kind"], Outcome]> = fc.oneof(
  fc.tuple(kind("exec"), record({ exit, stdout: bytes, stderr: bytes })),
  fc.tuple(fc.constantFrom("writeFile" as const, "exec" as const), record({ failure })),
  fc.constant(["rename", {}] as const),
);

describe("wire: messages", () => {
  it("probes come back as they were, and their answers too", () => {
    fc.assert(
      fc.property(fc.array(answered, { maxLength: 8 }), (pairs) => {
        // No answer has more entries than were asked for.
        const probes = pairs.map(([probe, observation]) =>
          probe.kind === "list" && observation.kind === "list"
            ? { ...probe, limit: Math.max(probe.limit ?? 0, observation.entries.length) }
            : probe,
        );
        const observations = pairs.map(([probe, observation]) =>
          // Of a probe that failed the helper knows no other path than the one that was asked for.
          "real" in observation && observation.failure !== undefined && "path" in probe
            ? { ...observation, real: probe.path }
            : observation,
        );
        const writer = new Writer(8);
        for (const probe of probes) writeProbe(writer, probe);
        const reader = new Reader(writer.finish());
        assert.deepEqual(
          probes.map(() => readProbe(reader)),
          probes,
        );
        reader.end();
        const items = new Writer(8);
        encodeItems(items, probes, observations);
        const none = (): never => assert.fail("no content was sent apart");
        assert.deepEqual(decodeItems(items.finish(), 0, probes, none), observations);
      }),
    );
  });

  it("changes come back as they were, and their outcomes too", () => {
    fc.assert(
      fc.property(change, outcome, (one, [changeKind, result]) => {
        const writer = new Writer(8);
        writeChange(writer, one);
        const reader = new Reader(writer.finish());
        assert.deepEqual(readChange(reader), one);
        reader.end();
        const encoded = new Writer(8);
        encodeOutcome(encoded, result);
        const none = (): never => assert.fail("no content was sent apart");
        assert.deepEqual(decodeOutcome(encoded.finish(), 0, changeKind, none), result);
      }),
    );
  });

  it("a list of any sizes is cut into frames that hold all of it, in order", () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 600_000 }), { maxLength: 8 });
    fc.assert(
      fc.property(sizes, (lengths) => {
        const probes = lengths.map((length): WireProbe => ({ kind: "glob", at: "tree", path: "x".repeat(length) }));
        const writer = new Writer();
        let channel = 0;
        const head = (into: Writer): void => into.u32(7);
        const batches = writeBatches(writer, REQUEST_TYPES.observe, () => ++channel, head, probes, writeProbe);
        const frames = new FrameDecoder({ expectsMagic: false }).push(writer.finish());
        assert.equal(frames.length, batches.length);
        const back = frames.flatMap((frame, index) => {
          assert.ok(frame.payload.length + 5 <= FRAME_LIMIT);
          const request = readRequest(frame);
          assert.ok(request.kind === "observe" && request.tree === 7);
          assert.deepEqual([batches[index]?.channel, batches[index]?.count], [request.channel, request.probes.length]);
          return request.probes;
        });
        assert.deepEqual(back, probes);
      }),
      { numRuns: 30 },
    );
  });
});
