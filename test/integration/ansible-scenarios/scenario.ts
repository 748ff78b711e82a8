// A scenario: a tree, tasks in order with what each reports, and the tree at the end. Data that several runners share.

import type { Entry, Tree } from "../../module/harness.js";

/** One task. All paths lie beneath /t, so that another tool can be given the same wish beneath a directory of its own. */
export interface Step {
  readonly module: "file" | "copy" | "template" | "lineinfile" | "blockinfile" | "stat";
  readonly params: Readonly<Record<string, unknown>>;
  readonly changed: boolean | "failed";
  /** In check mode: nothing happens, but it says what would. */
  readonly isCheck?: boolean;
  /** The task's message (`msg`). */
  readonly message?: string | RegExp;
  readonly warning?: RegExp;
  /** Keys of the result; dots lead into maps. */
  readonly result?: Readonly<Record<string, unknown>>;
  readonly vars?: Readonly<Record<string, string>>;
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
