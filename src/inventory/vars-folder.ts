// group_vars and host_vars: which files hold the variables of a name, in which order.

import { readdirSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import type { Diagnostic } from "../diagnostic/diagnostic.js";

/** In this order: a directory or file without extension comes before the others, and only the first counts, as in Ansible. */
const extensions = ["", ".yml", ".yaml", ".json"];

/** The files of one group_vars or host_vars directory by the name that they are for. The directory is listed once. */
export class VarsFolder {
  readonly #found = new Map<string, Map<string, string>>();

  /** `warn` is told of what is there and not read. */
  constructor(folder: string, warn: (diagnostic: Diagnostic) => void) {
    for (const file of listed(folder)) {
      const extension = extensions.find((one) => one !== "" && file.endsWith(one)) ?? "";
      const name = file.slice(0, file.length - extension.length);
      if (file.startsWith(".") || file.endsWith("~")) continue;
      const known = this.#found.get(name) ?? new Map<string, string>();
      known.set(extension, join(folder, file));
      this.#found.set(name, known);
    }
    for (const [name, files] of this.#found) {
      const [first, ...others] = inOrder(files);
      for (const other of others)
        warn({
          severity: "warning",
          summary: `${other} is not read: ${first ?? name} comes first`,
          place: { file: other },
          remedy: `Of ${name}, ${name}.yml, ${name}.yaml and ${name}.json only the first counts. Put both into a directory ${name}/.`,
        });
    }
  }

  /** All names for which there is something. */
  names(): Iterable<string> {
    return this.#found.keys();
  }

  /** Files for a name, lowest precedence first. */
  filesFor(name: string): readonly string[] {
    const [first] = inOrder(this.#found.get(name) ?? new Map<string, string>());
    return first === undefined ? [] : filesBelow(first);
  }
}

function inOrder(files: ReadonlyMap<string, string>): string[] {
  return extensions.flatMap((one) => files.get(one) ?? []);
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

/** A file, or the files of a directory by name, directories in it where they stand. */
function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => !name.startsWith(".") && !name.endsWith("~") && extensions.includes(extname(name)))
    .sort()
    .flatMap((name) => {
      const inner = join(path, name);
      const stat = statSync(inner);
      if (stat.isDirectory()) return extname(name) === "" ? filesBelow(inner) : [];
      return stat.isFile() ? [inner] : [];
    });
}
