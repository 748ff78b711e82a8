// From packages wanted and packages there to what apt has to do.

import type { Change, Outcome } from "../module/change.js";
import { outputFields, outputText } from "../module/command-result.js";
import type { Conclusion, Context, Plan, Refusal, ResultFields } from "../module/contract.js";
import { hasSingleId } from "../module/reach.js";
import { aptCommand, errorLines, remedyFor, type ServicePolicy } from "./apt-command.js";
import { debSteps } from "./apt-deb.js";
import { installSteps, removalSteps } from "./apt-install.js";
import { cleanJob, needsClean, updateJob, type Job, type Steps } from "./apt-jobs.js";
import { aptProblem, cacheTime, isUpdateDue, viewOf, wantedUpgrade, type AptSeen, type AptView } from "./apt-look.js";
import type { AptWish } from "./apt-params.js";
import { buildSteps, cleanupSteps, upgradeSteps } from "./apt-simulate.js";

/** The plan of a task on apt. */
export function planApt(wish: AptWish, seen: AptSeen, context: Context): Plan {
  const problem = problemOf(wish, seen);
  if (problem) return { changes: [], refusal: problem };
  const view = viewOf(wish, seen);
  const isDue = isUpdateDue(wish, seen, context);
  const steps = stepsOf(wish, seen, view, isDue);
  if (steps.refusal) return { changes: [], refusal: steps.refusal };
  const now = isDue ? Math.floor(context.startedAt.getTime() / 1000) : 0;
  const hasWork = hasMoreThanUpdate(wish);
  const jobs = [
    ...(wish.clean && needsClean(seen) ? [cleanJob(seen)] : []),
    ...(isDue ? [updateJob(wish, seen, now, hasWork)] : []),
    ...steps.jobs,
  ];
  const policy = servicePolicy(wish, context);
  const hasNobody = jobs.length > 0 && hasSingleId(context.reach);
  const changes = jobs.map((job): Change => {
    return {
      kind: "exec",
      exec: { ...aptCommand(hasNobody ? inSingleId(job.argv) : job.argv, policy), hasLaxOwners: true },
      ...(job.assumes ? { assumes: job.assumes } : {}),
      ...(job.isContained ? { isContained: true } : {}),
      ...(job.isUncounted ? { isUncounted: true } : {}),
    };
  });
  const cache =
    wish.clean && !hasWork && !isDue ? {} : { cache_updated: isDue, cache_update_time: isDue ? now : cacheTime(seen) };
  const diff =
    steps.before && steps.after && (steps.before.length > 0 || steps.after.length > 0)
      ? { diff: [{ title: "packages", before: textOf(steps.before), after: textOf(steps.after) }] }
      : {};
  if (changes.length === 0) return { changes, result: cache, ...diff };
  return { changes, result: cache, ...diff, conclude: (outcomes) => conclude(jobs, outcomes, cache) };
}

/** apt becomes its own user for fetching, whom such a tree has not. */
function inSingleId([program = "", ...args]: readonly string[]): readonly string[] {
  return program === "apt-get" ? [program, "-o", "APT::Sandbox::User=root", ...args] : [program, ...args];
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

function problemOf(wish: AptWish, seen: AptSeen): Refusal | undefined {
  if (!seen.apt.stat) {
    return {
      message: "The tree has no apt-get",
      remedy: "apt is for Debian and its kin; the module package picks the manager that the tree has.",
    };
  }
  const problem = aptProblem(wish);
  return problem === undefined ? undefined : { message: problem };
}

function hasMoreThanUpdate(wish: AptWish): boolean {
  return (
    (wish.package ?? []).length > 0 ||
    wish.upgrade !== "no" ||
    wish.deb !== undefined ||
    wish.autoremove ||
    wish.autoclean
  );
}

/** Nothing must be started in a tree that is not booted, nor where policy_rc_d forbids it. */
function servicePolicy(wish: AptWish, context: Context): ServicePolicy {
  if (wish.policy_rc_d === 101) return "never start";
  return context.target.path === "/" ? "start" : "start if booted";
}

function stepsOf(wish: AptWish, seen: AptSeen, view: AptView, isDue: boolean): Steps {
  const upgrade = wantedUpgrade(wish);
  if (upgrade) return upgradeSteps(wish, seen, upgrade, isDue);
  if (wish.deb !== undefined) return debSteps(wish, seen, view);
  if (view.specs.length === 0 && (wish.package ?? []).length === 0) return cleanupSteps(wish, seen);
  if (wish.state === "absent") return removalSteps(wish, view);
  if (wish.state === "build-dep") return buildSteps(wish, seen, isDue);
  return installSteps(wish, view, isDue);
}

/** Ansible's keys from what the programs wrote; a failure with apt's own words and what to do. */
function conclude(jobs: readonly Job[], outcomes: readonly Outcome[], cache: ResultFields): Conclusion {
  const main = outcomes.length - 1;
  const failed = outcomes.findIndex(
    (one) => one.failure !== undefined || one.exit?.kind !== "exited" || one.exit.value !== 0,
  );
  const at =
    failed >= 0
      ? failed
      : jobs.findLastIndex((job, index) => index <= main && job.argv[0] !== "apt-mark" && job.argv[1] !== "update");
  const outcome = outcomes[at < 0 ? main : at];
  const [stdout, stderr] = [outputText(outcome?.stdout), outputText(outcome?.stderr)];
  const result = { ...cache, ...outputFields(stdout, stderr) };
  if (failed >= 0) {
    const { exit } = outcome ?? {};
    const command = (jobs[failed]?.argv ?? []).join(" ");
    const words =
      errorLines(stderr) ||
      outcome?.failure?.message ||
      exit?.failure?.message ||
      `ended with ${exit?.kind ?? "nothing"} ${exit?.value ?? ""}`;
    const remedy = remedyFor(`${stderr}\n${stdout}`);
    const what = jobs[failed]?.argv[1] === "update" ? "Failed to update apt cache" : `'${command}' failed`;
    return {
      result: { ...result, rc: exit?.value ?? 1 },
      refusal: { message: `${what}: ${words}`, ...(remedy === undefined ? {} : { remedy }) },
    };
  }
  const counted = jobs.filter((job) => !job.isUncounted);
  const hasDone = jobs.some(
    (job, index) => !job.isUncounted && (!job.hasDone || job.hasDone.test(outputText(outcomes[index]?.stdout))),
  );
  return counted.length > 0 && !hasDone ? { result, changed: false } : { result };
}
