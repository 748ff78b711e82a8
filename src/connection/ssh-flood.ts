// What keeps memory bounded where an SSH server breaks the protocol's own bounds: ssh2 leaves that to its user.

import { Writable } from "node:stream";
import type { Duplex } from "node:stream";
import type { Client, ClientChannel } from "./ssh2.js";

/** So much may wait for the network before more is written. */
const PACE = 1024 * 1024;
/** Beyond this nobody reads: only answers to a server's own questions can have piled up. */
const MOST_UNSENT = 16 * 1024 * 1024;
/** Four times the window that ssh2 grants. */
const MOST_UNREAD = 8 * 1024 * 1024;
/** Each packet costs its framing, and one of none is never through: RFC 4253 has everybody take 32768. */
const SMALLEST_PACKET = 1024;

/** Ends a connection whose server asks (keepalives, channels, …) and does not read the answers. */
export function watchAnswers(client: Client, socket: Duplex): void {
  socket.on("data", () => {
    if (socket.writableLength > MOST_UNSENT)
      giveUp(client, socket, "the server does not read the answers that it asks for");
  });
}

/** Ends a connection whose server sends more than there is room for in the channel. */
export function watchWindow(client: Client, socket: Duplex, channel: ClientChannel): void {
  socket.on("data", () => {
    if (channel.readableLength + channel.stderr.readableLength > MOST_UNREAD)
      giveUp(client, socket, "the server sends more than it was given leave to");
  });
}

/** Ends a connection for a reason of ours, which whoever waits for it is told. */
export function giveUp(client: Client, socket: Duplex, why: string): void {
  if (socket.destroyed) return;
  client.emit("error", new Error(why));
  client.destroy();
  socket.destroy();
}

/** False: writing to the channel would take for ever. */
export function takesPackets(channel: ClientChannel): boolean {
  const outgoing: unknown = Reflect.get(channel, "outgoing");
  if (typeof outgoing !== "object" || outgoing === null) return false;
  const size: unknown = Reflect.get(outgoing, "packetSize");
  return typeof size === "number" && size >= SMALLEST_PACKET;
}

/** The channel's input, written no faster than the network takes it, however large a window the server grants. */
export function pacedInput(channel: ClientChannel, socket: Duplex): Writable {
  const input = new Writable({
    highWaterMark: 2 * PACE,
    write: (chunk: Buffer, _encoding, done) => {
      channel.write(chunk, (error) => {
        if (error || socket.destroyed || socket.writableLength <= PACE) return done(error);
        const go = (): void => {
          socket.off("drain", go).off("close", go);
          done();
        };
        return void socket.on("drain", go).on("close", go);
      });
    },
  });
  channel.on("error", (error: Error) => input.destroy(error));
  channel.on("close", () => input.destroy());
  return input;
}
