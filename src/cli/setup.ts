// What every command that reaches hosts sets up first: configuration, inventory, variables, connections.

import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { formatDiagnostic, type Diagnostic } from "../diagnostic/diagnostic.js";
import type { LoadedInventory, Target } from "../inventory/inventory.js";
import { LiveInventory } from "../inventory/live.js";
import { loadInventory } from "../inventory/load.js";
import type { Scope, SecretKeeper, VarLayer } from "../module/value.js";
import { languageWith } from "../playbook/language.js";
import { createScope } from "../playbook/scope/scope.js";
import { treeLocation, type ConnectionOptions, type PlayReach, type TreeLocation } from "../target/address.js";
import type { HostAddress } from "../target/session.js";
import { readConfig, type Config } from "./config.js";
import { extraVars } from "./extra-vars.js";
import { Hosts } from "./hosts.js";
import type { ReachOptions } from "./options.js";
import { Locked, type Vault } from "../vault/vault.js";
import type { Masker } from "../engine/task/masker.js";
import { terminalPrompt } from "./prompt.js";
import { withVariablePlace } from "./variable-place.js";
import { noVaultConfig, vaultOf } from "./vault-keys.js";

export interface Setup {
  readonly inventory: LiveInventory;
  /** What -i named, files with their whole path. */
  readonly sources: readonly string[];
  readonly extra: VarLayer;
  readonly connection: ConnectionOptions;
  readonly forks: number;
  readonly config: Config;
  /** Opens what is encrypted, and tells the masker. */
  readonly vault: Vault;
  /** For the scopes of the run. */
  readonly secrets: SecretKeeper;
  addressOf(host: string, play?: PlayReach): HostAddress;
  locate(target: Target): TreeLocation;
  /** A target's variables. */
  scopeOf(name: string): Scope;
  /** The variables that a host is reached by. */
  hostScopeOf(host: string): Scope;
  /** Reads the inventory's sources anew. Rejects with a CrunError. */
  refresh(): Promise<void>;
}

const defaultForks = 20;

/**
 * Throws a CrunError. `playbook`: the first playbook, whose directory may hold crun.yml, group_vars and host_vars. `masker` learns what is
 * secret. `known`: the vault, where something was opened with it already.
 */
export async function setUp(options: ReachOptions, masker: Masker, playbook?: string, known?: Vault): Promise<Setup> {
  const directory = playbook === undefined ? undefined : dirname(resolve(playbook));
  const config = readConfig(directory);
  const paths = inventoryPaths(options.inventory, config);
  const keep = (value: unknown): void => masker.add(value);
  const vault = known ?? (await vaultOf(options.vault, config.vault ?? noVaultConfig, terminalPrompt(), keep));
  const language = languageWith(vault);
  const load = (): Promise<LoadedInventory> =>
    loadInventory(paths, {
      playbookDirectory: directory,
      language,
      warn: (warning) => showWarning(masker.diagnostic(warning)),
      programTimeoutMs: config.inventoryTimeoutMs,
    });
  const inventory = new LiveInventory(await load());
  const extra = extraVars(options.extraVars, vault);
  const secrets = secretsOf(masker, vault);
  const connection = await connectionOptions(options, keep);
  const layersOf = (name: string): readonly VarLayer[] => [...inventory.varsOf(name), extra];
  const scopeOf = (name: string): Scope => createScope(layersOf(name), secrets);
  const hosts = new Hosts(inventory, scopeOf, layersOf, connection, keep);
  const { addressOf } = hosts;
  return {
    inventory,
    sources: paths.map((path) => (path.includes(",") && !existsSync(path) ? path : resolve(path))),
    extra,
    connection,
    config,
    forks: options.forks ?? config.forks ?? defaultForks,
    vault,
    secrets,
    scopeOf,
    hostScopeOf: hosts.scopeOf,
    addressOf,
    refresh: async () => inventory.replace(await load()),
    locate: (target) => {
      // What makes no sense is told before anything is connected to.
      addressOf(target.host);
      const { name } = target;
      return withVariablePlace(
        name,
        () => layersOf(name),
        () => treeLocation(target, scopeOf(name), connection),
      );
    },
  };
}

/** Prints what is odd, but no error. */
export function showWarning(warning: Diagnostic): void {
  process.stderr.write(`${formatDiagnostic(warning)}\n`);
}

/** -i, then $CRUN_INVENTORY, then crun.yml, then ./hosts and ./hosts.yml; none of them: `local` alone. */
export function inventoryPaths(given: readonly string[], config: Config): readonly string[] {
  if (given.length > 0) return given;
  const variable = process.env["CRUN_INVENTORY"];
  if (variable) return [variable];
  if (config.inventory && config.inventory.length > 0) return config.inventory;
  return ["hosts", "hosts.yml"].filter((name) => existsSync(name)).slice(0, 1);
}

function secretsOf(masker: Masker, vault: Vault): SecretKeeper {
  return {
    get isEmpty() {
      return masker.isEmpty;
    },
    isSecret: (text) => masker.isSecret(text),
    knows: (value) => masker.knows(value),
    keep: (value) => masker.add(value),
    open: (content, path) => vault.openFile(content, path),
  };
}

async function connectionOptions(
  options: ReachOptions,
  keep: (secret: string | undefined) => void,
): Promise<ConnectionOptions> {
  const prompt = terminalPrompt();
  const ask = async (isWanted: boolean, question: string): Promise<string | undefined> => {
    const answer = isWanted ? await prompt(question, { isSecret: true, atInterrupt: "reject" }) : undefined;
    keep(answer);
    return answer;
  };
  return {
    user: options.user,
    password: await ask(options.asksPass, "SSH password: "),
    becomeMethod: options.becomeMethod,
    becomePassword: await ask(options.asksBecomePass, "become password: "),
    connectTimeoutMs: options.connectTimeoutSeconds * 1000,
    connectRetries: options.connectRetries,
    acceptsNewHostKeys: options.acceptsNewHostKeys,
    entry: options.entry,
  };
}

/**
 * The variables that the inventory defines for any target, and the command line for all. Throws a CrunError for a file of variables that
 * cannot be read; where no key opens it, only if the target needs it.
 */
export function variablesOf({ inventory, extra }: Setup, needs: (name: string) => boolean = () => true): Set<VarLayer> {
  const layers = new Set<VarLayer>([extra, ...inventory.base.layersToCome()]);
  for (const name of inventory.targets.keys()) {
    try {
      for (const layer of inventory.varsOf(name)) layers.add(layer);
    } catch (error) {
      if (!(error instanceof Locked) || needs(name)) throw error;
    }
  }
  return layers;
}
