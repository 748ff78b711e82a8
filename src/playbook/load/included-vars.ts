// The variables of files that include_vars names, for the engine.

import { CrunError } from "../../diagnostic/diagnostic.js";
import type { VarLayer } from "../../module/value.js";
import { mapLayer } from "../scope/scope.js";
import { templateOf } from "../template/template.js";
import { plainOf, type YamlMap } from "../yaml/yaml.js";
import { PlaybookFiles } from "./files.js";
import { Findings } from "./findings.js";
import { varsOfFile } from "./vars.js";

/**
 * The files' variables, later ones on top: each by itself, or all in the one map `under`. `plain` has them as they are written, templates as text.
 * Throws a CrunError where a file is no map of variables.
 */
export function includedVars(
  paths: readonly string[],
  under: string | undefined,
  files: PlaybookFiles = new PlaybookFiles(),
): { readonly layer: VarLayer; readonly plain: Readonly<Record<string, unknown>> } {
  const findings = new Findings();
  const layers = paths.map((path) => varsOfFile(files, path, findings));
  if (findings.hasErrors) throw new CrunError(findings.list, 2);
  const entries: YamlMap["entries"] extends ReadonlyMap<string, infer E> ? Map<string, E> : never = new Map();
  let last: YamlMap | undefined;
  for (const path of paths) {
    const node = files.yaml(path);
    if (node?.kind !== "map") continue;
    last = node;
    for (const [key, entry] of node.entries) entries.set(key, entry);
  }
  const whole: YamlMap | undefined = last && { ...last, entries };
  const plain = whole ? Object.fromEntries([...entries].map(([key, { value }]) => [key, plainOf(value)])) : {};
  if (under !== undefined) {
    const value = whole ? templateOf(whole) : { raw: {} };
    return { layer: mapLayer("include_vars", new Map([[under, value]])), plain: { [under]: plain } };
  }
  return { layer: joined(layers), plain };
}

function joined(layers: readonly VarLayer[]): VarLayer {
  const [only] = layers;
  if (only && layers.length === 1) return only;
  const definitions = new Map(
    layers.flatMap((layer) =>
      [...layer.names()].flatMap((name) => {
        const value = layer.get(name);
        return value === undefined ? [] : [[name, value] as const];
      }),
    ),
  );
  return mapLayer(layers.map(({ origin }) => origin).join(", "), definitions);
}
