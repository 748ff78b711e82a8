// The relay's own process: forwards TCP with a delay each way, counts, and obeys its parent's messages.
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";

/** What the parent may ask for. */
export type RelayCommand = { readonly kind: "stall" | "resume" | "cut" | "reset" | "count" };

/** Totals since the start or the last "reset". */
export interface RelayCounts {
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly connections: number;
  /** How often the client spoke after it had heard the server: at most this many times it had to wait for an answer. */
  readonly turns: number;
}

/** What the relay tells its parent. */
export type RelayReport =
  | { readonly kind: "listening"; readonly port: number }
  | ({ readonly kind: "counts" } & RelayCounts);

const [targetHost = "127.0.0.1", targetPort = "0", delay = "0"] = process.argv.slice(2);
const delayMs = Number(delay);
const sockets = new Set<Socket>();
let isStalled = false;
let counts = { bytesUp: 0, bytesDown: 0, connections: 0, turns: 0 };

function report(message: RelayReport): void {
  process.send?.(message);
}

/** Delivers chunks in order, each no earlier than its time; holds them while the relay is stalled. */
class Line {
  readonly #queue: { readonly at: number; readonly deliver: () => void }[] = [];
  #timer: NodeJS.Timeout | undefined;

  push(at: number, deliver: () => void): void {
    this.#queue.push({ at, deliver });
    this.pump();
  }

  pump(): void {
    clearTimeout(this.#timer);
    while (!isStalled) {
      const first = this.#queue[0];
      if (first === undefined) {
        return;
      }
      const waitMs = first.at - performance.now();
      if (waitMs > 0.2) {
        this.#timer = setTimeout(() => this.pump(), waitMs);
        return;
      }
      this.#queue.shift();
      first.deliver();
    }
  }
}

const lines = new Set<Line>();

const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
  counts.connections++;
  // Loopback accepts at once; a far host's first byte comes 4 delays after SYN, the client's first gets there after 3.
  const openAt = performance.now() + 3 * delayMs;
  const up = new Line();
  const down = new Line();
  let hasHeard = true;
  const upstream = { socket: undefined as Socket | undefined };
  const end = (): void => {
    for (const socket of [client, upstream.socket]) {
      socket?.destroy();
      if (socket !== undefined) {
        sockets.delete(socket);
      }
    }
    lines.delete(up);
    lines.delete(down);
  };
  lines.add(up);
  lines.add(down);
  sockets.add(client);
  up.push(openAt, () => {
    const socket = connect({
      host: targetHost,
      port: Number(targetPort),
      noDelay: true,
      allowHalfOpen: true,
    });
    upstream.socket = socket;
    sockets.add(socket);
    socket.on("data", (chunk: Buffer) => {
      counts.bytesDown += chunk.length;
      down.push(performance.now() + delayMs, () => {
        hasHeard = true;
        client.write(chunk);
      });
    });
    socket.on("end", () => down.push(performance.now() + delayMs, () => client.end()));
    socket.on("error", end);
    socket.on("close", () => down.push(performance.now() + delayMs, end));
  });
  client.on("data", (chunk: Buffer) => {
    counts.bytesUp += chunk.length;
    if (hasHeard) {
      hasHeard = false;
      counts.turns++;
    }
    up.push(Math.max(performance.now() + delayMs, openAt), () => upstream.socket?.write(chunk));
  });
  client.on("end", () => up.push(performance.now() + delayMs, () => upstream.socket?.end()));
  client.on("error", end);
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") {
    report({ kind: "listening", port: address.port });
  }
});

process.on("message", (command: RelayCommand) => {
  switch (command.kind) {
    case "stall":
      isStalled = true;
      break;
    case "resume":
      isStalled = false;
      lines.forEach((line) => line.pump());
      break;
    case "cut":
      sockets.forEach((socket) => socket.resetAndDestroy());
      break;
    case "reset":
      counts = { bytesUp: 0, bytesDown: 0, connections: 0, turns: 0 };
      break;
    case "count":
      break;
  }
  report({ kind: "counts", ...counts });
});
process.on("disconnect", () => process.exit(0));
