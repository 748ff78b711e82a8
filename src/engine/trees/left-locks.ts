// Lock files that killed runs have left, on trees that may be gone: removed where nobody holds them.

import type { Change } from "../../module/change.js";
import { joinPath } from "../../module/tree-path.js";
import type { ReadProbe } from "../../module/probe.js";
import type { TreeSession } from "../../target/session.js";

/** As the helper names them: the tree's device and inode. */
const lockName = /^[0-9a-f]{1,16}-[0-9a-f]{1,16}$/;

/**
 * In no file that is younger could somebody else write the same text as in this one, whose digest tells it from others: it begins with the second in which it was
 * written.
 */
const leastAgeSeconds = 60;

/**
 * Gives how many went. `session`: of the host's own root, in which nothing is held: a process that closes a lock file gives back its own lock on it. Rejects with a CrunError where the connection
 * is lost.
 */
export async function removeLeftLocks(session: TreeSession, locks: string): Promise<number> {
  const [list, uptime] = await session.observe([
    { kind: "list", path: locks, depth: 1 },
    { kind: "read", path: "/proc/uptime" },
  ]);
  const names = list?.kind === "list" ? list.entries.map(({ name }) => name).filter((one) => lockName.test(one)) : [];
  const now = uptime?.kind === "read" ? secondsIn(uptime.content) : undefined;
  if (now === undefined || names.length === 0) return 0;
  const paths = names.map((name) => joinPath(locks, name));
  const answers = await session.observe(paths.map((path): ReadProbe => ({ kind: "read", path, follow: false })));
  let count = 0;
  for (const [index, answer] of answers.entries()) {
    const path = paths[index];
    if (path === undefined || answer.kind !== "read" || answer.sha256 === undefined) continue;
    const since = secondsIn(answer.content);
    if (since === undefined || now - since < leastAgeSeconds) continue;
    if (await removeUnheld(session, path, answer.sha256)) count++;
  }
  return count;
}

/** While it is locked nobody who works with locks removes it or makes another one in its place: it is this one that goes. */
async function removeUnheld(session: TreeSession, path: string, sha256: string): Promise<boolean> {
  const at = { path, expect: { type: "file", sha256 } } as const;
  const changes: readonly Change[] = [
    { kind: "lock", ...at, timeoutMs: 0 },
    { kind: "remove", ...at },
    { kind: "unlock", path, expect: {} },
  ];
  const outcomes = await session.apply(changes);
  return outcomes.length === changes.length && outcomes.every(({ failure }) => failure === undefined);
}

function secondsIn(content: Uint8Array | undefined): number | undefined {
  const text = /^\d{1,12}/.exec(content === undefined ? "" : Buffer.from(content).toString("latin1"))?.[0];
  return text === undefined ? undefined : Number(text);
}
