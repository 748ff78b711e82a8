// The scenarios of Ansible's integration targets `group` and `user` by crun on real trees: what is there in the end is what the model foretold.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Model } from "../../src/module/model.js";
import type { Observation } from "../../src/module/probe.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { textAt, type Tree } from "../module/harness.js";
import { defineGroupScenarios, defineUserScenarios, type Runner } from "../modules/account-scenarios.js";
import { observeDisk } from "../modules/disk.js";
import { runSteps, type Step } from "../modules/steps.js";
import { writeTree } from "./ansible-scenarios/disk.js";
import { crun, crunPath, runTasks } from "./crun-tasks.js";

for (const [target, define] of [
  ["group", defineGroupScenarios],
  ["user", defineUserScenarios],
] as const) {
  describe(`Ansible's integration target ${target}, on real trees`, function () {
    this.timeout(300_000);
    before(function () {
      requireOrSkip(this, { root: true, paths: [crunPath] });
    });
    const scope = testScope();
    const carryOut: Runner = async (start, steps) => {
      const root = join(scope.tempDir("accounts"), "tree");
      mkdirSync(root);
      writeTree(root, start);
      const model = runSteps(start, steps);
      for (const batch of batchesOf(steps)) await runBatch(root, batch);
      compare(root, model, start);
      return model;
    };
    define(carryOut);

    async function runBatch(root: string, steps: readonly Step[]): Promise<void> {
      const tasks = steps.map((step) => ({
        [step.module.name]: step.params,
        ...(step.isCheck ? { check_mode: true } : {}),
      }));
      const [first] = steps;
      if (first?.fails) {
        // Some are refused before anything runs, and end the run with 1.
        const playbook = join(scope.tempDir("refused"), "site.yml");
        writeFileSync(playbook, JSON.stringify([{ hosts: `local:${root}`, gather_facts: false, tasks }]));
        const { status, stdout, stderr } = await crun(["play", playbook]);
        assert.notEqual(status, 0);
        assert.match(stdout + stderr, first.fails);
        return;
      }
      const told = await runTasks(scope, root, tasks);
      for (const [index, step] of steps.entries()) {
        const state = told[index]?.status;
        if (step.changed === undefined) assert.match(state ?? "", /^(ok|changed)$/);
        else
          assert.equal(
            state,
            step.changed ? "changed" : "ok",
            `${JSON.stringify(step.params)}: ${told[index]?.message ?? ""}`,
          );
      }
    }
  });
}

/** Steps that must fail stand alone; the others run together. */
function batchesOf(steps: readonly Step[]): Step[][] {
  const batches: Step[][] = [];
  let isOpen = false;
  for (const step of steps) {
    if (isOpen && !step.fails) batches.at(-1)?.push(step);
    else batches.push([step]);
    isOpen = step.fails === undefined;
  }
  return batches;
}

function compare(root: string, model: Model, start: Tree): void {
  for (const name of ["passwd", "group", "gshadow", "subuid", "subgid", "shadow"]) {
    const path = `/etc/${name}`;
    const there = existsSync(root + path) ? readFileSync(root + path, "utf8") : undefined;
    assert.equal(undated(name, there), undated(name, textAt(model, path)), path);
  }
  for (const path of ["/home", "/var/mail"]) {
    if (!(path in start)) continue;
    const probe = { kind: "list", path, depth: 0 } as const;
    const foretold = model.answer(probe);
    assert.ok(foretold.kind === "known");
    assert.deepEqual(listingOf(observeDisk(root, probe)), listingOf(foretold.observation), path);
  }
}

/** Days of the last change are the model's fixed day there, and today here. */
function undated(name: string, text: string | undefined): string | undefined {
  return name === "shadow" ? text?.replace(/^([^:]*:[^:]*):\d+:/gm, "$1:DAY:") : text;
}

function listingOf(seen: Observation): unknown {
  assert.ok(seen.kind === "list");
  const rows = seen.entries.map(({ name, stat }) => {
    const mode = stat.type === "link" ? "" : stat.mode.toString(8);
    return [name, stat.type, stat.uid, stat.gid, mode, stat.target].join(" ");
  });
  return rows.sort();
}
