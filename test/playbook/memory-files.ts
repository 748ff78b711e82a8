// A file system of plain objects, and playbooks loaded from it.

import { formatDiagnostic, type Diagnostic } from "../../src/diagnostic/diagnostic.js";
import type { FileReader } from "../../src/playbook/load/files.js";
import { loadPlaybook, type LoadedPlaybook } from "../../src/playbook/load/load.js";
import type { Node, Play, Task } from "../../src/playbook/play.js";
import { preflight, type PreflightQuestions } from "../../src/playbook/preflight/preflight.js";
import { modules } from "../../modules/index.js";

type Files = Readonly<Record<string, string>>;

/** Files below /play. */
export function memoryFiles(files: Files): FileReader {
  const paths = new Map(Object.entries(files).map(([name, text]) => [`/play/${name}`, text]));
  const isDirectory = (path: string): boolean => [...paths.keys()].some((one) => one.startsWith(`${path}/`));
  return {
    kind: (path) => (paths.has(path) ? "file" : isDirectory(path) ? "directory" : undefined),
    bytes(path, limit) {
      const text = paths.get(path);
      if (text === undefined) throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
      return Buffer.from(text).subarray(0, limit);
    },
    list: (path) => [
      ...new Set(
        [...paths.keys()]
          .filter((one) => one.startsWith(`${path}/`))
          .map((one) => one.slice(path.length + 1).split("/")[0] ?? ""),
      ),
    ],
  };
}

/** Loads /play/site.yml. */
export function load(files: Files, rolesPath: readonly string[] = []): Promise<LoadedPlaybook> {
  return loadPlaybook("site.yml", { modules, reader: memoryFiles(files), workingDirectory: "/play", rolesPath });
}

/** The plays of /play/site.yml, in which nothing may be wrong. */
export async function playsOf(files: Files): Promise<readonly Play[]> {
  const { playbook, findings } = await load(files);
  if (findings.length > 0) throw new Error(textOf(findings));
  return playbook.plays;
}

/** The only play of /play/site.yml. */
export async function playOf(files: Files): Promise<Play> {
  const [play] = await playsOf(files);
  if (!play) throw new Error("there is no play");
  return play;
}

/** What loading and the checks before a run find, as text. */
export async function findingsOf(files: Files, asked: Partial<PreflightQuestions> = {}): Promise<string> {
  return textOf(await preflight([await load(files)], { layers: [], ...asked }));
}

export function textOf(findings: readonly Diagnostic[]): string {
  return findings.map((one) => formatDiagnostic(one)).join("\n");
}

/** All tasks, those of blocks too, in order. */
export function tasksOf(nodes: readonly Node[]): Task[] {
  return nodes.flatMap((node) => {
    if (node.kind === "task") return [node];
    return node.kind === "block" ? [...tasksOf(node.block), ...tasksOf(node.rescue), ...tasksOf(node.always)] : [];
  });
}
