// include_tasks and include_role on a target: item by item, each in a frame of its own.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { PendingVariable, type Scope } from "../../module/value.js";
import type { Include, Task } from "../../playbook/play.js";
import type { EngineEvent } from "../events.js";
import { fail, isRescued } from "../failing.js";
import { positionOf, type IncludeWork } from "../frame.js";
import { itemsOf, loopLayer } from "./loop.js";
import type { Need } from "../need.js";
import { holds } from "./plan-item.js";
import type { IncludeOp } from "../program.js";
import { TaskInfo } from "./task-info.js";
import type { TargetPlay } from "../target-play.js";
import { rawLayer } from "../../playbook/scope/scope.js";
import { TaskWork, type ItemResult } from "../work.js";

/** Goes into the next item's tasks, or past the include when all are done. */
export function stepInclude(on: TargetPlay, op: IncludeOp): Need | undefined {
  const { include } = op;
  try {
    const scope = on.scopeFor(include);
    const work: IncludeWork = on.include ?? { items: itemsFor(include, scope), index: 0, hasEntered: false };
    on.include = work;
    if (work.index >= (work.items?.length ?? 1)) {
      if (!work.hasEntered) on.emit(includeEvent(on, op, "skipped", undefined));
      return leave(on);
    }
    const values = work.items ? loopLayer(include.loopControl, work.items, work.index) : undefined;
    const itemScope = values ? scope.with(rawLayer("loop", values)) : scope;
    if (!holds(include.when, itemScope)) {
      on.include = { ...work, index: work.index + 1 };
      return undefined;
    }
    const file = fileOf(include, itemScope);
    const loaded = on.play.loaded(include, file, on);
    if (!loaded) return { kind: "load", include, file };
    on.addDefaults(loaded.defaults);
    // Like Ansible, a role's inclusion itself counts as no task.
    if (include.action === "include_tasks") on.emit(includeEvent(on, op, "ok", file));
    const next = { items: work.items, index: work.index + 1, hasEntered: true };
    const parent = { frame: on.frame, pc: on.pc, include: next };
    const prefix = [...positionOf(on.frame, on.pc), work.index];
    on.frame = {
      code: loaded.code,
      kind: "include",
      parent,
      prefix,
      layers: on.layersWith(values),
      waiting: new Map(),
      region: op.region,
    };
    on.pc = 0;
    on.include = undefined;
    return undefined;
  } catch (error) {
    return includeTrouble(on, op, error);
  }
}

/** A loop that cannot be rendered is no error where the include would be skipped anyway. */
function itemsFor(include: Include, scope: Scope): readonly unknown[] | undefined {
  if (!include.loop) return undefined;
  try {
    return itemsOf(include.loop.render(scope), include.place);
  } catch (error) {
    if (!(error instanceof CrunError)) throw error;
    try {
      if (!holds(include.when, scope)) return [];
    } catch (inner) {
      if (inner instanceof PendingVariable) throw inner;
      // The condition needs the loop's variable: the loop's own error is the one to tell.
    }
    throw error;
  }
}

/** The file or role to include, as it is given to `load`. */
export function fileOf(include: Include, scope: Scope): string {
  return String(include.file.render(scope));
}

function leave(on: TargetPlay): undefined {
  on.include = undefined;
  on.pc++;
}

function includeTrouble(on: TargetPlay, op: IncludeOp, error: unknown): Need | undefined {
  if (error instanceof PendingVariable && error.variable === "facts") return { kind: "facts" };
  if (on.books.isPending) return { kind: "flush" };
  if (error instanceof PendingVariable) {
    on.emit({
      ...includeEvent(on, op, "ok", undefined),
      mayChange: true,
      message: `may change: ${error.variable} is known only after a real run`,
    });
    return leave(on);
  }
  if (!(error instanceof CrunError)) throw error;
  failInclude(on, op, error);
  return undefined;
}

/** An include that cannot be read fails like a task. */
export function failInclude(on: TargetPlay, op: IncludeOp, error: CrunError): void {
  const message = error.diagnostics[0]?.summary ?? error.message;
  const task = asTask(op.include);
  const work = new TaskWork(
    { kind: "task", task, info: new TaskInfo(task), region: op.region, isHandler: false },
    on.scopeFor(op.include),
    undefined,
  );
  const result: ItemResult = {
    result: { changed: false, failed: true, skipped: false, msg: message },
    isChanged: false,
    isFailed: true,
    isSkipped: false,
    isIgnored: false,
    mayChange: false,
    message,
    remedy: error.diagnostics[0]?.remedy,
    diagnostics: error.diagnostics,
    diffs: [],
    warnings: [],
  };
  on.emit({
    ...includeEvent(on, op, "failed", undefined),
    result: result.result,
    message,
    diagnostics: error.diagnostics,
    isRescued: isRescued(on, work.op),
  });
  on.include = undefined;
  fail(on, { work, result }, on.frame, op.region);
}

function includeEvent(
  on: TargetPlay,
  { include }: IncludeOp,
  status: "ok" | "skipped" | "failed",
  file: string | undefined,
): Extract<EngineEvent, { event: "result" }> {
  let task: string = include.action;
  try {
    if (include.name) task = String(include.name.render(on.scopeFor(include)));
  } catch {
    // The name is decoration: without its variables the action's name must do.
    task = include.action;
  }
  return {
    event: "result",
    play: on.play.title,
    task,
    module: include.action,
    place: include.place,
    target: on.state.target.name,
    status,
    isHandler: false,
    isIgnored: false,
    isRescued: false,
    mayChange: false,
    result: {
      changed: false,
      failed: false,
      skipped: status === "skipped",
      ...(file === undefined ? {} : { include: file }),
    },
    ...(file === undefined ? {} : { message: `included: ${file}` }),
    diffs: [],
    warnings: [],
    durationMs: 0,
  };
}

function asTask(include: Include): Task {
  return {
    ...include,
    kind: "task",
    module: {
      name: include.action,
      summary: "",
      params: {},
      examples: [],
      observe: () => ({}),
      plan: () => ({ changes: [] }),
    },
    args: {},
    register: undefined,
    until: undefined,
    retries: undefined,
    delaySeconds: undefined,
    changedWhen: undefined,
    failedWhen: undefined,
    notify: [],
    listen: [],
  };
}
