// A conversation with a helper of every kind of request, recorded: what it answers, and what becomes of the requests when other bytes come instead.

import assert from "node:assert/strict";
import type { Readable, Writable } from "node:stream";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { contentOf } from "../../src/module/content.js";
import type { Change } from "../../src/module/change.js";
import type { Observation, Probe } from "../../src/module/probe.js";
import { openHostSession } from "../../src/target/host-session.js";
import type { HelperStream } from "../../src/connection/helper-stream.js";
import { Writer } from "../../src/wire/codec.js";
import { writeReply } from "../../src/wire/messages.js";
import type { Reply } from "../../src/wire/messages.js";
import { encodeItems } from "../../src/wire/probes.js";
import type { WireProbe } from "../../src/wire/probes.js";
import { VECTORS } from "../wire/vector-messages.js";
import { FakeHelper, outcome } from "./fake-helper.js";

/** What is asked on a channel, in the order of the requests. */
export const CHANNELS = { openTree: 1, observe: 2, apply: 3, exec: 4, closeTree: 5 } as const;

/** Every kind of probe that the golden vectors have an answer to, and that answer. */
const looks = VECTORS.flatMap(({ message }) =>
  message.kind === "observed" ? message.items.map((item, index) => ({ probe: message.probes[index], item })) : [],
).flatMap(({ probe, item }): { probe: Exclude<WireProbe, { kind: "exec" }>; item: Observation }[] =>
  probe === undefined || probe.kind === "exec" ? [] : [{ probe, item }],
);
export const PROBES: readonly Probe[] = looks.map(({ probe }) => probe);
export const CHANGES: readonly Change[] = [
  { kind: "writeFile", path: "/a", expect: {}, content: contentOf("text") },
  { kind: "remove", path: "/b", expect: {}, isRecursive: true },
  { kind: "exec", exec: { argv: ["true"] } },
];

export function encoded(...replies: readonly Reply[]): Buffer {
  const writer = new Writer();
  for (const reply of replies) writeReply(writer, reply);
  return writer.finish();
}

function observed(from: number, to: number, isLast: boolean): Reply {
  const writer = new Writer();
  const part = looks.slice(from, to);
  encodeItems(
    writer,
    part.map(({ probe }) => probe),
    part.map(({ item }) => item),
  );
  return { kind: "observed", channel: CHANNELS.observe, isLast, first: from, items: writer.finish() };
}

const exit = { kind: "exited", value: 0, wallMs: 5, cpuMs: 1 } as const;
const output = (index: number, channel: number): Reply => ({
  kind: "output",
  channel,
  index,
  stream: "stdout",
  data: Buffer.from("line\n"),
});

/** All that an honest helper answers, frame by frame. */
export const ANSWERS: readonly Buffer[] = (
  [
    { kind: "opened", channel: CHANNELS.openTree, realPath: "/srv/web", device: 1, fileSystem: 2, isReadOnly: false },
    observed(0, 3, false),
    observed(3, looks.length, true),
    { kind: "applied", channel: CHANNELS.apply, index: 0, outcome: outcome() },
    { kind: "applied", channel: CHANNELS.apply, index: 1, outcome: outcome() },
    output(2, CHANNELS.apply),
    {
      kind: "applied",
      channel: CHANNELS.apply,
      index: 2,
      outcome: outcome({ exit, stdout: Buffer.from("out"), stderr: new Uint8Array(0) }),
    },
    { kind: "done", channel: CHANNELS.apply, applied: 3 },
    { kind: "started", channel: CHANNELS.exec, pid: 77, livesOn: false },
    output(0, CHANNELS.exec),
    { kind: "exited", channel: CHANNELS.exec, exit },
    { kind: "done", channel: CHANNELS.closeTree, applied: 0 },
  ] satisfies readonly Reply[]
).map((reply) => encoded(reply));

/** The other side's two directions: a pipe of the test's own, or a real one. */
export interface Ends {
  readonly input: Writable;
  readonly output: Readable;
}

/** What each request came to: what it asked for, or why not. */
export interface End {
  readonly request: keyof typeof CHANNELS;
  readonly error: CrunError | undefined;
}

/**
 * Asks everything, then lets `answer` write what comes instead of the recorded answers and end the stream. Every request must come to an end: with data,
 * or with an error that names the host.
 */
export async function converse(
  answer: (helper: FakeHelper) => void,
  between: (stream: HelperStream) => Promise<Ends> | Ends = (stream) => stream,
): Promise<readonly End[]> {
  const helper = new FakeHelper(() => undefined);
  helper.greet();
  const stream = { ...helper.stream, ...(await between(helper.stream)) };
  const session = await openHostSession("web1", stream, 10_000);
  const tree = session.openTree("/srv/web", { entry: "auto", isHostRoot: false });
  const requests: readonly (readonly [keyof typeof CHANNELS, Promise<unknown>])[] = [
    ["observe", tree.observe(PROBES)],
    ["apply", tree.apply(CHANGES, { onOutput: () => undefined })],
    [
      "exec",
      tree.exec({ argv: ["cat"] }).then((running) => {
        running.onOutput(() => undefined);
        return running.exited;
      }),
    ],
    ["closeTree", tree.close()],
  ];
  const ends = requests.map(async ([request, promise]): Promise<End> => {
    try {
      await promise;
      return { request, error: undefined };
    } catch (error) {
      assert.ok(error instanceof CrunError, `${request}: ${String(error)}`);
      assert.equal(error.exitStatus, 4, error.message);
      assert.match(error.message, /^error: web1/);
      return { request, error };
    }
  });
  await helper.received((received) => received.length === Object.keys(CHANNELS).length);
  helper.errors.end();
  answer(helper);
  const all = await Promise.all(ends);
  await session.close();
  return all;
}

/** Says just this, in pieces of that size, and ends. */
export function saying(bytes: Uint8Array, piece = bytes.length): (helper: FakeHelper) => void {
  return (helper) => {
    for (let at = 0; at < bytes.length; at += piece) helper.output.write(bytes.subarray(at, at + piece));
    helper.output.end();
  };
}
