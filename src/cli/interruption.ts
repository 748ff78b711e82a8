// Ctrl-C during a run: the first time nothing more is begun, the second time what runs is stopped, then the connections are given up.

import type { Diagnostic } from "../diagnostic/diagnostic.js";
import type { EngineEvent } from "../engine/events.js";
import type { ConnectionPool } from "../target/connect.js";

/** What can be interrupted. */
export interface Interruptible {
  readonly isInterrupted: boolean;
  interrupt(): void;
  tell(event: EngineEvent): void;
}

/** `how`: what goes on with it later, if anything does. */
function warningOf(signal: NodeJS.Signals, how: string | undefined): Diagnostic {
  const why = signal === "SIGINT" ? "interrupted" : signal === "SIGHUP" ? "the terminal was closed" : "asked to end";
  const later = how === undefined ? "" : ` ${how} goes on later.`;
  return {
    severity: "warning",
    summary: `${why}: what runs comes to its end, nothing more is begun`,
    remedy: `Ctrl-C again stops what runs at once.${later}`,
  };
}

/** How long hosts have to stop what runs. */
const PATIENCE_MS = 15_000;

/** Does the work, heeding SIGINT, SIGTERM and SIGHUP, and closes the connections. */
export async function interruptible<T>(
  run: Interruptible,
  pool: ConnectionPool,
  work: () => Promise<T>,
  how?: string,
): Promise<T> {
  let patience: NodeJS.Timeout | undefined;
  const interrupt = (signal: NodeJS.Signals): void => {
    // A terminal that goes away says so more than once, by the kernel and by its shell: nobody has asked twice.
    if (run.isInterrupted && signal === "SIGHUP") return;
    if (!run.isInterrupted) run.tell({ event: "warning", diagnostic: warningOf(signal, how) });
    // The second one stops what runs; a host that does not stop loses its connection, and with it all that runs there.
    else if (patience === undefined) patience = setTimeout(() => void pool.close(), PATIENCE_MS);
    else void pool.close();
    run.interrupt();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, interrupt);
  try {
    return await work();
  } finally {
    clearTimeout(patience);
    await pool.close();
    for (const signal of signals) process.off(signal, interrupt);
  }
}
