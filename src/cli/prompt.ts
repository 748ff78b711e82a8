// Asks the person at the terminal.

import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { CrunError } from "../diagnostic/diagnostic.js";
import type { Masker } from "../engine/task/masker.js";
import type { Prompt, PromptOptions } from "../target/session.js";

/** Questions on stderr, answers from the terminal; nobody to ask where stdin is none. One question at a time. `masker` takes secrets out of questions, and learns those that are answered. */
export function terminalPrompt(masker?: Pick<Masker, "text" | "add">): Prompt {
  let last: Promise<unknown> = Promise.resolve();
  return (question, options) => {
    const answer = last.then(async () => {
      if (!process.stdin.isTTY) return undefined;
      const given = await ask(masker?.text(question) ?? question, options);
      if (options.isSecret) masker?.add(given);
      return given;
    });
    last = answer;
    return answer;
  };
}

function interrupted(): CrunError {
  const summary = "interrupted: the question was not answered, and nothing was changed";
  return new CrunError({ severity: "error", summary }, 130);
}

function ask(question: string, { isSecret, atInterrupt }: PromptOptions): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    // What readline would echo of a secret goes nowhere.
    const output = isSecret ? new Writable({ write: (_chunk, _encoding, done) => done() }) : process.stderr;
    const reader = createInterface({ input: process.stdin, output, terminal: true });
    // Only now does the terminal show nothing of what is typed.
    process.stderr.write(question);
    let isAnswered = false;
    reader.once("line", (line) => {
      isAnswered = true;
      if (isSecret) process.stderr.write("\n");
      reader.close();
      resolve(line);
    });
    reader.once("SIGINT", () => {
      if (atInterrupt === "reject") reject(interrupted());
      // The terminal is as it was before the signal comes.
      reader.close();
      // Who takes it does so before anybody goes on without the answer.
      if (atInterrupt === "signal" && !process.emit("SIGINT", "SIGINT")) process.kill(process.pid, "SIGINT");
    });
    reader.once("close", () => {
      if (isAnswered) return;
      process.stderr.write("\n");
      resolve(undefined);
    });
  });
}
