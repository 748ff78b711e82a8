// Asks the person at the terminal.

import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import type { Masker } from "../engine/task/masker.js";
import type { Prompt } from "../target/session.js";

/** Questions on stderr, answers from the terminal; nobody to ask where stdin is none. One question at a time. `masker` takes secrets out of questions, and learns those that are answered. */
export function terminalPrompt(masker?: Pick<Masker, "text" | "add">): Prompt {
  let last: Promise<unknown> = Promise.resolve();
  return (question, options) => {
    const answer = last.then(async () => {
      if (!process.stdin.isTTY) return undefined;
      const given = await ask(masker?.text(question) ?? question, options.isSecret);
      if (options.isSecret) masker?.add(given);
      return given;
    });
    last = answer;
    return answer;
  };
}

function ask(question: string, isSecret: boolean): Promise<string | undefined> {
  return new Promise((resolve) => {
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
    reader.once("SIGINT", () => reader.close());
    reader.once("close", () => {
      if (isAnswered) return;
      process.stderr.write("\n");
      resolve(undefined);
    });
  });
}
