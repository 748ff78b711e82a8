// Sessions for a moment, with the root of a host or with a tree, while trees are stood in for and swapped.

import { CrunError } from "../../diagnostic/diagnostic.js";
import type { Change } from "../../module/change.js";
import { describeFailure, reasonOf } from "../../module/failure-text.js";
import type { StatObservation, StatProbe } from "../../module/probe.js";
import type { HostSession, TreeSession } from "../../target/session.js";
import { programName, programRefusal } from "../../tree/program.js";
import { isDone } from "../task/outcome.js";

/** A session with the host's root, for a moment; with `hasOwnMounts` what is mounted ends with the helper. */
export async function withHost<T>(
  session: HostSession,
  work: (host: TreeSession) => Promise<T>,
  hasOwnMounts = false,
): Promise<T> {
  const host = session.openTree("/", { entry: "auto", isHostRoot: true, isAsRoot: true, hasOwnMounts });
  try {
    return await work(host);
  } finally {
    await host.close().catch(() => undefined);
  }
}

/** A session with the files of a tree, whatever machine runs from it. */
export async function withTree<T>(
  session: HostSession,
  path: string,
  work: (tree: TreeSession) => Promise<T>,
  hasOwnMounts = false,
): Promise<T> {
  const tree = session.openTree(path, { entry: "chroot", isHostRoot: false, hasOwnMounts });
  try {
    return await work(tree);
  } finally {
    await tree.close().catch(() => undefined);
  }
}

/** What lies at the paths. Rejects with a CrunError (exitStatus 2) where that cannot be told: what cannot be looked at is not absent. */
export async function statsOf(host: TreeSession, paths: readonly StatProbe[]): Promise<readonly StatObservation[]> {
  const answers = await host.observe(paths);
  return paths.map(({ path }, index) => {
    const answer = answers[index];
    if (answer?.kind !== "stat") throw new Error("a stat was asked for");
    if (!answer.failure) return answer;
    const summary = `${path} cannot be looked at: ${reasonOf(answer.failure)}`;
    throw new CrunError({ severity: "error", summary }, 2);
  });
}

/** Rejects with a CrunError (exitStatus 2) for the first that fails. */
export async function applyAll(host: TreeSession, changes: readonly Change[], what: string): Promise<void> {
  const outcomes = await host.apply(changes);
  for (const [index, change] of changes.entries()) {
    const outcome = outcomes[index];
    if (outcome && isDone(change, outcome)) continue;
    const refusal = change.kind === "exec" ? programRefusal(programName(change), outcome) : undefined;
    const why = refusal?.message ?? (outcome?.failure ? describeFailure(outcome.failure) : "it was stopped");
    throw new CrunError({ severity: "error", summary: `${what}: ${why}` }, 2);
  }
}
