// Check mode: what an item would change goes into the model, and to the recorder where a saved plan is made.

import { isDeepStrictEqual } from "node:util";
import type { Change } from "../../module/change.js";
import type { ListProbe, Observation, Probe } from "../../module/probe.js";
import { flatProbes, seenFrom } from "../../module/run-plan.js";
import { PendingVariable, type Expression, type Scope } from "../../module/value.js";
import type { FileDiff } from "../events.js";
import type { RecordedJudge, RecordedLook } from "../recorder.js";
import type { TargetPlay } from "../target-play.js";
import type { ItemResult, TaskWork, Venue } from "../work.js";
import { asyncOf, limitOf, LONGEST_MS, withTimeLeft } from "./limit.js";
import { labelOf } from "./loop.js";
import { nothingSeen } from "./plan-item.js";
import { hidesLog, shownTitle } from "./task-event.js";

/** How messages of what cannot be known begin. */
const doubt = "may change: ";
const accountFiles = new Set(["/etc/passwd", "/etc/group"]);
/** Names that stand for more than a value: what a condition reads of them cannot be stored. */
const openNames = new Set(["vars", "hostvars", "groups"]);

/**
 * Predicts the changes. A task whose own `check_mode: true` keeps it from ever doing anything predicts nothing; a command of which the playbook
 * says `changed_when: false` leaves the tree as it is.
 */
export function foresee(
  on: TargetPlay,
  work: TaskWork,
  venue: Venue,
  planned: readonly Change[],
  diffs: readonly FileDiff[],
): void {
  const { task } = work.op;
  if (task.checkMode) return;
  const changes = isNever(task.changedWhen) ? planned.map(contained) : planned;
  const { recorder } = on.play.run;
  if (!recorder) return venue.model.predict(changes);
  const looks = looksOf(work, venue, removalProbes(changes)).filter((look) => isNeeded(work, venue, look, changes));
  work.planned = { venue, changes: venue.model.guard(changes), diffs, looks };
}

function isNever(conditions: readonly Expression[] | undefined): boolean {
  return conditions?.length === 1 && conditions[0]?.text === "false";
}

function contained(change: Change): Change {
  return change.kind === "exec" ? { ...change, isContained: true } : change;
}

/** What a saved plan must know besides: all that a directory holds which is removed. Gives the probes that were not answered yet. */
export function missingForRecord(on: TargetPlay, venue: Venue, changes: readonly Change[]): readonly Probe[] {
  if (!on.play.run.recorder) return [];
  return removalProbes(changes).filter((probe) => venue.model.answer(probe).kind === "ask");
}

function removalProbes(changes: readonly Change[]): ListProbe[] {
  return changes.flatMap((change): ListProbe[] => {
    if (change.kind !== "remove" || !change.isRecursive || change.expect.type !== "directory") return [];
    return [{ kind: "list", path: change.path, depth: 0, ...(change.at ? { at: change.at } : {}) }];
  });
}

/** Tells the recorder what came of the item. `isJudgedLater`: conditions on its result could not be tested. */
export function record(on: TargetPlay, work: TaskWork, item: ItemResult | undefined, isJudgedLater: boolean): void {
  const { recorder } = on.play.run;
  if (!recorder) return;
  const { op, planned } = work;
  const { task } = op;
  const target = on.state.target.name;
  const venue = work.venue ?? on.venue;
  const at = { task: shownTitle(work), place: task.place };
  if (work.mayChange) {
    if (!task.module.neverFails) recorder.stop(target, { ...at, venue, why: reasonOf(work) });
    return;
  }
  if (work.plan?.again)
    return recorder.stop(target, { ...at, venue, why: "it waits for something that is not there yet" });
  const pauseMs = pauseOf(work);
  if (pauseMs !== undefined) recorder.pause(target, { ...at, venue, module: task.module.name, ms: pauseMs });
  if (!planned || !item) {
    if (task.register !== undefined && work.prepared && work.plan && !work.plan.isSkipped) {
      recorder.looked(
        target,
        venue,
        looksOf(work, venue).filter(({ probe }) => isOfTree(probe)),
      );
    }
    return;
  }
  const scope = scopeOf(work);
  if (asyncOf(task, scope)?.isInBackground)
    return recorder.stop(target, { ...at, venue, why: "it goes on in the background, where only a run can follow it" });
  const judge = judgeOf(work, planned.changes);
  if (typeof judge === "string") return recorder.stop(target, { ...at, venue, why: judge });
  if (judge?.until && planned.changes.some(({ kind }) => kind !== "exec"))
    return recorder.stop(target, {
      ...at,
      venue,
      why: "it is repeated until its result is as wanted, and changes files",
    });
  recorder.step({
    ...at,
    target,
    venue: planned.venue,
    module: task.module.name,
    item: work.items ? labelOf(task.loopControl, work.items[work.index], scope) : undefined,
    loop: work.items && work,
    isHandler: op.isHandler,
    isChanged: item.isChanged,
    isIgnored: work.keywords?.ignoresErrors ?? false,
    isHidden: hidesLog(work),
    throttle: task.throttle,
    throttlePerHost: task.throttlePerHost,
    isFatal: task.anyErrorsFatal || (task.runOnce && on.play.targets.length > 1),
    message: item.message,
    changes: inTime(planned.changes, limitOf(task, scope)?.seconds),
    diffs: planned.diffs,
    looks: planned.looks,
    judge: judge ?? undefined,
    isDoubtful: isJudgedLater && task.notify.length > 0,
  });
}

