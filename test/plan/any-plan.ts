// Plans of every shape, for properties.

import fc from "fast-check";
import type { Change, Expect } from "../../src/module/change.js";
import { contentOf } from "../../src/module/content.js";
import type { Content, ExecSpec, Probe, Root } from "../../src/module/probe.js";
import type {
  Left,
  Made,
  PlannedLook,
  PlannedPlay,
  PlannedStep,
  PlannedTarget,
  SavedPlan,
} from "../../src/plan/saved-plan.js";
import type { Sight, State } from "../../src/plan/sight.js";

/** Words of all kinds: other scripts, control characters, lone surrogates as invalid bytes leave them. */
const word = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom("\udc80", "a\nb", "__proto__", "constructor"),
);
const path = fc.string({ maxLength: 10 }).map((text) => `/${text.replaceAll("\0", "")}`);
const digest = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 64, maxLength: 64 });
const root = fc.constantFrom<Root>("tree", "host");
const mode = fc.integer({ min: 0, max: 0o7777 });
const id = fc.integer({ min: 0, max: 0xfffffffe });
const bytes = fc.uint8Array({ maxLength: 40 }).map((data) => Buffer.from(data));
const content: fc.Arbitrary<Content> = bytes.map((data) => contentOf(data));
const type = fc.constantFrom(
  "absent",
  "file",
  "directory",
  "link",
  "block",
  "char",
  "fifo",
  "socket",
) satisfies fc.Arbitrary<State["type"]>;
const time = fc.oneof(
  fc.constant("now" as const),
  fc.record({ seconds: fc.integer(), nanoseconds: fc.nat(999_999_999) }),
);
const some = { requiredKeys: ["kind", "path", "expect"] } satisfies { requiredKeys: ("kind" | "path" | "expect")[] };

const expect: fc.Arbitrary<Expect> = fc.record(
  { type, sha256: digest, owner: fc.record({ uid: id, gid: id }), mode, target: word, real: path },
  { requiredKeys: [] },
);

const exec: fc.Arbitrary<ExecSpec> = fc.record(
  {
    argv: fc.array(word, { minLength: 1, maxLength: 4 }),
    environment: fc.dictionary(
      word.filter((name) => name !== "__proto__"),
      word,
      { noNullPrototype: true, maxKeys: 3 },
    ),
    directory: word,
    user: word,
    stdin: fc.oneof(word, bytes),
    timeoutMs: fc.nat(),
    outputLimit: fc.nat(),
    umask: mode,
    files: fc.array(fc.record({ name: word, mode, content }), { maxLength: 2 }),
    pty: fc.boolean(),
    killLeftovers: fc.boolean(),
    allow: fc.array(word, { maxLength: 2 }),
    hasLaxOwners: fc.boolean(),
  },
  { requiredKeys: ["argv"] },
);

