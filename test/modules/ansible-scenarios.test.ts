// Ansible's scenarios against a tree in memory: what each task reports, the tree at the end, and that a second run finds nothing to do.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modules } from "../../modules/index.js";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { Sources } from "../../src/engine/task/sources.js";
import type { AnyModule, LocalSource } from "../../src/module/contract.js";
import type { Model } from "../../src/module/model.js";
import { convertParams } from "../../src/module/params.js";
import { planModule } from "../../src/module/run-plan.js";
import { createScope, rawLayer } from "../../src/playbook/scope/scope.js";
import { fileTemplate } from "../../src/playbook/template/template.js";
import { scenarios } from "../integration/ansible-scenarios/all.js";
import { accountFiles, checkStep, writeControllerFiles } from "../integration/ansible-scenarios/expectation.js";
import type { Observed } from "../integration/ansible-scenarios/expectation.js";
import type { Step } from "../integration/ansible-scenarios/scenario.js";
import { answerer, checkEntry, contextOf, modelOf, statAt } from "../module/harness.js";

describe("Ansible's scenarios in memory", () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "crun-scenarios-"));
  });
  after(() => rmSync(directory, { recursive: true }));

  for (const scenario of scenarios.filter(({ runs }) => !runs)) {
    it(`${scenario.id}: ${scenario.name}`, async () => {
      const files = join(directory, scenario.id);
      writeControllerFiles(files, scenario);
      const fileCommand = scenario.programs?.includes("file") ? { "/usr/bin/file": { content: "", mode: 0o755 } } : {};
      const model = modelOf({ ...accountFiles, ...fileCommand, ...scenario.start });
      for (const [index, step] of scenario.steps.entries()) await runStep(step, index, model, files);
      for (const [path, entry] of Object.entries(scenario.end ?? {})) checkEntry(model, path, entry);
      for (const [one, other, isSame] of scenario.hardLinks ?? []) {
        assert.equal(statAt(model, one)?.inode === statAt(model, other)?.inode, isSame, `${one} and ${other}`);
      }
    });
  }
});

async function runStep(step: Step, index: number, model: Model, files: string): Promise<void> {
  const module = await modules.load(step.module);
  assert.ok(module);
  const where = `step ${index + 1}`;
  const observed = observe(module, step, model, files);
  checkStep(step, observed, where);
  if (observed.isFailed || step.isCheck) return;
  model.predict(observed.changes);
  if (step.isNeverConverged) return;
  const again = observe(module, step, model, files);
  assert.deepEqual(again.changes, [], `${where}: a second run must find nothing to do`);
}

function observe(module: AnyModule, step: Step, model: Model, files: string): Observed {
  const { params, problems } = convertParams(module, step.params);
  if (problems.length > 0)
    return {
      isFailed: true,
      changes: [],
      message: problems.map(({ message }) => message).join("\n"),
      result: {},
      warnings: [],
    };
  let sources: Readonly<Record<string, LocalSource>>;
  try {
    sources = loadSources(module, params, step, files);
  } catch (error) {
    if (!(error instanceof CrunError)) throw error;
    return { isFailed: true, changes: [], message: error.message, result: {}, warnings: [] };
  }
  const plan = planModule(module, params, contextOf({ sources }), answerer(model, { programs }));
  const { changes, result = {}, message = "", warnings = [], refusal } = plan;
  if (refusal) return { isFailed: true, changes: [], message: refusal.message, result: refusal.result ?? {}, warnings };
  const exec = changes.findIndex(({ kind }) => kind === "exec");
  const program = changes[exec];
  if (program?.kind !== "exec" || step.isCheck) return { isFailed: false, changes, message, result, warnings };
  const source = Buffer.from(program.exec.files?.[0]?.content.bytes ?? []).toString("latin1");
  const status = run(program.exec.argv, source);
  const outcomes = [
    ...changes.slice(0, exec).map(() => ({})),
    { exit: { kind: "exited", value: status, wallMs: 1, cpuMs: 1 } as const },
  ];
  const conclusion = plan.conclude?.(outcomes);
  if (conclusion?.refusal)
    return {
      isFailed: true,
      changes: [],
      message: conclusion.refusal.message,
      result: conclusion.refusal.result ?? {},
      warnings,
    };
  return { isFailed: false, changes, message, result, warnings };
}

/** What the programs of the scenarios that change something say. */
function run(argv: readonly string[], source: string): number {
  if (argv[0]?.endsWith("true")) return 0;
  if (argv[0]?.endsWith("false")) return 1;
  return source.includes(argv[1] ?? "") ? 0 : 1;
}

/** What those say that only look. */
const programs = {
  "/usr/bin/file --mime-type --mime-encoding -L /t/foo:bar.txt": {
    stdout: "/t/foo:bar.txt: text/plain; charset=us-ascii\n",
  },
};

function loadSources(
  module: AnyModule,
  params: Readonly<Record<string, unknown>>,
  step: Step,
  files: string,
): Readonly<Record<string, LocalSource>> {
  const sources = new Sources(fileTemplate);
  const place = { file: "site.yml" };
  const found: Record<string, LocalSource> = {};
  for (const [name, spec] of Object.entries(module.params)) {
    const value = params[name];
    if (!spec.source || typeof value !== "string" || (spec.source.unless && params[spec.source.unless] === true))
      continue;
    const { folder, isTemplate, followsLinks } = spec.source;
    const path = sources.find({ name: value, folder, directories: [files], place, asked: `${module.name}: ${name}` });
    found[name] = isTemplate
      ? sources.render(path, { place, directories: [files] }, createScope([rawLayer("vars", step.vars ?? {})]), "")
      : sources.read(path, place, {
          followsLinks: typeof followsLinks === "string" && params[followsLinks] !== false,
          isOpened: true,
        });
  }
  return found;
}
