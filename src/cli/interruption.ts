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

const warning: Diagnostic = {
  severity: "warning",
  summary: "interrupted: what runs comes to its end, nothing more is begun",
  remedy: "Ctrl-C again stops what runs.",
};

/** How long hosts have to stop what runs. */
const PATIENCE_MS = 15_000;

/** Does the work, heeding SIGINT and SIGTERM, and closes the connections. */
export async function interruptible<T>(run: Interruptible, pool: ConnectionPool, work: () => Promise<T>): Promise<T> {
  let patience: NodeJS.Timeout | undefined;
  const interrupt = (): void => {
    if (!run.isInterrupted) run.tell({ event: "warning", diagnostic: warning });
    // The second one stops what runs; a host that does not stop loses its connection, and with it all that runs there.
    else if (patience === undefined) patience = setTimeout(() => void pool.close(), PATIENCE_MS);
    else void pool.close();
    run.interrupt();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  try {
    return await work();
  } finally {
    clearTimeout(patience);
    await pool.close();
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  }
}
