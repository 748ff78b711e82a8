// Whatever a host sends on the helper's stream: data or a clear error, every request at its end, nothing kept that nobody asked for.

import assert from "node:assert/strict";
import { createServer, connect } from "node:net";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import type { Change, Outcome } from "../../src/module/change.js";
import { contentOf } from "../../src/module/content.js";
import type { Observation, Probe } from "../../src/module/probe.js";
import { openHostSession } from "../../src/target/host-session.js";
import type { RunningExec, TreeSession } from "../../src/target/session.js";
import { Writer } from "../../src/wire/codec.js";
import { MAGIC } from "../../src/wire/frames.js";
import type { Reply, Request } from "../../src/wire/messages.js";
import { ANSWERS, encoded, converse, saying } from "./conversation.js";
import type { Ends } from "./conversation.js";
import { FakeHelper, GREETING, fakeSession, items, obliging, outcome } from "./fake-helper.js";

/** How many mutated conversations a run tries; all of them (some 27,000) take half a minute: CRUN_TEST_MUTATIONS=all. */
const MUTATIONS = process.env["CRUN_TEST_MUTATIONS"] ?? "900";
const asTree = { entry: "auto", isHostRoot: false } as const;
const recorded = Buffer.concat(ANSWERS);

/** What happens to a recorded conversation at one of its bytes. */
const mutations: readonly ((bytes: Buffer, at: number) => Buffer)[] = [
  (bytes, at) => {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
    return changed;
  },
  (bytes, at) => {
    const changed = Buffer.from(bytes);
    changed[at] = 0xff;
    return changed;
  },
  (bytes, at) => bytes.subarray(0, at),
  (bytes, at) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]),
  (bytes, at) => Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(at)]),
  (bytes, at) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + 64), bytes.subarray(at)]),
];

/** All mutations, or as many of them as were asked for, evenly over positions and kinds. */
function* mutated(): Generator<Buffer> {
  const all = recorded.length * mutations.length;
  const step = MUTATIONS === "all" ? 1 : Math.max(1, all / Number(MUTATIONS));
  for (let turn = 0; turn < all; turn += step) {
    const number = Math.floor(turn);
    const mutate = mutations[number % mutations.length];
    if (mutate !== undefined) yield mutate(recorded, Math.floor(number / mutations.length));
  }
}

/** A real connection between the helper's stream and the session: the kernel cuts and joins as it likes. */
async function overSocket(stream: Ends): Promise<Ends> {
  const server = createServer((socket) => {
    stream.output.pipe(socket);
    socket.pipe(stream.input);
    socket.on("error", () => undefined); // its end is what counts
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  socket.on("close", () => server.close());
  return { input: socket, output: socket };
}

/** A tree of a helper that answers each request of this kind as the test says, and others well. */
async function hostile(
  kind: Request["kind"],
  answer: (helper: FakeHelper, channel: number) => void,
): Promise<{ readonly tree: TreeSession; readonly helper: FakeHelper }> {
  const { session, helper } = await fakeSession(
    obliging((request, fake) => {
      if (request.kind === kind) answer(fake, request.channel);
    }),
  );
  return { tree: session.openTree("/srv/web", asTree), helper };
}

/** The request fails with these words, and with it the connection, so that nothing waits for ever. */
async function breaks(promise: Promise<unknown>, words: RegExp, helper: FakeHelper): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof CrunError && error.exitStatus === 4, String(error));
    assert.match(error.message, words);
    return true;
  });
  assert.ok(helper.isClosed, "the connection goes on");
}

const stat: Probe = { kind: "stat", path: "/a" };
const absent: Observation = { kind: "stat", real: "/a", stat: undefined };
const remove = (path: string): Change => ({ kind: "remove", path, expect: {}, isRecursive: false });

async function startExec(tree: TreeSession): Promise<RunningExec> {
  return tree.exec({ argv: ["cat"] });
}

