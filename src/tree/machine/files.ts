// The files of a machine on its host: settings, drop-in, and the links that start it with the host.

import type { WantedLimits } from "../../facts/cgroup-params.js";
import type { Change } from "../../module/change.js";
import { contentOf } from "../../module/content.js";
import type { ReadObservation } from "../../module/probe.js";
import { parentOf } from "../../module/tree-path.js";
import type { MachinePlace, MachineSeen } from "./look.js";
import type { MachineWish } from "./params.js";
import { saysSettings, settingsOf, settingsText } from "./settings.js";
import {
  dropInText,
  enablingLinks,
  settingsDirectory,
  startLines,
  templateDirectories,
  templateName,
  unitsDirectory,
} from "./unit.js";

export interface Files {
  readonly changes: readonly Change[];
  readonly needsReload: boolean;
  /** What they say of how it starts is another than before. */
  readonly changesStart: boolean;
}

export function planFiles(
  wish: MachineWish,
  place: MachinePlace,
  seen: MachineSeen,
  limits: WantedLimits,
): Files | { readonly problem: string } {
  const made = settingsOf(wish);
  if ("problem" in made) return made;
  const missing = seen.settingsDirectory.stat ? undefined : settingsDirectory;
  const settings = saysSettings(wish)
    ? written(place.settings, settingsText(place.name, made.settings), seen.settings, missing)
    : [];
  const dropIn = planDropIn(place, seen, limits);
  if ("problem" in dropIn) return dropIn;
  const links = wish.enabled === undefined ? [] : planLinks(wish.enabled, place, seen);
  return {
    changes: [...settings, ...dropIn.changes, ...links],
    needsReload: dropIn.changes.length > 0 || links.length > 0,
    changesStart: settings.length > 0 || dropIn.changesStart,
  };
}

/** The text of the template unit. */
export function templateText(seen: MachineSeen): string | undefined {
  const found = seen.templates.find(({ content }) => content !== undefined);
  return found && textOf(found);
}

interface DropInPlan {
  readonly changes: readonly Change[];
  readonly changesStart: boolean;
}

function planDropIn(
  place: MachinePlace,
  seen: MachineSeen,
  { limits, devices }: WantedLimits,
): DropInPlan | { readonly problem: string } {
  const elsewhere = place.isElsewhere ? { directory: place.path, template: templateText(seen) ?? "" } : undefined;
  const made = dropInText({ limits, devices, elsewhere });
  if ("problem" in made) return made;
  if (made.text === undefined) return { changes: [], changesStart: false };
  const missing = seen.dropIns.stat ? undefined : place.dropInDirectory;
  return {
    changes: written(place.dropIn, made.text, seen.ownDropIn, missing),
    changesStart: startLines(textOf(seen.ownDropIn)) !== startLines(made.text),
  };
}

function textOf({ content }: ReadObservation): string {
  return Buffer.from(content ?? []).toString("utf8");
}

/** A file of root's; `missing` is its directory where that is not there. */
function written(path: string, text: string, seen: ReadObservation, missing: string | undefined): Change[] {
  const content = contentOf(text);
  if (seen.sha256 === content.sha256) return [];
  const { stat, sha256 } = seen;
  const expect =
    stat === undefined ? ({ type: "absent" } as const) : sha256 === undefined ? { type: stat.type } : { sha256 };
  return [...madeDirectory(missing), { kind: "writeFile", path, content, mode: 0o644, uid: 0, gid: 0, expect }];
}

function madeDirectory(path: string | undefined): Change[] {
  if (path === undefined) return [];
  return [{ kind: "makeDirectory", path, mode: 0o755, uid: 0, gid: 0, expect: { type: "absent" } }];
}

/** A link from machines.target, and that target's own, without which none starts with the host. */
function planLinks(isWanted: boolean, place: MachinePlace, seen: MachineSeen): Change[] {
  const links = enablingLinks(place.unit);
  const there = seen.link.stat;
  if (!isWanted) return there ? [{ kind: "remove", path: links.machine, expect: { type: there.type } }] : [];
  const found = templateDirectories[seen.templates.findIndex(({ content }) => content !== undefined)] ?? unitsDirectory;
  // Of a template that the administrator has changed the target still comes with systemd.
  const vendor = found === unitsDirectory ? "/lib/systemd/system" : found;
  const machine = there ? [] : linked(links.machine, `${found}/${templateName}`, seen.wants.stat !== undefined);
  const target = linked(links.target, `${vendor}/machines.target`, seen.targetWants.stat !== undefined);
  return [...machine, ...(seen.targetLink.stat ? [] : target)];
}

function linked(path: string, target: string, hasDirectory: boolean): Change[] {
  const link = { kind: "makeLink", path, target, uid: 0, gid: 0, expect: { type: "absent" } } as const;
  return [...madeDirectory(hasDirectory ? undefined : parentOf(path)), link];
}
