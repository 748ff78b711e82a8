// Takes the lock of a whole tree on its host, and tells who is waited for.

import { CrunError } from "../../diagnostic/diagnostic.js";
import type { Failure } from "../../module/probe.js";
import { describeFailure } from "../../module/failure-text.js";
import { joinPath, parentOf } from "../../module/tree-path.js";
import type { TreeSession } from "../../target/session.js";

/** Where the locks of trees lie on a host: outside of all trees, root's alone, gone with a restart. */
const LOCKS = "/run/crun/locks";

/** Without root they lie beside the tree, by the name that it was reached by. */
export function locksFor(path: string, isRootless: boolean): string {
  return isRootless ? joinPath(joinPath(parentOf(path), ".crun"), "locks") : LOCKS;
}

/** Who holds a tree, as it is written down beside the lock. */
export interface Holder {
  /** `alice@desk`, of the controller. */
  readonly by: string;
  readonly pid: number;
  readonly run: string;
  readonly command: string;
}

export interface HoldPlan {
  /** How messages call the tree. */
  readonly name: string;
  readonly locks: string;
  readonly holder: Holder;
  /** How long it is waited for whoever holds it. 0: not at all. */
  readonly timeoutMs: number;
  readonly notice: (message: string) => void;
  readonly isInterrupted: () => boolean;
}

export type HoldOutcome =
  | { readonly kind: "held"; readonly hasWaited: boolean }
  /** Another tree lies at the path: it is to be opened anew. */
  | { readonly kind: "moved" }
  /** No lock can be taken on this host. */
  | { readonly kind: "impossible"; readonly why: string };

/** How long one request waits, ms: as long it keeps others from the connection's slot. */
const tryMs = 1000;
const mostText = 900;

/** Rejects with a CrunError: exitStatus 4 where the connection is lost, 2 where somebody else holds it for too long. */
export async function holdTree(session: TreeSession, plan: HoldPlan): Promise<HoldOutcome> {
  const endsAt = performance.now() + plan.timeoutMs;
  for (let isFirst = true; ; isFirst = false) {
    const left = endsAt - performance.now();
    const timeoutMs = isFirst ? 0 : Math.max(0, Math.min(tryMs, Math.round(left)));
    const { failure } = await session.hold({ locks: plan.locks, timeoutMs, holder: textOf(plan.holder) });
    if (!failure) {
      if (!isFirst) plan.notice(`${plan.name}: the tree is free, going on`);
      return { kind: "held", hasWaited: !isFirst };
    }
    if (failure.code === "conflict") return { kind: "moved" };
    if (failure.code !== "deadline") return { kind: "impossible", why: describeFailure(failure) };
    const other = holderOf(failure);
    // Two names of one tree in one run.
    if (other.run === plan.holder.run) return { kind: "held", hasWaited: false };
    if (plan.isInterrupted()) throw refused(plan, other, "the run was interrupted while it waited for it");
    if (left <= 0) throw refused(plan, other, waited(plan.timeoutMs));
    if (isFirst) plan.notice(`${plan.name}: ${shown(other)}; waiting for it, up to ${span(plan.timeoutMs / 1000)}`);
  }
}

function waited(ms: number): string {
  return ms === 0 ? "and --lock-timeout 0 waits for nobody" : `and still did after ${span(ms / 1000)}`;
}

function refused(plan: HoldPlan, other: Partial<Holder> & { readonly seconds: number }, why: string): CrunError {
  return new CrunError(
    {
      severity: "error",
      summary: `${plan.name}: ${shown(other)}, ${why}`,
      remedy: "Try again when it is through (--lock-timeout says how long it is waited for).",
    },
    2,
  );
}

/** What a failure says of the other one. It is text of a host, which may say anything. */
function holderOf({ path, message }: Failure): Partial<Holder> & { readonly seconds: number } {
  const seconds = Number(message);
  const known: { by?: string; pid?: number; run?: string; command?: string; seconds: number } = {
    seconds: Number.isFinite(seconds) ? seconds : 0,
  };
  try {
    const value: unknown = JSON.parse(path);
    if (typeof value !== "object" || value === null) return known;
    for (const name of ["by", "run", "command"] as const) {
      const one: unknown = Reflect.get(value, name);
      if (typeof one === "string") known[name] = one;
    }
    const pid: unknown = Reflect.get(value, "pid");
    if (typeof pid === "number") known.pid = pid;
  } catch {
    // It was cut, or another program's: nobody that could be named.
  }
  return known;
}

function shown({ by, pid, run, command, seconds }: Partial<Holder> & { readonly seconds: number }): string {
  const who = by === undefined ? "another run" : pid === undefined ? by : `${by} (process ${pid})`;
  const what = [command, run === undefined ? undefined : `run ${run}`].filter((one) => one !== undefined).join(", ");
  return `${who} works on the tree${what === "" ? "" : ` (${what})`} since ${span(seconds)}`;
}

function span(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function textOf(holder: Holder): string {
  const text = JSON.stringify(holder);
  return Buffer.byteLength(text) <= mostText
    ? text
    : JSON.stringify({ ...holder, command: holder.command.slice(0, 80) });
}
