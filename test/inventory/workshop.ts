// Inventories written into a directory of their own, and loaded as crun does.

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Diagnostic } from "../../src/diagnostic/diagnostic.js";
import type { Inventory, LoadedInventory } from "../../src/inventory/inventory.js";
import { loadInventory } from "../../src/inventory/load.js";
import { language } from "../../src/playbook/language.js";
import { createScope } from "../../src/playbook/scope/scope.js";

type Files = Readonly<Record<string, string>>;

/** A directory that is made for each test of the suite and removed after it. */
export class Workshop {
  #directory = "";
  warnings: Diagnostic[] = [];

  /** Call it in a `describe`. */
  constructor() {
    beforeEach(() => {
      this.#directory = mkdtempSync(join(tmpdir(), "crun-inventory-"));
      this.warnings = [];
    });
    afterEach(() => rmSync(this.#directory, { recursive: true }));
  }

  path(name: string): string {
    return join(this.#directory, name);
  }

  /** A text that begins with #! is a program. */
  write(files: Files): void {
    for (const [name, text] of Object.entries(files)) {
      const file = this.path(name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      if (text.startsWith("#!")) chmodSync(file, 0o755);
    }
  }

  /** Writes files and loads those that are named, in order. `playbook`: the directory of a playbook. */
  async load(
    files: Files,
    sources: readonly string[] = ["hosts"],
    { playbook, timeoutMs }: { readonly playbook?: string; readonly timeoutMs?: number } = {},
  ): Promise<LoadedInventory> {
    this.write(files);
    return loadInventory(
      sources.map((one) => (one.includes(",") ? one : this.path(one))),
      {
        language,
        playbookDirectory: playbook === undefined ? undefined : this.path(playbook),
        warn: (warning) => this.warnings.push(warning),
        programTimeoutMs: timeoutMs,
      },
    );
  }
}

/** A target's variables as they are rendered, without those that say where the inventory lies. */
export function valuesOf(inventory: Inventory, name: string): Record<string, unknown> {
  const scope = createScope(inventory.varsOf(name));
  return Object.fromEntries(
    [...scope.names()].filter((one) => !/^inventory_(?:file|dir)$/.test(one)).map((one) => [one, scope.get(one)]),
  );
}

/** Names of the targets that a pattern stands for, with blanks. */
export function namesOf(inventory: Inventory, pattern: string): string {
  return inventory
    .match(pattern)
    .map(({ name }) => name)
    .join(" ");
}
