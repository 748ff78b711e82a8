// creates and removes: whether a command has to run at all.

import type { Assumption } from "./change.js";
import type { GlobObservation, GlobProbe } from "./probe.js";

export interface RunWhen {
  readonly creates: string | undefined;
  readonly removes: string | undefined;
  readonly chdir: string | undefined;
}

/** Relative patterns start from the directory that the command would run in. */
function absolute(pattern: string, chdir: string | undefined): string {
  return pattern.startsWith("/") ? pattern : `${(chdir ?? "/").replace(/\/+$/, "")}/${pattern}`;
}

/** Globs for what is given; Ansible's wildcards. */
export function runWhenProbes(params: RunWhen): {
  readonly creates: readonly GlobProbe[];
  readonly removes: readonly GlobProbe[];
} {
  const probe = (pattern: string | undefined): readonly GlobProbe[] =>
    pattern === undefined ? [] : [{ kind: "glob", path: absolute(pattern, params.chdir) }];
  return { creates: probe(params.creates), removes: probe(params.removes) };
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
  const isPlain = (path: string | undefined): path is string => path !== undefined && !/[*?[]/.test(path);
  return [
    ...(isPlain(params.creates) ? [{ kind: "appears", path: absolute(params.creates, params.chdir) } as const] : []),
    ...(isPlain(params.removes)
      ? [{ kind: "remove", path: absolute(params.removes, params.chdir), expect: {} } as const]
      : []),
  ];
}