const at = { path, at: root, expect };
const owned = { mode, uid: id, gid: id };
const boolean = fc.boolean();

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record(
    {
      kind: fc.constant("writeFile" as const),
      ...at,
      content,
      ...owned,
      follow: boolean,
      inPlace: boolean,
      mtime: time,
      isSecret: boolean,
    },
    { requiredKeys: [...some.requiredKeys, "content"] },
  ),
  fc.record({ kind: fc.constant("makeDirectory" as const), ...at, ...owned }, some),
  fc.record(
    { kind: fc.constant("makeLink" as const), ...at, target: word, uid: id, gid: id },
    { requiredKeys: [...some.requiredKeys, "target"] },
  ),
  fc.record(
    { kind: fc.constant("hardLink" as const), ...at, source: path },
    { requiredKeys: [...some.requiredKeys, "source"] },
  ),
  fc.record({ kind: fc.constant("remove" as const), ...at, isRecursive: boolean, withSubvolumes: boolean }, some),
  fc.record(
    {
      kind: fc.constant("setAttributes" as const),
      ...at,
      ...owned,
      follow: boolean,
      allowHardLinks: boolean,
      atime: time,
      mtime: time,
      setFlags: fc.nat(),
      clearFlags: fc.nat(),
    },
    some,
  ),
  fc.record(
    {
      kind: fc.constant("copyFile" as const),
      ...at,
      from: path,
      ...owned,
      follow: boolean,
      keepTimes: boolean,
      keepXattrs: boolean,
      isBackup: boolean,
    },
    { requiredKeys: [...some.requiredKeys, "from"] },
  ),
  fc.record(
    {
      kind: fc.constant("rename" as const),
      ...at,
      to: path,
      onTaken: fc.constantFrom("replace", "exchange", "refuse"),
    },
    { requiredKeys: [...some.requiredKeys, "to"] },
  ),
  fc.record({ kind: fc.constant("subvolume" as const), ...at, from: path, isReadOnly: boolean }, some),
  fc.record(
    { kind: fc.constant("mountOverlay" as const), ...at, lower: path, upper: path, work: path, replaces: boolean },
    { requiredKeys: [...some.requiredKeys, "lower", "upper", "work"] },
  ),
  fc.record({ kind: fc.constant("unmount" as const), ...at, removesDirectory: boolean }, some),
  fc.record(
    { kind: fc.constant("setSubvolume" as const), ...at, isReadOnly: boolean },
    { requiredKeys: [...some.requiredKeys, "isReadOnly"] },
  ),
  fc.record(
    { kind: fc.constant("writeKernel" as const), ...at, value: word, current: word },
    { requiredKeys: [...some.requiredKeys, "value"] },
  ),
  fc.record(
    { kind: fc.constant("lock" as const), ...at, timeoutMs: fc.nat() },
    { requiredKeys: [...some.requiredKeys, "timeoutMs"] },
  ),
  fc.record({ kind: fc.constant("unlock" as const), ...at }, some),
  fc.record(
    {
      kind: fc.constant("exec" as const),
      at: root,
      exec,
      isContained: boolean,
      isUncounted: boolean,
      okStatuses: fc.oneof(fc.constant("any" as const), fc.array(fc.nat(255), { maxLength: 3 })),
    },
    { requiredKeys: ["kind", "exec"] },
  ),
);

const algorithms = fc.array(fc.constantFrom("md5", "sha1", "sha256"), { maxLength: 2 });

const probe: fc.Arbitrary<Probe> = fc.oneof(
  fc.record(
    {
      kind: fc.constant("stat" as const),
      path,
      at: root,
      follow: boolean,
      withFlags: boolean,
      withFileSystem: boolean,
      isExact: boolean,
    },
    { requiredKeys: ["kind", "path"] },
  ),
  fc.record(
    {
      kind: fc.constant("read" as const),
      path,
      at: root,
      follow: boolean,
      limit: fc.nat(),
      unlessSha256: digest,
      needles: fc.array(word, { maxLength: 2 }),
    },
    { requiredKeys: ["kind", "path"] },
  ),
  fc.record(
    { kind: fc.constant("hash" as const), path, at: root, follow: boolean, algorithms },
    { requiredKeys: ["kind", "path", "algorithms"] },
  ),
  fc.record(
    { kind: fc.constant("list" as const), path, at: root, depth: fc.nat(), limit: fc.nat(), algorithms },
    { requiredKeys: ["kind", "path", "depth"] },
  ),
  fc.record({ kind: fc.constant("glob" as const), path, at: root }, { requiredKeys: ["kind", "path"] }),
  fc.record(
    {
      kind: fc.constant("exec" as const),
      at: root,
      exec,
      lines: word,
      isOfProcesses: boolean,
      reads: fc.array(word, { maxLength: 2 }),
    },
    { requiredKeys: ["kind", "exec"] },
  ),
  fc.record({ kind: fc.constant("machine" as const) }),
  fc.record(
    { kind: fc.constant("connect" as const), host: word, port: fc.nat(), timeoutMs: fc.nat(), limit: fc.nat() },
    { requiredKeys: ["kind", "host", "port", "timeoutMs"] },
  ),
);

const state: fc.Arbitrary<State> = fc.record(
  { type, mode, uid: id, gid: id, target: word, sha256: digest, flags: fc.nat() },
  { requiredKeys: ["type"] },
);

