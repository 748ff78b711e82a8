// SSH servers that misbehave, each in its own way, in one process of their own: their memory and their loops are not the test's.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { HostileReport, HostileWish } from "./hostile-server-main.js";
import type { Scope } from "./scope.js";

export type { HostileWish } from "./hostile-server-main.js";

/** Starts a server for each wish; gives their ports on 127.0.0.1 in the order of the wishes. All end with the scope. */
export async function hostileServers(scope: Scope, wishes: readonly HostileWish[]): Promise<readonly number[]> {
  const main = fileURLToPath(new URL("hostile-server-main.js", import.meta.url));
  const child = fork(main, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  scope.defer(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return await new Promise((resolve, reject) => {
    child.once("exit", (status) => reject(new Error(`the hostile servers ended with status ${status}`)));
    child.once("message", ({ ports }: HostileReport) => resolve(ports));
    child.send(wishes);
  });
}
