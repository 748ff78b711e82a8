// The commands of `crun vault` and their options, as data.

/** How an option's value is taken: none, one, or several. */
export type Arity = "flag" | "one" | "many";

export interface VaultCommand {
  readonly name: VaultAction;
  /** As ansible-vault calls it. */
  readonly alias?: string;
  readonly summary: string;
  /** As commander writes arguments. */
  readonly argument: string;
  readonly about: string;
  readonly options: readonly (readonly [flags: string, about: string, arity: Arity])[];
}

export type VaultAction = "encrypt" | "decrypt" | "view" | "edit" | "create" | "rekey" | "encrypt-string" | "keygen";

const sealing = [
  ["--recipient <key>", "encrypt for this age key: age1…, or a file of such (several)", "many"],
  ["--format <format>", "age, or ansible for what Ansible reads too", "one"],
  ["--encrypt-vault-id <label>", "encrypt with the password of this id", "one"],
] as const;

const output = ["-o, --output <file>", "write there instead; - is stdout", "one"] as const;

export const vaultCommands: readonly VaultCommand[] = [
  {
    name: "encrypt",
    summary: "encrypt files in their place; stdin to stdout without any",
    argument: "[file...]",
    about: "files, or -",
    options: [output, ...sealing],
  },
  {
    name: "decrypt",
    summary: "decrypt files in their place; stdin to stdout without any",
    argument: "[file...]",
    about: "files, or -",
    options: [output],
  },
  { name: "view", summary: "show what encrypted files hold", argument: "<file...>", about: "files, or -", options: [] },
  {
    name: "edit",
    summary: "open an encrypted file in $VISUAL or $EDITOR",
    argument: "<file...>",
    about: "files",
    options: sealing,
  },
  {
    name: "create",
    summary: "write a new encrypted file in $VISUAL or $EDITOR",
    argument: "<file>",
    about: "the file, which must not be there",
    options: sealing,
  },
  {
    name: "rekey",
    summary: "encrypt files, and values in files, with another key",
    argument: "<file...>",
    about: "encrypted files, or YAML files with !vault values",
    options: [
      ["--new-vault-id <label@source>", "the new password with its id", "one"],
      ["--new-vault-password-file <file>", "the new password: a file, or a program that prints it", "one"],
      ["--recipient <key>", "encrypt for this age key: age1…, or a file of such (several)", "many"],
      ["--format <format>", "age, or ansible for what Ansible reads too; else as it was", "one"],
    ],
  },
  {
    name: "encrypt-string",
    alias: "encrypt_string",
    summary: "print a value as YAML, encrypted",
    argument: "[text...]",
    about: "the texts; without any, stdin",
    options: [
      ["-n, --name <name>", "the variable's name; several for several texts", "many"],
      ["--stdin-name <name>", "the name of the variable whose text stdin holds", "one"],
      ["-p, --prompt", "ask for the text", "flag"],
      output,
      ...sealing,
    ],
  },
  {
    name: "keygen",
    summary: "make an age key",
    argument: "[file]",
    about: "with -y: the file with the key",
    options: [
      output,
      ["-y, --recipients", "print the recipient of each key in the file", "flag"],
      ["-p, --passphrase", "encrypt the key itself with a passphrase", "flag"],
    ],
  },
];
