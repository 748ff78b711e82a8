// A scope of systemd's that is crun's to divide: it lasts as long as a process in it, which ends with the connection.

import type { LimitProblem } from "../facts/process-limits.js";
import { describeFailure } from "../module/failure-text.js";
import { escapeControls } from "../wire/noise.js";
import type { TreeSession } from "./session.js";

export interface Keeper {
  /** On the host. */
  readonly pid: number;
}

/** So much of what systemd-run says is quoted. */
const QUOTED = 500;

/** Starts it in a tree of its own; systemd takes the scope away when the last process in it is gone. */
export async function startKeeper(tree: TreeSession, name: string): Promise<Keeper | LimitProblem> {
  const argv = [
    "systemd-run",
    "--quiet",
    "--scope",
    "--collect",
    `--unit=${name}.scope`,
    "--description=Processes that crun limits",
    "--property=Delegate=yes",
    "--",
    "cat",
  ];
  const keeper = await tree.exec({ argv });
  let said = "";
  const ready = new Promise<true>((resolve) => {
    keeper.onOutput((stream, data) => {
      if (stream === "stdout") resolve(true);
      else said = (said + Buffer.from(data).toString("utf8")).slice(-QUOTED);
    });
  });
  // It comes back once systemd-run has become the program in the scope.
  void keeper.write(Buffer.from("\n"));
  const exit = await Promise.race([ready, keeper.exited]);
  if (exit === true) return { pid: keeper.pid };
  await tree.close();
  if (exit.kind === "not-started")
    return {
      problem: `systemd is not asked for a scope: ${exit.failure ? describeFailure(exit.failure) : "systemd-run does not start"}`,
    };
  return {
    problem: `systemd gives no scope: ${escapeControls(said.trim()) || `systemd-run ended with ${exit.value}`}`,
  };
}