const sight: fc.Arbitrary<Sight> = fc.oneof(
  fc.record(
    { kind: fc.constant("path" as const), real: word, state, paragraphs: word },
    { requiredKeys: ["kind", "real", "state"] },
  ),
  fc.record({
    kind: fc.constant("list" as const),
    real: word,
    state,
    entries: fc.array(fc.record({ name: word, state }), { maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant("many" as const), real: word, state, count: fc.nat(), digest }),
  fc.record({ kind: fc.constant("glob" as const), paths: fc.array(word, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant("program" as const), end: word, output: digest }),
  fc.record({ kind: fc.constant("machine" as const), name: word }),
  fc.record({ kind: fc.constant("connection" as const), isOpen: boolean }),
  fc.record({ kind: fc.constant("failure" as const), why: word }),
);

const look: fc.Arbitrary<PlannedLook> = fc.record({ probe, sight, text: bytes }, { requiredKeys: ["probe", "sight"] });
const left: fc.Arbitrary<Left> = fc.record({ path, at: root, follow: boolean, state });
const place = fc.record({ file: word, line: fc.nat(), column: fc.nat() }, { requiredKeys: ["file"] });

const end: fc.Arbitrary<PlannedTarget["end"]> = fc.oneof(
  fc.record({ kind: fc.constant("complete" as const) }),
  fc.record({ kind: fc.constant("open" as const), task: word, place, why: word }),
  fc.record({ kind: fc.constant("failed" as const), task: word, why: word }),
  fc.record({ kind: fc.constant("unreachable" as const), why: word }),
);

const made: fc.Arbitrary<Made> = fc.record(
  {
    at: word,
    by: word,
    playbooks: fc.array(fc.record({ path: word, sha256: digest }), { maxLength: 2 }),
    inventory: fc.array(word, { maxLength: 2 }),
    limit: word,
    tags: fc.array(word, { maxLength: 2 }),
    skipTags: fc.array(word, { maxLength: 2 }),
    startAtTask: word,
  },
  { requiredKeys: ["at", "by", "playbooks", "inventory", "tags", "skipTags"] },
);

const json = fc.jsonValue().map((value: unknown): unknown => JSON.parse(JSON.stringify(value)));

const judge = fc.record(
  {
    register: word,
    failedWhen: fc.array(word, { maxLength: 2 }),
    changedWhen: fc.array(word, { maxLength: 2 }),
    until: fc.record({ conditions: fc.array(word, { maxLength: 2 }), tries: fc.nat(), delayMs: fc.nat() }),
    variables: fc.record({ a: json, b: json }),
  },
  { requiredKeys: ["variables"] },
);

const side = fc.option(word, { nil: undefined });

/** A step of the plan's first play, target and tree. */
function stepOf(target: string, venue: string): fc.Arbitrary<PlannedStep> {
  const step = fc.record(
    {
      stage: fc.constant(1),
      play: fc.constant(0),
      target: fc.constant(target),
      venue: fc.constant(venue),
      task: word,
      module: word,
      place,
      item: word,
      loop: fc.nat(),
      isHandler: boolean,
      isChanged: boolean,
      isIgnored: boolean,
      isHidden: boolean,
      throttle: fc.nat(),
      throttlePerHost: fc.nat(),
      isFatal: boolean,
      pauseMs: fc.nat(),
      judge,
      changes: fc.array(change, { maxLength: 3 }),
      diffs: fc.array(
        fc.record(
          { title: word, before: side, after: side, beforeTitle: word, afterTitle: word },
          { requiredKeys: ["title", "before", "after"] },
        ),
        { maxLength: 2 },
      ),
    },
    {
      requiredKeys: [
        "stage",
        "play",
        "target",
        "venue",
        "task",
        "module",
        "place",
        "isHandler",
        "isChanged",
        "isIgnored",
        "isHidden",
        "isFatal",
        "changes",
        "diffs",
      ],
    },
  );
  return step.map((one) => ({ ...one, texts: one.changes.map(({ kind }) => kind) }));
}

/** With prototypes as the values of a program have them. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one: unknown) => plain(one));
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

/** A plan with one target that has steps, and one that has none. */
export const anyPlan: fc.Arbitrary<SavedPlan> = fc
  .record({
    made,
    plays: fc
      .record(
        { title: word, targets: fc.constant(["web", "db"]), anyErrorsFatal: boolean, maxFailPercentage: fc.nat(100) },
        { requiredKeys: ["title", "targets", "anyErrorsFatal"] },
      )
      .map((one): PlannedPlay[] => [one]),
    targets: fc.tuple(end, end).map(([one, other]): PlannedTarget[] => [
      { name: "web", end: one },
      { name: "db", end: other },
    ]),
    venues: fc
      .record({
        name: fc.constant("web"),
        host: word,
        path,
        looks: fc.array(look, { maxLength: 3 }),
        after: fc.array(left, { maxLength: 3 }),
      })
      .map((one) => [one]),
    steps: fc.array(stepOf("web", "web"), { maxLength: 3 }),
  })
  .map((plan) => plain(plan) as SavedPlan);
