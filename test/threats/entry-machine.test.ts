// Machines whose root is hostile, and processes that pretend to be machines.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import {
  execute,
  holes,
  hostileScene,
  openSession,
  payload,
  PLAIN_USER,
  runMachine,
  Tally,
  tools,
  withstandsEntry,
} from "./hostile-entries.js";

describe("threats: machines", function () {
  this.timeout(60_000);
  const scope = testScope();
  const tally = new Tally();

  before(function () {
    requireOrSkip(this, { root: true, tools });
    payload();
  });

  after(() => tally.tell("machines"));

  it("row 18 (machine): whatever a hostile init does to crun's keepers, they have no right, file or namespace that it has not", async () => {
    const place = hostileScene(scope);
    await runMachine(scope, place.tree, ["hunt"]);
    const session = await openSession(scope);
    const open = () => session.openTree(place.tree, { entry: "machine", isHostRoot: false });
    await withstandsEntry({ way: "machine", place, session, open }, 20_000, async (tree) => {
      for (let turn = 0; turn < 40; turn++) {
        const done = await execute(tree, ["/bin/payload", "ids"]);
        assert.ok(done.exit?.kind === "exited" || done.exit?.kind === "signaled", `${done.refusal}${done.out}`);
      }
    });
    const hunted = readFileSync(join(place.tree, "hunted"), "utf8");
    const bounding = /^init (\w+)$/m.exec(hunted)?.[1];
    const seen = new Set(hunted.split("\n").filter((line) => line.startsWith("keeper ")));
    assert.deepEqual([...seen], [`keeper ${bounding}, filter 2`], "the keepers' capabilities and filter");
    assert.deepEqual(holes(hunted), []);
    tally.count(18, "machine", hunted);
  });

  it("an impostor that another user set up in a tree is no machine: nothing is run in it, nor is it found", async () => {
    const place = hostileScene(scope);
    chmodSync(place.base, 0o755);
    const impostor = spawn(payload(), ["impostor", String(PLAIN_USER), place.tree], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise((resolve) => impostor.once("close", resolve));
    const leader = await new Promise<number>((resolve) =>
      impostor.stdout.once("data", (data: Buffer) => resolve(Number(data.toString()))),
    );
    try {
      assert.ok(leader > 1);
      assert.match(readFileSync(`/proc/${leader}/status`, "utf8"), /^NSpid:\t\d+\t1$/m, "it is PID 1 of a namespace");
      const session = await openSession(scope);
      const tree = session.openTree(place.tree, { entry: "machine", isHostRoot: false });
      const refused = await execute(tree, ["/bin/payload", "ids"]);
      assert.match(refused.refusal, /no machine runs on this tree/);
      const auto = session.openTree(place.tree, { entry: "auto", isHostRoot: false });
      const [seen] = await auto.observe([{ kind: "machine" }]);
      assert.equal(seen?.kind === "machine" ? seen.machine : "?", undefined);
      assert.match((await execute(auto, ["/bin/payload", "ids"])).out, /^ids 0 0/);
      await Promise.all([tree.close(), auto.close()]);
    } finally {
      process.kill(leader, "SIGKILL");
      await ended;
    }
    tally.count(18, "impostor", "");
  });

  it("an impostor that is registered under a machine's name is none either", async () => {
    // machined's files are root's; a name that a stranger's container bears leads to a stranger's leader.
    const place = hostileScene(scope);
    const impostor = spawn(payload(), ["impostor", String(PLAIN_USER), place.tree], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise((resolve) => impostor.once("close", resolve));
    const leader = await new Promise<number>((resolve) =>
      impostor.stdout.once("data", (data: Buffer) => resolve(Number(data.toString()))),
    );
    const machines = "/run/systemd/machines";
    const registered = join(machines, `crun-threat-${process.pid}`);
    mkdirSync(machines, { recursive: true });
    writeFileSync(registered, `# private\nNAME=web\nROOT=${place.tree}\nLEADER=${leader}\n`);
    try {
      const session = await openSession(scope);
      for (const entry of ["machine", "auto"] as const) {
        const tree = session.openTree(place.tree, { entry, isHostRoot: false });
        const done = await execute(tree, ["/bin/payload", "ids"]);
        if (entry === "machine") assert.match(done.refusal, /no machine runs on this tree/);
        else assert.match(done.out, /^ids 0 0/, done.refusal);
        await tree.close();
      }
    } finally {
      rmSync(registered);
      process.kill(leader, "SIGKILL");
      await ended;
    }
    tally.count(18, "registered impostor", "");
  });
});
