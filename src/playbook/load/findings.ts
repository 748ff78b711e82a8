// Collects what is wrong, so that all of it can be told at once.

import { CrunError, type Diagnostic } from "../../diagnostic/diagnostic.js";
import { placeOf, type YamlNode } from "../yaml/yaml.js";

interface More {
  readonly detail?: string | undefined;
  readonly remedy?: string | undefined;
}

export class Findings {
  readonly #list: Diagnostic[] = [];

  get list(): readonly Diagnostic[] {
    return this.#list;
  }

  get hasErrors(): boolean {
    return this.#list.some((one) => one.severity === "error");
  }

  add(...found: readonly Diagnostic[]): void {
    this.#list.push(...found);
  }

  /** Something wrong with a node. */
  at(node: YamlNode, summary: string, more: More = {}): void {
    this.#list.push(node.source.finding(placeOf(node), summary, more));
  }

  warn(node: YamlNode, summary: string, more: More = {}): void {
    this.#list.push({ ...node.source.finding(placeOf(node), summary, more), severity: "warning" });
  }

  /** The work's result; undefined where it threw a CrunError, which is kept. */
  try<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof CrunError)) throw error;
      this.#list.push(...error.diagnostics);
      return undefined;
    }
  }

  /** The same; what names no place of its own is told at this one. */
  tryAt<T>(where: Pick<Diagnostic, "place" | "source">, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof CrunError)) throw error;
      this.#list.push(...error.diagnostics.map((one) => (one.place ? one : { ...one, ...where })));
      return undefined;
    }
  }

  async tryAsync<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CrunError)) throw error;
      this.#list.push(...error.diagnostics);
      return undefined;
    }
  }
}
