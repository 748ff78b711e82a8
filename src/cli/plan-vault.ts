// Opens plan files that are encrypted, with the keys of the command line, the environment or crun.yml of the working directory.

import type { Masker } from "../engine/task/masker.js";
import type { Unseal } from "../plan/plan-file.js";
import type { Vault } from "../vault/vault.js";
import { readConfig } from "./config.js";
import { terminalPrompt } from "./prompt.js";
import { noVaultConfig, vaultOf, type VaultFlags } from "./vault-keys.js";

export class PlanVault {
  readonly #file: string;
  readonly #flags: VaultFlags;
  readonly #masker: Masker;
  /** Undefined: nothing had to be opened. */
  vault: Vault | undefined;

  constructor(file: string, flags: VaultFlags, masker: Masker) {
    this.#file = file;
    this.#flags = flags;
    this.#masker = masker;
  }

  /** Asks for passwords where it must. Rejects with a CrunError. */
  readonly unsealer = async (): Promise<Unseal> => {
    const keep = (value: unknown): void => this.#masker.add(value);
    const config = readConfig(undefined).vault ?? noVaultConfig;
    const vault = (this.vault = await vaultOf(this.#flags, config, terminalPrompt(), keep));
    return (sealed) => vault.open(sealed, { what: "the plan", place: { file: this.#file } }).bytes;
  };
}
