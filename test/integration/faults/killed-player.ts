// Plays in a bench that another process has made, until SIGKILL right before a frame: DIRECTORY PLAY up|down NUMBER
import { helperIn, noFault, playerIn } from "./every-call.js";
import { breaking } from "./frames.js";

const [directory = "", play = "", direction, number] = process.argv.slice(2);
const player = await playerIn(directory, play);
const helper = helperIn(directory, noFault);
const broken = { direction: direction === "up" ? "up" : "down", number: Number(number), how: "kill" } as const;
await player.play(async () => breaking(helper.stream, broken, { up: 0, down: 0 }));
