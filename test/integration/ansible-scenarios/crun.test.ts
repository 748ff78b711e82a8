// The same scenarios by crun on real trees: most with nothing in them but etc/passwd and etc/group, those that run programs over this machine's root.

import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requireOrSkip } from "../../lab/needs.js";
import { testScope } from "../../lab/scope.js";
import { rootOverlay } from "../../lab/trees.js";
import type { NumberedScenario } from "./all.js";
import { scenarios } from "./all.js";
import { checkDisk, checkHardLink, writeTree } from "./disk.js";
import { accountFiles, checkStep, writeControllerFiles } from "./expectation.js";
import type { Report, TaskResult } from "./play.js";
import { crun, play } from "./play.js";
import { taskOf, type Step } from "./scenario.js";

const chosen = process.env["SCENARIOS"] ?? "";

for (const module of new Set(scenarios.map((one) => one.module))) {
  const own = scenarios.filter(
    (one) => one.module === module && (chosen === "" || one.id === chosen || one.module === chosen),
  );
  if (own.length === 0) continue;
  const [stepwise, whole] = [own.filter((one) => mayStop(one)), own.filter((one) => !mayStop(one))];
  describe(`crun on the scenarios of ${module}`, function () {
    this.timeout(300_000);
    const scope = testScope();
    let directory: string;
    let report: Report;
    const roots = new Map<string, string>();

    before(async function () {
      const programs = own.flatMap((one) => one.programs ?? []);
      requireOrSkip(this, { root: true, tools: programs, paths: [crun] });
      directory = scope.tempDir("scenarios");
      for (const scenario of own) {
        const hasPrograms = scenario.runs === true || scenario.programs !== undefined;
        const root = hasPrograms ? await rootOverlay(scope) : join(directory, scenario.id, "tree");
        roots.set(scenario.id, root);
        if (hasPrograms) rmSync(join(root, "t"), { recursive: true, force: true });
        mkdirSync(root, { recursive: true });
        writeTree(root, { ...(hasPrograms ? {} : accountFiles), ...scenario.start });
        writeControllerFiles(join(directory, scenario.id), scenario);
      }
      report = await play(
        whole.map((scenario) => playbookOf(directory, scenario, scenario.steps, roots.get(scenario.id) ?? "")),
      );
    });

    for (const scenario of whole) {
      it(`${scenario.id}: ${scenario.name}`, () => {
        const root = roots.get(scenario.id) ?? "";
        const results = report.results.get(`local:${root}`) ?? [];
        assert.equal(results.length, scenario.steps.length, report.stderr);
        for (const [index, step] of scenario.steps.entries()) checkResult(step, results[index], `step ${index + 1}`);
        checkEnd(root, scenario);
      });
    }

    for (const scenario of stepwise) {
      it(`${scenario.id}: ${scenario.name}`, async () => {
        const root = roots.get(scenario.id) ?? "";
        for (const [index, step] of scenario.steps.entries()) {
          const { exitStatus, stderr, results } = await play([playbookOf(directory, scenario, [step], root)]);
          const where = `step ${index + 1}`;
          const [result] = results.get(`local:${root}`) ?? [];
          if (result) checkResult(step, result, where);
          else {
            assert.equal(step.changed, "failed", `${where}: ${stderr}`);
            assert.equal(exitStatus, 1, stderr);
            if (step.message !== undefined)
              assert.match(
                stderr,
                step.message instanceof RegExp
                  ? step.message
                  : new RegExp(step.message.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")),
                where,
              );
          }
        }
        checkEnd(root, scenario);
      });
    }
  });
}

/** Some steps are refused before anything runs, which ends the run: those scenarios go step by step. */
function mayStop(scenario: NumberedScenario): boolean {
  return scenario.steps.some(({ changed, failsLate }) => changed === "failed" && !failsLate);
}

function playbookOf(directory: string, scenario: NumberedScenario, steps: readonly Step[], root: string): string {
  const tasks = steps.map((step) => taskOf(step, (_key, value) => value));
  const path = join(directory, scenario.id, "site.yml");
  writeFileSync(path, JSON.stringify([{ hosts: `local:${root}`, tasks }]));
  return path;
}

function checkResult(step: Step, result: TaskResult | undefined, where: string): void {
  assert.ok(result, `${where} has no result`);
  const { status, warnings } = result;
  checkStep(
    step,
    {
      isFailed: status === "failed",
      changes: status === "changed" ? [1] : [],
      message: String(result.result["msg"] ?? ""),
      warnings,
      result: result.result,
    },
    where,
  );
}

function checkEnd(root: string, scenario: NumberedScenario): void {
  for (const [path, entry] of Object.entries(scenario.end ?? {})) checkDisk(root, path, entry);
  for (const [one, other, isSame] of scenario.hardLinks ?? []) checkHardLink(root, one, other, isSame);
}
