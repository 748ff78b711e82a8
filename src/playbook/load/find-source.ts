// Where a relative src is looked for on the controller: the role's files/ or templates/, then beside the playbook.

import { homedir } from "node:os";
import { isAbsolute, join, normalize } from "node:path";

/** The paths that a name may stand for, first to last. */
export function sourceCandidates(
  searchDirectories: readonly string[],
  folder: "files" | "templates" | "vars",
  name: string,
): string[] {
  if (name.startsWith("~/")) return [join(homedir(), name.slice(2))];
  if (isAbsolute(name)) return [normalize(name)];
  return [...new Set(searchDirectories.flatMap((directory) => [join(directory, folder, name), join(directory, name)]))];
}
