// Reads the mount table, and unmounts in a way that tells who holds a mount.
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { run } from "./process.js";

/** One line of /proc/self/mountinfo, as far as tests ask. */
export interface Mount {
  readonly mountPoint: string;
  readonly root: string;
  readonly type: string;
  readonly source: string;
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

/** This process's mount table, in mounting order. `pid` looks at another process's namespace. */
export function mountTable(pid: number | "self" = "self"): Mount[] {
  return readFileSync(`/proc/${pid}/mountinfo`, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [left = "", right = ""] = line.split(" - ");
      const fields = left.split(" ");
      const [type = "", source = ""] = right.split(" ");
      return {
        root: unescapeOctal(fields[3] ?? ""),
        mountPoint: unescapeOctal(fields[4] ?? ""),
        type,
        source: unescapeOctal(source),
      };
    });
}

/** Mount points at or below a directory, in mounting order. */
export function mountPointsBelow(directory: string): string[] {
  return mountTable()
    .map((mount) => mount.mountPoint)
    .filter((mountPoint) => mountPoint === directory || mountPoint.startsWith(`${directory}/`));
}

/** Processes (as `pid name: how`) whose root, working directory, program or an open file lies at or below a path. */
export function holders(path: string): string[] {
  const found: string[] = [];
  const isBelow = (target: string): boolean => target === path || target.startsWith(`${path}/`);
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const links = ["root", "cwd", "exe"];
    try {
      links.push(...readdirSync(`/proc/${pid}/fd`).map((descriptor) => `fd/${descriptor}`));
    } catch {
      // ended meanwhile, or another user's
    }
    for (const link of links) {
      try {
        if (isBelow(readlinkSync(`/proc/${pid}/${link}`))) {
          found.push(`${pid} ${readFileSync(`/proc/${pid}/comm`, "utf8").trim()}: ${link}`);
          break;
        }
      } catch {
        // ended meanwhile, or another user's
      }
    }
  }
  return found;
}

/** Unmounts a mount with all below it. A busy one is detached all the same, and is an error that names who holds it. */
export async function unmount(mountPoint: string): Promise<void> {
  const first = await run(["umount", "--recursive", mountPoint]);
  if (first.status === 0) {
    return;
  }
  const who = holders(mountPoint);
  await run(["umount", "--recursive", "--lazy", mountPoint]);
  throw new Error(`${first.stderr.trim()}; held by: ${who.length > 0 ? who.join(", ") : "nobody that can be seen"}`);
}
