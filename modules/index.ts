// Made by src/dev/index-modules.mjs from the files of this folder: do not edit.

import type { AnyModule, ModuleRegistry } from "../src/module/contract.js";

const loaders = new Map<string, () => Promise<{ readonly default: AnyModule }>>([
  ["assert", () => import("./assert.js")],
  ["command", () => import("./command.js")],
  ["debug", () => import("./debug.js")],
  ["fail", () => import("./fail.js")],
  ["group", () => import("./group.js")],
  ["script", () => import("./script.js")],
  ["set_fact", () => import("./set-fact.js")],
  ["shell", () => import("./shell.js")],
  ["user", () => import("./user.js")],
]);

/** All modules of crun. */
export const modules: ModuleRegistry = {
  names: [...loaders.keys()],
  load: async (name) => (await loaders.get(name)?.())?.default,
};
