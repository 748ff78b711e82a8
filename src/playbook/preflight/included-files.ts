// The variables that include_vars will bring, as far as its files are written out.

import type { VarLayer } from "../../module/value.js";
import { sourceCandidates } from "../load/find-source.js";
import type { PlaybookFiles } from "../load/files.js";
import type { Findings } from "../load/findings.js";
import { varsOfFile } from "../load/vars.js";
import type { Task } from "../play.js";
import { mapLayer } from "../scope/scope.js";
import { staticText } from "./walk.js";

/** Layers of variables; undefined where they may be any: a name that is a template, a directory, a file that a task may yet write. */
export function includedLayers(
  { module, args, searchDirectories }: Task,
  files: PlaybookFiles,
  found: Findings,
): readonly VarLayer[] | undefined {
  if (module.name !== "include_vars") return [];
  const name = args["name"];
  if (name) {
    const under = staticText(name);
    return under === undefined ? undefined : [mapLayer("include_vars", new Map([[under, { raw: {} }]]))];
  }
  const file = staticText(args["file"]);
  if (file === undefined) return undefined;
  const path = files.firstFile(sourceCandidates(searchDirectories, "vars", file).map((one) => files.absolute(one)));
  const layer = path === undefined ? undefined : found.try(() => varsOfFile(files, path, found));
  return layer && [layer];
}
