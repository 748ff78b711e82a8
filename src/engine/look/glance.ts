// What a task whose template waits for facts will look at: the same as with any other text, but that the file comes whole.

import { contentOf } from "../../module/content.js";
import type { LocalSource } from "../../module/contract.js";
import { glanceOf } from "../../module/probe-key.js";
import type { Probe } from "../../module/probe.js";
import { flatProbes } from "../../module/run-plan.js";
import type { Scope } from "../../module/value.js";
import { contextFor, sourcesOf, type PrepareWith } from "../task/prepared.js";
import type { TaskInfo } from "../task/task-info.js";

const nothing: readonly Probe[] = [];

/** Probes that spare the task a round trip of its own; none where more than a template's text is not known yet. */
export function glance(info: TaskInfo, scope: Scope, using: PrepareWith): readonly Probe[] {
  if (info.sourceNames.length === 0) return nothing;
  try {
    const args = info.argumentsFor(scope);
    const known = info.glanced;
    if (known?.args === args) return known.probes;
    const sources = sourcesOf(info, args, scope, using.sources, standIn);
    const context = contextFor(info, args, scope, using, sources);
    const probes = flatProbes(info.task.module.observe(args.params, context)).map((probe) =>
      probe.kind === "read" && probe.unlessSha256 !== undefined ? glanceOf(probe) : probe,
    );
    if (probes.some(({ kind }) => kind === "exec")) return nothing;
    if (!context.isSpecific) info.glanced = { args, probes };
    return probes;
  } catch {
    // Not known yet, or wrong: shows when the task is reached.
    return nothing;
  }
}

/** A rendered template whose text is not known yet. */
function standIn(path: string, mode: number): LocalSource {
  return { kind: "file", path, mode, content: contentOf(""), sha1: "", md5: "" };
}
