// --start-at-task: which task it means.

import { patternOf } from "../facts/shell-pattern.js";
import type { Include, Meta, Task } from "./play.js";
import { writtenText } from "./template/template.js";

/** What --start-at-task may call it: its name as it is written, or its module's; in a role with the role's name before it as well. */
export function namesToStartAt(node: Task | Include | Meta): string[] {
  const action = node.kind === "task" ? node.module.name : node.kind === "include" ? node.action : "meta";
  const name = (node.name && writtenText(node.name)) ?? action;
  return node.role ? [name, `${node.role.name} : ${name}`] : [name];
}

/** Opens at the first task that is meant (shell wildcards are taken) and stays open. */
export class StartGate {
  readonly #wanted: string;
  readonly #pattern: RegExp;
  isOpen = false;

  constructor(wanted: string) {
    this.#wanted = wanted;
    this.#pattern = patternOf(wanted);
  }

  passes(node: Task | Include | Meta): boolean {
    this.isOpen ||= namesToStartAt(node).some((name) => this.matches(name));
    return this.isOpen;
  }

  matches(name: string): boolean {
    return name === this.#wanted || this.#pattern.test(name);
  }
}
