// How `crun vault` encrypts: for which keys or with which password, in which format.

import { recipientOf, sealAge } from "../../vault/age.js";
import { sealAnsible } from "../../vault/ansible-vault.js";
import { Damaged } from "../../vault/format.js";
import { recipientsOf, type Password } from "../../vault/keys.js";
import type { Opened, Vault } from "../../vault/vault.js";
import { refused } from "./files.js";

/** Encrypts bytes to text that ends with a newline. */
export interface Sealer {
  seal(plain: Uint8Array): string;
  /** How many keys open it. */
  readonly keys: number;
}

export interface SealOptions {
  /** As given: `age1…` or files. */
  readonly recipients: readonly string[];
  /** Of crun.yml. */
  readonly defaultRecipients: readonly string[];
  readonly format: string | undefined;
  readonly label: string | undefined;
}

/** From options and keys. Throws a CrunError where it is not clear with what. */
export function sealerFor(options: SealOptions, vault: Vault): Sealer {
  const format = formatOption(options.format) ?? "age";
  if (format === "ansible") {
    if (options.recipients.length > 0)
      throw refused("--recipient is age's, and --format ansible takes a password", "Give one or the other.");
    const password = onePassword(vault.passwords, options.label);
    return ansibleSealer(password, password.label);
  }
  const wantsPassword = options.label !== undefined;
  if (wantsPassword && options.recipients.length > 0)
    throw refused(
      "--recipient and --encrypt-vault-id exclude each other",
      "age encrypts for keys or with a passphrase.",
    );
  const recipients = wantsPassword ? [] : knownRecipients(options, vault);
  if (recipients.length > 0) return recipientSealer(recipients);
  return passphraseSealer(onePassword(vault.passwords, options.label));
}

/** The same as something that was opened was encrypted with, unless the options say otherwise. */
export function sealerLike(opened: Opened, options: SealOptions, vault: Vault, name: string): Sealer {
  const isFree = options.recipients.length > 0 || options.format !== undefined || options.label !== undefined;
  if (isFree) return sealerFor(options, vault);
  const { format, password, keys } = opened;
  if (password) return format.kind === "ansible" ? ansibleSealer(password, format.label) : passphraseSealer(password);
  const sealer = recipientSealer(knownRecipients(options, vault));
  if (sealer.keys < keys)
    throw refused(
      `${name} is encrypted for ${keys} keys, and only ${sealer.keys} of them ${sealer.keys === 1 ? "is" : "are"} known`,
      "Name all recipients with --recipient, or under vault: recipients in crun.yml; the file says only how many they are.",
    );
  return sealer;
}

/** `age` or `ansible`; undefined where none is given. Throws a CrunError. */
export function formatOption(format: string | undefined): "age" | "ansible" | undefined {
  if (format === undefined || format === "age" || format === "ansible") return format;
  throw refused(`--format ${format}: there is no such format`, "There are age and ansible.");
}

/** What was given, else what crun.yml says, else the recipients of one's own identities. */
function knownRecipients(options: SealOptions, vault: Vault): readonly string[] {
  const words = options.recipients.length > 0 ? options.recipients : options.defaultRecipients;
  const named = words.flatMap((word) => recipientsOf(word));
  return [...new Set(named.length > 0 ? named : vault.identities().map((one) => recipientOf(one)))];
}

/** Throws a CrunError where there is none, or several to choose from. */
export function onePassword(passwords: readonly Password[], label: string | undefined): Password {
  const labels = [...new Set(passwords.map((one) => one.label))];
  const found = label === undefined ? passwords : passwords.filter((one) => one.label === label);
  const [first] = found;
  if (first && (found.length === 1 || label !== undefined)) return first;
  if (first)
    throw refused(
      `several vault passwords were given (${labels.join(", ")}), and one must encrypt`,
      "Name it with --encrypt-vault-id LABEL.",
    );
  if (label !== undefined)
    throw refused(
      `--encrypt-vault-id ${label}: no password of that id was given`,
      labels.length > 0 ? `There are ${labels.join(", ")}.` : `Give it with --vault-id ${label}@FILE.`,
    );
  throw refused(
    "no key to encrypt with was given",
    "Give --recipient age1…, --identity FILE, --vault-password-file FILE or --ask-vault-pass.",
  );
}

/** The label stands in the file unless it is the one that passwords without a label have. */
export function ansibleSealer(password: Password, label: string | undefined): Sealer {
  const shown = label === "default" ? undefined : label;
  if (shown !== undefined && /[;\s]/.test(shown))
    throw refused(`the vault id ${JSON.stringify(shown)} has a semicolon or a blank in it, which no header can hold`);
  return { keys: 1, seal: (plain) => sealAnsible(plain, password.bytes, shown) };
}

export function passphraseSealer(password: Password): Sealer {
  return { keys: 1, seal: (plain) => sealAge(plain, { passphrase: password.bytes.toString("utf8") }) };
}

export function recipientSealer(recipients: readonly string[]): Sealer {
  return {
    keys: recipients.length,
    seal(plain) {
      try {
        return sealAge(plain, { recipients });
      } catch (error) {
        if (!(error instanceof Damaged)) throw error;
        throw refused(
          `one of the recipients is none: ${error.message}`,
          "Is it copied whole? crun vault keygen -y FILE prints it.",
        );
      }
    },
  };
}
