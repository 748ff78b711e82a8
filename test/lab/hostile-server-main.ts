// The process of the hostile servers: raw sockets, ssh2's server bent out of shape, and a relay that fails at a chosen moment.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import ssh2 from "ssh2";
import type { Connection, ServerChannel } from "ssh2";

/** One server: a way of its own, or a real one (at `port`) whose answers fail after so many pieces. */
export type HostileWish =
  | { readonly kind: "raw"; readonly way: keyof typeof raw }
  | { readonly kind: "ssh"; readonly way: keyof typeof ssh }
  | {
      readonly kind: "relay";
      readonly port: number;
      /** So many pieces of what the server sends are passed on, and half of the next. */
      readonly pieces: number;
      readonly failure: "stall" | "close" | "reset" | "garbage";
    };

/** Tells the parent where they listen. */
export interface HostileReport {
  readonly ports: readonly number[];
}

const ident = "SSH-2.0-hostile\r\n";

/** Writes as fast as the other side reads, and no faster: this process has to serve the others, too. */
function pour(socket: Socket, piece: () => Buffer | string): void {
  const more = (): void => {
    while (socket.writable) if (!socket.write(piece())) return;
  };
  socket.on("drain", () => setImmediate(more));
  more();
}

/** Ways of sockets that speak SSH not at all, or hardly. */
export const raw = {
  silence: () => undefined,
  halfIdent: (socket: Socket) => void socket.write("SSH-2.0-half"),
  identAlone: (socket: Socket) => void socket.write(ident),
  halfKexInit: (socket: Socket) => {
    const head = Buffer.alloc(200);
    head.writeUInt32BE(1000);
    head.set([6, 20], 4);
    socket.write(Buffer.concat([Buffer.from(ident), head]));
  },
  closeAtOnce: (socket: Socket) => void socket.end(),
  closeAfterIdent: (socket: Socket) => void socket.end(ident),
  resetAtOnce: (socket: Socket) => void socket.resetAndDestroy(),
  garbage: (socket: Socket) => void socket.write(randomBytes(4000)),
  garbageAfterIdent: (socket: Socket) => void socket.write(Buffer.concat([Buffer.from(ident), randomBytes(4000)])),
  hugePacket: (socket: Socket) =>
    void socket.write(Buffer.concat([Buffer.from(ident), Buffer.from([0x7f, 0xff, 0xff, 0xff]), randomBytes(4000)])),
  webServer: (socket: Socket) =>
    void socket.write("HTTP/1.1 400 Bad Request\r\nServer: x\r\nContent-Length: 0\r\n\r\n"),
  endlessLines: (socket: Socket) => pour(socket, () => `${"no ssh here ".repeat(5000)}\r\n`),
  endlessLine: (socket: Socket) => pour(socket, () => "x".repeat(64 * 1024)),
  trickle: (socket: Socket) => {
    const timer = setInterval(() => socket.write("x\r\n"), 50);
    socket.on("close", () => clearInterval(timer));
  },
} satisfies Readonly<Record<string, (socket: Socket) => void>>;

/** What ssh2's server does not offer: parts of its protocol that are not meant for its users. */
function protocolOf(client: Connection): Record<string, (...values: unknown[]) => unknown> {
  return Reflect.get(client, "_protocol");
}

function socketOf(client: Connection): Socket {
  return Reflect.get(client, "_sock");
}

/** Lets everybody in, and hands over the channel of the first command with its text. */
function withCommand(client: Connection, run: (channel: ServerChannel, command: string) => void): void {
  client.on("authentication", (context) => context.accept());
  client.on("session", (accept) => {
    const session = accept();
    session.on("exec", (acceptExec, _reject, { command }) => run(acceptExec(), command));
    session.on("error", () => undefined);
  });
}

const markerIn = (command: string): string => /crun-[0-9a-f]{24}/.exec(command)?.[0] ?? "no marker";

/** Again and again, as long as the channel takes it. */
function repeat(channel: ServerChannel, text: string, isOnErrors = false): void {
  const stream = isOnErrors ? channel.stderr : channel;
  const more = (): void => {
    for (let turn = 0; turn < 64; turn++) if (!stream.write(text)) break;
  };
  const timer = setInterval(more, 1);
  channel.on("close", () => clearInterval(timer));
  channel.resume();
}

