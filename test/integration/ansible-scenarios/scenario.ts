// A scenario: a tree, tasks in order with what each reports, and the tree at the end. Data that several runners share.

import type { Entry, Tree } from "../../module/harness.js";

/** One task. All paths lie beneath /t, so that another tool can be given the same wish beneath a directory of its own. */
export interface Step {
  readonly module:
    | "file"
    | "copy"
    | "template"
    | "lineinfile"
    | "blockinfile"
    | "stat"
    | "command"
    | "shell"
    | "script"
    | "assert"
    | "debug"
    | "fail"
    | "set_fact";
  readonly params: Readonly<Record<string, unknown>>;
  readonly changed: boolean | "failed";
  /** In check mode: nothing happens, but it says what would. */
  readonly isCheck?: boolean;
  /** The task's message (`msg`). */
  readonly message?: string | RegExp;
  readonly warning?: RegExp;
  /** Keys of the result; dots lead into maps. */
  readonly result?: Readonly<Record<string, unknown>>;
  readonly vars?: Readonly<Record<string, unknown>>;
  /** Written as free text behind the module's name; `params` go beneath `args`. */
  readonly freeForm?: string;
  /** More keywords of the task, as `environment`. */
  readonly keywords?: Readonly<Record<string, unknown>>;
  /** It fails when its turn comes, not before the run. */
  readonly failsLate?: boolean;
  /** Changes each time by its nature: the law of idempotence is not asked of it. */
  readonly isNeverConverged?: boolean;
}

export interface Scenario {
  /** Number within its module. The list's order gives it. */
  readonly name: string;
  readonly start?: Tree;
  /** Files beside the playbook, as `files/foo.txt`; a map is a link or has a mode. */
  readonly files?: Readonly<
    Record<
      string,
      | string
      | { readonly content?: string; readonly mode?: number; readonly target?: string; readonly isDirectory?: boolean }
    >
  >;
  readonly steps: readonly Step[];
  readonly end?: Readonly<Record<string, Entry | undefined>>;
  /** Pairs of paths that must be one file with two names, or not. */
  readonly hardLinks?: readonly (readonly [string, string, boolean])[];
  /** Why Ansible does otherwise; such a scenario is not compared with it. docs/FROM-ANSIBLE.md has it too. */
  readonly differs?: string;
  /** What its tasks do is known only where they run: not played in memory, and in a tree that has programs. */
  readonly runs?: boolean;
  /** Commands that must be in the tree. */
  readonly programs?: readonly ("true" | "false" | "grep" | "file")[];
}

/** Shorthand for steps. */
export function step(
  module: Step["module"],
  params: Step["params"],
  changed: Step["changed"],
  more: Partial<Step> = {},
): Step {
  return { module, params, changed, ...more };
}

/** A task as playbooks write it; `rebase` is given every argument. */
export function taskOf(step: Step, rebase: (key: string, value: unknown) => unknown): Record<string, unknown> {
  const args = Object.fromEntries(Object.entries(step.params).map(([key, value]) => [key, rebase(key, value)]));
  const own =
    step.freeForm === undefined
      ? { [step.module]: args }
      : { [step.module]: rebase("cmd", step.freeForm), ...(Object.keys(args).length > 0 ? { args } : {}) };
  return {
    ...own,
    ignore_errors: true,
    ...(step.isCheck ? { check_mode: true } : {}),
    ...(step.vars ? { vars: step.vars } : {}),
    ...step.keywords,
  };
}
