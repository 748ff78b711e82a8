// Makes checked options of what the command line gave.

import { CrunError } from "../diagnostic/diagnostic.js";
import type { PlayOptions, ReachOptions } from "./options.js";
import { trackWord } from "./track-words.js";
import type { VaultFlags } from "./vault-keys.js";

/** What commander gathered, not looked at yet. */
export interface RawOptions {
  readonly [name: string]: unknown;
}

/** What every command that reaches hosts takes. */
export function reachOptions(options: RawOptions): ReachOptions {
  return {
    inventory: listOf(options, "inventory"),
    limit: limitText(options),
    extraVars: listOf(options, "extraVars"),
    forks: numberOf(options, "forks"),
    verbosity: numberOf(options, "verbose") ?? 0,
    user: textOf(options, "user"),
    become: options["become"] === true,
    becomeMethod: textOf(options, "becomeMethod"),
    becomeUser: textOf(options, "becomeUser"),
    asksBecomePass: options["askBecomePass"] === true,
    asksPass: options["askPass"] === true,
    acceptsNewHostKeys: options["acceptNewHostKeys"] === true,
    connectTimeoutSeconds: numberOf(options, "connectTimeout") ?? 10,
    connectRetries: numberOf(options, "connectRetries") ?? 0,
    lockTimeoutSeconds: numberOf(options, "lockTimeout"),
    entry: textOf(options, "entry"),
    vault: vaultFlags(options),
  };
}

/** What play and plan take. */
export function playOptions(playbooks: readonly string[], options: RawOptions): PlayOptions {
  const lists = new Set((["tasks", "hosts", "tags"] as const).filter((one) => options[camel(`list-${one}`)] === true));
  const isSyntax = options["syntaxCheck"] === true;
  return {
    ...reachOptions(options),
    playbooks,
    tags: listOf(options, "tags"),
    skipTags: listOf(options, "skipTags"),
    isCheck: options["check"] === true,
    isDiff: options["diff"] === true,
    isRehearsal: options["rehearse"] === true,
    isAtomic: options["atomic"] === true,
    startAtTask: textOf(options, "startAtTask"),
    track: listOf(options, "track").map(trackWord),
    isStepped: options["step"] === true,
    action: isSyntax ? "syntax-check" : lists.size > 0 ? "list" : "play",
    lists,
    forcesHandlers: options["forceHandlers"] === true,
    output: outputOf(options),
    runs: textOf(options, "runs"),
  };
}

/** What `crun inventory` is to show. Throws a CrunError where that is more than one thing. */
export function inventoryAction(
  raw: RawOptions,
): "list" | "graph" | { readonly host: string } | { readonly explain: string } {
  const given = ["list", "graph", "host", "explain"].filter((one) => raw[one] !== undefined);
  if (given.length > 1)
    throw new CrunError({
      severity: "error",
      summary: `--${given.join(" and --")} exclude each other`,
      remedy: "Give one of them.",
    });
  const host = textOf(raw, "host");
  const variable = textOf(raw, "explain");
  if (host !== undefined) return { host };
  if (variable !== undefined) return { explain: variable };
  return raw["graph"] === true ? "graph" : "list";
}

/** Where vault passwords and keys come from. */
export function vaultFlags(options: RawOptions): VaultFlags {
  return {
    ids: listOf(options, "vaultId"),
    passwordFiles: [...listOf(options, "vaultPasswordFile"), ...listOf(options, "vaultPassFile")],
    asks: options["askVaultPass"] === true,
    identities: listOf(options, "identity"),
  };
}

/** How results are shown; auto where nothing is said. */
export function outputOf(options: RawOptions): "auto" | "plain" | "json" {
  return (["plain", "json"] as const).find((one) => one === options["output"]) ?? "auto";
}

/** Nothing but commas and blanks limits nothing, as in Ansible. */
function limitText(options: RawOptions): string | undefined {
  const text = textOf(options, "limit");
  return text !== undefined && /[^,\s]/.test(text) ? text : undefined;
}

/** An option's text; undefined: it was not given. */
export function textOf(options: RawOptions, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

/** An option that may be given several times. */
export function listOf(options: RawOptions, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? value.map(String) : [];
}

function numberOf(options: RawOptions, name: string): number | undefined {
  const value = options[name];
  return typeof value === "number" ? value : undefined;
}

function camel(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
