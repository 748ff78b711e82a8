// Where passwords and age keys come from: files, programs that print one, the person at the terminal. Read when first needed.

import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { CrunError, type Diagnostic } from "../diagnostic/diagnostic.js";
import { whyUnreadable } from "../diagnostic/unreadable.js";
import { isEncrypted } from "./format.js";

/** A password that was asked for already, or a file: read, or run where it may be executed. */
export type PasswordSource = { readonly asked: string } | { readonly file: string };

/** Takes warnings about keys that others can read. */
export type Warn = (warning: Diagnostic) => void;

/** One password with its id. */
export class Password {
  /** The id, `default` where none was given. */
  readonly label: string;
  readonly #source: PasswordSource;
  readonly #warn: Warn;
  readonly #open: ((text: string) => Buffer) | undefined;
  #bytes: Buffer | undefined;

  /** `open`: for a file that is encrypted itself, with the passwords that were given before it. */
  constructor(
    label: string,
    source: PasswordSource,
    more: { readonly warn?: Warn; readonly open?: (text: string) => Buffer } = {},
  ) {
    this.label = label;
    this.#source = source;
    this.#warn = more.warn ?? (() => undefined);
    this.#open = more.open;
  }

  /** For messages: `dev (dev.pw)`. */
  get description(): string {
    return `${this.label} (${"file" in this.#source ? this.#source.file : "asked"})`;
  }

  /** Throws a CrunError where the file or the program gives none. */
  get bytes(): Buffer {
    this.#bytes ??= "asked" in this.#source ? Buffer.from(this.#source.asked) : this.#read(this.#source.file);
    return this.#bytes;
  }

  #read(file: string): Buffer {
    const path = resolve(file);
    const stat = guarded(file, () => statSync(path));
    if (stat.isDirectory()) throw refused(`${file} is a directory, no vault password`);
    const isProgram = stat.isFile() && (stat.mode & 0o111) !== 0;
    if (!isProgram && stat.isFile()) warnOfReaders(file, stat.mode, this.#warn);
    const raw = isProgram ? this.#run(path, file) : guarded(file, () => readFileSync(path));
    if (isEncrypted(raw) && !this.#open)
      throw refused(`the vault password file ${file} is encrypted itself`, "Give a file that holds the password.");
    const bytes = withoutNewlines(isEncrypted(raw) && this.#open ? this.#open(raw.toString("utf8")) : raw);
    if (bytes.length === 0)
      throw refused(isProgram ? `${file} printed no vault password` : `the vault password file ${file} is empty`);
    return bytes;
  }

  /** A name that ends in `-client` is told which id is wanted, as Ansible does it. */
  #run(path: string, file: string): Buffer {
    const asks = /-client(\.[^.]*)?$/.test(basename(path)) ? ["--vault-id", this.label] : [];
    const run = spawnSync(path, asks, { stdio: ["inherit", "pipe", "inherit"], maxBuffer: 1024 * 1024 });
    if (run.error)
      throw refused(
        `the vault password program ${file} cannot be run: ${run.error.message}`,
        "It can be executed, so it is taken for a program. A file that holds the password must not be: chmod 600.",
      );
    if (run.status !== 0)
      throw refused(
        `the vault password program ${file} failed: ${run.signal ? `signal ${run.signal}` : `exit status ${run.status}`}`,
        "It must print the password and end with 0.",
      );
    return run.stdout;
  }
}

/** A file's age identities, `AGE-SECRET-KEY-1…`. `open` decrypts a file that is encrypted itself. Throws a CrunError. */
export function identitiesOf(file: string, open: (text: string) => Buffer, warn: Warn): string[] {
  const raw = guarded(file, () => readFileSync(resolve(file), "utf8"));
  if (!isEncrypted(raw)) warnOfReaders(file, guarded(file, () => statSync(resolve(file))).mode, warn);
  const text = isEncrypted(raw) ? open(raw).toString("utf8") : raw;
  if (/^-----BEGIN [A-Z ]*PRIVATE KEY-----/m.test(text))
    throw refused(
      `${file} is an SSH or TLS key: crun takes age's own identities alone`,
      "Make one with crun vault keygen, and encrypt for its recipient.",
    );
  const lines = wordLines(text);
  const other = lines.find((line) => !/^AGE-SECRET-KEY-(PQ-)?1[A-Z0-9]+$/.test(line));
  if (other?.startsWith("AGE-PLUGIN-"))
    throw refused(`${file} holds an identity of an age plugin, and plugins are not supported`);
  if (other?.startsWith("age1"))
    throw refused(`${file} holds a recipient (age1…), which can only encrypt`, "Give the file with AGE-SECRET-KEY-1….");
  if (other !== undefined || lines.length === 0)
    throw refused(
      `${file} holds no age identity`,
      "A line is AGE-SECRET-KEY-1…, a comment or empty; crun vault keygen makes one.",
    );
  return lines;
}

/** Recipients from words of the command line or crun.yml: `age1…`, or a file of them. Throws a CrunError. */
export function recipientsOf(word: string): string[] {
  if (word.startsWith("ssh-")) throw refused("SSH keys are no recipients here", "Make one with crun vault keygen.");
  if (/^age1[a-z0-9]+$/.test(word)) return [word];
  const lines = wordLines(guarded(word, () => readFileSync(resolve(word), "utf8")));
  const other = lines.find((line) => !/^age1[a-z0-9]+$/.test(line));
  if (other !== undefined || lines.length === 0)
    throw refused(`${word} holds no age recipients`, "A line is age1…, a comment or empty.");
  return lines;
}

function wordLines(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** Ansible takes carriage returns and newlines from both ends. */
function withoutNewlines(bytes: Buffer): Buffer {
  const isNewline = (byte: number | undefined): boolean => byte === 0x0a || byte === 0x0d;
  let start = 0;
  let end = bytes.length;
  while (start < end && isNewline(bytes[start])) start++;
  while (end > start && isNewline(bytes[end - 1])) end--;
  return bytes.subarray(start, end);
}

function warnOfReaders(file: string, mode: number, warn: Warn): void {
  if ((mode & 0o077) === 0) return;
  warn({
    severity: "warning",
    summary: `${file} holds a secret, and others than its owner may read it`,
    remedy: `chmod 600 ${file}`,
  });
}

function guarded<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { reason, remedy } = whyUnreadable(error);
    throw refused(
      `cannot read ${file}: ${reason}`,
      remedy ?? "It was named for a vault password or key: is the path right?",
    );
  }
}

function refused(summary: string, remedy?: string): CrunError {
  return new CrunError({ severity: "error", summary, remedy });
}
