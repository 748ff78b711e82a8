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
 * A target's next steps as they go to the helper: files together, a program ends what goes at once; alone goes what acts elsewhere, is
 * throttled, or may fail without ending the target. `loop`: only items of this loop, of which another failed.
 */
export function groupAt(steps: readonly PlannedStep[], from: number, loop: number | undefined): PlannedStep[] {
  const group: PlannedStep[] = [];
  for (const step of steps.slice(from)) {
    const [first] = group;
    const isBounded = step.throttle !== undefined || step.throttlePerHost !== undefined;
    const isAlone = step.isIgnored || isBounded || step.judge?.until !== undefined;
    if (first && (isAlone || first.venue !== step.venue)) break;
    if (loop !== undefined && step.loop !== loop) break;
    group.push(step);
    if (isAlone || step.changes.some(({ kind }) => kind === "exec")) break;
  }
  return group;
}
