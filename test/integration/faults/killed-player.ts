// Plays in a bench that another process has made, until SIGKILL right before a frame: DIRECTORY PLAY up|down NUMBER [ADDRESS [JOURNAL]]
import { startSsh } from "../../../src/connection/ssh.js";
import type { HelperStream } from "../../../src/connection/helper-stream.js";
import type { HostAddress } from "../../../src/target/session.js";
import { nobody } from "../../connection/hosts.js";
import { helperIn, noFault, playerIn } from "./every-call.js";
import { breaking } from "./frames.js";
import { playWritten } from "./written.js";

const [directory = "", play = "", direction, number, address = "", journal = ""] = process.argv.slice(2);
const player = await playerIn(directory, play);

/** Over SSH where an address is given, as JSON. */
async function open(): Promise<HelperStream> {
  if (address === "") return helperIn(directory, noFault).stream;
  const parsed: HostAddress = JSON.parse(address);
  return await startSsh(parsed, nobody);
}

const broken = { direction: direction === "up" ? "up" : "down", number: Number(number), how: "kill" } as const;
const connect = async (): Promise<HelperStream> => breaking(await open(), broken, { up: 0, down: 0 });
await (journal === "" ? player.play(connect) : playWritten(player, journal, connect));
