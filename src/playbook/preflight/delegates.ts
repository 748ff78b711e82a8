// delegate_to: names that no inventory and no add_host makes.

import type { Diagnostic } from "../../diagnostic/diagnostic.js";
import { suggest } from "../../diagnostic/near.js";
import type { PlaybookFiles } from "../load/files.js";
import { staticText, type Walked } from "./walk.js";

/** The task's own tree's host. */
const ownHost = "host";

/** Errors for names that nothing bears. `places`: what the inventory has, asked only where a name is written out. */
export function unknownDelegates(
  walked: Walked,
  places: () => ReadonlySet<string>,
  mayBePlace: ((name: string) => boolean) | undefined,
  files: PlaybookFiles,
): readonly Diagnostic[] {
  const made = madeHosts(walked);
  if (!made) return [];
  const found: Diagnostic[] = [];
  let known: ReadonlySet<string> | undefined;
  for (const { delegateTo, place: taskPlace } of [
    ...walked.tasks.map(({ task }) => task),
    ...walked.others.map(({ node }) => node),
  ]) {
    const name = staticText(delegateTo);
    if (name === undefined || name === ownHost || made.has(name)) continue;
    known ??= places();
    if (known.has(name) || mayBePlace?.(name)) continue;
    const place = delegateTo?.place ?? taskPlace;
    found.push({
      severity: "error",
      summary:
        name === "" ? "delegate_to is empty" : `delegate_to: the inventory has no target ${JSON.stringify(name)}`,
      place,
      source: files.sourceLine(place),
      remedy:
        (name === "" ? undefined : suggest(name, [...known, ...made, ownHost])) ??
        "Add it to the inventory. host is the tree's own host, local this machine.",
    });
  }
  return found;
}

/** Names of add_host; undefined where one of them is known only while the playbook runs. */
function madeHosts(walked: Walked): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  for (const { task } of walked.tasks) {
    if (task.module.name !== "add_host") continue;
    const name = staticText(task.args["name"]);
    if (name === undefined) return undefined;
    names.add(name);
  }
  return names;
}
