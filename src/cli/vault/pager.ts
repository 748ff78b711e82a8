// Shows text through a pager where it goes to a terminal, as it is elsewhere.

import { spawn } from "node:child_process";
import { splitWords } from "../../module/words.js";

/** Never through a file. A pager that cannot be run is done without. */
export async function page(text: Uint8Array): Promise<void> {
  const split = splitWords(process.env["PAGER"] || "less");
  const [program, ...args] = "words" in split ? split.words : [];
  if (!process.stdout.isTTY || program === undefined) {
    process.stdout.write(text);
    return;
  }
  await new Promise<void>((resolve) => {
    const environment = { LESS: "FRX", LESSSECURE: "1", LESSHISTFILE: "-", ...process.env };
    const pager = spawn(program, args, { stdio: ["pipe", "inherit", "inherit"], env: environment });
    pager.once("error", () => {
      process.stdout.write(text);
      resolve();
    });
    pager.once("exit", () => resolve());
    // Who has seen enough ends the pager before all is read.
    pager.stdin.on("error", () => undefined);
    pager.stdin.end(text);
  });
}
