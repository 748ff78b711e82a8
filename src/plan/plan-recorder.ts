// Writes down what a run in check mode would do, target by target, until what lies ahead cannot be known.

import type { Diagnostic } from "../diagnostic/diagnostic.js";
import type { EngineEvent, FileDiff } from "../engine/events.js";
import type {
  RecordedJudge,
  RecordedLook,
  RecordedPause,
  RecordedStep,
  RecordedStop,
  Recorder,
} from "../engine/recorder.js";
import type { Masker } from "../engine/task/masker.js";
import type { Venue } from "../engine/work.js";
import type { Change } from "../module/change.js";
import { probeKey } from "../module/probe-key.js";
import { describeChange } from "./describe-change.js";
import { LeftStates } from "./left.js";
import type { End, Judge, Made, PlannedLook, PlannedPlay, PlannedStep, PlannedVenue, SavedPlan } from "./saved-plan.js";
import { sightOf } from "./sight.js";

/** Longer texts are not kept for differences. */
const longestText = 64 * 1024;

/** A tree while it is planned. */
interface VenueNotes {
  readonly venue: Venue;
  readonly looks: Map<string, PlannedLook>;
  readonly left: LeftStates;
}

export class PlanRecorder implements Recorder {
  readonly #masker: Masker;
  readonly #plays: PlannedPlay[] = [];
  readonly #steps: PlannedStep[] = [];
  readonly #venues = new Map<string, VenueNotes>();
  readonly #ends = new Map<string, End>();
  /** Trees in which a target would have gone on whose plan ends before: nobody can tell what is there then. */
  readonly #tainted = new Set<string>();
  /** Targets whose handlers may or may not have been notified. */
  readonly #doubtful = new Map<string, string>();
  readonly #loops = new WeakMap<object, number>();
  #lastLoop = 0;
  #stage = 0;

  /** `masker`: the run's, which learns the secrets. */
  constructor(masker: Masker) {
    this.#masker = masker;
  }

  beginPlay(play: Parameters<Recorder["beginPlay"]>[0]): void {
    this.#stage++;
    const { maxFailPercentage, ...rest } = play;
    this.#plays.push({ ...rest, ...(maxFailPercentage === undefined ? {} : { maxFailPercentage }) });
  }

  barrier(): void {
    this.#stage++;
  }

  step(step: RecordedStep): void {
    const { target, venue, place, task } = step;
    const { name } = venue.base.target;
    if (this.#hasStopped(target)) {
      // What it does elsewhere is not done either: whoever acts there from now on stands on ground that will not be.
      if (name !== target) this.#tainted.add(name);
      return;
    }
    if (this.#tainted.has(name)) {
      this.stop(target, { task, place, venue, why: `it acts in ${name} after a target whose plan ends before that` });
      return;
    }
    const doubt = this.#doubtful.get(target);
    if (step.isHandler && doubt !== undefined) {
      this.stop(target, { task, place, venue, why: `whether ${doubt} notifies it is known only when that has run` });
      return;
    }
    const notes = this.#notesOf(venue);
    this.#addLooks(notes, step.looks, step);
    for (const change of step.changes) notes.left.note(change, venue.model);
    this.#steps.push(this.#planned(step));
    if (step.isDoubtful) this.#doubtful.set(target, `“${task}”`);
  }

