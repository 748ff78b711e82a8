// What a program of a tree says and types: into the caller's terminal, in the helper's name, without an end.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { crunPath } from "../integration/crun-tasks.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import {
  entrances,
  execute,
  payload,
  Tally,
  tools,
  withstandsEntry,
  type Entrance,
  type Way,
} from "./hostile-entries.js";

/** How much a program writes without a newline; the long version (a gigabyte) is run by hand. */
const megabytes = Number(process.env["CRUN_THREAT_MEGABYTES"] ?? 120);

describe("threats: what a program says and types", function () {
  this.timeout(Math.max(60_000, megabytes * 200));
  const scope = testScope();
  const tally = new Tally();
  let all: ReadonlyMap<Way, Entrance>;

  before(async function () {
    requireOrSkip(this, { root: true, tools: [...tools, "script"], paths: [crunPath] });
    payload();
    all = new Map((await entrances(scope)).map((one) => [one.way, one]));
  });

  after(() => tally.tell("what a program says and types"));

  const treeOf = (way: Way): string => all.get(way)?.place.tree ?? "";

  /** At a terminal of its own: what was typed into it is what a shell there reads afterwards. */
  async function typedInto(command: string): Promise<string> {
    const then = `${command}; read -t 0.3 line; printf '[read: %s]' "$line"`;
    // Its own input stays open: the end of it would be typed, too.
    const script = spawn("script", ["-qec", then, "/dev/null"], {
      stdio: ["pipe", "pipe", "ignore"],
      env: { ...process.env, SHELL: "/bin/bash" },
    });
    let shown = "";
    script.stdout.on("data", (data: Buffer) => void (shown += data.toString("latin1")));
    await new Promise((resolve) => script.once("close", resolve));
    return /\[read: ([^\]]*)\]/.exec(shown)?.[1] ?? shown;
  }

  const crun = (words: readonly string[]): string => [process.execPath, crunPath, ...words].join(" ");

  it("what the attack types is read where nothing holds it", async () => {
    assert.match(await typedInto(`${payload()} type`), /injected/);
  });

  for (const way of ["unshare", "chroot", "nspawn", "machine"] as const) {
    it(`row 12 (${way}): nothing is typed into the caller's terminal by what runs at a terminal of crun's`, async () => {
      const words = ["exec", "--entry", way, "-t", `local:${treeOf(way)}`, "--", "/bin/payload", "type"];
      assert.equal(await typedInto(crun(words)), "");
      tally.count(12, way, "");
    });
  }

  it("row 12 (rootless): nor where crun runs without root", async () => {
    const one = all.get("rootless");
    if (!one) throw new Error("rootless");
    // The session itself, as its crun would be: the terminal is the helper's, the program gets one of its own.
    await withstandsEntry(one, 15_000, async (tree) => {
      const running = await tree.exec({ argv: ["/bin/payload", "type"], pty: true, rows: 24, columns: 80 });
      let out = "";
      running.onOutput((_, data) => void (out += Buffer.from(data).toString("latin1")));
      await running.exited;
      assert.match(out, /row 12 typed/);
      tally.count(12, "rootless", out);
    });
  });

  it("nor by what runs at pipes, nor by a task of a play", async () => {
    const tree = treeOf("unshare");
    assert.equal(await typedInto(crun(["exec", "--no-tty", `local:${tree}`, "--", "/bin/payload", "type"])), "");
    const site = join(scope.tempDir("play"), "site.yml");
    const tasks = [{ command: "/bin/payload type" }];
    writeFileSync(site, JSON.stringify([{ hosts: `local:${tree}`, gather_facts: false, tasks }]));
    assert.equal(await typedInto(crun(["play", site])), "");
  });

  it("row 22 (unshare, chroot, nspawn, machine, rootless): frames that a program writes to all descriptors are its output", async () => {
    for (const [way, one] of all) {
      await withstandsEntry(one, 20_000, async (tree) => {
        const done = await execute(tree, ["/bin/payload", "speak"]);
        assert.deepEqual([done.exit?.kind, done.exit?.value], ["exited", 3], `${way}: ${done.refusal}`);
        assert.ok(done.out.includes("\0CRUN\x01\r\n") && done.out.includes("row 22 spoken"), way);
        const mute = await execute(tree, ["/bin/payload", "mute", "100"]);
        assert.deepEqual([mute.exit?.kind, mute.exit?.value, mute.out], ["exited", 5, ""], way);
        const much = await execute(tree, ["/bin/payload", "flood", "8", "both"], { outputLimit: 1000 });
        assert.deepEqual([much.exit?.kind, much.out.length], ["exited", 2000], way);
        assert.match((await execute(tree, ["/bin/payload", "ids"])).out, /^ids 0 0/, way);
        tally.count(22, way, done.out);
      });
    }
  });

  /** The most memory that crun has needed, in MB, and how it ended. Its output goes nowhere, or is closed after the first of it. */
  async function peak(
    words: readonly string[],
    isClosedEarly = false,
  ): Promise<{ memory: number; status: number | null }> {
    const child = spawn(process.execPath, [crunPath, ...words], { stdio: ["ignore", "pipe", "ignore"] });
    const ended = new Promise<number | null>((resolve) => child.once("exit", (status) => resolve(status)));
    if (isClosedEarly) child.stdout.once("data", () => child.stdout.destroy());
    else child.stdout.resume();
    let memory = 0;
    let isOver = false;
    void ended.then(() => (isOver = true));
    while (!isOver) {
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
        memory = Math.max(memory, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
      } catch {
        break; // it ended meanwhile
      }
      await sleep(20);
    }
    return { memory, status: await ended };
  }

  it("output without an end or a newline needs no more memory of crun's than a little, in exec on one target, on many, and in a play", async () => {
    const [tree, other] = [treeOf("unshare"), treeOf("chroot")];
    const flood = (count: number): readonly string[] => ["/bin/payload", "flood", String(count)];
    const site = join(scope.tempDir("play"), "site.yml");
    const tasks = [{ command: flood(megabytes).join(" ") }];
    writeFileSync(site, JSON.stringify([{ hosts: `local:${tree}`, gather_facts: false, tasks }]));
    const little = await peak(["exec", `local:${tree}`, "--", ...flood(1)]);
    const runs = {
      one: await peak(["exec", `local:${tree}`, "--", ...flood(megabytes)]),
      many: await peak(["exec", `local:${tree},local:${other}`, "--", ...flood(megabytes)]),
      play: await peak(["play", site]),
    };
    for (const [what, { memory, status }] of Object.entries(runs)) {
      assert.equal(status, 0, what);
      assert.ok(memory < little.memory + 100, `${what}: ${memory} MB where ${little.memory} MB do for little output`);
    }
    const closed = await peak(["exec", `local:${tree}`, "--", ...flood(1000)], true);
    assert.equal(closed.status, 141, "ends with its reader");
    const told = Object.entries(runs).map(([what, { memory }]) => `${what} ${Math.round(memory)} MB`);
    process.stdout.write(
      `figure: threats, ${megabytes} MB of output without a newline: ${told.join(", ")} (little output: ${Math.round(little.memory)} MB)\n`,
    );
  });
});
