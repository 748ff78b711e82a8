// What `crun lint` looks at: playbooks, task files and roles among the paths that were named.

import { statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { CrunError } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import { realFiles, type FileReader } from "../playbook/load/files.js";
import { readYaml, type YamlNode } from "../playbook/yaml/yaml.js";

/** Something to lint as a playbook. `isWhole` false: a part that others use; who uses it may define its variables. */
export interface LintFile {
  readonly path: string;
  readonly isWhole: boolean;
  readonly reader: FileReader;
}

const isYaml = (name: string): boolean => /\.ya?ml$/.test(name);

/** Directories that hold no playbooks of their own. */
const passedOver = new Set(["group_vars", "host_vars", "files", "templates", "node_modules", "vars"]);

/** What there is to lint at these paths. Throws a CrunError for a path that there is not. */
export function lintFiles(paths: readonly string[]): LintFile[] {
  return paths.flatMap((path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) {
      const near = suggest(basename(path), realFiles.list(dirname(path)));
      throw new CrunError({
        severity: "error",
        summary: `there is no file or directory ${JSON.stringify(path)}`,
        remedy: near ?? "Is the path right?",
      });
    }
    return stat.isDirectory() ? inDirectory(path) : [oneFile(path)];
  });
}

/** A file that was named: a playbook, or a list of tasks. What is neither is told by the loader. */
function oneFile(path: string): LintFile {
  return kindOf(path) === "tasks" ? asPlay(path, `- import_tasks: ${JSON.stringify(basename(path))}`) : whole(path);
}

function whole(path: string): LintFile {
  return { path, isWhole: true, reader: realFiles };
}

/** A play around a part: a file that is not there, beside the part. */
function asPlay(path: string, task: string): LintFile {
  const play = `- hosts: all\n  tasks:\n    ${task}\n`;
  const shown = join(dirname(path), `.${basename(path)}.play`);
  const reader: FileReader = {
    kind: (one) => (one.endsWith(shown) ? "file" : realFiles.kind(one)),
    bytes: (one, limit) => (one.endsWith(shown) ? Buffer.from(play).subarray(0, limit) : realFiles.bytes(one, limit)),
    list: (one) => realFiles.list(one),
  };
  return { path: shown, isWhole: false, reader };
}

function inDirectory(directory: string): LintFile[] {
  const found: LintFile[] = [];
  for (const name of realFiles.list(directory)) {
    const path = join(directory, name);
    if (name.startsWith(".")) continue;
    if (realFiles.kind(path) === "directory") {
      if (name === "roles") found.push(...rolesIn(path));
      else if (!passedOver.has(name) && !isRole(directory, name)) found.push(...inDirectory(path));
    } else if (isYaml(name) && kindOf(path) === "playbook") found.push(whole(path));
  }
  return found;
}

/** A role's own directories: `tasks/` and the like hold no playbooks. */
function isRole(_directory: string, name: string): boolean {
  return ["tasks", "handlers", "defaults", "meta"].includes(name);
}

function rolesIn(directory: string): LintFile[] {
  return realFiles.list(directory).flatMap((name) => {
    const path = join(directory, name);
    return realFiles.kind(path) === "directory" && !name.startsWith(".")
      ? [asPlay(path.replace(/roles\/([^/]*)$/, "$1"), `- import_role: {name: ${JSON.stringify(name)}}`)]
      : [];
  });
}

/** Told by its first item. Undefined: neither, or it cannot be read, which the loader tells better. */
function kindOf(path: string): "playbook" | "tasks" | undefined {
  let node: YamlNode | undefined;
  try {
    node = readYaml(path, realFiles.bytes(path).toString("utf8"));
  } catch (error) {
    if (error instanceof CrunError) return "playbook";
    throw error;
  }
  const [first] = node?.kind === "list" ? node.items : [];
  if (first?.kind !== "map") return undefined;
  const isPlay = ["hosts", "import_playbook", "ansible.builtin.import_playbook"].some((key) => first.entries.has(key));
  return isPlay ? "playbook" : "tasks";
}
