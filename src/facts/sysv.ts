// Init scripts and their links in /etc/rc?.d, as Debian's update-rc.d keeps them.

import { posix } from "node:path";
import type { Change } from "../module/change.js";

/** Run levels that a script's LSB header names. */
export interface LsbHeader {
  readonly start: readonly string[];
  readonly stop: readonly string[];
}

export function parseLsbHeader(text: string): LsbHeader {
  const header = headerOf(text);
  const levels = (key: string): readonly string[] =>
    new RegExp(`^# ${key}:[ \\t]*(\\S.*)$`, "m").exec(header)?.[1]?.trim().split(/\s+/) ?? [];
  return { start: levels("Default-Start"), stop: levels("Default-Stop") };
}

function headerOf(text: string): string {
  const begin = /^### BEGIN INIT INFO[^\S\n]*$/m.exec(text);
  if (!begin) return "";
  const rest = text.slice(begin.index);
  const end = /^### END INIT INFO[^\S\n]*$/m.exec(rest);
  return end ? rest.slice(0, end.index) : "";
}

/** Glob of a script's links. */
export function rcLinks(name: string): string {
  return `/etc/rc?.d/[SK][0-9][0-9]${name}`;
}

/** Whether any run level starts the script. */
export function isSysvEnabled(links: readonly string[]): boolean {
  return links.some((path) => posix.basename(path).startsWith("S"));
}

/**
 * What `update-rc.d NAME defaults` and then `enable` or `disable` do without insserv: links by the header where there are none, then those of
 * the start levels turned to S or K. `directories`: those of /etc/rc?.d that are there. Undefined: the header names no start level.
 */
export function toggleSysv(
  name: string,
  header: LsbHeader,
  links: readonly string[],
  directories: ReadonlySet<string>,
  isWanted: boolean,
): Change[] | undefined {
  const levels = header.start.filter((level) => /^[S2345]$/.test(level));
  if (levels.length === 0) return undefined;
  if (links.length === 0) {
    const wanted = [
      ...header.start.map((level) => `/etc/rc${level}.d/${isWanted || !levels.includes(level) ? "S" : "K"}01${name}`),
      ...header.stop.map((level) => `/etc/rc${level}.d/K01${name}`),
    ];
    const missing = new Set(
      wanted.map((path) => posix.dirname(path)).filter((directory) => !directories.has(directory)),
    );
    const expect = { type: "absent" } as const;
    return [
      ...[...missing].map((path): Change => ({ kind: "makeDirectory", path, mode: 0o755, uid: 0, gid: 0, expect })),
      ...[...new Set(wanted)].map((path): Change => ({
        kind: "makeLink",
        path,
        target: `../init.d/${name}`,
        uid: 0,
        gid: 0,
        expect,
      })),
    ];
  }
  return links.flatMap((path): Change[] => {
    const letter = isWanted ? "S" : "K";
    const base = posix.basename(path);
    const level = /^\/etc\/rc(.)\.d\//.exec(path)?.[1] ?? "";
    if (!levels.includes(level) || base.startsWith(letter)) return [];
    return [
      { kind: "rename", path, to: posix.join(posix.dirname(path), letter + base.slice(1)), expect: { type: "link" } },
    ];
  });
}
