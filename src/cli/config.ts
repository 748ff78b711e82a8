// crun.yml: defaults for flags, beside the playbook or in the working directory.

import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { CrunError } from "../diagnostic/diagnostic.js";
import { whyUnreadable } from "../diagnostic/unreadable.js";
import { suggest } from "../diagnostic/near.js";
import { placeOf, plainOf, readYaml, type YamlNode } from "../playbook/yaml/yaml.js";
import { vaultConfigOf, type VaultConfig } from "./vault-keys.js";

/** Paths are absolute: they are written relative to crun.yml. */
export interface Config {
  readonly inventory?: readonly string[];
  readonly forks?: number;
  /** For each run of an executable inventory; in crun.yml in seconds. */
  readonly inventoryTimeoutMs?: number;
  readonly vault?: VaultConfig;
  readonly rolesPath?: readonly string[];
  readonly tags?: readonly string[];
  readonly skipTags?: readonly string[];
  /** How long trees are waited for that somebody else works on. */
  readonly lockTimeoutSeconds?: number;
  /** Where runs are written down, and how many are kept. */
  readonly runs?: "none" | { readonly directory?: string; readonly keep?: number };
}

type Draft = { -readonly [K in keyof Config]: Config[K] };

/** `directory`: the playbook's. Throws a CrunError for what makes no sense. */
export function readConfig(directory: string | undefined): Config {
  const file = [directory, "."]
    .flatMap((one) => (one === undefined ? [] : [join(one, "crun.yml")]))
    .find((one) => existsSync(one));
  const node = file === undefined ? undefined : readYaml(file, textOf(file));
  if (file === undefined || node === undefined) return {};
  if (node.kind !== "map") throw node.source.error(placeOf(node), "crun.yml is a map of defaults");
  const config: Draft = {};
  for (const { key, keyNode, value } of node.entries.values()) {
    const take = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (!take) {
      throw node.source.error(placeOf(keyNode), `crun.yml: ${JSON.stringify(key)} makes no sense here`, {
        remedy: suggest(key, Object.keys(KEYS)) ?? `It takes ${Object.keys(KEYS).join(", ")}.`,
      });
    }
    take(config, value, dirname(file), file);
  }
  return config;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { reason, remedy } = whyUnreadable(error);
    throw new CrunError({ severity: "error", summary: `cannot read ${file}: ${reason}`, remedy });
  }
}

const KEYS: Readonly<Record<string, (config: Draft, node: YamlNode, directory: string, file: string) => void>> = {
  inventory: (config, node, directory) => (config.inventory = paths(node, directory, "inventory")),
  forks: (config, node) => (config.forks = wholeNumber(node, "forks")),
  inventory_timeout: (config, node) => (config.inventoryTimeoutMs = seconds(node, "inventory_timeout") * 1000),
  vault: (config, node, _directory, file) => (config.vault = vaultConfigOf(node, file)),
  roles_path: (config, node, directory) => (config.rolesPath = rolesPath(node, directory)),
  tags: (config, node) => (config.tags = words(node, "tags")),
  lock_timeout: (config, node) => (config.lockTimeoutSeconds = secondsOrNone(node, "lock_timeout")),
  runs: (config, node, directory) => (config.runs = runs(node, directory)),
  skip_tags: (config, node) => (config.skipTags = words(node, "skip_tags")),
};

function paths(node: YamlNode, directory: string, key: string): string[] {
  return texts(node, key).map((one) => resolve(directory, one));
}

/** A list of directories, or text with colons between them; `~` is the home directory. */
function rolesPath(node: YamlNode, directory: string): string[] {
  return texts(node, "roles_path")
    .flatMap((one) => one.split(":"))
    .filter(Boolean)
    .map((one) => resolve(directory, one.replace(/^~(?=\/|$)/, homedir())));
}

/** `none`, a directory, or a map of `directory` and `keep`. */
function runs(node: YamlNode, directory: string): "none" | { readonly directory?: string; readonly keep?: number } {
  const plain = plainOf(node);
  if (plain === "none" || plain === false) return "none";
  const beside = (path: string): string => resolve(directory, path.replace(/^~(?=\/|$)/, homedir()));
  if (typeof plain === "string") return { directory: beside(plain) };
  if (node.kind !== "map")
    throw problem(node, "crun.yml: runs must be a directory, none, or a map of directory and keep");
  const said: { directory?: string; keep?: number } = {};
  for (const { key, keyNode, value } of node.entries.values()) {
    if (key === "keep") said.keep = wholeNumber(value, "runs: keep");
    else if (key === "directory") said.directory = beside(texts(value, "runs: directory").join(""));
    else
      throw node.source.error(placeOf(keyNode), `crun.yml: runs has no ${JSON.stringify(key)}`, {
        remedy: "It takes directory, keep.",
      });
  }
  return said;
}

function words(node: YamlNode, key: string): string[] {
  return texts(node, key)
    .flatMap((one) => one.split(",").map((word) => word.trim()))
    .filter(Boolean);
}

function texts(node: YamlNode, key: string): string[] {
  const plain = plainOf(node);
  const list: readonly unknown[] = Array.isArray(plain) ? plain : [plain];
  if (list.every((one) => typeof one === "string" || typeof one === "number")) return list.map(String);
  throw problem(node, `crun.yml: ${key} must be text or a list of texts`);
}

function wholeNumber(node: YamlNode, key: string): number {
  const plain = plainOf(node);
  if (typeof plain === "number" && Number.isInteger(plain) && plain > 0) return plain;
  throw problem(node, `crun.yml: ${key} must be a whole number above 0`);
}

function seconds(node: YamlNode, key: string): number {
  const plain = plainOf(node);
  if (typeof plain === "number" && plain > 0) return plain;
  throw problem(node, `crun.yml: ${key} must be a number of seconds`);
}

function secondsOrNone(node: YamlNode, key: string): number {
  const plain = plainOf(node);
  if (typeof plain === "number" && plain >= 0) return plain;
  throw problem(node, `crun.yml: ${key} must be a number of seconds, 0 for none`);
}

function problem(node: YamlNode, summary: string): CrunError {
  return node.source.error(placeOf(node), summary);
}