  pause(target: string, { ms, ...pause }: RecordedPause): void {
    if (this.#hasStopped(target)) return;
    this.#notesOf(pause.venue);
    this.#stage++;
    const flags = { isChanged: false, isIgnored: false, isHidden: false, isFatal: false, throttlePerHost: undefined };
    const nothing = { changes: [], texts: [], diffs: [], looks: [] };
    const step = {
      ...pause,
      ...flags,
      ...nothing,
      target,
      item: undefined,
      loop: undefined,
      isHandler: false,
      throttle: undefined,
    };
    this.#steps.push({
      ...this.#planned({ ...step, message: undefined, judge: undefined, isDoubtful: false }),
      pauseMs: ms,
    });
    this.#stage++;
  }

  looked(target: string, venue: Venue, looks: readonly RecordedLook[]): void {
    if (!this.#hasStopped(target)) this.#addLooks(this.#notesOf(venue), looks, undefined);
  }

  stop(target: string, { task, place, why, venue }: RecordedStop): void {
    // Others that act there find it without what is not planned.
    this.#tainted.add(venue.base.target.name);
    if (this.#hasStopped(target)) return;
    this.#tainted.add(target);
    this.#ends.set(target, { kind: "open", task: this.#masker.text(task), place, why: this.#masker.text(why) });
  }

  /** The exit status: 4 where a target was unreachable, 2 where one fails, 3 where a plan is not whole, else 0. */
  get exitStatus(): number {
    const kinds = new Set([...this.#ends.values()].map(({ kind }) => kind));
    if (kinds.has("unreachable")) return 4;
    if (kinds.has("failed")) return 2;
    return kinds.has("open") ? 3 : 0;
  }

  /** What the run tells of targets that fail or cannot be reached. */
  note(event: EngineEvent): void {
    if (event.event === "unreachable") this.#ends.set(event.target, { kind: "unreachable", why: event.message });
    else if (this.#ends.get(event.event === "result" ? event.target : "")?.kind === "open") return;
    else if (event.event === "result" && event.status === "failed" && !event.isIgnored && !event.isRescued)
      this.#ends.set(event.target, { kind: "failed", task: event.task, why: event.message ?? "it fails" });
  }

  /** Targets whose plans are not whole, as warnings. */
  warnings(): Diagnostic[] {
    return this.#targets().flatMap(({ name, end }): Diagnostic[] =>
      end.kind === "open"
        ? [
            {
              severity: "warning",
              summary: `the plan of ${name} ends before “${end.task}”: ${end.why}`,
              place: end.place,
              remedy: "crun apply --partial goes that far; plan again for the rest.",
            },
          ]
        : [],
    );
  }

  /** The plan as it stands. Steps of targets that fail are left out. */
  finish(made: Made): SavedPlan {
    const targets = this.#targets();
    const lost = new Set(
      targets.flatMap(({ name, end }) => (end.kind === "failed" || end.kind === "unreachable" ? [name] : [])),
    );
    const steps = this.#steps.filter((step) => !lost.has(step.target)).map((step) => this.#masked(step));
    const acting = new Set(steps.map((step) => step.venue));
    const venues = [...this.#venues.values()].flatMap((notes) =>
      acting.has(notes.venue.base.target.name) ? [this.#plannedVenue(notes)] : [],
    );
    return { made, plays: this.#plays, targets, venues, steps };
  }

  #targets(): { readonly name: string; readonly end: End }[] {
    const names = new Set(this.#plays.flatMap((play) => play.targets));
    return [...names].map((name) => ({ name, end: this.#ends.get(name) ?? { kind: "complete" } }));
  }

  #hasStopped(target: string): boolean {
    return this.#ends.has(target);
  }

  #notesOf(venue: Venue): VenueNotes {
    const { name } = venue.base.target;
    const notes = this.#venues.get(name) ?? { venue, looks: new Map<string, PlannedLook>(), left: new LeftStates() };
    this.#venues.set(name, notes);
    return notes;
  }

  /** Texts are kept of what a step changes, unless it hides them. */
  #addLooks({ looks }: VenueNotes, seen: readonly RecordedLook[], step: RecordedStep | undefined): void {
    const isHidden =
      !step ||
      step.isHidden ||
      step.changes.some((one) => one.kind === "writeFile" && (one.isSecret || one.content.isSecret));
    for (const { probe, observation } of seen) {
      const key = probeKey(probe);
      const known = looks.get(key);
      if (known && (isHidden || known.text)) continue;
      const sight = sightOf(probe, observation);
      const text = isHidden || observation.kind !== "read" ? undefined : observation.content;
      const isShown =
        text !== undefined &&
        text.length <= longestText &&
        step?.changes.some((one) => touches(one, observation.kind === "read" ? observation.real : ""));
      looks.set(key, { probe, sight, ...(isShown ? { text } : {}) });
    }
  }

  #loopNumber(loop: object): number {
    const number = this.#loops.get(loop) ?? ++this.#lastLoop;
    this.#loops.set(loop, number);
    return number;
  }

  #planned(step: RecordedStep): PlannedStep {
    const { item, loop, throttle, throttlePerHost, judge, changes } = step;
    return {
      stage: this.#stage,
      play: this.#plays.length - 1,
      target: step.target,
      venue: step.venue.base.target.name,
      task: step.task,
      module: step.module,
      place: step.place,
      ...(item === undefined ? {} : { item }),
      ...(loop === undefined ? {} : { loop: this.#loopNumber(loop) }),
      isHandler: step.isHandler,
      isChanged: step.isChanged,
      isIgnored: step.isIgnored,
      isHidden: step.isHidden,
      ...(throttle === undefined ? {} : { throttle }),
      ...(throttlePerHost === undefined ? {} : { throttlePerHost }),
      isFatal: step.isFatal,
      ...(judge ? { judge: judgeOf(judge) } : {}),
      changes: changes.map(withoutAssumptions),
      texts: changes.map((change) => (step.isHidden ? `${change.kind} (no_log)` : describeChange(change))),
      diffs: step.isHidden ? [] : step.diffs,
    };
  }

  /** A text that holds a secret is not kept for differences. */
  #plannedVenue({ venue, looks, left }: VenueNotes): PlannedVenue {
    const { name, host, path } = venue.base.target;
    const shown = [...looks.values()].map(({ text, ...look }): PlannedLook => {
      const words = text && Buffer.from(text).toString("utf8");
      return text && words === this.#masker.text(words ?? "") ? { ...look, text } : look;
    });
    return { name, host, path, looks: shown, after: left.all() };
  }

  /** Secrets may have become known after the step was noted. */
  #masked(step: PlannedStep): PlannedStep {
    const hide = (text: string): string => this.#masker.text(text);
    const side = (text: string | undefined): string | undefined => (text === undefined ? undefined : hide(text));
    const diffs = step.diffs.map((diff): FileDiff => ({ ...diff, before: side(diff.before), after: side(diff.after) }));
    const { item } = step;
    return {
      ...step,
      task: hide(step.task),
      ...(item === undefined ? {} : { item: step.isHidden ? "(censored)" : hide(item) }),
      texts: step.texts.map(hide),
      diffs,
    };
  }
}

function touches(change: Change, path: string): boolean {
  return change.kind !== "exec" && change.path === path;
}

function withoutAssumptions(change: Change): Change {
  if (change.kind !== "exec") return change;
  const { assumes: _, ...rest } = change;
  return rest;
}

function judgeOf({ register, failedWhen, changedWhen, until, variables }: RecordedJudge): Judge {
  return {
    ...(register === undefined ? {} : { register }),
    ...(failedWhen ? { failedWhen } : {}),
    ...(changedWhen ? { changedWhen } : {}),
    ...(until ? { until } : {}),
    variables,
  };
}