describe("target: a hostile stream", function () {
  this.timeout(120_000);

  it("a recorded conversation comes through whole, in one piece, byte by byte and over a socket", async () => {
    for (const piece of [recorded.length, 1, 7]) {
      const ends = await converse(saying(recorded, piece));
      assert.deepEqual(
        ends.map(({ error }) => error?.message),
        [undefined, undefined, undefined, undefined],
      );
    }
    const ends = await converse(saying(recorded), overSocket);
    assert.ok(
      ends.every(({ error }) => error === undefined),
      ends.map(({ error }) => error?.message).join("\n"),
    );
  });

  it("one that is changed, cut, shortened or repeated at any byte ends every request with data or with an error", async () => {
    let count = 0;
    let failed = 0;
    for (const bytes of mutated()) {
      const ends = await converse(saying(bytes, 1 + (count % 97) * 13));
      count++;
      if (ends.some(({ error }) => error !== undefined)) failed++;
    }
    console.log(`figure: ${count} mutated conversations, ${failed} ended in an error, none hung`);
    assert.ok(count >= 500 && failed > count / 3 && failed < count, `${failed} of ${count}`);
  });

  it("the same over a real socket", async () => {
    const some = [...mutated()].filter((_, index) => index % 40 === 0);
    for (const bytes of some) await converse(saying(bytes, 50), overSocket);
    assert.ok(some.length > 10);
  });

  it("frames in any order, twice or left out end every request", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: ANSWERS.length - 1 }), { maxLength: 20 }), async (order) => {
        await converse(saying(Buffer.concat(order.map((index) => ANSWERS[index] ?? Buffer.alloc(0)))));
      }),
      { numRuns: 150 },
    );
  });

  it("any bytes at all end every request", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 600 }),
        fc.nat({ max: ANSWERS.length }),
        fc.integer({ min: 1, max: 700 }),
        async (bytes, after, piece) => {
          await converse(saying(Buffer.concat([...ANSWERS.slice(0, after), bytes]), piece));
        },
      ),
      { numRuns: 150 },
    );
  });

  it("no bytes instead of a greeting end in anything but an error, and no more than 64 KiB are kept", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), fc.boolean(), async (bytes, hasMagic) => {
        const helper = new FakeHelper(() => undefined);
        helper.errors.end();
        if (hasMagic) helper.output.write(MAGIC);
        saying(bytes)(helper);
        await assert.rejects(openHostSession("web1", helper.stream, 10_000), (error: unknown) => {
          assert.ok(error instanceof CrunError && error.exitStatus === 4);
          // What is quoted is escaped.
          return !/[\0-\x08\x0b-\x1f\x7f]/.test(error.message);
        });
      }),
      { numRuns: 100 },
    );
  });

  describe("slowly", () => {
    it("a message that is begun and comes byte by byte without an end is waited for as long as an answer, and no longer", async () => {
      const patience = { silenceMs: 40, answerMs: 60 };
      const helper = new FakeHelper(obliging());
      helper.greet();
      const session = await openHostSession("web1", helper.stream, 1000, patience);
      const tree = session.openTree("/srv/web", asTree);
      const waiting = tree.observe([stat]);
      await helper.received((requests) => requests.some(({ kind }) => kind === "observe"));
      helper.output.write(Buffer.from([0xff, 0xff, 0x0f, 0x00, 0x82]));
      const drip = setInterval(() => helper.output.write(Buffer.of(0)), 5);
      try {
        await breaks(waiting, /has not answered/, helper);
      } finally {
        clearInterval(drip);
      }
    });

    it("whole messages, each begun before the one before has ended, are no reason", async () => {
      const patience = { silenceMs: 40, answerMs: 60 };
      const answering = obliging();
      let isAmidFrame = false;
      // On a busy machine it is asked whether it lives: an answer would stand in the middle of a frame.
      const helper = new FakeHelper((request, one) => (isAmidFrame ? undefined : answering(request, one)));
      helper.greet();
      const session = await openHostSession("web1", helper.stream, 1000, patience);
      const running = await startAndTell(session.openTree("/srv/web", asTree), helper);
      const channel = running.channel;
      const line = encoded({ kind: "output", channel, index: 0, stream: "stdout", data: Buffer.from("x\n") });
      isAmidFrame = true;
      helper.output.write(line.subarray(0, 3));
      for (let turn = 0; turn < 60; turn++) {
        helper.output.write(Buffer.concat([line.subarray(3), line.subarray(0, 3)]));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      helper.output.write(line.subarray(3));
      isAmidFrame = false;
      helper.reply({ kind: "exited", channel, exit: { kind: "exited", value: 0, wallMs: 1, cpuMs: 1 } });
      assert.equal((await running.exec.exited).value, 0);
      await session.close();
    });

    it("a greeting that trickles in is waited for as long as for a greeting", async () => {
      const helper = new FakeHelper(() => undefined);
      const drip = setInterval(() => helper.output.write("."), 5);
      try {
        await assert.rejects(openHostSession("web1", helper.stream, 100), /no greeting from the helper within/);
      } finally {
        clearInterval(drip);
      }
      const begun = new FakeHelper(() => undefined);
      begun.output.write(Buffer.concat([MAGIC, Buffer.from([0xff, 0xff, 0x0f, 0x00])]));
      const next = setInterval(() => begun.output.write("."), 5);
      try {
        await assert.rejects(openHostSession("web1", begun.stream, 100), /no greeting from the helper within/);
      } finally {
        clearInterval(next);
      }
      assert.ok(helper.isClosed && begun.isClosed);
    });
  });

  describe("answers that nobody asked for", () => {
    it("on a channel of another tree are refused where they do not fit what was asked there", async () => {
      const { session, helper } = await fakeSession(obliging());
      const one = session.openTree("/srv/one", asTree);
      const other = session.openTree("/srv/other", asTree);
      const waiting = [one.observe([stat]), other.apply([remove("/b")])];
      await helper.received((requests) => requests.some(({ kind }) => kind === "apply"));
      const channelOf = (kind: Request["kind"]): number =>
        helper.requests.find((request) => request.kind === kind)?.channel ?? 0;
      helper.reply({ kind: "observed", channel: channelOf("apply"), isLast: true, first: 0, items: items(absent) });
      for (const promise of waiting) await breaks(promise, /observed in answer to changes/, helper);
    });

    const wrong: readonly (readonly [string, Request["kind"], (channel: number) => readonly Reply[], RegExp])[] = [
      [
        "an answer after the last",
        "observe",
        (channel) => [
          { kind: "observed", channel, isLast: false, first: 0, items: items(absent) },
          { kind: "observed", channel, isLast: true, first: 1, items: items() },
          { kind: "observed", channel, isLast: true, first: 0, items: items(absent) },
        ],
        /no item for probe 1|not open/,
      ],
      [
        "items beyond the probes",
        "observe",
        (channel) => [{ kind: "observed", channel, isLast: true, first: 0xffffffff, items: items(absent) }],
        /items up to 4294967296 for 2 probes/,
      ],
      [
        "content of an item beyond the probes",
        "observe",
        (channel) => [{ kind: "content", channel, index: 2, data: Buffer.from("x") }],
        /item 2 where 2 were asked for/,
      ],
      ["a second greeting", "observe", () => [GREETING], /greeting on channel 0, which is not open/],
      [
        "outcomes out of order",
        "apply",
        (channel) => [{ kind: "applied", channel, index: 1, outcome: outcome() }],
        /change 1 out of order/,
      ],
      [
        "an outcome twice",
        "apply",
        (channel) => [
          { kind: "applied", channel, index: 0, outcome: outcome() },
          { kind: "applied", channel, index: 0, outcome: outcome() },
        ],
        /change 0 out of order/,
      ],
      [
        "the end of changes before their outcomes",
        "apply",
        (channel) => [{ kind: "done", channel, applied: 0 }],
        /only 0 of 2 changes were answered for/,
      ],
      [
        "more changes done than answered for",
        "apply",
        (channel) => [
          { kind: "applied", channel, index: 0, outcome: outcome() },
          { kind: "done", channel, applied: 2 },
        ],
        /2 changes are done, and 1 were answered for/,
      ],
      [
        "output of a change beyond those that were asked for",
        "apply",
        (channel) => [{ kind: "output", channel, index: 9, stream: "stdout", data: Buffer.from("x") }],
        /item 9 where 2 were asked for/,
      ],
      [
        "a process that nobody started",
        "apply",
        (channel) => [{ kind: "started", channel, pid: 1, livesOn: false }],
        /started in/,
      ],
    ];
    for (const [what, kind, replies, words] of wrong) {
      it(`${what}: the connection ends`, async () => {
        const { tree, helper } = await hostile(kind, (fake, channel) => fake.reply(...replies(channel)));
        const asked = kind === "observe" ? tree.observe([stat, stat]) : tree.apply([remove("/a"), remove("/b")]);
        await breaks(asked, words, helper);
      });
    }

    it("a failed change ends the batch: that fewer were tried is no lie", async () => {
      const failure = { errno: 13, code: "system", step: "unlink", path: "/a", message: "" } as const;
      const { tree } = await hostile("apply", (fake, channel) =>
        fake.reply(
          { kind: "applied", channel, index: 0, outcome: outcome({ failure }) },
          { kind: "done", channel, applied: 0 },
        ),
      );
      const outcomes: readonly Outcome[] = await tree.apply([remove("/a"), remove("/b")]);
      assert.deepEqual(outcomes, [{ failure }]);
    });

    it("more input taken than was sent ends the connection, and does not open the window", async () => {
      const { tree, helper } = await hostile("exec", (fake, channel) =>
        fake.reply({ kind: "started", channel, pid: 1, livesOn: false }, { kind: "inputTaken", channel, count: 1 }),
      );
      const running = await startExec(tree);
      await breaks(running.exited, /1 bytes of input were taken, more than were sent/, helper);
    });
  });

  describe("more than was asked for", () => {
    /** Writes until the other side gives up; how much it took. */
    async function flood(helper: FakeHelper, frame: Buffer, most: number): Promise<number> {
      let sent = 0;
      while (!helper.isClosed && sent < most) {
        if (!helper.output.write(frame)) await new Promise((resolve) => setImmediate(resolve));
        sent += frame.length;
      }
      return sent;
    }
    const MIB = 1024 * 1024;

    const floods: readonly (readonly [
      string,
      (tree: TreeSession) => Promise<unknown>,
      Request["kind"],
      (channel: number) => Reply,
      number,
    ])[] = [
      [
        "content of something that has none",
        (tree) => tree.observe([stat]),
        "observe",
        (channel) => ({ kind: "content", channel, index: 0, data: Buffer.alloc(256 * 1024) }),
        4 * MIB,
      ],
      [
        "content of a file beyond its limit",
        (tree) => tree.observe([{ kind: "read", path: "/a", limit: 1000 }]),
        "observe",
        (channel) => ({ kind: "content", channel, index: 0, data: Buffer.alloc(32 * 1024) }),
        2 * MIB,
      ],
      [
        "output of a program in the background beyond its limit",
        async (tree) => (await tree.start({ argv: ["x"], outputLimit: 1000 })).exited,
        "exec",
        (channel) => ({ kind: "output", channel, index: 0, stream: "stderr", data: Buffer.alloc(32 * 1024) }),
        2 * MIB,
      ],
      [
        "output that comes before its process",
        (tree) => startExec(tree),
        "exec",
        (channel) => ({ kind: "output", channel, index: 0, stream: "stdout", data: Buffer.alloc(256 * 1024) }),
        20 * MIB,
      ],
      [
        "outcomes of changes as content",
        (tree) => tree.apply([remove("/a")]),
        "apply",
        (channel) => ({ kind: "content", channel, index: 0, data: Buffer.alloc(256 * 1024) }),
        4 * MIB,
      ],
    ];
    for (const [what, ask, kind, reply, most] of floods) {
      it(`${what} ends the connection before it fills the memory`, async () => {
        let begin: (channel: number) => void = () => undefined;
        const begun = new Promise<number>((resolve) => (begin = resolve));
        const { tree, helper } = await hostile(kind, (fake, channel) => {
          if (what.includes("in the background")) fake.reply({ kind: "started", channel, pid: 1, livesOn: false });
          begin(channel);
        });
        const asked = ask(tree);
        asked.catch(() => undefined);
        const sent = await flood(helper, encoded(reply(await begun)), 400 * MIB);
        await breaks(asked, /more than \d+ bytes/, helper);
        assert.ok(sent <= most, `${sent} bytes were taken`);
      });
    }

    it("a list with more entries than were asked for is refused before they are made", async () => {
      const { tree, helper } = await hostile("observe", (fake, channel) => {
        const writer = new Writer();
        writer.u32(1);
        writer.u8(0);
        writer.str("");
        writer.u8(0);
        writer.bool(false);
        writer.u32(6);
        writer.raw(Buffer.alloc(6 * 200));
        fake.reply({ kind: "observed", channel, isLast: true, first: 0, items: writer.finish() });
      });
      await breaks(tree.observe([{ kind: "list", path: "/a", depth: 1, limit: 5 }]), /a list of 6 where 5/, helper);
    });

    it("lengths beyond 2^53, of content that never came, are refused", async () => {
      for (const high of [0x00200000, 0x7fffffff, 0xffffffff]) {
        const { tree, helper } = await hostile("observe", (fake, channel) => {
          const writer = new Writer();
          writer.u32(1);
          writer.u8(2);
          writer.u32(1);
          writer.u32(high);
          fake.reply({ kind: "observed", channel, isLast: true, first: 0, items: writer.finish() });
        });
        await breaks(tree.observe([stat]), /0 bytes of content where \d/, helper);
      }
    });

    it("content in content in content is refused at the second", async () => {
      const { tree, helper } = await hostile("apply", (fake, channel) => {
        const inner = Buffer.from([2, 9, 0, 0, 0, 0, 0, 0, 0]);
        const wrapped: Reply = { kind: "applied", channel, index: 0, outcome: inner };
        fake.reply({ kind: "content", channel, index: 0, data: inner }, wrapped);
      });
      await breaks(tree.apply([remove("/a")]), /content without a result/, helper);
    });
  });

  it("names that are no text come back as the bytes that they are", async () => {
    const name = Buffer.from([0x61, 0xff, 0xfe, 0xc0, 0xaf, 0xed, 0xa0, 0x80, 0x0a, 0x1b]);
    const { tree, helper } = await hostile("observe", (fake, channel) => {
      const writer = new Writer();
      writer.u32(1);
      writer.u8(0);
      writer.str("");
      writer.u32(1);
      writer.bytes(name);
      fake.reply({ kind: "observed", channel, isLast: true, first: 0, items: writer.finish() });
    });
    const [found] = await tree.observe([{ kind: "glob", path: "/*" }]);
    assert.ok(found?.kind === "glob" && found.paths[0] !== undefined);
    const content = contentOf("x");
    // The very bytes go back in a change.
    const again = tree.apply([{ kind: "writeFile", path: `/${found.paths[0]}`, expect: {}, content }]);
    again.catch(() => undefined);
    await helper.received((requests) => requests.some(({ kind }) => kind === "apply"));
    const request = helper.requests.find((one) => one.kind === "apply");
    assert.ok(request?.kind === "apply" && request.changes[0]?.kind === "writeFile");
    assert.equal(request.changes[0].path, `/${found.paths[0]}`);
    helper.output.end();
    await again.catch(() => undefined);
  });
});

/** A program that runs on its channel. */
async function startAndTell(
  tree: TreeSession,
  helper: FakeHelper,
): Promise<{ readonly exec: RunningExec; readonly channel: number }> {
  const starting = startExec(tree);
  await helper.received((requests) => requests.some(({ kind }) => kind === "exec"));
  const channel = helper.requests.find(({ kind }) => kind === "exec")?.channel ?? 0;
  helper.reply({ kind: "started", channel, pid: 1, livesOn: false });
  const exec = await starting;
  exec.onOutput(() => undefined);
  return { exec, channel };
}
