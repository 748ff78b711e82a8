// Keywords of a task that may be templates, rendered before an item is planned: what is wrong with one fails the item, as in Ansible.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { PendingVariable, type Renderable, type Scope } from "../../module/value.js";
import type { Task } from "../../playbook/play.js";
import { limitOf } from "./limit.js";
import { isTrue } from "./prepared.js";

export interface ItemKeywords {
  readonly ignoresErrors: boolean;
  /** Undefined: as the run says. */
  readonly checkMode: boolean | undefined;
  readonly diff: boolean | undefined;
  /** Of until; 1 where it is not asked. */
  readonly tries: number;
  readonly delayMs: number;
}

const defaultRetries = 3;
const defaultDelaySeconds = 5;

/** Where nothing is said. */
const plain: ItemKeywords = {
  ignoresErrors: false,
  checkMode: undefined,
  diff: undefined,
  tries: 1,
  delayMs: defaultDelaySeconds * 1000,
};

/** Throws a CrunError for a value that makes no sense, PendingVariable for what is not known yet. */
export function keywordsOf(task: Task, scope: Scope): ItemKeywords {
  // Also what the time for the task comes to must make sense before anything is done.
  limitOf(task, scope);
  const { ignoreErrors, checkMode, diff, until } = task;
  if (!ignoreErrors && !checkMode && !diff && !until) return plain;
  return {
    ignoresErrors: flag(ignoreErrors, scope) === true,
    checkMode: flag(checkMode, scope),
    diff: flag(diff, scope),
    ...(until ? triesOf(task, scope) : { tries: 1, delayMs: 0 }),
  };
}

/** Whether a keyword is true; what cannot be rendered is not. */
export function isSaid(value: Renderable | undefined, scope: Scope): boolean {
  try {
    return flag(value, scope) === true;
  } catch (error) {
    if (error instanceof CrunError || error instanceof PendingVariable) return false;
    throw error;
  }
}

function flag(value: Renderable | undefined, scope: Scope): boolean | undefined {
  return value === undefined ? undefined : isTrue(value.render(scope));
}

function triesOf(task: Task, scope: Scope): Pick<ItemKeywords, "tries" | "delayMs"> {
  const retries = numberOf("retries", task.retries, defaultRetries, task, scope);
  const delay = numberOf("delay", task.delaySeconds, defaultDelaySeconds, task, scope);
  // As in Ansible: without retries nothing is waited for, and a negative delay is a second.
  return { tries: retries <= 0 ? 1 : Math.floor(retries) + 1, delayMs: (delay < 0 ? 1 : delay) * 1000 };
}

function numberOf(keyword: string, value: Renderable | undefined, usual: number, task: Task, scope: Scope): number {
  if (!value) return usual;
  const given = value.render(scope);
  const number = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  const summary = `${keyword} must be a number, not ${JSON.stringify(given) ?? "nothing"}`;
  throw new CrunError({ severity: "error", summary, place: value.place ?? task.place }, 2);
}
