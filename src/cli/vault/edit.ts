// `crun vault edit` and `create`: the plain text lies in a private directory in memory as long as the editor runs, and never longer.

import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { splitWords } from "../../module/words.js";
import { refused } from "./files.js";
import { makePlainPlace } from "./plain-place.js";

/** What the editor left of the text. Throws a CrunError where it failed; then nothing is kept. */
export async function edited(name: string, plain: Uint8Array): Promise<Buffer> {
  const { directory, remove } = makePlainPlace();
  try {
    const file = join(directory, basename(name).replace(/^\.+/, "") || "text");
    writeFileSync(file, plain, { mode: 0o600, flag: "wx" });
    await runEditor(file);
    if (!existsSync(file)) throw refused(`the editor removed the text of ${name}`, "The file stays as it was.");
    return readFileSync(file);
  } finally {
    remove();
  }
}

/** Ctrl-C is the editor's; what ends crun ends the editor, too. */
async function runEditor(file: string): Promise<void> {
  const line = process.env["VISUAL"] || process.env["EDITOR"] || "vi";
  const split = splitWords(line);
  const [program, ...args] = "words" in split ? split.words : [];
  if (program === undefined) throw refused(`$EDITOR makes no sense: ${JSON.stringify(line)}`);
  const child = spawn(program, [...args, file], { stdio: "inherit" });
  const ignore = (): void => undefined;
  const signals = ["SIGTERM", "SIGHUP", "SIGQUIT"] as const;
  let received: NodeJS.Signals | undefined;
  const end = (signal: NodeJS.Signals): void => {
    received = signal;
    child.kill(signal);
    // An editor that asks first gets no answer.
    setTimeout(() => child.kill("SIGKILL"), 2000).unref();
  };
  process.on("SIGINT", ignore);
  for (const signal of signals) process.on(signal, end);
  try {
    const failure = await new Promise<string | undefined>((resolve) => {
      child.once("error", (error) => resolve(`cannot be run: ${error.message}`));
      child.once("exit", (status, signal) =>
        resolve(status === 0 ? undefined : `ended with ${signal ?? `exit status ${status}`}`),
      );
    });
    if (received) throw refused(`interrupted by ${received}`, "The file stays as it was.");
    if (failure !== undefined)
      throw refused(
        `the editor ${program} ${failure}`,
        "The file stays as it was. $VISUAL or $EDITOR chooses another.",
      );
  } finally {
    process.off("SIGINT", ignore);
    for (const signal of signals) process.off(signal, end);
  }
}
