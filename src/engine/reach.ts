// How hosts are reached in a play: its keywords rendered, and connections given up between tasks.

import type { Scope } from "../module/value.js";
import type { ReachKeywords } from "../playbook/play.js";
import type { PlayReach } from "../target/address.js";
import type { HostSession } from "../target/session.js";
import type { Run } from "./run.js";
import { withHost } from "./trees/moment.js";
import type { TargetPlay } from "./target-play.js";
import type { TargetState } from "./target-state.js";

/** Rendered when the host is first reached, then kept. Calling it throws a CrunError for a template that cannot be rendered. */
export function reachFrom(keywords: ReachKeywords, scope: Scope): () => PlayReach {
  let reach: PlayReach | undefined;
  return () => (reach ??= rendered(keywords, scope));
}

function rendered(keywords: ReachKeywords, scope: Scope): PlayReach {
  const texts = Object.entries(keywords).flatMap(([name, value]) => {
    const given: unknown = value?.render(scope);
    return given === undefined || given === null || given === "" ? [] : [[name, String(given)] as const];
  });
  return Object.fromEntries(texts);
}

/** A session with the target's host that answers: another one where the one at hand was lost. Rejects with a CrunError (exitStatus 4). */
export async function liveSession(run: Run, state: TargetState): Promise<HostSession> {
  const session = await state.connect();
  const isAlive = await withHost(session, (host) => host.observe([{ kind: "stat", path: "/" }])).then(
    () => true,
    () => false,
  );
  if (isAlive) return session;
  await run.options.leaveHost?.(state.target.host, session, state.reach);
  state.drop();
  return state.connect();
}

/**
 * meta: reset_connection. The target's next task has a new login, with the groups and limits that it has by then. Other targets of the host go on with the old
 * one until they get here, too.
 */
export async function resetConnection({ play, state }: TargetPlay): Promise<void> {
  const { session, tree, reach } = state;
  if (!session) return;
  const { run } = play;
  state.drop();
  await run.options.leaveHost?.(state.target.host, session, reach);
  // Another target may just be getting it: it ends with the run then.
  if (run.isShared(state.target.host)) await tree?.close();
  else await session.close();
}
