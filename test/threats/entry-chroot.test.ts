// A chroot holds no hostile tree: whoever lets programs run in one is told so, once a run, and nobody else is.

import assert from "node:assert/strict";
import { Workplace, readEvents } from "../integration/cli.js";
import { crunPath } from "../integration/crun-tasks.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { hostileScene, tools } from "./hostile-entries.js";

const warned = /warning: \S+: a chroot holds no hostile tree/g;

describe("threats: the warning of a chroot", function () {
  this.timeout(30_000);
  const scope = testScope();
  let work: Workplace;

  before(function () {
    requireOrSkip(this, { root: true, tools, paths: [crunPath] });
    const trees = [hostileScene(scope).tree, hostileScene(scope).tree];
    work = new Workplace(scope, {
      hosts: trees.map((path, index) => `t${index} crun_host=local crun_path=${path}\n`).join(""),
      chroots: trees.map((path, index) => `t${index} crun_host=local crun_path=${path} crun_entry=chroot\n`).join(""),
      "run.yml": JSON.stringify([
        { hosts: "all", gather_facts: false, tasks: [{ command: "/bin/payload mute 1", failed_when: false }] },
        { hosts: "all", gather_facts: false, tasks: [{ command: "/bin/payload mute 1", failed_when: false }] },
      ]),
      "files.yml": JSON.stringify([
        { hosts: "all", gather_facts: false, tasks: [{ copy: { dest: "/srv/a", content: "a" } }] },
      ]),
    });
  });

  const count = (text: string): number => text.match(warned)?.length ?? 0;

  it("is given once by a play with two trees, plays and tasks, as an event too", async () => {
    const told = await work.crun(["play", "--output", "json", "-i", "chroots", "run.yml"]);
    assert.equal(told.status, 0, told.all);
    const { events } = {
      events: told.stdout.split("\n").filter((line) => line.includes("a chroot holds no hostile tree")),
    };
    assert.equal(events.length, 1, told.all);
    assert.match(events[0] ?? "", /"event":"warning"/);
    assert.ok(readEvents(told.stdout).results.length >= 4, told.all);
  });

  it("is given once by exec on two trees", async () => {
    const told = await work.crun(["exec", "-i", "chroots", "all", "--", "/bin/payload", "ids"]);
    assert.equal(count(told.stderr), 1, told.all);
    assert.equal(count(told.stdout), 0, told.all);
  });

  it("is not given where only files are worked on, nor by the entry that crun takes by itself", async () => {
    for (const words of [
      ["play", "-i", "chroots", "files.yml"],
      ["play", "-i", "hosts", "run.yml"],
      ["exec", "-i", "hosts", "t0", "--", "/bin/payload", "ids"],
    ])
      assert.equal(count((await work.crun(words)).all), 0, words.join(" "));
  });
});
