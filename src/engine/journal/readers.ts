// Which variables anything in the plays may read, told from names alone.

import type { VarLayer } from "../../module/value.js";
import type { Node, Play, Task } from "../../playbook/play.js";
import type { TaskInfo } from "../task/task-info.js";

/** Names that stand for all others. */
const openNames = ["vars", "hostvars"];

export class Readers {
  readonly #byName = new Map<string, Set<unknown>>();
  /** What is included is known when it is read: it may read anything. */
  #isOpen = false;

  constructor(plays: readonly Play[], infoOf: (task: Task) => TaskInfo, layers: Iterable<VarLayer>) {
    for (const play of plays) {
      for (const node of [...play.nodes, ...play.handlers]) this.#addNode(node, infoOf);
      for (const layer of [play.vars, ...play.roleDefaults, ...play.roleVars]) this.#addLayer(layer);
      if (play.varsFiles.length > 0) this.#isOpen = true;
      this.#add(play.hosts.names, play);
    }
    for (const layer of layers) this.#addLayer(layer);
  }

  /** Whether something else than the task reads the variable. */
  has(name: string, task: Task): boolean {
    if (this.#isOpen) return true;
    return [name, ...openNames].some((one) => {
      const readers = this.#byName.get(one);
      return readers !== undefined && (readers.size > 1 || !readers.has(task));
    });
  }

  #addNode(node: Node, infoOf: (task: Task) => TaskInfo): void {
    for (const one of node.when) this.#add(one.names, node);
    switch (node.kind) {
      case "task":
        this.#add(infoOf(node).names, node);
        return;
      case "block":
        for (const one of [...node.block, ...node.rescue, ...node.always]) this.#addNode(one, infoOf);
        return;
      case "include":
        this.#isOpen = true;
        return;
      case "meta":
    }
  }

  #addLayer(layer: VarLayer): void {
    for (const name of layer.names()) {
      const value = layer.get(name);
      if (value && !("raw" in value)) this.#add(value.names, layer);
    }
  }

  #add(names: Iterable<string>, reader: unknown): void {
    for (const name of names) {
      const known = this.#byName.get(name) ?? new Set();
      known.add(reader);
      this.#byName.set(name, known);
    }
  }
}
