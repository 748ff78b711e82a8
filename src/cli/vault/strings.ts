// `crun vault encrypt-string`: values as YAML to paste.

import { isIdentifier } from "../../playbook/load/vars.js";
import type { Prompt } from "../../target/session.js";
import { readStdin, refused, writeOutput } from "./files.js";
import type { Sealer } from "./sealer.js";

export interface StringOptions {
  readonly texts: readonly string[];
  readonly names: readonly string[];
  /** Of the text that stdin holds, behind the others. */
  readonly stdinName: string | undefined;
  readonly asks: boolean;
  readonly output: string | undefined;
}

/** Prints them, one below the other. */
export async function encryptStrings(options: StringOptions, sealer: () => Sealer, prompt: Prompt): Promise<void> {
  const named = options.stdinName === undefined ? options.names : [...options.names, options.stdinName];
  const bad = named.find((name) => !isIdentifier(name));
  if (bad !== undefined)
    throw refused(`--name ${bad}: it cannot be the name of a variable`, "Names have letters, digits and underscores.");
  const texts = await textsOf(options, prompt);
  if (named.length > texts.length)
    throw refused(`${named.length} names were given for ${texts.length === 1 ? "one text" : `${texts.length} texts`}`);
  for (const text of texts) warnOf(text);
  const made = sealer();
  const last = texts.length - 1;
  const nameOf = (index: number): string | undefined =>
    index === last && options.stdinName !== undefined ? options.stdinName : options.names[index];
  const blocks = texts.map((text, index) => block(nameOf(index), made.seal(Buffer.from(text))));
  writeOutput(options.output ?? "-", blocks.join(""));
}

async function textsOf({ texts, names, asks, stdinName }: StringOptions, prompt: Prompt): Promise<readonly string[]> {
  if (asks || (texts.length === 0 && process.stdin.isTTY)) {
    const answer = await prompt(`Text to encrypt${names[0] === undefined ? "" : ` for ${names[0]}`}: `, {
      isSecret: true,
      atInterrupt: "reject",
    });
    if (answer === undefined || answer === "") throw refused("there is no text to encrypt");
    return [...texts, answer];
  }
  if (stdinName !== undefined) return [...texts, readStdin("the text to encrypt").toString("utf8")];
  return texts.length > 0 && texts[0] !== "-" ? texts : [readStdin("the text to encrypt").toString("utf8")];
}

function warnOf(text: string): void {
  const warn = (summary: string): void => void process.stderr.write(`warning: ${summary}\n`);
  if (text.trim().length < 3)
    warn("a text of less than three characters cannot be hidden where it is a part of output");
  else if (text.endsWith("\n") && !/\n[^]/.test(text))
    warn("the text ends with a newline, which is encrypted with it (printf '%s' prints none)");
}

function block(name: string | undefined, ciphertext: string): string {
  const lines = ciphertext.trimEnd().split("\n");
  const head = name === undefined ? "!vault |" : `${name}: !vault |`;
  return `${[head, ...lines.map((line) => `  ${line}`)].join("\n")}\n`;
}
