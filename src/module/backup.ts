// Names and makes the copy that `backup: true` keeps of a file.

import type { CopyFile } from "./change.js";
import type { Context } from "./contract.js";
import { modeOnceOwned } from "./mode.js";
import type { GlobObservation, GlobProbe, Stat } from "./probe.js";

/** Looks for backups of this run, so that a second one within the same second gets a name of its own. */
export function backupProbe(path: string, context: Context): GlobProbe {
  return { kind: "glob", path: `${path.replace(/[*?[\\]/g, "[$&]")}.${context.pid}.*~` };
}

/** `PATH.PID.YYYY-MM-DD@HH:MM:SS~` (UTC) of the task's start, or the next second that is free. */
export function backupName(path: string, context: Context, taken: GlobObservation): string {
  for (let time = Math.floor(context.startedAt.getTime() / 1000); ; time++) {
    const stamp = new Date(time * 1000).toISOString().replace("T", "@").slice(0, 19);
    const name = `${path}.${context.pid}.${stamp}~`;
    if (!taken.paths.includes(name)) return name;
  }
}

/** The copy, with owner, mode and times of the original; `stat` is the original's, links followed. Setuid bits are the program's in use, not the copy's: as in Ansible's backups. */
export function backupChange(path: string, name: string, stat: Stat): CopyFile {
  return {
    kind: "copyFile",
    path: name,
    from: path,
    follow: true,
    mode: modeOnceOwned(stat.mode),
    uid: stat.uid,
    gid: stat.gid,
    keepTimes: true,
    keepXattrs: true,
    expect: { type: "absent" },
  };
}
