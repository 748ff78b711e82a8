// What the commands of `crun vault` do.

import { basename } from "node:path";
import { CrunError, type Place } from "../../diagnostic/diagnostic.js";
import { isEncrypted } from "../../vault/format.js";
import type { Opened, Subject, Vault } from "../../vault/vault.js";
import { edited } from "./edit.js";
import { readStdin, readWhole, refused, replaceFile, writeNew, writeOutput, type ReadFile } from "./files.js";
import { inlineValues, withValues } from "./inline.js";
import { page } from "./pager.js";
import { sealerFor, sealerLike, type Sealer, type SealOptions } from "./sealer.js";

/** Plain or encrypted content and where it goes back to; without a file it is stdin's. */
interface Input {
  readonly name: string;
  readonly bytes: Buffer;
  readonly file: ReadFile | undefined;
}

export interface InOut {
  readonly files: readonly string[];
  readonly output: string | undefined;
}

/** All of them are read before the first is written. */
function inputsOf({ files, output }: InOut, what: string): Input[] {
  if (output !== undefined && files.length > 1)
    throw refused(`--output takes what one file becomes, and ${files.length} were given`, "Give one file.");
  const names = files.length === 0 ? ["-"] : files;
  return names.map((name) => {
    if (name === "-") return { name: "stdin", bytes: readStdin(what), file: undefined };
    const file = readWhole(name);
    return { name, bytes: file.bytes, file };
  });
}

function write(input: Input, output: string | undefined, content: string | Uint8Array): void {
  if (output !== undefined) writeOutput(output, content);
  else if (input.file) replaceFile(input.file, content);
  else process.stdout.write(content);
}

function subjectOf(name: string, more: { readonly place?: Place } = {}): Subject {
  return { what: "the file", place: more.place ?? { file: name } };
}

function open(name: string, bytes: Uint8Array, vault: Vault): Opened {
  if (!isEncrypted(bytes))
    throw refused(
      `${name} is not encrypted`,
      "Values in it that are marked !vault are opened by crun play and crun vault rekey.",
    );
  return vault.open(bytes, subjectOf(name));
}

export function encrypt(inOut: InOut, sealer: () => Sealer): void {
  const inputs = inputsOf(inOut, "what to encrypt");
  for (const { name, bytes } of inputs)
    if (isEncrypted(bytes))
      throw refused(`${name} is encrypted already`, "crun vault rekey encrypts it with another key.");
  const made = sealer();
  const sealed = inputs.map((input) => [input, made.seal(input.bytes)] as const);
  for (const [input, text] of sealed) write(input, inOut.output, text);
}

export function decrypt(inOut: InOut, vault: Vault): void {
  const inputs = inputsOf(inOut, "what to decrypt");
  const opened = inputs.map((input) => [input, open(input.name, input.bytes, vault).bytes] as const);
  for (const [input, plain] of opened) write(input, inOut.output, plain);
}

export async function view(files: readonly string[], vault: Vault): Promise<void> {
  const inputs = inputsOf({ files, output: undefined }, "what to view");
  const plain = inputs.map((input) => open(input.name, input.bytes, vault).bytes);
  await page(Buffer.concat(plain));
}

/** One file after the other; where an editor fails, its file and those after it stay as they are. */
export async function edit(files: readonly string[], vault: Vault, options: SealOptions): Promise<void> {
  for (const name of files) {
    const file = readWhole(name);
    const opened = open(name, file.bytes, vault);
    // Before the work, not after it.
    const sealer = sealerLike(opened, options, vault, name);
    const text = await edited(basename(name), opened.bytes);
    if (text.equals(opened.bytes)) process.stderr.write(`${name} was not changed.\n`);
    else replaceFile(file, sealer.seal(text));
  }
}

export async function create(name: string, sealer: Sealer): Promise<void> {
  const text = await edited(basename(name), Buffer.alloc(0));
  writeNew(name, sealer.seal(text));
}

/** Whole files, and the values in others. All are opened before the first is written; each is the old or the new one. */
export function rekey(
  files: readonly string[],
  vault: Vault,
  sealerOf: (opened: Opened, name: string) => Sealer,
): void {
  const work = files.map((name) => {
    const file = readWhole(name);
    const content = isEncrypted(file.bytes) ? wholeAgain(file, vault, sealerOf) : valuesAgain(file, vault, sealerOf);
    return [file, content] as const;
  });
  for (const [file, content] of work) replaceFile(file, content());
}

type Again = () => string;

function wholeAgain(file: ReadFile, vault: Vault, sealerOf: (opened: Opened, name: string) => Sealer): Again {
  const opened = vault.open(file.bytes, subjectOf(file.name));
  const sealer = sealerOf(opened, file.name);
  return () => sealer.seal(opened.bytes);
}

function valuesAgain(file: ReadFile, vault: Vault, sealerOf: (opened: Opened, name: string) => Sealer): Again {
  const text = file.bytes.toString("utf8");
  const values = valuesIn(file.name, text, vault);
  if (values.length === 0)
    throw refused(`${file.name} is not encrypted, and no value in it is`, "crun vault encrypt FILE encrypts it.");
  const opened = values.map(({ node }) => {
    const place = node.source.place(node.offset);
    return vault.open(node.text, { what: "the value", place });
  });
  const sealers = opened.map((one) => sealerOf(one, file.name));
  return () => {
    const sealed = opened.map(({ bytes }, index) => sealers[index]?.seal(bytes) ?? "");
    return withValues(text, values, sealed);
  };
}

function valuesIn(name: string, text: string, vault: Vault): ReturnType<typeof inlineValues> {
  try {
    return inlineValues(name, text, vault);
  } catch (error) {
    // A file of another kind holds no values.
    if (error instanceof CrunError && /this is not YAML/.test(error.message)) return [];
    throw error;
  }
}

/** The sealer of the options, whatever the file was. */
export function always(options: SealOptions, vault: Vault): () => Sealer {
  let sealer: Sealer | undefined;
  return () => (sealer ??= sealerFor(options, vault));
}
