// `crun lint`: what is wrong with playbooks, and what is hardly meant so, without any connection.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { modules } from "../../modules/index.js";
import { CrunError, type Diagnostic } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import { memoByName } from "../inventory/memo.js";
import { lint } from "../playbook/lint/lint.js";
import { rules } from "../playbook/lint/rules.js";
import { loadPlaybook } from "../playbook/load/load.js";
import { placesOf } from "../inventory/places.js";
import { preflight, type PreflightQuestions } from "../playbook/preflight/preflight.js";
import { findingsText, type FindingsForm } from "../report/findings.js";
import { lintFiles, type LintFile } from "./lint-files.js";
import type { Masker } from "../engine/task/masker.js";
import { LOCKED, Locked, type Vault } from "../vault/vault.js";
import { readConfig } from "./config.js";
import { terminalPrompt } from "./prompt.js";
import { noVaultConfig, vaultOf } from "./vault-keys.js";
import type { ReachOptions } from "./options.js";
import { withMasker } from "./masked-errors.js";
import { inventoryPaths, setUp, variablesOf, type Setup } from "./setup.js";
import { version } from "./version.js";

export interface LintOptions {
  readonly paths: readonly string[];
  readonly reach: ReachOptions;
  readonly without: readonly string[];
  readonly isStrict: boolean;
  readonly output: FindingsForm;
}

/** Prints what was found; gives 1 where there is an error (or, if strict, a warning), else 0. */
export async function runLint(options: LintOptions): Promise<number> {
  return withMasker((masker) => lintAll(options, masker));
}

async function lintAll(options: LintOptions, masker: Masker): Promise<number> {
  checkRuleNames(options.without);
  const files = lintFiles(options.paths.length === 0 ? ["."] : options.paths);
  const found: Diagnostic[] = [];
  const keep = (value: unknown): void => masker.add(value);
  const config = readConfig(undefined).vault ?? noVaultConfig;
  const vault = await vaultOf(options.reach.vault, config, terminalPrompt(), keep);
  // Once for all playbooks of a directory: its inventory may be a program.
  const questionsIn = memoByName((directory) => questions(directory, options, masker));
  for (const file of files) found.push(...(await lintFile(file, options, vault, questionsIn)));
  const told = withoutTwins(found)
    .filter(({ rule }) => rule === undefined || !options.without.includes(rule))
    .map((one) => masker.diagnostic(one.rule === LOCKED ? { ...one, severity: "warning" } : one));
  process.stdout.write(findingsText(told, options.output, { version, rules, files: files.length }));
  const isBad = told.some(({ severity }) => severity === "error" || options.isStrict);
  return isBad ? 1 : 0;
}

async function lintFile(
  file: LintFile,
  options: LintOptions,
  vault: Vault,
  questionsIn: (directory: string) => Promise<PreflightQuestions>,
): Promise<readonly Diagnostic[]> {
  try {
    const directory = dirname(file.path);
    const { rolesPath = [] } = readConfig(directory);
    const loaded = await loadPlaybook(file.path, { modules, rolesPath, reader: file.reader, vault });
    const findings = await preflight([loaded], file.isWhole ? await questionsIn(directory) : { layers: undefined });
    const all = [...findings, ...(await lint(loaded, new Set(options.without)))];
    // The play around a part is crun's own.
    return file.isWhole ? all : all.filter(({ place }) => place?.file !== loaded.playbook.file);
  } catch (error) {
    if (!(error instanceof CrunError)) throw error;
    return error.diagnostics;
  }
}

/** Without an inventory patterns are not judged, and any variable may come from it. */
async function questions(directory: string, { reach }: LintOptions, masker: Masker): Promise<PreflightQuestions> {
  const given = inventoryPaths(reach.inventory, {});
  const beside = ["hosts", "hosts.yml", "inventory", "inventory.yml"].map((name) => join(directory, name));
  const inventory = given.length > 0 ? given : beside.filter((one) => existsSync(one)).slice(0, 1);
  if (inventory.length === 0) return { layers: undefined };
  // What lies beside a playbook does not depend on its name.
  const setup = await setUp({ ...reach, inventory }, masker, join(directory, "site.yml"));
  return {
    layers: knownVariables(setup),
    checkPattern: (pattern, mayCome) => void setup.inventory.match(pattern, mayCome),
    places: () => placesOf(setup.inventory),
  };
}

/** Undefined where a file of variables is encrypted and no key was given: it may define any. */
function knownVariables(setup: Setup): PreflightQuestions["layers"] {
  try {
    return variablesOf(setup);
  } catch (error) {
    if (error instanceof Locked) return undefined;
    throw error;
  }
}

function checkRuleNames(names: readonly string[]): void {
  const known = rules.map(({ name }) => name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const remedy = suggest(name, known) ?? `There are ${known.join(", ")}.`;
    throw new CrunError({ severity: "error", summary: `--without: there is no rule ${JSON.stringify(name)}`, remedy });
  }
}

/** What two playbooks import is told once. */
function withoutTwins(found: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Set<string>();
  return found.filter((one) => {
    const key = JSON.stringify([one.rule, one.severity, one.summary, one.place]);
    return !seen.has(key) && seen.add(key);
  });
}
