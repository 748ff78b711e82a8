// `crun exec` from its options: which targets, reached how.

import { CrunError, formatDiagnostic } from "../diagnostic/diagnostic.js";
import { ConnectionPool } from "../target/connect.js";
import { runExec, type ExecTarget } from "./exec.js";
import { ALLOW_VARIABLE, allowanceOnHost, type AllowedBy } from "../facts/allowances.js";
import { limitNames } from "../facts/cgroup-limits.js";
import { parseWrittenLimit, type WrittenLimits } from "../facts/process-limits.js";
import { allowOfTarget, checkedAllow } from "../engine/task/allow-of.js";
import { limitsOfTarget } from "../engine/task/limits-of.js";
import type { Scope } from "../module/value.js";
import { targetsFor } from "./find-targets.js";
import { findFleet } from "./fleet.js";
import type { ExecOptions } from "./options.js";
import type { Masker } from "../engine/task/masker.js";
import { withMasker } from "./masked-errors.js";
import { terminalPrompt } from "./prompt.js";
import { setUp } from "./setup.js";

/** Gives the exit status: the command's own for one target. Throws a CrunError for a pattern that is unknown. */
export async function runExecCommand(options: ExecOptions): Promise<number> {
  return withMasker((masker) => execute(options, masker));
}

/** Limits of the command line, which go before the targets' own. */
function givenLimits({ limit, limits }: ExecOptions): WrittenLimits {
  if (limit !== undefined && limitNames.some((name) => limit.startsWith(`${name}=`)))
    throw new CrunError({
      severity: "error",
      summary: `--limit ${limit}: --limit chooses targets`,
      remedy: `What the command may use is said by --limits ${limit}.`,
    });
  const given: Record<string, string> = {};
  for (const text of limits) {
    const parsed = parseWrittenLimit(text);
    if ("problem" in parsed)
      throw new CrunError({ severity: "error", summary: `--limits: ${parsed.problem}`, remedy: parsed.remedy });
    given[parsed[0]] = parsed[1];
  }
  return given;
}

/** Undefined: none. */
function limitsIn(scope: Scope, given: WrittenLimits): WrittenLimits | undefined {
  const limits = { ...limitsOfTarget(scope), ...given };
  return Object.keys(limits).length === 0 ? undefined : limits;
}

async function execute(options: ExecOptions, masker: Masker): Promise<number> {
  const given = givenLimits(options);
  // As of a variable that a script has left empty: whoever names a user wants no root.
  if (options.asUser === "")
    throw new CrunError({
      severity: "error",
      summary: "-u: no user is named",
      remedy: "Write a name or an id of the tree, or leave -u away for root.",
    });
  const allow = checkedAllow(options.allow, "--allow", undefined, 1);
  const setup = await setUp(options, masker);
  const prompt = terminalPrompt(masker);
  const pool = new ConnectionPool(prompt);
  let targets: readonly ExecTarget[];
  try {
    const lost = await findFleet(setup, pool, { patterns: [options.pattern], limit: options.limit });
    targets = targetsFor(options.pattern, options.limit, setup, lost).map((target) => ({
      ...target,
      limits: limitsIn(setup.scopeOf(target.name), given),
      allow: allow ?? allowOfTarget(setup.scopeOf(target.name)),
    }));
    if (targets.length === 0) {
      throw new CrunError({
        severity: "error",
        summary: `${options.pattern} matches no target`,
        remedy: "See what there is: crun inventory --graph",
      });
    }
    tellOfHosts(targets, allow === undefined ? ALLOW_VARIABLE : "--allow");
  } catch (error) {
    await pool.close();
    throw error;
  }
  return runExec({
    targets,
    command: options.command,
    user: options.asUser,
    forks: setup.forks,
    tty: options.tty,
    prompt,
    masker,
    pool,
  });
}

/** A host itself can be allowed nothing: told of the first one, refused where there is nothing else. */
function tellOfHosts(targets: readonly ExecTarget[], by: AllowedBy): void {
  const hosts = targets.filter(({ isHostRoot, allow }) => isHostRoot && allow !== undefined);
  const [first] = hosts;
  if (!first) return;
  const told = allowanceOnHost(first.name, by);
  if (by === "--allow" && hosts.length === targets.length) throw new CrunError({ ...told, severity: "error" }, 1);
  process.stderr.write(`${formatDiagnostic(told)}\n`);
}