/** What the tree answered to the item's probes; what is predicted alone was never asked. */
function looksOf(work: TaskWork, venue: Venue, besides: readonly Probe[] = []): RecordedLook[] {
  const { prepared, more } = work;
  const probes = [...(prepared ? flatProbes(prepared.probes) : []), ...(more ? flatProbes(more) : []), ...besides];
  return probes.flatMap((probe) => venue.model.observed(probe) ?? []);
}

/** What the kernel tells of processes and connections is another at each look. */
function isOfTree(probe: Probe): boolean {
  return probe.kind !== "connect" && !("path" in probe && /^\/proc(\/|$)/.test(probe.path));
}

/** Nearly every task reads the accounts to name owners in its result; they count where what it does depends on them. */
function isNeeded(
  work: TaskWork,
  venue: Venue,
  { probe, observation }: RecordedLook,
  changes: readonly Change[],
): boolean {
  const { prepared, more } = work;
  if (probe.kind !== "read" || !accountFiles.has(probe.path) || !prepared || observation.kind !== "read") return true;
  if (prepared.becomeUser !== undefined) return true;
  if (changes.some((one) => one.kind !== "exec" && one.path === probe.path)) return true;
  const { module } = work.op.task;
  const plannedWith = (accounts: Observation): readonly Change[] => {
    const seen = seenFrom({ ...prepared.probes, ...more }, (one) => {
      if (one.kind === "read" && one.path === probe.path) return accounts;
      const answer = venue.model.answer(one);
      return answer.kind === "known" ? answer.observation : nothingSeen;
    });
    return module.plan(prepared.args.params, seen, prepared.context).changes;
  };
  const nothing: Observation = { ...observation, stat: undefined, sha256: undefined, content: undefined };
  const empty: Observation = { ...observation, content: new Uint8Array() };
  try {
    const planned = plannedWith(observation);
    return [nothing, empty].some((other) => !isDeepStrictEqual(plannedWith(other), planned));
  } catch {
    // It cannot do without them.
    return true;
  }
}

function reasonOf(work: TaskWork): string {
  const message = work.plan?.message;
  if (message?.startsWith(doubt)) return message.slice(doubt.length);
  return "what it looks at may be changed by a command before it, which only a run can tell";
}

/** Programs of a task that may take only so long. */
function inTime(changes: readonly Change[], seconds: number | undefined): readonly Change[] {
  return seconds === undefined
    ? changes
    : changes.map((change) => withTimeLeft(change, Math.min(seconds * 1000, LONGEST_MS)));
}

/** A wait of a known time: part of the plan, as is the order around it. */
function pauseOf({ plan }: TaskWork): number | undefined {
  const pause = plan?.effects?.find((effect) => effect.kind === "pause");
  return pause?.kind === "pause" ? pause.ms : undefined;
}

function scopeOf(work: TaskWork): Scope {
  return work.itemScope ?? work.scope;
}

/** The conditions on a command's result; a sentence where they cannot be stored, undefined where there are none. */
function judgeOf(work: TaskWork, changes: readonly Change[]): RecordedJudge | string | undefined {
  const { task } = work.op;
  const { register, failedWhen, changedWhen, until } = task;
  if (!changes.some(({ kind }) => kind === "exec")) return undefined;
  if (!failedWhen && !changedWhen && !until) return undefined;
  const variables: Record<string, unknown> = {};
  for (const condition of [...(failedWhen ?? []), ...(changedWhen ?? []), ...(until ?? [])]) {
    for (const name of condition.names) {
      if (name === register) continue;
      if (openNames.has(name)) return `a condition on its result reads ${name}, which a plan cannot hold`;
      const value = valueOf(name, scopeOf(work));
      if (value === "pending") return `a condition on its result reads ${name}, which is known only after a run`;
      if (value) variables[name] = value.raw;
    }
  }
  const texts = (list: readonly Expression[] | undefined): string[] | undefined => list?.map(({ text }) => text);
  const { tries, delayMs } = work.keywords ?? { tries: 1, delayMs: 0 };
  const again = until && { conditions: until.map(({ text }) => text), tries, delayMs };
  return { register, failedWhen: texts(failedWhen), changedWhen: texts(changedWhen), until: again, variables };
}

function valueOf(name: string, scope: Scope): { readonly raw: unknown } | "pending" | undefined {
  if (!scope.has(name)) return undefined;
  try {
    const value: unknown = JSON.parse(JSON.stringify(scope.get(name)) ?? "null");
    return { raw: value };
  } catch (error) {
    if (error instanceof PendingVariable) return "pending";
    throw error;
  }
}
