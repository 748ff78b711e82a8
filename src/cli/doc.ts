// `crun doc`: a module's parameters, results and examples, from the module itself; helpers of templates.

import { modules } from "../../modules/index.js";
import { CrunError } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import type { AnyModule } from "../module/contract.js";
import type { ParamSpec } from "../module/param.js";
import { helpersText, helperText } from "./doc-helpers.js";

/** Prints; gives the exit status. `helpers`: what templates and conditions can call. */
export async function runDoc(name: string | undefined, helper?: string): Promise<number> {
  if (name === "helpers") {
    process.stdout.write(helper === undefined ? helpersText() : helperText(helper));
    return 0;
  }
  if (name === undefined) {
    const all = await Promise.all(modules.names.map((one) => modules.load(one)));
    const lines = all.flatMap((module) => (module ? [`${module.name.padEnd(16)} ${module.summary}`] : []));
    process.stdout.write(`${lines.join("\n")}\n`);
    return 0;
  }
  const module = await modules.load(name.replace(/^ansible\.(?:builtin|legacy)\./, ""));
  if (!module) {
    throw new CrunError({
      severity: "error",
      summary: `there is no module ${JSON.stringify(name)}`,
      remedy: suggest(name, modules.names) ?? "crun doc lists them all.",
    });
  }
  process.stdout.write(moduleText(module));
  return 0;
}

/** The page of one module, plain text. */
export function moduleText(module: AnyModule): string {
  const parts = [`${module.name}: ${module.summary}`];
  if (module.doc) parts.push(module.doc);
  parts.push(["Parameters", ...Object.entries(module.params).map(([name, spec]) => paramText(name, spec))].join("\n"));
  if (module.returns)
    parts.push(
      ["Result", ...Object.entries(module.returns).map(([key, text]) => `  ${key.padEnd(22)} ${text}`)].join("\n"),
    );
  for (const { title, yaml } of module.examples)
    parts.push(
      [
        `Example: ${title}`,
        ...yaml
          .trimEnd()
          .split("\n")
          .map((line) => `  ${line}`),
      ].join("\n"),
    );
  return `${parts.join("\n\n")}\n`;
}

function paramText(name: string, spec: ParamSpec): string {
  const facts = [
    spec.elements ? `list of ${spec.elements}` : spec.type,
    ...(spec.required ? ["required"] : []),
    ...(spec.default === undefined ? [] : [`default ${JSON.stringify(spec.default)}`]),
    ...(spec.choices ? [`one of ${spec.choices.join(", ")}`] : []),
    ...(spec.aliases && spec.aliases.length > 0 ? [`also ${spec.aliases.join(", ")}`] : []),
  ];
  const inner = Object.entries(spec.options ?? {}).map(([key, one]) => `\n${paramText(`${name}.${key}`, one)}`);
  return `  ${name.padEnd(22)} ${spec.doc} (${facts.join("; ")})${inner.join("")}`;
}
