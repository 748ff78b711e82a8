// vars_files: where their files are looked for, and what they hold.

import { isAbsolute, join } from "node:path";
import { CrunError } from "../../diagnostic/diagnostic.js";
import type { Renderable, VarLayer } from "../../module/value.js";
import { PlaybookFiles } from "./files.js";
import { Findings } from "./findings.js";
import { NO_SCOPE } from "../scope/no-scope.js";
import { varsOfFile } from "./vars.js";

/** Paths that a name may stand for, first to last: in vars/ beside the playbook, then beside the playbook. */
export function varsFileCandidates(directory: string, name: string): string[] {
  if (isAbsolute(name)) return [name];
  const plain = join(directory, name);
  return name.split("/")[0] === "vars" ? [plain] : [join(directory, "vars", name), plain];
}

/** The variables of the file of that name; undefined: there is none. Throws a CrunError where it cannot be read. */
export function loadVarsFile(directory: string, name: string, files = new PlaybookFiles()): VarLayer | undefined {
  const found = files.firstFile(varsFileCandidates(directory, name));
  if (found === undefined) return undefined;
  const findings = new Findings();
  const layer = varsOfFile(files, found, findings);
  if (findings.hasErrors) throw new CrunError(findings.list);
  return layer;
}

/** The names of an entry; undefined where a template is among them. */
export function staticNames(entry: Renderable): string[] | undefined {
  return entry.isStatic ? [entry.render(NO_SCOPE)].flat().map(String) : undefined;
}

/** The variables of the files whose names are written out; what is wrong with them is told elsewhere. */
export function staticLayers(entries: readonly Renderable[], directory: string, files: PlaybookFiles): VarLayer[] {
  const quiet = new Findings();
  return entries.flatMap((entry) => {
    const paths = (staticNames(entry) ?? []).flatMap((name) => varsFileCandidates(directory, name));
    const layer = quiet.try(() => {
      const path = files.firstFile(paths);
      return path === undefined ? undefined : varsOfFile(files, path, quiet);
    });
    return layer ? [layer] : [];
  });
}
