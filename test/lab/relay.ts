// A TCP relay on loopback that delays each way, counts bytes and turns, and can stall or cut: a far or failing network.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { RelayCommand, RelayCounts, RelayReport } from "./relay-main.js";
import type { Scope } from "./scope.js";

export type { RelayCounts } from "./relay-main.js";

/** A relay that listens. It runs in a process of its own, so a test may block on a child while it works. */
export interface Relay {
  readonly host: "127.0.0.1";
  readonly port: number;
  counts(): Promise<RelayCounts>;
  /** Sets all counts to zero. */
  reset(): Promise<void>;
  /** Holds everything back, in silence, until resume(). */
  stall(): Promise<void>;
  resume(): Promise<void>;
  /** Resets all connections (RST); new ones are taken. */
  cut(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a relay to `target`; a byte needs `delayMs` each way, and a connection's first bytes the handshake's time too. */
export async function delayingRelay(
  scope: Scope,
  target: { readonly host: string; readonly port: number },
  delayMs: number,
): Promise<Relay> {
  const main = fileURLToPath(new URL("relay-main.js", import.meta.url));
  const child = fork(main, [target.host, String(target.port), String(delayMs)]);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    if (child.connected) {
      child.disconnect();
    }
    await ended;
  };
  scope.defer(stop);
  const port = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (status) => reject(new Error(`the relay ended with status ${status}`)));
    child.once("message", (message: RelayReport) => {
      if (message.kind === "listening") {
        resolve(message.port);
      }
    });
  });
  let turn: Promise<unknown> = Promise.resolve();
  const ask = async (kind: RelayCommand["kind"]): Promise<RelayCounts> => {
    const answer = turn.then(
      async () =>
        await new Promise<RelayCounts>((resolve) => {
          child.once("message", (message: RelayReport) => {
            if (message.kind === "counts") {
              const { bytesUp, bytesDown, connections, turns } = message;
              resolve({ bytesUp, bytesDown, connections, turns });
            }
          });
          child.send({ kind } satisfies RelayCommand);
        }),
    );
    turn = answer;
    return await answer;
  };
  const command = (kind: RelayCommand["kind"]) => async (): Promise<void> => {
    await ask(kind);
  };
  return {
    host: "127.0.0.1",
    port,
    counts: async () => await ask("count"),
    reset: command("reset"),
    stall: command("stall"),
    resume: command("resume"),
    cut: command("cut"),
    stop,
  };
}
