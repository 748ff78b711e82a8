// creates, removes and chdir: whether a command has to run at all, and where.

import type { Assumption } from "./change.js";
import type { GlobObservation, GlobProbe, StatObservation, StatProbe } from "./probe.js";
import { joinPath, tidyPath } from "./tree-path.js";

export interface RunWhen {
  readonly creates: string | undefined;
  readonly removes: string | undefined;
  readonly chdir: string | undefined;
}

/** A sentence for a path that no tree can know: `~` and variables belong to a login. */
export function checkRunWhen(params: RunWhen): string | undefined {
  for (const name of ["chdir", "creates", "removes"] as const) {
    const path = params[name];
    if (path !== undefined && /^~|\$[\w{]/.test(path))
      return `${name}: ${path} would need a login: write the whole path, nothing is expanded in it`;
  }
  return undefined;
}

/** The directory that the command runs in; undefined leaves it to the user's home, or / for root. */
export function directoryOf({ creates, removes, chdir }: RunWhen): string | undefined {
  if (chdir) return joinPath("/", chdir);
  // What is looked at and what the command makes must be the same.
  return [creates, removes].some((path) => path && !path.startsWith("/")) ? "/" : undefined;
}

function absolute(path: string, params: RunWhen): string {
  return tidyPath(joinPath(directoryOf(params) ?? "/", path));
}

/** Globs for what is given, Ansible's wildcards; the directory too, where there is something to look at anyway. */
export function runWhenProbes(params: RunWhen): {
  readonly creates: readonly GlobProbe[];
  readonly removes: readonly GlobProbe[];
  readonly chdir: readonly StatProbe[];
} {
  const probe = (path: string | undefined): readonly GlobProbe[] =>
    path ? [{ kind: "glob", path: absolute(path, params) }] : [];
  const [creates, removes] = [probe(params.creates), probe(params.removes)];
  return { creates, removes, chdir: creates.length + removes.length > 0 ? chdirProbes(params) : [] };
}

/** The directory that `chdir` names. */
export function chdirProbes(params: RunWhen): readonly StatProbe[] {
  return params.chdir ? [{ kind: "stat", path: absolute(params.chdir, { ...params, chdir: "/" }), follow: true }] : [];
}

/** Why the directory cannot be entered, in Ansible's words, or undefined. */
export function chdirProblem(
  params: RunWhen,
  seen: { readonly chdir: readonly StatObservation[] },
): string | undefined {
  const [directory] = seen.chdir;
  if (!directory || directory.failure || directory.stat?.type === "directory") return undefined;
  const why = directory.stat ? "[Errno 20] Not a directory" : "[Errno 2] No such file or directory";
  return `Unable to change directory before execution: ${why}: '${params.chdir}'`;
}

/** Why the command need not run, as `X exists`, or undefined. */
export function reasonNotToRun(
  params: RunWhen,
  seen: { readonly creates: readonly GlobObservation[]; readonly removes: readonly GlobObservation[] },
): { readonly message: string; readonly stdout: string } | undefined {
  if (seen.creates.some((one) => one.paths.length > 0)) {
    return {
      message: `Did not run command since '${params.creates}' exists`,
      stdout: `skipped, since ${params.creates} exists`,
    };
  }
  if (seen.removes.some((one) => one.paths.length === 0)) {
    const message = `Did not run command since '${params.removes}' does not exist`;
    return { message, stdout: `skipped, since ${params.removes} does not exist` };
  }
  return undefined;
}

/** What surely holds after the command: the file that it creates is there, the one that it removes is gone. */
export function assumptionsOf(params: RunWhen): Assumption[] {
  const isPlain = (path: string | undefined): path is string => Boolean(path) && !/[*?[]/.test(path ?? "");
  return [
    ...(isPlain(params.creates) ? [{ kind: "appears", path: absolute(params.creates, params) } as const] : []),
    ...(isPlain(params.removes)
      ? [{ kind: "remove", path: absolute(params.removes, params), expect: {} } as const]
      : []),
  ];
}
