// A TCP connection, or a ProxyCommand's pipes, with errors in words.

import { spawn } from "node:child_process";
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { lookUpWith } from "./look-up.js";

/** Why a connection could not be made. */
export class TransportError extends Error {
  readonly remedy: string;
  readonly isTransient: boolean;

  constructor(message: string, remedy: string, isTransient: boolean) {
    super(message);
    this.name = "TransportError";
    this.remedy = remedy;
    this.isTransient = isTransient;
  }
}

/** Without Nagle's delay: a request is one packet, and the answer is waited for. Rejects with a TransportError. */
export async function openTcp(host: string, port: number, signal: AbortSignal): Promise<Duplex> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, keepAlive: true, lookup: lookUpWith(signal) });
    const onAbort = (): void => {
      socket.destroy();
      reject(new TransportError("no answer in time", "Check the address, the network and firewalls in between.", true));
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("connect", () => {
      signal.removeEventListener("abort", onAbort);
      resolve(socket); // its error handler stays, without effect: who uses it adds another
    });
    socket.once("error", (error) => {
      signal.removeEventListener("abort", onAbort);
      reject(explain(error, host, port));
    });
  });
}

/** The standard streams of a command, as ssh's ProxyCommand. */
export function openCommand(command: string): Duplex {
  const child = spawn("/bin/sh", ["-c", `exec ${command}`], { stdio: ["pipe", "pipe", "inherit"] });
  const duplex = Duplex.from({ readable: child.stdout, writable: child.stdin });
  child.on("error", (error) => duplex.destroy(error));
  duplex.on("close", () => child.kill());
  return duplex;
}

function explain(error: Error, host: string, port: number): TransportError {
  const inner = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  const code = "code" in inner ? String(inner.code) : "";
  switch (code) {
    case "ECONNREFUSED":
      return new TransportError(
        "connection refused",
        `Nothing listens on port ${port} there: start sshd, or correct crun_port.`,
        true,
      );
    case "ENOTFOUND":
      return new TransportError(
        `the name ${JSON.stringify(host)} is not known`,
        "Correct the name, or give an address with crun_host.",
        false,
      );
    case "EAI_AGAIN":
      return new TransportError(
        `the name ${JSON.stringify(host)} cannot be looked up now`,
        "Check this machine's name service, or give an address with crun_host.",
        true,
      );
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return new TransportError("no route to the host", "Check the address, the network and firewalls.", true);
    case "ETIMEDOUT":
      return new TransportError("no answer", "Check the address, the network and firewalls in between.", true);
    case "ECONNRESET":
      return new TransportError(
        "the connection was reset",
        "Check what listens there, and firewalls in between.",
        true,
      );
    default:
      return new TransportError(inner.message, "Check the address and the network.", false);
  }
}
