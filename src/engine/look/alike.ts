// Plans that trees which look alike share: a plan is a pure function of what it reads, and of a stat it mostly reads no times and inodes.

import type { AnyModule, Plan, Probes, Seen } from "../../module/contract.js";
import type { ListEntry, Observation, Stat } from "../../module/probe.js";
import { seenFrom } from "../../module/run-plan.js";
import type { Prepared } from "../task/prepared.js";
import type { ItemResult } from "../work.js";

/** What of a stat differs between trees that are alike. */
type Own = "device" | "inode" | "blocks" | "blockSize" | "atime" | "mtime" | "ctime";
const own: ReadonlySet<PropertyKey> = new Set<Own>([
  "device",
  "inode",
  "blocks",
  "blockSize",
  "atime",
  "mtime",
  "ctime",
]);
/** Kinds of trees that are told apart for one task. */
const variantLimit = 4;
/** A task whose plans were noted this often and never shared is not tried again. */
const vainLimit = 12;
/** Longer lists are not compared. */
const entryLimit = 64;

/** What was seen, by the probes' names. */
type Look = Readonly<Record<string, Observation | readonly Observation[]>>;

/** What a plan was made from: one look, or two. */
export interface Looks {
  readonly first: Look;
  /** The probes of the second look; undefined: there is none. */
  readonly more: Probes | undefined;
  readonly second: Look | undefined;
}

/** A plan that changes nothing, and what it was made from. */
export interface SharedPlan extends Looks {
  readonly prepared: Prepared;
  readonly plan: Plan;
  /** What it read that is mostly a tree's own; undefined: not known, so it may not be shared yet. */
  reads: readonly Read[] | undefined;
  /** The whole result, where nothing but the plan decides it. */
  item: ItemResult | undefined;
}

/** A field of a stat that a plan was made from. */
interface Read {
  readonly name: string;
  readonly index: number;
  readonly field: Own;
}

/** The plans of one task. */
export class SharedPlans {
  #plans: SharedPlan[] = [];
  #inVain = 0;

  /** A plan for what was asked and seen at first; the second look, if it has one, is still to be compared. */
  find(prepared: Prepared, first: Look): SharedPlan | undefined {
    for (const one of this.#plans) {
      if (
        !one.reads ||
        !isFor(one, prepared) ||
        !isAlike(one.first, first) ||
        !hasSameOwn(one.first, first, one.reads)
      ) {
        continue;
      }
      this.#inVain = 0;
      return one;
    }
    return undefined;
  }

  /**
   * Takes note of a plan; the second of its kind is made once more, watched. `isOfMany`: several trees come behind the first one, which
   * probably is like them: then it is the first.
   */
  note(module: AnyModule, prepared: Prepared, looks: Looks, plan: Plan, isOfMany = false): void {
    if (this.#inVain >= vainLimit || !canBeShared(plan)) return;
    this.#inVain++;
    const { first, second } = looks;
    const known = this.#plans.find(
      (one) => isFor(one, prepared) && isAlike(one.first, first) && isAlike(one.second ?? {}, second ?? {}),
    );
    if (!known) {
      const isWatched = isOfMany && this.#plans.length === 0;
      const reads = isWatched ? readsOf(module, prepared, looks) : undefined;
      const fresh = { prepared, ...looks, plan, reads, item: undefined };
      this.#plans = [fresh, ...this.#plans].slice(0, variantLimit);
    } else if (!known.reads) known.reads = readsOf(module, prepared, looks);
  }
}

/** Whether a second look was answered as when the plan was made. */
export function isSeenAgain(shared: SharedPlan, second: Look): boolean {
  return (
    shared.second !== undefined && isAlike(shared.second, second) && hasSameOwn(shared.second, second, shared.reads)
  );
}

function canBeShared({ changes, refusal, conclude, facts }: Plan): boolean {
  return changes.length === 0 && !refusal && !conclude && !facts;
}

/** Whether both were asked for the same. */
function isFor({ prepared }: SharedPlan, other: Prepared): boolean {
  return (
    prepared.args === other.args &&
    prepared.becomeUser === other.becomeUser &&
    prepared.environment === undefined &&
    other.environment === undefined &&
    haveSameSources(prepared.context.sources, other.context.sources)
  );
}

/** Sources are read (and, where they give the same text, rendered) once for all. */
export function haveSameSources(
  some: Readonly<Record<string, unknown>>,
  others: Readonly<Record<string, unknown>>,
): boolean {
  return some === others || hasSameValues(some, others);
}

/** Makes the plan again from observations that tell what is read of them. Undefined: it depends on something that cannot be compared. */
function readsOf(
  module: AnyModule,
  { args, context, probes }: Prepared,
  { first, more, second }: Looks,
): readonly Read[] | undefined {
  const watch = new Watch();
  context.isSpecific = false;
  try {
    const seen = watch.seen(probes, first);
    module.observeMore?.(args.params, seen, context);
    const both = more && second ? { ...seen, ...watch.seen(more, second) } : seen;
    // Throws where a watched stat is part of the plan: it would be another tree's.
    structuredClone(module.plan(args.params, both, context));
  } catch {
    return undefined;
  }
  return context.isSpecific || watch.hasReadList ? undefined : [...watch.reads.values()];
}

/** Hands out observations whose stats tell when something of their own is read. */
class Watch {
  readonly reads = new Map<string, Read>();
  hasReadList = false;

