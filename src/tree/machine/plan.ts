// What has to be done that a machine is set up, runs or does not, as a task wants it.

import type { Change } from "../../module/change.js";
import type { Context, Plan, Refusal } from "../../module/contract.js";
import type { ReadObservation } from "../../module/probe.js";
import { programRefusal } from "../program.js";
import { planFiles, templateText } from "./files.js";
import { planLimits } from "./limits.js";
import { isWanted, runs, unitState, type MachinePlace, type MachineSeen, type UnitState } from "./look.js";
import type { MachineWish } from "./params.js";
import { reloading, starting, stopping, withWords } from "./programs.js";
import { planRemoval } from "./removal.js";
import { templateName } from "./unit.js";
import { planWait, type Waiting } from "./wait.js";

export function planMachine(wish: MachineWish, place: MachinePlace, seen: MachineSeen, context: Context): Plan {
  const unit = unitState(seen.show);
  const refusal = refusalOf(wish, place, seen, unit, context);
  if (refusal) return { changes: [], refusal };
  if (wish.state === "absent") return withWords(planRemoval(wish, place, seen, unit));
  const limits = planLimits(wish, place, seen, unit);
  if ("problem" in limits) return { changes: [], refusal: { message: limits.problem } };
  const files = planFiles(wish, place, seen, limits.wanted);
  if ("problem" in files) return { changes: [], refusal: { message: files.problem } };
  const isRunning = runs(unit);
  const isStale = isRunning && (files.changesStart || isOlder(unit, seen.settings));
  const run = planRun(wish, place, seen, unit, isStale, context);
  if ("refusal" in run) return { changes: [], refusal: run.refusal };
  const acts = run.changes.length > 0;
  const needsRestart = isStale && !acts;
  const isThere = isWanted(wish) || (isRunning && wish.state === "present");
  const told = `${place.name} runs with other settings than its file has now: restart it (restart: true, or state: restarted in a handler)`;
  return withWords({
    changes: [
      ...files.changes,
      ...(files.needsReload ? [reloading()] : []),
      // A machine that is started takes its limits from the drop-in.
      ...(acts ? [] : limits.changes),
      ...run.changes,
    ],
    result: {
      name: place.name,
      unit: place.unit,
      path: place.path,
      state: isThere ? "running" : "stopped",
      enabled: wish.enabled ?? seen.link.stat !== undefined,
      restart_needed: needsRestart,
      ...run.result,
    },
    ...(limits.diff === undefined ? {} : { diff: [limits.diff] }),
    ...(run.again ? { again: run.again } : {}),
    ...(acts ? { leaves: "unknown" as const } : {}),
    warnings: [...(needsRestart ? [told] : []), ...run.warnings],
  });
}

/** Why nothing can be done. */
function refusalOf(
  wish: MachineWish,
  place: MachinePlace,
  seen: MachineSeen,
  unit: UnitState,
  { target }: Context,
): Refusal | undefined {
  if (seen.systemdRuns.stat?.type !== "directory")
    return {
      message: `systemd does not run on ${target.host}, so it has no machines`,
      remedy: "Tasks can act in the tree without one; machines take a host with systemd and systemd-nspawn.",
    };
  if (wish.state === "absent") return undefined;
  if (templateText(seen) === undefined)
    return {
      message: `${target.host} has no ${templateName}`,
      remedy: "Install systemd-nspawn there (Debian: systemd-container).",
    };
  if (!unit.isKnown) {
    const silent = { message: `systemctl tells nothing of ${place.unit}` };
    return programRefusal(`systemctl show ${place.unit}`, seen.show) ?? silent;
  }
  if (unit.loadState === "masked" && isWanted(wish))
    return { message: `${place.unit} is masked`, remedy: `Unmask it: systemctl unmask ${place.unit}` };
  const other = registeredUnit(seen.registered);
  if (other !== undefined && other !== place.unit && wish.state !== "present")
    return {
      message: `there is a machine ${place.name} already, which is not of ${place.unit} but of ${other}`,
      remedy: `Stop it (machinectl terminate ${place.name}), or name this one otherwise.`,
    };
  return isWanted(wish) ? treeRefusal(place, seen) : undefined;
}

function treeRefusal(place: MachinePlace, { tree, image }: MachineSeen): Refusal | undefined {
  const { stat, failure } = tree;
  if (failure) return { message: `${place.path} cannot be looked at: ${failure.message}` };
  if (stat === undefined) {
    if (image.stat !== undefined && !place.isElsewhere) return undefined;
    const message = `there is no tree ${place.path} to start ${place.name} from`;
    return { message, remedy: "Make it first (module tree), or say where it is (path)." };
  }
  if (stat.type === "directory" || stat.type === "link") return undefined;
  return { message: `${place.path} is no directory`, remedy: "Name the machine's tree (path)." };
}

/** The unit of a machine that machined knows by this name. */
function registeredUnit(seen: ReadObservation): string | undefined {
  if (!seen.content) return undefined;
  return /^SCOPE=(.+)$/m.exec(Buffer.from(seen.content).toString("utf8"))?.[1];
}

/** Whether the machine was started before its settings were written. */
function isOlder({ startedAtUs }: UnitState, { stat }: ReadObservation): boolean {
  if (startedAtUs === undefined || stat === undefined) return false;
  return stat.mtime.seconds * 1e6 + stat.mtime.nanoseconds / 1000 > startedAtUs;
}

interface Run extends Omit<Waiting, "changes"> {
  readonly changes: readonly Change[];
}

const settled: Run = { changes: [], warnings: [] };
/** A start is looked at after this time: what dies at once has died by then. */
const firstLook = { afterMs: 500 };

function planRun(
  wish: MachineWish,
  place: MachinePlace,
  seen: MachineSeen,
  unit: UnitState,
  isStale: boolean,
  context: Context,
): Run | { readonly refusal: Refusal } {
  const isRunning = runs(unit);
  const isThere = isRunning || unit.activeState === "deactivating";
  const isRefreshed = isStale && wish.restart;
  if (wish.state === "stopped") return isThere ? { ...settled, changes: stopping(wish.force, place) } : settled;
  if (wish.state === "present" && !isRefreshed && context.elapsedMs === 0) return settled;
  // What was begun is waited for: the second look and those behind it begin nothing.
  if (context.elapsedMs > 0) return planWait(wish, place.unit, seen, unit, context);
  if (isRunning && wish.state === "started" && !isRefreshed) {
    const waiting = planWait(wish, place.unit, seen, unit, context);
    // The next look quotes the journal.
    return "refusal" in waiting ? { ...settled, again: firstLook } : waiting;
  }
  const killed = isThere && wish.force ? stopping(true, place) : [];
  const verb = isThere && killed.length === 0 ? "restart" : "start";
  return { ...settled, changes: [...killed, ...starting(verb, place.unit)], again: firstLook };
}
