// The secrets of a run: opens what is encrypted with the passwords and keys that were given, and tells what was secret.

import { isUtf8 } from "node:buffer";
import { CrunError, type Place } from "../diagnostic/diagnostic.js";
import { openAge } from "./age.js";
import { deriveAhead, openEnvelope, parseEnvelope } from "./ansible-vault.js";
import { Damaged, formatOf, isEncrypted, type VaultFormat } from "./format.js";
import { identitiesOf, type Password, type Warn } from "./keys.js";

export interface VaultOptions {
  readonly passwords?: readonly Password[];
  /** Files with age identities. */
  readonly identityFiles?: readonly string[];
  /** Gets every secret value that was read: for masking. */
  readonly onSecret?: (value: unknown) => void;
  readonly warn?: Warn;
}

/** What is opened, for messages. */
export interface Subject {
  /** `the value`, `the file`. */
  readonly what: string;
  readonly place?: Place | undefined;
  /** The line that the place points to. */
  readonly source?: string | undefined;
}

/** Something that was opened. */
export interface Opened {
  readonly bytes: Buffer;
  readonly format: VaultFormat;
  /** The password that fits; undefined: an age identity did. */
  readonly password: Password | undefined;
  /** For how many keys it is encrypted. */
  readonly keys: number;
}

/** What a bigger file holds is no secret to be known by its lines, in bytes. */
const longestKept = 256 * 1024;

/** In a file that is no YAML: itself (and with it each of its lines), what stands behind a = or :, and words that look like secrets. */
function secretsIn(text: string): string[] {
  const found = [text];
  for (const line of text.split(/\r?\n/)) {
    const value = /^[^=:]*[=:]\s*(["']?)(.{8,})\1\s*;?$/.exec(line)?.[2];
    if (value !== undefined) found.push(value.trimEnd());
    for (const [word] of line.matchAll(/[^\s"'`;,()<>=]{12,}/g))
      if (/\d/.test(word) && /[A-Za-z]/.test(word)) found.push(word);
  }
  return found;
}

export class Vault {
  readonly passwords: readonly Password[];
  readonly #identityFiles: readonly string[];
  readonly #onSecret: (value: unknown) => void;
  readonly #warn: Warn;
  readonly #opened = new Map<string, Opened>();
  #identities: readonly string[] | undefined;

  constructor(options: VaultOptions = {}) {
    this.passwords = options.passwords ?? [];
    this.#identityFiles = options.identityFiles ?? [];
    this.#onSecret = options.onSecret ?? (() => undefined);
    this.#warn = options.warn ?? (() => undefined);
  }

  /** Every scalar in the value is secret from now on. */
  keep(value: unknown): void {
    this.#onSecret(value);
  }

  /** Plain bytes of encrypted content. Throws a CrunError that says what was tried and what to do. */
  open(content: string | Uint8Array, subject: Subject): Opened {
    const key = typeof content === "string" ? content : Buffer.from(content).toString("latin1");
    let opened = this.#opened.get(key);
    if (!opened) this.#opened.set(key, (opened = this.#open(content, subject)));
    return opened;
  }

  /** The same as text. */
  openText(content: string, subject: Subject): string {
    const { bytes } = this.open(content, subject);
    if (isUtf8(bytes)) return bytes.toString("utf8");
    throw problem(subject, `${subject.what} is encrypted, and what it holds is no text in UTF-8`, {
      remedy: "Bytes of other kinds can be copied (copy), but they are no value and no YAML.",
    });
  }

  /** Does ahead, on several threads, what makes opening these texts slow. Throws a CrunError where a password cannot be read. */
  async prepare(texts: readonly string[]): Promise<void> {
    const byPassword = new Map<Password, string[]>();
    for (const text of texts) {
      const label = labelOf(text);
      const first = label && (this.passwords.find((one) => one.label === label.name) ?? this.passwords[0]);
      if (!first) continue;
      const some = byPassword.get(first);
      if (some) some.push(text);
      else byPassword.set(first, [text]);
    }
    for (const [password, some] of byPassword) await deriveAhead(some, password.bytes);
  }

  /** A file's plain bytes, which are secret from now on; undefined where it is not encrypted. Throws as `open`. */
  openFile(content: Uint8Array, path: string): Buffer | undefined {
    if (!isEncrypted(content)) return undefined;
    const { bytes } = this.open(content, { what: "the file", place: { file: path } });
    if (bytes.length <= longestKept && isUtf8(bytes)) this.keep(secretsIn(bytes.toString("utf8")));
    return bytes;
  }

  /** The identities of all key files; a file that is encrypted itself is opened with the passwords. */
  identities(): readonly string[] {
    this.#identities ??= this.#identityFiles.flatMap((file) => {
      const withPasswords = new Vault({ passwords: this.passwords });
      const subject = { what: "the key file", place: { file } };
      const identities = identitiesOf(file, (text) => withPasswords.open(text, subject).bytes, this.#warn);
      for (const one of identities) this.keep(one);
      return identities;
    });
    return this.#identities;
  }

  #open(content: string | Uint8Array, subject: Subject): Opened {
    try {
      const format = formatOf(content);
      const opened =
        format.kind === "ansible"
          ? this.#openAnsible(content, format.label, subject)
          : this.#openAge(format.isArmored ? armorOf(textOf(content)) : bytesOf(content), subject);
      return { ...opened, format };
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
      throw problem(subject, `${subject.what} is encrypted, but damaged: ${error.message}`, {
        remedy: "No password can open it. Take an intact copy, as from version control.",
      });
    }
  }

  #openAnsible(content: string | Uint8Array, label: string | undefined, subject: Subject): Omit<Opened, "format"> {
    const envelope = parseEnvelope(textOf(content));
    const named = this.passwords.filter((one) => one.label === label);
    const tried = [...named, ...this.passwords.filter((one) => one.label !== label)];
    for (const password of tried) {
      this.keep(password.bytes.toString("utf8"));
      const plain = openEnvelope(envelope, password.bytes);
      if (plain) return { bytes: plain, password, keys: 1 };
    }
    throw this.#locked(subject, "password", tried, label);
  }

  #openAge(content: string | Uint8Array, subject: Subject): Omit<Opened, "format"> {
    const first = openAge(content, { identities: this.identities(), passphrases: [] });
    if ("bytes" in first) return { ...first, password: undefined };
    if (first.needs === "identity") throw this.#locked(subject, "identity", [], undefined);
    for (const password of this.passwords) {
      const passphrase = password.bytes.toString("utf8");
      this.keep(passphrase);
      const opened = openAge(content, { identities: [], passphrases: [passphrase] });
      if ("bytes" in opened) return { ...opened, password };
    }
    throw this.#locked(subject, "password", this.passwords, undefined);
  }

  #locked(
    subject: Subject,
    needs: "password" | "identity",
    tried: readonly Password[],
    label: string | undefined,
  ): Locked {
    const { what } = subject;
    const of = label === undefined ? "" : ` under the id ${JSON.stringify(label)}`;
    if (needs === "identity") {
      const files = this.#identityFiles.join(", ");
      if (files === "")
        return locked(subject, `${what} is encrypted for an age key, and none was given`, {
          remedy: "Give the key's file with --identity FILE, or under vault: identities in crun.yml.",
        });
      return locked(subject, `${what} is encrypted for another age key`, {
        detail: `Tried: ${files}.`,
        remedy: "Give the key's file with --identity FILE.",
      });
    }
    const give =
      label === undefined
        ? "Give it with --vault-password-file FILE, --ask-vault-pass or --vault-id LABEL@SOURCE."
        : `Give it with --vault-id ${label}@FILE, or ${label}@prompt to be asked.`;
    if (tried.length === 0)
      return locked(subject, `${what} is encrypted${of}, and no vault password was given`, { remedy: give });
    const isNamed = label === undefined || tried.some((one) => one.label === label);
    return locked(subject, `${what} is encrypted${of}, and no vault password that was given opens it`, {
      detail: `Tried: ${tried.map((one) => one.description).join(", ")}.`,
      remedy: isNamed ? "Is it the right password? Content that was changed is told by the same." : give,
    });
  }
}

