// Helpers that look at the machine on which crun runs: environment and files.

import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { helper, HelperError, option, textArgument, type HelperOptions, type HelperTable } from "./definition.js";

/** Where a relative file is looked up: the role's files/, then beside the playbook. */
function directories({ scope }: HelperOptions): string[] {
  const roots = ["role_path", "playbook_dir"].flatMap((name) => (scope.has(name) ? [String(scope.get(name))] : []));
  return roots.flatMap((root) => [join(root, "files"), root]);
}

function readText(name: string, options: HelperOptions): string {
  const path = name.startsWith("~/") ? join(homedir(), name.slice(2)) : name;
  const places = isAbsolute(path)
    ? [path]
    : [...directories(options), "."].map((directory) => resolve(directory, path));
  for (const place of places) {
    try {
      return readFileSync(place, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) continue;
      throw new HelperError(`${place} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new HelperError(`there is no file ${JSON.stringify(name)}`, `Looked for ${places.join(", ")}.`);
}

export const controllerHelpers: HelperTable = {
  env: helper(
    "name [other]",
    'An environment variable where crun runs; `other` ("") where it is not set.',
    (args, options) => process.env[textArgument(args[0])] ?? option(args, 1, options, "default") ?? "",
  ),
  file: helper(
    "path",
    "The text of a file where crun runs, without white space at its end; `rstrip=false` keeps it.",
    ([path], options) => {
      const text = readText(textArgument(path), options);
      return options.hash["rstrip"] === false ? text : text.trimEnd();
    },
  ),
};
