// The machine that runs from a tree which is to be swapped: found, stopped, started again by the unit that it belongs to.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { describeFailure } from "../../module/failure-text.js";
import type { HostSession, TreeSession } from "../../target/session.js";
import { hostProgram, programRefusal } from "../../tree/program.js";

/** A machine that runs. */
export interface RunningMachine {
  readonly name: string;
  /** The service that started it; undefined: it was started by hand. */
  readonly unit: string | undefined;
}

/** How long a machine that was started has to come up, and how often that is looked at. */
const upMs = 90_000;
const betweenLooksMs = 500;

/** What runs from the tree at this path. Rejects with a CrunError (exitStatus 4) where that cannot be found out. */
export async function runningMachine(session: HostSession, path: string): Promise<RunningMachine | undefined> {
  const tree = session.openTree(path, { entry: "auto", isHostRoot: false });
  try {
    const [answer] = await tree.observe([{ kind: "machine" }]);
    if (answer?.kind !== "machine") throw new Error("a machine was asked for");
    if (answer.failure)
      throw new CrunError({
        severity: "error",
        summary: `whether a machine runs from ${path} is not known: ${describeFailure(answer.failure)}`,
      });
    if (!answer.machine) return undefined;
    const { name } = answer.machine;
    const [note] = await tree.observe([{ kind: "read", path: `/run/systemd/machines/${name}`, at: "host" }]);
    const text = note?.kind === "read" && note.content ? Buffer.from(note.content).toString("utf8") : "";
    return { name, unit: /^SCOPE=(.+\.service)$/m.exec(text)?.[1] };
  } finally {
    await tree.close().catch(() => undefined);
  }
}

/** Rejects with a CrunError (exitStatus 2) in systemctl's words. */
export async function stopUnit(host: TreeSession, unit: string): Promise<void> {
  await systemctl(host, "stop", unit);
}

/** Starts it and waits until a machine runs from the tree, and still does a moment later. Rejects with a CrunError (exitStatus 2). */
export async function startUnit(session: HostSession, host: TreeSession, unit: string, path: string): Promise<void> {
  await systemctl(host, "start", unit);
  const endsAt = performance.now() + upMs;
  for (let looks = 0; looks < 2;) {
    const machine = await runningMachine(session, path);
    looks = machine ? looks + 1 : 0;
    if (looks === 2) return;
    const state = machine ? "" : await unitState(host, unit);
    if (state === "failed" || state === "inactive") throw failed(`${unit} was started, and is ${state} now`);
    if (performance.now() >= endsAt) throw failed(`${unit} was started, but no machine runs from ${path}`);
    await new Promise((resolve) => setTimeout(resolve, betweenLooksMs));
  }
}

/** systemctl's word: active, activating, failed, inactive, … */
async function unitState(host: TreeSession, unit: string): Promise<string> {
  const argv = ["systemctl", "is-active", "--", unit];
  const [answer] = await host.observe([{ kind: "exec", exec: { argv, user: "root" } }]);
  return answer?.kind === "exec" ? Buffer.from(answer.stdout).toString("utf8").trim() : "";
}

async function systemctl(host: TreeSession, verb: "start" | "stop", unit: string): Promise<void> {
  const [outcome] = await host.apply([hostProgram({ argv: ["systemctl", verb, "--", unit] })]);
  const refusal = programRefusal(`systemctl ${verb} ${unit}`, outcome);
  if (refusal) throw failed(refusal.message);
}

function failed(summary: string): CrunError {
  return new CrunError({ severity: "error", summary }, 2);
}