/** Ways of servers that speak it well, up to a point. */
export const ssh = {
  bannerFlood: (client: Connection) => {
    client.on("authentication", () => {
      const banner = Buffer.alloc(30_000, "welcome ");
      const packets = protocolOf(client);
      const timer = setInterval(() => {
        for (let turn = 0; turn < 20 && socketOf(client).writableLength < 1e6; turn++) sendBanner(packets, banner);
      }, 1);
      client.on("close", () => clearInterval(timer));
    });
  },
  silentAtLogin: (client: Connection) => void client.on("authentication", () => undefined),
  oneMoreFactor: (client: Connection) =>
    void client.on("authentication", (context) => context.reject(["password", "publickey"], true)),
  endlessQuestions: (client: Connection) => {
    client.on("authentication", (context) => {
      if (context.method !== "keyboard-interactive") return context.reject(["keyboard-interactive"]);
      const ask = (): void => context.prompt([{ prompt: "once more: ", echo: false }], () => setImmediate(ask));
      return ask();
    });
  },
  noSession: (client: Connection) => {
    client.on("authentication", (context) => context.accept());
    client.on("session", () => undefined);
  },
  sessionRefused: (client: Connection) => {
    client.on("authentication", (context) => context.accept());
    client.on("session", (_accept, reject) => reject());
  },
  silentAtCommand: (client: Connection) => {
    client.on("authentication", (context) => context.accept());
    client.on("session", (accept) => void accept().on("exec", () => undefined));
  },
  packetsOfNothing: (client: Connection) => {
    const packets = protocolOf(client);
    const confirm = packets["channelOpenConfirm"];
    packets["channelOpenConfirm"] = (remote, local, window) => confirm?.call(packets, remote, local, window, 0);
    withCommand(client, (channel, command) => void channel.write(`${markerIn(command)} need x86_64\n`));
  },
  silentAtUpload: (client: Connection) =>
    withCommand(client, (channel, command) => void channel.write(`${markerIn(command)} need x86_64\n`)),
  asksForEver: (client: Connection) =>
    withCommand(client, (channel, command) => repeat(channel, `${markerIn(command)} need x86_64\n`)),
  skipsForEver: (client: Connection) =>
    withCommand(client, (channel, command) => repeat(channel, `${markerIn(command)} skip write /tmp\n`)),
  printsForEver: (client: Connection) => withCommand(client, (channel) => repeat(channel, "motd ".repeat(1000))),
  complainsForEver: (client: Connection) =>
    withCommand(client, (channel) => repeat(channel, "oops ".repeat(1000), true)),
  endsAtOnce: (client: Connection) =>
    withCommand(client, (channel) => {
      channel.exit(7);
      channel.end();
    }),
  keepaliveFlood: (client: Connection) => {
    withCommand(client, () => {
      const packets = protocolOf(client);
      const socket = socketOf(client);
      socket.pause();
      const timer = setInterval(() => {
        for (let turn = 0; turn < 5000 && socket.writableLength < 1e6; turn++) packets["ping"]?.call(packets);
      }, 1);
      socket.on("close", () => clearInterval(timer));
    });
  },
  beyondTheWindow: (client: Connection) => {
    withCommand(client, (channel) => {
      const packets = protocolOf(client);
      const socket = socketOf(client);
      const id: unknown = Reflect.get(Object(Reflect.get(channel, "outgoing")), "id");
      // a greeting's beginning, so that what follows is no noise
      const piece = Buffer.alloc(32_000);
      packets["channelData"]?.call(packets, id, Buffer.from("\0CRUN\x01\r\n\xff\xff\x0f\0", "latin1"));
      const timer = setInterval(() => {
        for (let turn = 0; turn < 200 && socket.writableLength < 8e6; turn++)
          packets["channelData"]?.call(packets, id, piece);
      }, 1);
      socket.on("close", () => clearInterval(timer));
    });
  },
  garbageGreeting: (client: Connection) =>
    withCommand(
      client,
      (channel) => void channel.write(Buffer.concat([Buffer.from("\0CRUN\x01\r\n", "latin1"), randomBytes(5000)])),
    ),
  closesInGreeting: (client: Connection) =>
    withCommand(client, (channel) => {
      channel.write(Buffer.from("\0CRUN\x01\r\n\x30\0\0\0\x80", "latin1"));
      channel.end();
    }),
  silentInGreeting: (client: Connection) =>
    withCommand(client, (channel) => void channel.write(Buffer.from("\0CRUN\x01\r\n\x30\0\0\0\x80", "latin1"))),
} satisfies Readonly<Record<string, (client: Connection) => void>>;

/** SSH_MSG_USERAUTH_BANNER, which ssh2's server sends once by itself. */
function sendBanner(packets: Record<string, unknown>, text: Buffer): void {
  const rw: { write: { allocStart: number; alloc: (size: number) => Buffer; finalize: (packet: Buffer) => Buffer } } =
    Object(packets["_packetRW"]);
  const cipher: { encrypt: (packet: Buffer) => void } = Object(packets["_cipher"]);
  const at = rw.write.allocStart;
  const packet = rw.write.alloc(1 + 4 + text.length + 4);
  packet[at] = 53;
  packet.writeUInt32BE(text.length, at + 1);
  packet.set(text, at + 5);
  packet.writeUInt32BE(0, at + 5 + text.length);
  cipher.encrypt(rw.write.finalize(packet));
}

function relay({ port, pieces, failure }: Extract<HostileWish, { kind: "relay" }>): Server {
  return createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host: "127.0.0.1", port, noDelay: true });
    let seen = 0;
    const end = (): void => void [client.destroy(), upstream.destroy()];
    client.on("data", (chunk) => upstream.write(chunk));
    client.on("error", end).on("close", end);
    upstream.on("error", end).on("close", () => (seen <= pieces ? end() : undefined));
    upstream.on("data", (chunk: Buffer) => {
      if (seen > pieces) return;
      if (seen++ < pieces) return void client.write(chunk);
      client.write(chunk.subarray(0, Math.floor(chunk.length / 2)));
      if (failure === "close") client.end();
      if (failure === "reset") client.resetAndDestroy();
      if (failure === "garbage") client.write(randomBytes(4000));
    });
  });
}

const hostKey = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs1", format: "pem" });

function serverFor(wish: HostileWish): { listen: Server["listen"]; address: Server["address"] } {
  if (wish.kind === "relay") return relay(wish);
  if (wish.kind === "raw") {
    return createServer((socket) => {
      socket.on("error", () => undefined).resume();
      raw[wish.way](socket);
    });
  }
  return new ssh2.Server({ hostKeys: [String(hostKey)] }, (client) => {
    client.on("error", () => undefined);
    ssh[wish.way](client);
  });
}

process.on("message", (wishes: readonly HostileWish[]) => {
  const listening = wishes.map(
    (wish) =>
      new Promise<number>((resolve) => {
        const server = serverFor(wish);
        server.listen(0, "127.0.0.1", () => {
          const address = server.address();
          resolve(address === null || typeof address === "string" ? 0 : address.port);
        });
      }),
  );
  void Promise.all(listening).then((ports) => process.send?.({ ports } satisfies HostileReport));
});
process.on("disconnect", () => process.exit(0));
