// `crun vault`: from options to keys to the command that was asked for.

import { readConfig } from "../config.js";
import type { Prompt } from "../../target/session.js";
import { Password } from "../../vault/keys.js";
import { Vault } from "../../vault/vault.js";
import { withMasker } from "../masked-errors.js";
import { terminalPrompt } from "../prompt.js";
import { identityFilesOf, noVaultConfig, passwordsOf, vaultOf, warnOnStderr, type VaultFlags } from "../vault-keys.js";
import { always, create, decrypt, edit, encrypt, rekey, view } from "./actions.js";
import type { VaultAction } from "./commands.js";
import { refused } from "./files.js";
import { generateKey, printRecipients } from "./keygen.js";
import { removeLeftovers } from "./plain-place.js";
import { ansibleSealer, formatOption, passphraseSealer, type SealOptions, type Sealer } from "./sealer.js";
import { encryptStrings } from "./strings.js";

export interface VaultRequest {
  readonly action: VaultAction;
  /** Files, or texts. */
  readonly words: readonly string[];
  readonly keys: VaultFlags;
  readonly output: string | undefined;
  readonly recipients: readonly string[];
  readonly format: string | undefined;
  readonly encryptLabel: string | undefined;
  readonly newId: string | undefined;
  readonly newPasswordFile: string | undefined;
  readonly names: readonly string[];
  readonly stdinName: string | undefined;
  readonly asksText: boolean;
  readonly printsRecipients: boolean;
  readonly hasPassphrase: boolean;
}

/** Gives the exit status. Throws a CrunError. */
export async function runVault(request: VaultRequest): Promise<number> {
  removeLeftovers();
  return withMasker(async (masker) => {
    const prompt = terminalPrompt();
    const config = readConfig(undefined).vault ?? noVaultConfig;
    const keep = (value: unknown): void => masker.add(value);
    // Who encrypts something new mistypes a new password at will: it is asked for twice.
    const isNew = request.action === "encrypt" || request.action === "encrypt-string" || request.action === "create";
    const asking = isNew ? twice(prompt) : prompt;
    if (request.action === "keygen") return keygen(request, prompt);
    const vault = await vaultOf(request.keys, config, asking, keep);
    const sealing: SealOptions = {
      recipients: request.recipients,
      defaultRecipients: config.recipients,
      format: request.format,
      label: request.encryptLabel,
    };
    const sealer = always(sealing, vault);
    await act(request, vault, sealing, sealer, prompt);
    return 0;
  });
}

async function act(
  request: VaultRequest,
  vault: Vault,
  sealing: SealOptions,
  sealer: () => Sealer,
  prompt: Prompt,
): Promise<void> {
  const { action, words, output } = request;
  switch (action) {
    case "encrypt":
      return encrypt({ files: words, output }, sealer);
    case "decrypt":
      return decrypt({ files: words, output }, vault);
    case "view":
      return view(words, vault);
    case "edit":
      return edit(words, vault, sealing);
    case "create":
      return create(words[0] ?? "", sealer());
    case "rekey":
      return rekey(words, vault, await newSealer(request, vault, sealing, prompt));
    case "encrypt-string":
      return encryptStrings({ ...request, texts: words, asks: request.asksText }, sealer, prompt);
    case "keygen":
      return undefined;
  }
}

/** With what rekey encrypts: recipients, or a new password in the format that the file has. */
async function newSealer(
  request: VaultRequest,
  vault: Vault,
  sealing: SealOptions,
  prompt: Prompt,
): Promise<Parameters<typeof rekey>[2]> {
  const format = formatOption(request.format);
  const isNewPassword = request.newId !== undefined || request.newPasswordFile !== undefined;
  if (request.recipients.length > 0) {
    if (isNewPassword) throw refused("--recipient and a new password exclude each other");
    return always(sealing, vault);
  }
  if (request.newId !== undefined && request.newPasswordFile !== undefined)
    throw refused(
      "--new-vault-id and --new-vault-password-file exclude each other",
      "Write --new-vault-id LABEL@FILE.",
    );
  const flags: VaultFlags = {
    ids: request.newId === undefined ? [] : [request.newId],
    passwordFiles: request.newPasswordFile === undefined ? [] : [request.newPasswordFile],
    asks: !isNewPassword,
    identities: [],
  };
  if (!isNewPassword && sealing.defaultRecipients.length > 0 && format !== "ansible")
    return always({ ...sealing, format: "age" }, vault);
  const [password] = await passwordsOf(flags, noVaultConfig, twice(prompt, "New vault password: "));
  if (!password) throw refused("no new password was given", "Give --new-vault-password-file FILE or --new-vault-id.");
  const ansible = ansibleSealer(password, password.label);
  const age = passphraseSealer(password);
  return (opened) => ((format ?? opened.format.kind) === "ansible" ? ansible : age);
}

async function keygen(request: VaultRequest, prompt: Prompt): Promise<number> {
  const { words, output, keys } = request;
  if (request.printsRecipients) {
    const files = [...words, ...keys.identities];
    if (files.length === 0) throw refused("-y: no file with a key was given", "crun vault keygen -y FILE");
    const flags = { ...keys, identities: files };
    const passwords = await passwordsOf(flags, noVaultConfig, prompt);
    const identityFiles = identityFilesOf(flags, noVaultConfig);
    printRecipients(new Vault({ passwords, identityFiles, warn: warnOnStderr }).identities());
    return 0;
  }
  if (words.length > 0) throw refused("a new key goes to stdout, or where --output says", "crun vault keygen -o FILE");
  if (!request.hasPassphrase) generateKey(output, undefined);
  else {
    const answer = await twice(prompt)("Passphrase of the new key: ", { isSecret: true, atInterrupt: "reject" });
    if (!answer) throw refused("the key's passphrase cannot be asked for: stdin is no terminal");
    generateKey(output, new Password("key", { asked: answer }));
  }
  return 0;
}

/** Asks again until both answers are the same. */
function twice(prompt: Prompt, question?: string): Prompt {
  return async (asked, options) => {
    for (;;) {
      const first = await prompt(question ?? asked, options);
      if (first === undefined || first === "") return first;
      if ((await prompt("Once more: ", options)) === first) return first;
      process.stderr.write("The two are not the same.\n");
    }
  };
}
