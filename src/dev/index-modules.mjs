// Writes modules/index.ts from the folder: the registry that loads each module when it is first asked for.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const folder = new URL("../../modules/", import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".ts") && file !== "index.ts")
  .map((file) => file.slice(0, -3))
  .sort();
const rows = names.map((file) => `  ["${file.replaceAll("-", "_")}", () => import("./${file}.js")],`);
const text = `// Made by src/dev/index-modules.mjs from the files of this folder: do not edit.

import type { AnyModule, ModuleRegistry } from "../src/module/contract.js";

const loaders = new Map<string, () => Promise<{ readonly default: AnyModule }>>([
${rows.join("\n")}
]);

/** All modules of crun. */
export const modules: ModuleRegistry = {
  names: [...loaders.keys()],
  load: async (name) => (await loaders.get(name)?.())?.default,
};
`;
const target = new URL("index.ts", folder);
let old;
try {
  old = readFileSync(target, "utf8");
} catch (error) {
  if (error.code !== "ENOENT") throw error;
}
if (old !== text) writeFileSync(target, text);
