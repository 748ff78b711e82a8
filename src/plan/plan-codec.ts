// A plan as the JSON lines of its file, part by part, and back.

import type { Place } from "../diagnostic/diagnostic.js";
import type { FileDiff } from "../engine/events.js";
import type { Content } from "../module/probe.js";
import { contentOf } from "../module/content.js";
import { encodeChange, takeChange, takeRoot } from "./change-codec.js";
import type { FindContent, StoreContent } from "./exec-codec.js";
import { anything, digest, FieldFault, fields, flag, integer, listOf, mapOf, number, path, text } from "./fields.js";
import { encodeProbe, takeProbe, takeSight, takeState } from "./look-codec.js";
import type {
  End,
  Judge,
  Left,
  Made,
  PlannedLook,
  PlannedPlay,
  PlannedStep,
  PlannedTarget,
  PlannedVenue,
} from "./saved-plan.js";

export function encodeVenue(venue: PlannedVenue, store: StoreContent): unknown {
  const looks = venue.looks.map(({ probe, sight, text: shown }) => ({
    probe: encodeProbe(probe, store),
    sight,
    ...(shown === undefined ? {} : { text: store(contentOf(shown)).sha256 }),
  }));
  return { ...venue, looks };
}

export function encodeStep(step: PlannedStep, store: StoreContent): unknown {
  return {
    ...step,
    changes: step.changes.map((one) => encodeChange(one, store)),
    // An absent side is null: JSON has no undefined.
    diffs: step.diffs.map((diff) => ({ ...diff, before: diff.before ?? null, after: diff.after ?? null })),
  };
}

export const takeMade = fields((all): Made => ({
  at: all.get("at", text),
  by: all.get("by", text),
  playbooks: all.get(
    "playbooks",
    listOf(fields((one) => ({ path: one.get("path", text), sha256: one.get("sha256", digest) }))),
  ),
  inventory: all.get("inventory", listOf(text)),
  ...all.maybe("limit", text),
  tags: all.get("tags", listOf(text)),
  skipTags: all.get("skipTags", listOf(text)),
  ...all.maybe("startAtTask", text),
}));

export const takePlay = fields((all): PlannedPlay => ({
  title: all.get("title", text),
  targets: all.get("targets", listOf(text)),
  anyErrorsFatal: all.get("anyErrorsFatal", flag),
  ...all.maybe("maxFailPercentage", number),
}));

const takePlace = fields((all): Place => ({
  file: all.get("file", text),
  ...all.maybe("line", integer),
  ...all.maybe("column", integer),
}));

const takeEnd = fields((all): End => {
  const kind = all.get("kind", text);
  switch (kind) {
    case "complete":
      return { kind };
    case "open":
      return { kind, task: all.get("task", text), place: all.get("place", takePlace), why: all.get("why", text) };
    case "failed":
      return { kind, task: all.get("task", text), why: all.get("why", text) };
    case "unreachable":
      return { kind, why: all.get("why", text) };
    default:
      throw new FieldFault("kind", `${JSON.stringify(kind)} is not known`);
  }
});

export const takeTarget = fields((all): PlannedTarget => ({
  name: all.get("name", text),
  end: all.get("end", takeEnd),
}));

const takeLeft = fields((all): Left => ({
  path: all.get("path", path),
  at: all.get("at", takeRoot),
  follow: all.get("follow", flag),
  state: all.get("state", takeState),
}));

export function takeVenue(find: FindContent): (value: unknown, at: string) => PlannedVenue {
  const look = fields((all): PlannedLook => {
    const { text: sha256 } = all.maybe("text", digest);
    const shown = sha256 === undefined ? undefined : bytesOf(find(sha256), sha256);
    return {
      probe: all.get("probe", takeProbe(find)),
      sight: all.get("sight", takeSight),
      ...(shown === undefined ? {} : { text: shown }),
    };
  });
  return fields((all) => ({
    name: all.get("name", text),
    host: all.get("host", text),
    path: all.get("path", path),
    looks: all.get("looks", listOf(look)),
    after: all.get("after", listOf(takeLeft)),
  }));
}

function bytesOf(content: Content | undefined, sha256: string): Uint8Array {
  if (!content?.bytes) throw new FieldFault("text", `names the content ${sha256.slice(0, 12)}…, which the file lacks`);
  return content.bytes;
}

const takeUntil = fields((all) => ({
  conditions: all.get("conditions", listOf(text)),
  tries: all.get("tries", integer),
  delayMs: all.get("delayMs", number),
}));

const takeJudge = fields((all): Judge => ({
  ...all.maybe("register", text),
  ...all.maybe("failedWhen", listOf(text)),
  ...all.maybe("changedWhen", listOf(text)),
  ...all.maybe("until", takeUntil),
  variables: all.get("variables", mapOf(anything)),
}));

const takeSide = (value: unknown, at: string): string | undefined => (value === null ? undefined : text(value, at));

const takeDiff = fields((all): FileDiff => ({
  title: all.get("title", text),
  before: all.get("before", takeSide),
  after: all.get("after", takeSide),
  ...all.maybe("beforeTitle", text),
  ...all.maybe("afterTitle", text),
}));

export function takeStep(find: FindContent): (value: unknown, at: string) => PlannedStep {
  return fields((all) => ({
    stage: all.get("stage", integer),
    play: all.get("play", integer),
    target: all.get("target", text),
    venue: all.get("venue", text),
    task: all.get("task", text),
    module: all.get("module", text),
    place: all.get("place", takePlace),
    ...all.maybe("item", text),
    ...all.maybe("loop", integer),
    isHandler: all.get("isHandler", flag),
    isChanged: all.get("isChanged", flag),
    isIgnored: all.get("isIgnored", flag),
    isHidden: all.get("isHidden", flag),
    ...all.maybe("throttle", integer),
    ...all.maybe("throttlePerHost", integer),
    isFatal: all.get("isFatal", flag),
    ...all.maybe("pauseMs", integer),
    ...all.maybe("judge", takeJudge),
    changes: all.get("changes", listOf(takeChange(find))),
    texts: all.get("texts", listOf(text)),
    diffs: all.get("diffs", listOf(takeDiff)),
  }));
}
