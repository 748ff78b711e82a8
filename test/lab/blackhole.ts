// A port on loopback from which nothing ever comes back: SYNs vanish, as behind a firewall that drops them.
import { fork } from "node:child_process";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import type { Scope } from "./scope.js";

/** The kernel drops SYNs where a listener's queue is full: one of a process that is stopped stays full. */
export async function blackhole(scope: Scope): Promise<number> {
  const child = fork(fileURLToPath(new URL("blackhole-main.js", import.meta.url)));
  const fillers: Socket[] = [];
  scope.defer(() => {
    for (const socket of fillers) socket.destroy();
    child.kill("SIGKILL");
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.once("message", (message) => resolve(Number(message)));
    child.once("exit", (status) => reject(new Error(`the black hole ended with status ${status}`)));
  });
  child.kill("SIGSTOP");
  for (;;) {
    const socket = connect({ host: "127.0.0.1", port });
    fillers.push(socket);
    const isIn = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
      setTimeout(() => resolve(false), 300);
    });
    if (!isIn) return port;
    if (fillers.length > 64) throw new Error("the queue of a stopped listener does not fill");
  }
}
