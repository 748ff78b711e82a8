// Sessions against a helper of the test's own: batches, order, blobs, streams, and what happens when it ends.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { contentOf } from "../../src/module/content.js";
import type { Change } from "../../src/module/change.js";
import type { Observation, Probe } from "../../src/module/probe.js";
import { openHostSession } from "../../src/target/host-session.js";
import type { TreeSession } from "../../src/target/session.js";
import { Writer } from "../../src/wire/codec.js";
import type { Request } from "../../src/wire/messages.js";
import { encodeItems } from "../../src/wire/probes.js";
import { testScope } from "../lab/scope.js";
import { FakeHelper, GREETING, fakeSession, items, obliging, outcome } from "./fake-helper.js";
import type { Behaviour } from "./fake-helper.js";

const absent: Observation = { kind: "stat", real: "/a", stat: undefined };
const stat: Probe = { kind: "stat", path: "/a" };
const asTree = { entry: "auto", isHostRoot: false } as const;

function write(path: string, content: string | Uint8Array): Change {
  return { kind: "writeFile", path, expect: {}, content: contentOf(content) };
}

/** Answers every OBSERVE and APPLY with success. */
const willing: Behaviour = obliging((request, helper) => {
  const { channel } = request;
  if (request.kind === "observe") {
    const found = request.probes.map((): Observation => absent);
    helper.reply({ kind: "observed", channel, isLast: true, first: 0, items: items(...found) });
  } else if (request.kind === "apply") {
    for (const index of request.changes.keys()) helper.reply({ kind: "applied", channel, index, outcome: outcome() });
    helper.reply({ kind: "done", channel, applied: request.changes.length });
  }
});

async function openTree(behaviour: Behaviour): Promise<{ tree: TreeSession; helper: FakeHelper }> {
  const { session, helper } = await fakeSession(behaviour);
  return { tree: session.openTree("/srv/web", asTree), helper };
}

function kinds(helper: FakeHelper): string[] {
  return helper.requests.map((request) => request.kind);
}