  seen(probes: Probes, look: Look): Seen<Probes> {
    const observations = Object.entries(look).flatMap(([name, one]) =>
      isMany(one) ? one.map((each, index) => this.#observation(each, name, index)) : [this.#observation(one, name, 0)],
    );
    let next = 0;
    return seenFrom(probes, () => {
      const observation = observations[next++];
      if (!observation) throw new Error("the look does not answer these probes");
      return observation;
    });
  }

  #observation(observation: Observation, name: string, index: number): Observation {
    if (!("stat" in observation)) return observation;
    const note = (field: Own): void => void this.reads.set(`${name} ${index} ${field}`, { name, index, field });
    const stat = observation.stat && watched(observation.stat, note);
    if (observation.kind !== "list") return { ...observation, stat };
    const inList = (): void => void (this.hasReadList = true);
    const entries = observation.entries.map((entry) => ({ ...entry, stat: watched(entry.stat, inList) }));
    return { ...observation, stat, entries };
  }
}

function watched(stat: Stat, note: (field: Own) => void): Stat {
  return new Proxy(stat, {
    get: (of, key) => {
      if (isOwn(key)) note(key);
      return Reflect.get(of, key);
    },
  });
}

function isOwn(key: PropertyKey): key is Own {
  return own.has(key);
}

/** Whether what was read of the one look is the same in the other. */
function hasSameOwn(some: Look, others: Look, reads: readonly Read[] | undefined): boolean {
  for (const { name, index, field } of reads ?? []) {
    if (!(name in some)) continue;
    const one = statIn(some, name, index)?.[field];
    const other = statIn(others, name, index)?.[field];
    if (one === other) continue;
    if (typeof one !== "object" || typeof other !== "object") return false;
    if (one.seconds !== other.seconds || one.nanoseconds !== other.nanoseconds) return false;
  }
  return true;
}

function statIn(seen: Look, name: string, index: number): Stat | undefined {
  const one = seen[name];
  const observation = one && isMany(one) ? one[index] : one;
  return observation && "stat" in observation ? observation.stat : undefined;
}

/** Whether two looks tell the same, but for what is a tree's own. */
function isAlike(some: Look, others: Look): boolean {
  for (const name in some) {
    const one = some[name];
    const other = others[name];
    if (one === other) continue;
    if (one === undefined || other === undefined) return false;
    if (isMany(one)) {
      if (!isMany(other) || one.length !== other.length) return false;
      for (let index = 0; index < one.length; index++) if (!isSame(one[index], other[index])) return false;
    } else if (isMany(other) || !isSame(one, other)) return false;
  }
  for (const name in others) if (!(name in some)) return false;
  return true;
}

function isSame(one: Observation | undefined, other: Observation | undefined): boolean {
  if (one === other) return true;
  if (one === undefined || other === undefined || one.failure || other.failure) return false;
  switch (one.kind) {
    case "stat":
      return other.kind === "stat" && one.real === other.real && isSameStat(one.stat, other.stat);
    case "read":
      return (
        other.kind === "read" &&
        one.real === other.real &&
        one.sha256 === other.sha256 &&
        one.isTooLarge === other.isTooLarge &&
        isSameStat(one.stat, other.stat) &&
        isSameContent(one.content, other.content, one.sha256)
      );
    case "hash":
      return (
        other.kind === "hash" &&
        one.real === other.real &&
        isSameStat(one.stat, other.stat) &&
        hasSameValues(one.digests, other.digests)
      );
    case "list":
      return (
        other.kind === "list" &&
        one.real === other.real &&
        one.isTruncated === other.isTruncated &&
        isSameStat(one.stat, other.stat) &&
        one.entries.length <= entryLimit &&
        one.entries.length === other.entries.length &&
        one.entries.every((entry, index) => isSameEntry(entry, other.entries[index]))
      );
    case "glob":
      return other.kind === "glob" && one.paths.length === 0 && other.paths.length === 0;
    case "machine":
      return other.kind === "machine" && one.machine === undefined && other.machine === undefined;
    case "exec":
    case "connect":
      return false;
  }
}

function isSameStat(one: Stat | undefined, other: Stat | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return (
    one.type === other.type &&
    one.mode === other.mode &&
    one.uid === other.uid &&
    one.gid === other.gid &&
    one.links === other.links &&
    one.size === other.size &&
    one.rdev === other.rdev &&
    one.target === other.target &&
    one.flags === other.flags
  );
}

/** A digest is of the whole file: where there is one, and content was sent both times, it says all. */
function isSameContent(
  one: Uint8Array | undefined,
  other: Uint8Array | undefined,
  sha256: string | undefined,
): boolean {
  if (one === undefined || other === undefined) return one === other;
  return sha256 !== undefined || Buffer.compare(one, other) === 0;
}

function isSameEntry(one: ListEntry, other: ListEntry | undefined): boolean {
  return (
    other !== undefined &&
    one.name === other.name &&
    isSameStat(one.stat, other.stat) &&
    hasSameValues(one.digests, other.digests)
  );
}

function hasSameValues(one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>): boolean {
  for (const name in one) if (one[name] !== other[name]) return false;
  for (const name in other) if (!(name in one)) return false;
  return true;
}

function isMany(one: Observation | readonly Observation[]): one is readonly Observation[] {
  return Array.isArray(one);
}