/** Of Ansible's format the label; undefined: another format, or none. */
function labelOf(text: string): { readonly name: string | undefined } | undefined {
  try {
    const format = formatOf(text);
    return format.kind === "ansible" ? { name: format.label } : undefined;
  } catch (error) {
    if (error instanceof Damaged) return undefined;
    throw error;
  }
}

/** The rule of what no key opens: `crun lint` warns of it, and a run does not begin. */
export const LOCKED = "encrypted";

/** None of the keys that were given opens it. */
export class Locked extends CrunError {}

function locked(
  subject: Subject,
  summary: string,
  more: { readonly detail?: string; readonly remedy: string },
): Locked {
  const { place, source } = subject;
  return new Locked({ severity: "error", rule: LOCKED, summary, place, source, ...more });
}

function problem(
  { place, source }: Subject,
  summary: string,
  more: { readonly detail?: string; readonly remedy?: string },
): CrunError {
  return new CrunError({ severity: "error", summary, place, source, ...more });
}

function textOf(content: string | Uint8Array): string {
  const text = typeof content === "string" ? content : Buffer.from(content).toString("latin1");
  return text.replace(/^\uFEFF/, "").trim();
}

/** Armor line by line, as it was before YAML folded or indented it. */
function armorOf(text: string): string {
  const parts = /^(-----BEGIN AGE ENCRYPTED FILE-----)([\s\S]*?)(-----END AGE ENCRYPTED FILE-----)\s*$/.exec(text);
  if (!parts) return text;
  const [, begin = "", body = "", end = ""] = parts;
  return `${[begin, ...body.trim().split(/\s+/), end].join("\n")}\n`;
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  if (typeof content !== "string") return content;
  throw new Damaged("it is age's binary form, which text cannot hold: encrypt it with armor (age -a)");
}