describe("target: sessions", () => {
  const scope = testScope();

  it("tell what the greeting said, and refuse another version before anything is asked", async () => {
    const { session } = await fakeSession(willing);
    assert.deepEqual(session.info, {
      architecture: "x86_64",
      kernel: "6.1",
      nodename: "node",
      uid: 0,
      cpus: 2,
      memory: 1024,
      hasOpenat2: true,
      isRootless: false,
      reach: { isRootless: false, hasEntries: true, users: 0xffffffff, groups: 0xffffffff, lack: "", uid: 0, gid: 0 },
    });
    const old = new FakeHelper(willing);
    old.greet({ ...GREETING, protocol: 9, version: "7.0" });
    await assert.rejects(openHostSession("web1", old.stream, 1000), /another one \(version 7\.0, protocol 9/);
    assert.ok(old.isClosed);
  });

  it("ask for 60 things of 100 trees in a handful of writes, and give each its own answers", async () => {
    const { session, helper } = await fakeSession(
      obliging((request, fake) => {
        if (request.kind !== "observe") return;
        const found = request.probes.map((probe): Observation => {
          const path = "path" in probe ? probe.path : "";
          return { kind: "stat", real: `${path}-${request.tree}`, stat: undefined };
        });
        fake.reply({ kind: "observed", channel: request.channel, isLast: true, first: 0, items: items(...found) });
      }),
    );
    const probes = Array.from({ length: 60 }, (_, index): Probe => ({ kind: "stat", path: `/f${index}` }));
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => session.openTree(`/srv/${index}`, asTree).observe(probes)),
    );
    answers.forEach((found, tree) => {
      assert.equal(found.length, 60);
      found.forEach((one, index) => assert.ok("real" in one && one.real === `/f${index}-${tree + 1}`));
    });
    assert.equal(helper.requests.length, 200);
    assert.ok(helper.writes <= 4, `${helper.writes} writes`);
    await session.close();
  });

  it("split what is larger than a frame, and put the answers together in order", async () => {
    const { tree, helper } = await openTree(
      obliging((request, fake) => {
        if (request.kind !== "observe") return;
        const found = request.probes.map((probe): Observation => ({
          kind: "glob",
          paths: ["path" in probe ? probe.path : ""],
        }));
        const half = found.length >> 1;
        const { channel } = request;
        fake.reply({ kind: "observed", channel, isLast: false, first: 0, items: items(...found.slice(0, half)) });
        fake.reply({ kind: "observed", channel, isLast: true, first: half, items: items(...found.slice(half)) });
      }),
    );
    const long = "x".repeat(4000);
    const probes = Array.from({ length: 700 }, (_, index): Probe => ({ kind: "glob", path: `/${index}/${long}` }));
    const found = await tree.observe(probes);
    assert.deepEqual(
      found.map((one) => (one.kind === "glob" ? one.paths[0] : "")),
      probes.map((one) => (one.kind === "glob" ? one.path : "")),
    );
    assert.equal(kinds(helper).filter((kind) => kind === "observe").length, 3);
  });

  it("send a batch of changes in frames of one batch number, and number the outcomes through", async () => {
    const { tree, helper } = await openTree(willing);
    const changes = Array.from({ length: 40 }, (_, index) => write(`/f${index}`, "y".repeat(60_000)));
    const told: number[] = [];
    const outcomes = await tree.apply(changes, { onOutcome: (index) => void told.push(index) });
    assert.equal(outcomes.length, 40);
    assert.deepEqual(told, [...changes.keys()]);
    const applies = helper.requests.filter((request) => request.kind === "apply");
    assert.ok(applies.length > 1);
    assert.equal(new Set(applies.map((request) => request.batch)).size, 1);
  });

  it("stop at the first change that fails: later frames of the batch bring nothing", async () => {
    const failure = { errno: 13, code: "system", step: "open", path: "/f1", message: "" } as const;
    let isBroken = false;
    const { tree } = await openTree(
      obliging((request, fake) => {
        if (request.kind !== "apply") return;
        const { channel } = request;
        if (!isBroken) {
          fake.reply({ kind: "applied", channel, index: 0, outcome: outcome() });
          fake.reply({ kind: "applied", channel, index: 1, outcome: outcome({ failure }) });
        }
        fake.reply({ kind: "done", channel, applied: isBroken ? 0 : 1 });
        isBroken = true;
      }),
    );
    const outcomes = await tree.apply(
      Array.from({ length: 40 }, (_, index) => write(`/f${index}`, "y".repeat(60_000))),
    );
    assert.deepEqual(outcomes, [{}, { failure }]);
  });

  it("give a probe or change that no frame can hold back as an error, and go on", async () => {
    const { tree } = await openTree(willing);
    const huge: Probe = { kind: "exec", exec: { argv: ["/bin/true", "x".repeat(2 ** 21)] } };
    await assert.rejects(tree.observe([stat, huge]), /a request cannot be sent: a message of \d+ bytes/);
    await assert.rejects(tree.observe([{ kind: "stat", path: "/a\0b" }]), /holds a NUL/);
    assert.deepEqual(await tree.observe([stat]), [absent]);
  });

  it("keep the order of calls, though the first has content to upload", async () => {
    const { tree, helper } = await openTree(willing);
    await Promise.all([tree.apply([write("/big", Buffer.alloc(300_000, 1))]), tree.observe([stat])]);
    const order = kinds(helper).filter((kind) => kind === "apply" || kind === "observe");
    assert.deepEqual(order, ["apply", "observe"]);
  });

  describe("content", () => {
    it("up to 64 KiB travels along; more of it goes once for a host, however many trees want it", async () => {
      const { session, helper } = await fakeSession(willing);
      const big = Buffer.alloc(600_000, 7);
      const trees = Array.from({ length: 5 }, (_, index) => session.openTree(`/srv/${index}`, asTree));
      await Promise.all(trees.map((tree) => tree.apply([write("/small", "s"), write("/big", big)])));
      await trees[0]?.apply([write("/again", big)]);
      const blobs = helper.requests.filter((request) => request.kind === "blob");
      assert.deepEqual(
        blobs.map((blob) => [blob.offset, blob.data.length]),
        [
          [0, 262_144],
          [262_144, 262_144],
          [524_288, 75_712],
        ],
      );
      assert.deepEqual(Buffer.concat(blobs.map((blob) => blob.data)), big);
    });

    it("comes from the controller's file; one that changed since it was hashed is an error, and the next try works", async () => {
      const file = join(scope.tempDir("blob"), "big");
      const { tree, helper } = await openTree(willing);
      for (const size of [1000, 500_000]) {
        const bytes = Buffer.alloc(size, 3);
        writeFileSync(file, bytes);
        const { sha256 } = contentOf(bytes);
        const change: Change = { kind: "writeFile", path: "/f", expect: {}, content: { sha256, size, file } };
        assert.deepEqual(await tree.apply([change]), [{}]);
        for (const other of [Buffer.alloc(size, 4), Buffer.alloc(size - 10, 3)]) {
          const wanted = contentOf(Buffer.concat([bytes, Buffer.from([other.length % 251])]));
          writeFileSync(file, other);
          const stale: Change = { ...change, content: { sha256: wanted.sha256, size, file } };
          await assert.rejects(tree.apply([stale]), /big changed while crun was using it/);
        }
        writeFileSync(file, bytes);
        assert.deepEqual(await tree.apply([change]), [{}]);
      }
      assert.ok(kinds(helper).includes("blob"));
    });

    it("that the host cannot store is an error that says why", async () => {
      const failure = { errno: 28, code: "system", step: "write", path: "", message: "" } as const;
      const { session } = await fakeSession((request, helper) => {
        if (request.kind === "blob") helper.reply({ kind: "error", channel: request.channel, failure });
      });
      const tree = session.openTree("/srv/web", asTree);
      await assert.rejects(
        tree.apply([write("/big", Buffer.alloc(100_000))]),
        /no space left on the device \(ENOSPC\)/,
      );
    });

    it("of a read comes in pieces before its item, and so does an item too large for a frame", async () => {
      const content = Buffer.alloc(700_000, 9);
      const list: Observation = {
        kind: "list",
        real: "/etc",
        stat: undefined,
        isTruncated: false,
        entries: [],
      };
      const { tree } = await openTree(
        obliging((request, helper) => {
          if (request.kind !== "observe") return;
          const { channel } = request;
          for (let at = 0; at < content.length; at += 100_000) {
            helper.reply({ kind: "content", channel, index: 0, data: content.subarray(at, at + 100_000) });
          }
          const whole = new Writer();
          encodeItems(whole, [{ kind: "list", path: "/etc", depth: 0 }], [list]);
          const item = whole.finish().subarray(4);
          helper.reply({ kind: "content", channel, index: 1, data: item });
          const writer = new Writer();
          writer.u32(2);
          writer.u8(0);
          writer.str("");
          writer.u8(0);
          writer.hex("00".repeat(32), 32);
          writer.u8(2);
          writer.u64(content.length);
          writer.u8(2);
          writer.u64(item.length);
          helper.reply({ kind: "observed", channel, isLast: true, first: 0, items: writer.finish() });
        }),
      );
      const [read, listed] = await tree.observe([
        { kind: "read", path: "/big" },
        { kind: "list", path: "/etc", depth: 0 },
      ]);
      assert.ok(read?.kind === "read" && read.content !== undefined && content.equals(read.content));
      assert.deepEqual(listed, list);
    });

    it("beyond what a tree's answers may bring together is let go: those answers are failures, the connection and the others' go on", async () => {
      const size = 16 * 1024 * 1024;
      const piece = Buffer.alloc(256 * 1024, 9);
      const behaviour = obliging((request, helper) => {
        if (request.kind !== "observe") return;
        const { channel, probes } = request;
        probes.forEach((_, index) => {
          for (let at = 0; at < size; at += piece.length)
            helper.reply({ kind: "content", channel, index, data: piece });
        });
        const writer = new Writer();
        writer.u32(probes.length);
        for (const probe of probes) {
          if (probe.kind !== "read") throw new Error("reads are asked for");
          writer.u8(0);
          writer.str("");
          writer.u8(0);
          writer.hex("00".repeat(32), 32);
          writer.u8(2);
          writer.u64(size);
        }
        helper.reply({ kind: "observed", channel, isLast: true, first: 0, items: writer.finish() });
      });
      const { session } = await fakeSession(behaviour);
      const [tree, other] = [session.openTree("/t", asTree), session.openTree("/u", asTree)];
      const probes = Array.from({ length: 12 }, (_, index): Probe => ({ kind: "read", path: `/${index}` }));
      const seen = await tree.observe(probes);
      const kept = seen.filter((one) => one.kind === "read" && one.content?.length === size);
      assert.equal(kept.length, 8);
      const messages = new Set(seen.slice(8).map(({ failure }) => failure?.message));
      assert.deepEqual(
        [...messages],
        ["the tree holds more than can be looked at at once: its files or lists are far larger than usual"],
      );
      const [large] = await other.observe([{ kind: "read", path: "/x" }]);
      assert.ok(large?.kind === "read" && large.content?.length === size, "each look has its own room");
      await session.close();
    });
  });

  it("an exec's environment is built from zero, with what the caller adds", async () => {
    const { tree, helper } = await openTree(obliging());
    void tree
      .observe([{ kind: "exec", exec: { argv: ["env"], environment: { LANG: "C", X: "=1" } } }])
      .catch(() => undefined);
    await helper.received((requests) => requests.length === 2);
    const request = helper.requests[1];
    assert.ok(request?.kind === "observe" && request.probes[0]?.kind === "exec");
    assert.deepEqual(request.probes[0].exec.environment, [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "LANG=C",
      "TERM=dumb",
      "X==1",
    ]);
    assert.equal(request.probes[0].exec.user, "");
  });

  it("a tree that cannot be opened is the reason given for all that is asked of it, and closing it is no error", async () => {
    const failure = { errno: 2, code: "system", step: "open", path: "/srv/web", message: "" } as const;
    const { tree } = await openTree((request, helper) => {
      helper.reply({
        kind: "error",
        channel: request.channel,
        failure:
          request.kind === "openTree"
            ? failure
            : { ...failure, errno: 0, code: "bad-request", message: "no such tree" },
      });
    });
    for (const attempt of [tree.observe([stat]), tree.apply([write("/a", "b")]), tree.exec({ argv: ["true"] })]) {
      await assert.rejects(attempt, (error: unknown) => {
        assert.ok(error instanceof CrunError && error.exitStatus === 4);
        assert.match(error.message, /web1:\/srv\/web: cannot be worked in: open \/srv\/web: no such file/);
        assert.match(error.message, /crun_trees/);
        return true;
      });
    }
    await tree.close();
  });

  it("an abort kills what runs: CANCEL is sent, and the outcomes so far are given", async () => {
    const { tree, helper } = await openTree(
      obliging((request, fake) => {
        const { channel } = request;
        if (request.kind === "apply") fake.reply({ kind: "applied", channel, index: 0, outcome: outcome() });
        if (request.kind === "cancel") fake.reply({ kind: "done", channel, applied: 1 });
      }),
    );
    const abort = new AbortController();
    const applied = tree.apply([write("/a", "a"), { kind: "exec", exec: { argv: ["sleep", "9"] } }], {
      signal: abort.signal,
    });
    await helper.received((requests) => requests.some((request) => request.kind === "apply"));
    abort.abort();
    assert.deepEqual(await applied, [{}]);
    assert.equal(kinds(helper).filter((kind) => kind === "cancel").length, 1);
    assert.deepEqual(await tree.apply([write("/b", "b")], { signal: abort.signal }), []);
  });

  describe("live execs", () => {
    it("bring output, take input within the window, and end", async () => {
      let got = 0;
      const { tree, helper } = await openTree(
        obliging((request, fake) => {
          const { channel } = request;
          if (request.kind === "exec") fake.reply({ kind: "started", channel, pid: 77, livesOn: false });
          if (request.kind === "input") got += request.data.length;
        }),
      );
      const running = await tree.exec({ argv: ["cat"], pty: true, rows: 3, columns: 4 });
      assert.equal(running.pid, 77);
      const exec = helper.requests.find((request) => request.kind === "exec");
      assert.ok(exec?.kind === "exec" && exec.exec.stdin.kind === "input");
      assert.deepEqual([exec.exec.rows, exec.exec.columns, exec.exec.hasTerminal], [3, 4, true]);
      const { channel } = exec;
      helper.reply({ kind: "output", channel, index: 0, stream: "stdout", data: Buffer.from("early") });
      await new Promise((resolve) => setTimeout(resolve, 20));
      const seen: string[] = [];
      running.onOutput((stream, data) => void seen.push(`${stream}:${Buffer.from(data).toString()}`));
      let isWritten = false;
      const written = running.write(Buffer.alloc(400_000)).then(() => (isWritten = true));
      await helper.received(() => got >= 262_144);
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(got, 262_144);
      assert.equal(isWritten, false);
      helper.reply({ kind: "inputTaken", channel, count: 200_000 });
      await written;
      assert.equal(isWritten, true);
      running.endInput();
      running.resize(10, 20);
      running.signal(15);
      const isEnd = (request: Request): boolean => request.kind === "input" && request.data.length === 0;
      await helper.received((requests) => requests.some(isEnd));
      assert.equal(got, 400_000);
      const exit = { kind: "signaled", value: 15, wallMs: 1, cpuMs: 1 } as const;
      helper.reply(
        { kind: "output", channel, index: 0, stream: "stderr", data: Buffer.from("late") },
        { kind: "exited", channel, exit },
      );
      assert.deepEqual(await running.exited, exit);
      assert.deepEqual(seen, ["stdout:early", "stderr:late"]);
      await running.write(Buffer.from("into the void"));
      helper.reply({ kind: "inputTaken", channel, count: 1 });
      assert.deepEqual(kinds(helper).slice(-3), ["resize", "signal", "input"]);
    });

    it("hold the connection back while the taker is busy", async () => {
      const { tree, helper } = await openTree(
        obliging((request, fake) => {
          if (request.kind === "exec")
            fake.reply({ kind: "started", channel: request.channel, pid: 1, livesOn: false });
        }),
      );
      const running = await tree.exec({ argv: ["yes"] });
      const channel = helper.requests.at(-1)?.channel ?? 0;
      const seen: number[] = [];
      let release: () => void = () => undefined;
      running.onOutput((_stream, data) => {
        seen.push(data.length);
        return new Promise((resolve) => (release = resolve));
      });
      const data = Buffer.alloc(64 * 1024);
      for (let turn = 0; turn < 64; turn++) helper.reply({ kind: "output", channel, index: 0, stream: "stdout", data });
      await new Promise((resolve) => setTimeout(resolve, 30));
      assert.equal(seen.length, 1);
      assert.ok(helper.output.readableLength > 0, "the stream is not read while the taker is busy");
      for (let turn = 1; turn <= 64; turn++) {
        release();
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      assert.equal(seen.length, 64);
    });

    it("that could not be started end with the reason", async () => {
      const failure = { errno: 2, code: "system", step: "execve", path: "/bin/none", message: "" } as const;
      const exit = { kind: "not-started", value: 0, failure, wallMs: 0, cpuMs: 0 } as const;
      const { tree } = await openTree(
        obliging((request, fake) => {
          if (request.kind === "exec") fake.reply({ kind: "exited", channel: request.channel, exit });
        }),
      );
      const running = await tree.exec({ argv: ["/bin/none"] });
      assert.deepEqual(await running.exited, exit);
    });
  });

  describe("the end", () => {
    async function pending(end: (helper: FakeHelper) => void, expected: RegExp): Promise<void> {
      const { session, helper } = await fakeSession(
        obliging((request, fake) => {
          if (request.kind === "exec")
            fake.reply({ kind: "started", channel: request.channel, pid: 1, livesOn: false });
        }),
      );
      const tree = session.openTree("/srv/web", asTree);
      const running = await tree.exec({ argv: ["sleep"] });
      const waiting = [
        tree.observe([stat]),
        tree.apply([write("/a", "b")]),
        running.exited,
        running.write(Buffer.alloc(500_000)),
        session.openTree("/other", asTree).observe([stat]),
      ];
      await helper.received(
        (requests) => requests.filter((request: Request) => request.kind === "observe").length === 2,
      );
      end(helper);
      for (const one of waiting.filter((_, index) => index !== 3)) await assert.rejects(one, expected);
      await waiting[3]; // input that nobody takes any more
      await assert.rejects(tree.observe([stat]), expected);
      await tree.close();
      await session.close();
    }

    it("of the stream rejects everything that waits, and quotes what the helper said last", async () => {
      await pending((helper) => {
        helper.errors.write("crun-helper: out of memory\n");
        helper.errors.end();
        helper.output.end();
      }, /the connection was lost\n[\s\S]*\| crun-helper: out of memory/);
    });

    it("by an error of the stream says which", async () => {
      await pending((helper) => helper.output.destroy(new Error("ECONNRESET")), /the connection was lost: ECONNRESET/);
      await pending((helper) => helper.input.destroy(new Error("EPIPE")), /the connection was lost: EPIPE/);
    });

    it("by a broken protocol says so, and the stream is closed", async () => {
      await pending(
        (helper) => helper.output.write(Buffer.from("ffffffff01", "hex")),
        /broke the protocol: a frame of/,
      );
      await pending(
        (helper) => helper.reply({ kind: "done", channel: 4242, applied: 0 }),
        /done on channel 4242, which is not open/,
      );
      await pending((helper) => helper.reply({ ...GREETING, channel: 2 }), /broke the protocol: greeting/);
    });

    it("by close() rejects what waits and waits for the helper", async () => {
      const { session, helper } = await fakeSession(obliging());
      const waiting = session.openTree("/a", asTree).observe([stat]);
      const rejected = assert.rejects(waiting, /the session was closed/);
      await session.close();
      assert.ok(helper.isClosed);
      await rejected;
    });
  });

  describe("before the greeting", () => {
    async function fails(act: (helper: FakeHelper) => void, expected: RegExp, timeoutMs = 2000): Promise<void> {
      const helper = new FakeHelper(() => undefined);
      const session = openHostSession("web1", helper.stream, timeoutMs);
      act(helper);
      await assert.rejects(session, (error: unknown) => {
        assert.ok(error instanceof CrunError && error.exitStatus === 4);
        assert.match(error.message, expected);
        return true;
      });
      assert.ok(helper.isClosed);
    }

    it("an end quotes the noise", async () => {
      await fails(
        (helper) => helper.output.end("No more processes\n"),
        /ended before it greeted\n[\s\S]*\| No more processes/,
      );
    });

    it("endless noise is cut off", async () => {
      await fails(
        (helper) => helper.output.write(Buffer.alloc(100_000, "z")),
        /sent no greeting: no greeting in the first 64 KiB/,
      );
    });

    it("silence is an error after its time", async () => {
      await fails(() => undefined, /no greeting from the helper within 0\.05 s/, 50);
    });

    it("another message is a broken protocol", async () => {
      await fails((helper) => {
        helper.output.write("\0CRUN\x01\r\n");
        helper.reply({ kind: "done", channel: 0, applied: 1 });
      }, /done before the greeting/);
    });
  });
});
