// In which order the steps of a plan are made: stages one after the other, within them each target at its own pace.

import type { PlannedStep } from "./saved-plan.js";

/** Steps of one stage (and so of one play) together, in order. */
export function stagesOf(steps: readonly PlannedStep[]): PlannedStep[][] {
  const stages: PlannedStep[][] = [];
  for (const step of steps) {
    const last = stages.at(-1);
    if (last?.[0]?.stage === step.stage) last.push(step);
    else stages.push([step]);
  }
  return stages;
}

/**
 * A target's steps as they go to the helper: files together, a program ends what goes at once; alone goes what acts elsewhere, is throttled,
 * or may fail without ending the target.
 */
export function groupsOf(steps: readonly PlannedStep[]): PlannedStep[][] {
  const groups: PlannedStep[][] = [];
  let isOpen = false;
  for (const step of steps) {
    const last = groups.at(-1);
    const isAlone = step.isIgnored || step.throttle !== undefined;
    if (last && isOpen && !isAlone && last[0]?.venue === step.venue) last.push(step);
    else groups.push([step]);
    isOpen = !isAlone && !step.changes.some(({ kind }) => kind === "exec");
  }
  return groups;
}
