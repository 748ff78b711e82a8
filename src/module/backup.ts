// Names and makes the copy that `backup: true` keeps of a file.

import type { CopyFile } from "./change.js";
import type { Context } from "./contract.js";
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

const setuid = 0o4000;
const setgid = 0o2000;

/** What gives a program its owner's rights is the program's in use, not the copy's: as chown(2) leaves it, in Ansible's backups too. */
function modeOfCopy(mode: number): number {
  return mode & ~setuid & ~(mode & 0o010 ? setgid : 0);
}

/** The copy, with owner, mode and times of the original; `stat` is the original's, links followed. */
export function backupChange(path: string, name: string, stat: Stat): CopyFile {
  return {
    kind: "copyFile",
    path: name,
    from: path,
    follow: true,
    mode: modeOfCopy(stat.mode),
    uid: stat.uid,
    gid: stat.gid,
    keepTimes: true,
    keepXattrs: true,
    expect: { type: "absent" },
  };
}
