// Where a failure goes: to the nearest rescue or always above it; where there is none, the target is out.

import { noteFailure } from "./journal/steps.js";
import { isInHandlers, rootFrame, type Failed, type Frame } from "./frame.js";
import type { TaskOp } from "./program.js";
import type { TargetPlay } from "./target-play.js";
import { hidesLog, titleFor } from "./task/task-event.js";

/** A task has failed just now. As in Ansible its rescuers are told at once, so that an `always` on the way sees it, too. */
export function raise(on: TargetPlay, failed: Failed, op: TaskOp): void {
  const isTold = isRescued(on, op);
  if (isTold) tellRescue(on, failed);
  else noteFailure(on, op, false, hidesLog(failed.work) ? undefined : failed.result.message);
  fail(on, { ...failed, isTold }, on.frame, op.region);
}

/** The target goes on where the failure is taken, or is over. `from`: the region that it comes from, in that frame. */
export function fail(on: TargetPlay, failed: Failed, frame: Frame, from: Frame["region"]): void {
  on.window.clear();
  on.current = undefined;
  let region = from;
  let here: Frame | undefined = frame;
  while (here) {
    for (; region; region = region.parent) {
      const { block, part, layout } = region;
      if (part === "block" && layout.rescueAt >= 0) {
        if (!failed.isTold) tellRescue(on, failed);
        goTo(on, here, layout.rescueAt);
        return;
      }
      if (part !== "always" && layout.alwaysAt >= 0) {
        here.waiting.set(block, failed);
        goTo(on, here, layout.alwaysAt);
        return;
      }
    }
    region = here.region;
    here = here.parent?.frame;
  }
  const wasOut = on.state.isOut;
  on.hasFailed = true;
  on.state.isFailed = true;
  if (!wasOut) on.play.noteFailure(on, failed.work.op.task);
  on.isOver = true;
  if (on.play.forcesHandlers && !isInHandlers(on.frame) && on.notified.size > 0) {
    on.pc++;
    on.enterHandlers(undefined);
  } else on.frame = rootFrame(on.play.code);
}

/** Whether a rescue waits above this operation. A handler's failure counts, rescued or not. */
export function isRescued(on: TargetPlay, op: TaskOp): boolean {
  if (op.isHandler || isInHandlers(on.frame)) return false;
  let region = op.region;
  for (let frame: Frame | undefined = on.frame; frame; frame = frame.parent?.frame) {
    for (; region; region = region.parent) if (region.part === "block" && region.layout.rescueAt >= 0) return true;
    region = frame.region;
  }
  return false;
}

function tellRescue(on: TargetPlay, { work, result }: Failed): void {
  const { task } = work.op;
  on.state.learned.set("ansible_failed_task", {
    raw: {
      name: titleFor(work),
      action: task.module.name,
      args: work.givenArguments,
      tags: [...task.tags],
      register: task.register ?? null,
    },
  });
  on.state.learned.set("ansible_failed_result", { raw: result.result });
}

function goTo(on: TargetPlay, frame: Frame, pc: number): void {
  on.frame = frame;
  on.pc = pc;
  on.include = undefined;
}
