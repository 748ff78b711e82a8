// How long a task may take: `async` with its `poll`, and `timeout`.

import type { Change } from "../../module/change.js";
import type { Task } from "../../playbook/play.js";
import { CrunError } from "../../diagnostic/diagnostic.js";
import type { Renderable, Scope } from "../../module/value.js";
import type { Fault, TaskWork } from "../work.js";

/** What ends a task that takes too long. */
export interface Limit {
  readonly kind: "async" | "timeout";
  readonly seconds: number;
}

/** How a task with `async` runs. */
export interface AsyncWish {
  readonly seconds: number;
  readonly isInBackground: boolean;
}

/** Undefined: an ordinary task. Throws a CrunError for what is no number of seconds. */
export function asyncOf(task: Task, scope: Scope): AsyncWish | undefined {
  const seconds = secondsOf(task.asyncSeconds, "async", task, scope) ?? 0;
  if (seconds === 0) return undefined;
  return { seconds, isInBackground: secondsOf(task.pollSeconds, "poll", task, scope) === 0 };
}

export function limitOf(task: Task, scope: Scope): Limit | undefined {
  if (!task.asyncSeconds && !task.timeoutSeconds) return undefined;
  const wish = asyncOf(task, scope);
  if (wish) return { kind: "async", seconds: wish.seconds };
  const seconds = secondsOf(task.timeoutSeconds, "timeout", task, scope) ?? 0;
  return seconds === 0 ? undefined : { kind: "timeout", seconds };
}

function secondsOf(value: Renderable | undefined, keyword: string, task: Task, scope: Scope): number | undefined {
  if (!value) return undefined;
  const given = value.render(scope);
  const text = typeof given === "number" || typeof given === "string" ? String(given).trim() : JSON.stringify(given);
  if (/^\d+$/.test(text)) return Number(text);
  const summary = `${keyword} must be a whole number of seconds, not ${JSON.stringify(given)}`;
  throw new CrunError({ severity: "error", summary, place: value.place ?? task.place }, 2);
}

/** Milliseconds that are left of the item's time, which begins with the first call; undefined: it has no limit. */
export function timeLeft(work: TaskWork): number | undefined {
  const limit = limitOf(work.op.task, work.itemScope ?? work.scope);
  if (!limit) return undefined;
  work.timedFrom ??= performance.now();
  return work.timedFrom + limit.seconds * 1000 - performance.now();
}

/** What an item fails with whose time is over, in Ansible's words; undefined: it has no limit. */
export function faultOfLimit(work: TaskWork): Fault | undefined {
  const limit = limitOf(work.op.task, work.itemScope ?? work.scope);
  if (!limit) return undefined;
  const { kind, seconds } = limit;
  const module = work.op.task.module.name;
  return kind === "timeout"
    ? {
        message: `The ${module} action failed to execute in the expected time frame (${seconds}) and was terminated`,
        remedy: "What it had started was killed. Raise timeout if it needs longer.",
        isFinal: true,
      }
    : {
        message: `async task did not complete within the requested time - ${seconds}s`,
        remedy: "What it had started was killed. Raise async if it needs longer.",
      };
}

/** A program gets no more time than is left. */
export function withTimeLeft(change: Change, leftMs: number): Change {
  if (change.kind !== "exec") return change;
  const timeoutMs = Math.max(1, Math.round(Math.min(change.exec.timeoutMs ?? Infinity, leftMs)));
  return { ...change, exec: { ...change.exec, timeoutMs } };
}

/** The helper counts in 32 bits: 49 days. */
export const LONGEST_MS = 0xffff_ffff;

/**
 * What a job in the background has. Ansible looks at it every five seconds, and later than it could; plays count on it: `sleep 2 && reboot` with `async: 1`.
 */
export function jobSeconds(seconds: number): number {
  return 5 + 5 * Math.ceil(seconds / 5);
}
