// Whether a tree is still as the plan found it, asked in one round trip before anything is changed.

import type { Observation, Probe } from "../module/probe.js";
import type { TreeSession } from "../target/session.js";
import { isAs, probeOf } from "./left.js";
import { movedOf, type Moved } from "./moved.js";
import type { PlannedLook, PlannedVenue } from "./saved-plan.js";
import { sightOf, stateOf } from "./sight.js";

export type Verdict =
  | { readonly kind: "asPlanned" }
  | {
      readonly kind: "moved";
      readonly moved: readonly Moved[];
      /** Of the paths that the plan changes: all, some or none are as it leaves them. */
      readonly isLeft: "all" | "some" | "none";
    };

/** Looks at all that the plan rests on; where something moved, also whether it is as the plan leaves it. */
export async function verify(venue: PlannedVenue, session: TreeSession): Promise<Verdict> {
  const answers = await session.observe(venue.looks.map(askOf));
  const moved = movedIn(venue, answers);
  if (moved.length === 0) return { kind: "asPlanned" };
  return { kind: "moved", moved, isLeft: await isLeft(venue, session) };
}

/** What is asked: a content that is as it was need not travel. */
function askOf({ probe, sight }: PlannedLook): Probe {
  if (probe.kind !== "read" || probe.needles || sight.kind !== "path" || !sight.state.sha256) return probe;
  return { ...probe, unlessSha256: sight.state.sha256 };
}

/** One line for each path: what tells most comes first. */
function movedIn(venue: PlannedVenue, answers: readonly Observation[]): Moved[] {
  const found = new Map<string, Moved>();
  for (const [index, look] of venue.looks.entries()) {
    const answer = answers[index];
    const moved = answer && movedOf(look, sightOf(look.probe, answer), answer);
    if (!moved) continue;
    const key = moved.path === "" ? moved.text : moved.path;
    const known = found.get(key);
    if (!known || (moved.diff && !known.diff) || moved.text.length > known.text.length) found.set(key, moved);
  }
  return [...found.values()];
}

async function isLeft({ after }: PlannedVenue, session: TreeSession): Promise<"all" | "some" | "none"> {
  const answers = await session.observe(after.map(probeOf));
  const isSame = after.map(({ state }, index) => {
    const answer = answers[index];
    if (answer?.kind !== "hash" || answer.failure) return false;
    return isAs(state, stateOf(answer.stat, answer.digests.sha256));
  });
  if (after.length > 0 && isSame.every(Boolean)) return "all";
  return isSame.some(Boolean) ? "some" : "none";
}
