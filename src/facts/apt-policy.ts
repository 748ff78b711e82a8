// What `apt-cache policy` prints: installed version, candidate and all versions of packages.

/** `candidate` and `installed` undefined: there is none. A name without candidate and versions is a virtual one. */
export interface AptPolicy {
  readonly installed: string | undefined;
  readonly candidate: string | undefined;
  /** Newest first, as apt prints them. */
  readonly versions: readonly string[];
}

/** By name as it was asked for. Names that apt does not know are missing. */
export function parsePolicy(text: string): ReadonlyMap<string, AptPolicy> {
  const found = new Map<string, { installed?: string; candidate?: string; versions: string[] }>();
  let at: { installed?: string; candidate?: string; versions: string[] } | undefined;
  for (const line of text.split("\n")) {
    const name = /^(\S+):$/.exec(line)?.[1];
    if (name !== undefined) {
      at = { versions: [] };
      found.set(name, at);
    }
    const field = /^ {2}(Installed|Candidate): (\S+)/.exec(line);
    if (at && field && field[2] !== undefined && field[2] !== "(none)") {
      if (field[1] === "Installed") at.installed = field[2];
      else at.candidate = field[2];
    }
    const version = /^ (?:\*\*\*|  {2}) (\S+)(?: -?\d+)?(?: \(phased .*\))?$/.exec(line)?.[1];
    if (at && version !== undefined) at.versions.push(version);
  }
  return new Map(
    [...found].map(([name, one]) => [
      name,
      { installed: one.installed, candidate: one.candidate, versions: one.versions },
    ]),
  );
}
