// The run's vault: passwords and keys from options, the environment and crun.yml.

import { existsSync, readSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { CrunError, formatDiagnostic } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import { placeOf, plainOf, type YamlNode } from "../playbook/yaml/yaml.js";
import type { Prompt } from "../target/session.js";
import { Password } from "../vault/keys.js";
import { Vault } from "../vault/vault.js";

/** What was given on the command line. */
export interface VaultFlags {
  /** `LABEL@SOURCE`. */
  readonly ids: readonly string[];
  readonly passwordFiles: readonly string[];
  readonly asks: boolean;
  readonly identities: readonly string[];
}

/** What crun.yml says under `vault:`. Paths are absolute. */
export interface VaultConfig {
  readonly ids: readonly string[];
  readonly passwordFiles: readonly string[];
  readonly identities: readonly string[];
  readonly recipients: readonly string[];
}

export const noVaultFlags: VaultFlags = { ids: [], passwordFiles: [], asks: false, identities: [] };
export const noVaultConfig: VaultConfig = { ids: [], passwordFiles: [], identities: [], recipients: [] };

const configKeys = ["password_file", "ids", "identities", "recipients"] as const;

/** Reads the map under `vault:` of crun.yml. Throws a CrunError. */
export function vaultConfigOf(node: YamlNode, file: string): VaultConfig {
  const lists: Record<(typeof configKeys)[number], readonly string[]> = {
    password_file: [],
    ids: [],
    identities: [],
    recipients: [],
  };
  if (node.kind !== "map") throw wrong(node, "vault must be a map", `It takes ${configKeys.join(", ")}.`);
  for (const { key, keyNode, value } of node.entries.values()) {
    const name = configKeys.find((one) => one === key);
    if (name === undefined)
      throw wrong(
        keyNode,
        `crun.yml: vault has no ${JSON.stringify(key)}`,
        suggest(key, configKeys) ?? `It takes ${configKeys.join(", ")}.`,
      );
    const plain = plainOf(value);
    const items: readonly unknown[] = Array.isArray(plain) ? plain : [plain];
    lists[name] = items.map(String);
  }
  const beside = (path: string): string => resolve(dirname(file), atHome(path));
  return {
    passwordFiles: lists.password_file.map(beside),
    ids: lists.ids.map((id) => {
      const { label, source } = partsOf(id);
      return isPrompt(source) ? id : `${label}@${beside(source)}`;
    }),
    identities: lists.identities.map(beside),
    recipients: lists.recipients.map((one) => (one.startsWith("age1") ? one : beside(one))),
  };
}

function wrong(node: YamlNode, summary: string, remedy: string): CrunError {
  const place = placeOf(node);
  return node.source.error(place, summary, { remedy });
}

/** `LABEL@SOURCE`; without a label (`@SOURCE`, `SOURCE`) it is `default`. */
export function partsOf(id: string): { readonly label: string; readonly source: string } {
  const at = id.indexOf("@");
  return at < 1 ? { label: "default", source: id.slice(at + 1) } : { label: id.slice(0, at), source: id.slice(at + 1) };
}

/** With `~/` spelt out: an option that holds it behind an @ or a = gets past the shell. */
function atHome(path: string): string {
  return path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;
}

function isPrompt(source: string): boolean {
  return source === "prompt" || source === "prompt_ask_vault_pass";
}

export function warnOnStderr(diagnostic: Parameters<typeof formatDiagnostic>[0]): void {
  process.stderr.write(`${formatDiagnostic(diagnostic)}\n`);
}

/**
 * Passwords in the order in which they are tried: --vault-id, --vault-password-file, --ask-vault-pass; without any of them
 * $CRUN_VAULT_PASSWORD_FILE, $ANSIBLE_VAULT_PASSWORD_FILE or what crun.yml says. Asks for what must be asked for. Throws a CrunError for
 * a file that is not there.
 */
export async function passwordsOf(flags: VaultFlags, config: VaultConfig, prompt: Prompt): Promise<Password[]> {
  const isGiven = flags.ids.length + flags.passwordFiles.length > 0 || flags.asks;
  const variable = process.env["CRUN_VAULT_PASSWORD_FILE"] || process.env["ANSIBLE_VAULT_PASSWORD_FILE"];
  const files = isGiven ? flags.passwordFiles : variable ? [variable] : config.passwordFiles;
  const ids = [
    ...(isGiven ? flags.ids : config.ids),
    ...files.map((file) => `default@${file}`),
    ...(flags.asks ? ["default@prompt"] : []),
  ];
  const passwords: Password[] = [];
  for (const id of ids) passwords.push(await passwordOf(id, prompt, [...passwords]));
  return passwords;
}

/** A file that is encrypted itself is opened with those before it. */
async function passwordOf(id: string, prompt: Prompt, before: readonly Password[]): Promise<Password> {
  const { label, source } = partsOf(id);
  if (source === "")
    throw new CrunError({
      severity: "error",
      summary: `--vault-id ${id}: a source is wanted`,
      remedy: "Write LABEL@FILE, LABEL@PROGRAM or LABEL@prompt.",
    });
  if (isPrompt(source)) return new Password(label, { asked: await asked(label, prompt) });
  const file = atHome(source);
  if (!existsSync(file))
    throw new CrunError({
      severity: "error",
      summary: `there is no vault password file ${file}`,
      remedy: id.includes("@") && label !== "default" ? `It was named by the vault id ${label}.` : "Is the path right?",
    });
  const subject = { what: "the vault password file", place: { file } };
  const open = (text: string): Buffer => new Vault({ passwords: before }).open(text, subject).bytes;
  return new Password(label, { file }, { warn: warnOnStderr, open });
}

async function asked(label: string, prompt: Prompt): Promise<string> {
  const question = label === "default" ? "Vault password: " : `Vault password (${label}): `;
  const answer = process.stdin.isTTY
    ? await prompt(question, { isSecret: true, atInterrupt: "reject" })
    : lineOfStdin();
  if (answer) return answer;
  const why = process.stdin.isTTY ? "it was not answered" : "stdin is no terminal and holds no line";
  throw new CrunError({
    severity: "error",
    summary: answer === undefined ? `the vault password cannot be asked for: ${why}` : "the vault password is empty",
    remedy: "Give a file that holds it: --vault-password-file FILE.",
  });
}

/** Where there is nobody to ask the password may be piped in, as in Ansible. Not more than the line is read. */
function lineOfStdin(): string | undefined {
  const bytes: number[] = [];
  const one = Buffer.alloc(1);
  try {
    while (readSync(0, one, 0, 1, null) === 1 && one[0] !== 0x0a) bytes.push(one[0] ?? 0);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    // A pipe without blocking that is empty, or none at all.
    if (code !== "EAGAIN" && code !== "EOF" && code !== "EBADF") throw error;
  }
  const line = Buffer.from(bytes).toString("utf8").replace(/\r$/, "");
  return line === "" ? undefined : line;
}

/** Opens what is encrypted in this run; `onSecret` gets every secret that was read. */
export async function vaultOf(
  flags: VaultFlags,
  config: VaultConfig,
  prompt: Prompt,
  onSecret: (value: unknown) => void,
): Promise<Vault> {
  const passwords = await passwordsOf(flags, config, prompt);
  return new Vault({ passwords, identityFiles: identityFilesOf(flags, config), onSecret, warn: warnOnStderr });
}

/** --identity, else $CRUN_VAULT_IDENTITY, else crun.yml. Throws a CrunError for a file that is not there. */
export function identityFilesOf(flags: VaultFlags, config: VaultConfig): readonly string[] {
  const variable = process.env["CRUN_VAULT_IDENTITY"];
  const given = flags.identities.length > 0 ? flags.identities : variable ? [variable] : config.identities;
  const files = given.map(atHome);
  const missing = files.find((file) => !existsSync(file));
  if (missing === undefined) return files;
  throw new CrunError({
    severity: "error",
    summary: `there is no age identity file ${missing}`,
    remedy: "crun vault keygen -o FILE makes one.",
  });
}
