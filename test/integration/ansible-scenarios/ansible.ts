// Runs scenarios by ansible-playbook, where it is installed: what crun is held to is what Ansible does.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireOrSkip } from "../../lab/needs.js";
import type { NumberedScenario } from "./all.js";
import { scenarios } from "./all.js";
import { checkDisk, checkHardLink, writeTree } from "./disk.js";
import { checkStep, writeControllerFiles } from "./expectation.js";
import { taskOf, type Step } from "./scenario.js";

interface AnsibleResult {
  readonly changed?: boolean;
  readonly failed?: boolean;
  readonly msg?: string;
  readonly warnings?: readonly string[];
}

/** Results of each scenario's tasks. */
type AnsibleOutput = readonly (readonly AnsibleResult[])[];

/** A callback that tells results in lines, and a connection that starts no Python for each task: starting one takes four times the processor time. */
export const plugins = join(process.cwd(), "test/integration/ansible-scenarios/plugins");

/** One scenario or module alone, for who looks at it closely. */
const chosen = process.env["SCENARIOS"] ?? "";

/** One of `count` parts of a module's scenarios, where Ansible takes too long for all of them in one go. */
export interface Part {
  readonly index: number;
  readonly count: number;
}

/** Defines the tests: each scenario that Ansible should do alike, by ansible-playbook 2.14 on a directory of its own. */
export function compareWithAnsible(module: string, part: Part = { index: 0, count: 1 }): void {
  const own = scenarios
    .filter((one) => one.module === module && one.differs === undefined)
    .filter((_, index) => index % part.count === part.index)
    .filter(({ id }) => chosen === "" || id === chosen || module === chosen);
  if (own.length === 0) return;
  describe(`Ansible itself on the scenarios of ${module}`, function () {
    this.timeout(900_000);
    let directory: string;
    let output: AnsibleOutput;

    before(async function () {
      requireOrSkip(this, { root: true, tools: ["ansible-playbook", "file"] });
      directory = mkdtempSync(join(tmpdir(), "crun-ansible-"));
      output = await runAll(directory, own);
    });
    after(() => {
      if (directory) rmSync(directory, { recursive: true });
    });

    for (const [index, scenario] of own.entries()) {
      it(`${scenario.id}: ${scenario.name}`, () => {
        const root = join(directory, scenario.id, "tree");
        const results = output[index] ?? [];
        for (const [number, step] of scenario.steps.entries()) {
          const result = withoutBase(results[number], root);
          assert.ok(result, `Ansible has no result for step ${number + 1}`);
          checkStep(
            step,
            {
              isFailed: result.failed === true,
              changes: result.changed ? [1] : [],
              message: String(result.msg ?? ""),
              warnings: result.warnings ?? [],
              result: { ...result },
            },
            `step ${number + 1}`,
          );
        }
        for (const [path, entry] of Object.entries(scenario.end ?? {})) checkDisk(root, path, entry, root);
        for (const [one, other, isSame] of scenario.hardLinks ?? []) checkHardLink(root, one, other, isSame);
      });
    }
  });
}

async function runAll(directory: string, list: readonly NumberedScenario[]): Promise<AnsibleOutput> {
  const playbooks = list.map((scenario) => {
    const own = join(directory, scenario.id);
    const root = join(own, "tree");
    mkdirSync(root, { recursive: true });
    writeTree(root, scenario.start ?? {}, root);
    writeControllerFiles(own, scenario);
    const tasks = scenario.steps.map((step) => {
      const isCommand = commands.has(step.module);
      const rebase = (key: string, value: unknown): unknown =>
        isCommand ? rebaseText(value, root) : rebaseParam(key, value, root);
      return { check_mode: false, ...taskOf(step, rebase) };
    });
    writeFileSync(join(own, "site.yml"), JSON.stringify([{ hosts: "localhost", gather_facts: false, tasks }]));
    return join(own, "site.yml");
  });
  const environment = {
    ...process.env,
    ANSIBLE_CALLBACK_PLUGINS: plugins,
    ANSIBLE_CONNECTION_PLUGINS: plugins,
    ANSIBLE_STDOUT_CALLBACK: "lines",
    ANSIBLE_PIPELINING: "1",
    ANSIBLE_LOCALHOST_WARNING: "0",
    ANSIBLE_INVENTORY_UNPARSED_WARNING: "0",
    ANSIBLE_DEPRECATION_WARNINGS: "0",
    TZ: "UTC",
  };
  const text = await new Promise<string>((resolve) => {
    execFile(
      "ansible-playbook",
      ["-i", "localhost,", "-c", "warm", "-e", "ansible_python_interpreter=/usr/bin/python3", ...playbooks],
      { env: environment, maxBuffer: 1 << 28 },
      (_error, stdout) => resolve(stdout),
    );
  });
  const results: AnsibleResult[][] = list.map(() => []);
  for (const line of text.split("\n")) {
    if (!line.startsWith("RESULT ")) continue;
    const [play, result] = JSON.parse(line.slice(7)) as [number, AnsibleResult];
    results[play]?.push(result);
  }
  return results;
}

function rebaseParam(key: string, value: unknown, root: string): unknown {
  return ["path", "dest", "src", "name"].includes(key) && typeof value === "string" && /^\/t(\/|$)/.test(value)
    ? root + value
    : value;
}

const commands: ReadonlySet<Step["module"]> = new Set<Step["module"]>(["command", "shell", "script"]);

/** Paths may stand anywhere in a command line. */
function rebaseText(value: unknown, root: string): unknown {
  if (Array.isArray(value)) return value.map((one) => rebaseText(one, root));
  return typeof value === "string" ? value.replace(/(^|[\s'"=><])(?=\/t(?:[/\s'"]|$))/g, `$1${root}`) : value;
}

function withoutBase(result: AnsibleResult | undefined, root: string): AnsibleResult | undefined {
  return result && (JSON.parse(JSON.stringify(result).replaceAll(root, "")) as AnsibleResult);
}
