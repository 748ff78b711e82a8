// From connection variables to how a host is reached and where a target's tree lies. Pure.

import { CrunError } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import type { Target } from "../inventory/inventory.js";
import { becomePasswords, loginPasswords, passwordVariables } from "../module/password-variables.js";
import type { Scope } from "../module/value.js";
import type { Entry, HostAddress } from "./session.js";

const entries: readonly Entry[] = ["auto", "chroot", "unshare", "nspawn", "machine"];
const methods = ["sudo", "su", "doas", "none"] as const;
const defaultTrees = "/var/lib/machines";

/** crun's names first, then Ansible's that mean the same. */
const names = {
  host: ["crun_host", "ansible_host", "ansible_ssh_host"],
  port: ["crun_port", "ansible_port", "ansible_ssh_port"],
  user: ["crun_user", "ansible_user", "ansible_ssh_user"],
  identity: ["crun_identity", "ansible_ssh_private_key_file", "ansible_private_key_file"],
  password: loginPasswords,
  connection: ["crun_connection", "ansible_connection"],
  become: ["crun_become", "ansible_become"],
  becomeUser: ["crun_become_user", "ansible_become_user"],
  becomeMethod: ["crun_become_method", "ansible_become_method"],
  becomeExe: ["crun_become_exe", "ansible_become_exe"],
  becomeFlags: ["crun_become_flags", "ansible_become_flags"],
  becomePassword: becomePasswords,
  sshConfig: ["crun_ssh_config"],
  knownHosts: ["crun_known_hosts"],
  entry: ["crun_entry"],
  trees: ["crun_trees"],
  backend: ["crun_backend"],
  path: ["crun_path"],
} as const;

/** All names that say how a host is reached and where a tree lies. */
export const connectionVariables: readonly string[] = Object.values(names).flat();

const treeVariables: ReadonlySet<string> = new Set([...names.entry, ...names.trees, ...names.backend, ...names.path]);

/** Those of them that concern a host with all its trees. */
export const hostVariables: readonly string[] = connectionVariables.filter((name) => !treeVariables.has(name));

/** What the command line says of connections. */
export interface ConnectionOptions {
  readonly user?: string | undefined;
  readonly becomeMethod?: string | undefined;
  readonly becomePassword?: string | undefined;
  readonly password?: string | undefined;
  readonly connectTimeoutMs: number;
  readonly connectRetries: number;
  readonly acceptsNewHostKeys: boolean;
  readonly entry?: string | undefined;
}

/** What a play says of how its hosts are reached: it holds where the inventory says nothing. */
export interface PlayReach {
  readonly connection?: string;
  readonly user?: string;
  readonly port?: string;
  readonly becomeMethod?: string;
  readonly becomeExe?: string;
  readonly becomeFlags?: string;
}

function first(scope: Scope, list: readonly string[]): { readonly name: string; readonly value: unknown } | undefined {
  const name = list.find((one) => scope.has(one));
  if (name === undefined) return undefined;
  const value = scope.get(name);
  return value === null || value === undefined || value === "" ? undefined : { name, value };
}

function text(scope: Scope, list: readonly string[]): string | undefined {
  const found = first(scope, list);
  if (!found) return undefined;
  if (typeof found.value === "string" || typeof found.value === "number") return String(found.value);
  throw wrong(
    found.name,
    passwordVariables.has(found.name) ? "must be text" : `must be text, not ${JSON.stringify(found.value)}`,
  );
}

/** The value of a connection variable makes no sense. */
export class WrongVariable extends CrunError {
  readonly variable: string;

  constructor(variable: string, problem: string, remedy?: string) {
    super({ severity: "error", summary: `${variable} ${problem}`, remedy });
    this.variable = variable;
  }
}

function wrong(name: string, problem: string, remedy?: string): CrunError {
  return new WrongVariable(name, problem, remedy);
}

function isTrue(scope: Scope, list: readonly string[]): boolean | undefined {
  const found = first(scope, list);
  if (!found) return undefined;
  if (typeof found.value === "boolean") return found.value;
  const word = String(found.value).toLowerCase();
  if (["yes", "true", "on", "1"].includes(word)) return true;
  if (["no", "false", "off", "0"].includes(word)) return false;
  throw wrong(found.name, `must be true or false, not ${JSON.stringify(found.value)}`);
}

/** How a host is reached. `scope` holds the host's variables. Throws a CrunError for a value that makes no sense. */
export function hostAddress(host: string, scope: Scope, options: ConnectionOptions, play: PlayReach = {}): HostAddress {
  const address = text(scope, names.host) ?? host;
  const connection = connectionOf(text(scope, names.connection) ?? play.connection);
  const isLocal =
    connection === "local" || (connection === undefined && (address === "local" || address === "localhost"));
  const port = portOf(text(scope, names.port) ?? play.port);
  const user = options.user ?? text(scope, names.user) ?? play.user;
  const identity = first(scope, names.identity)?.value;
  const password = options.password ?? text(scope, names.password);
  const sshConfigFile = text(scope, names.sshConfig);
  const knownHosts = text(scope, names.knownHosts);
  const become = becomeOf(scope, options, play);
  return {
    name: host,
    kind: isLocal ? "local" : "ssh",
    address,
    connectTimeoutMs: options.connectTimeoutMs,
    connectRetries: options.connectRetries,
    keepaliveIntervalMs: 15_000,
    acceptsNewHostKeys: options.acceptsNewHostKeys,
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...(identity === undefined ? {} : { identityFiles: (Array.isArray(identity) ? identity : [identity]).map(String) }),
    ...(password === undefined ? {} : { password }),
    ...(become === undefined ? {} : { become }),
    ...(sshConfigFile === undefined ? {} : { sshConfigFile }),
    ...(knownHosts === undefined ? {} : { knownHostsFiles: [knownHosts] }),
  };
}

/** Ansible's plugins by their full names, too; its ways over SSH are one here. */
function connectionOf(given: string | undefined): "local" | "ssh" | undefined {
  if (given === undefined) return undefined;
  const name = withoutCollection(given);
  if (name === "local") return "local";
  if (["ssh", "smart", "paramiko", "paramiko_ssh", "libssh"].includes(name)) return "ssh";
  throw wrong(
    "crun_connection",
    `must be local or ssh, not ${JSON.stringify(given)}`,
    "A tree is entered by itself: its name or crun_path says where it lies, crun_entry how processes get into it.",
  );
}

function withoutCollection(name: string): string {
  return name.replace(/^(ansible|community)\.(builtin|legacy|general|libssh)\./, "");
}

function portOf(found: string | undefined): number | undefined {
  if (found === undefined) return undefined;
  const port = Number(found);
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw wrong("crun_port", `must be a port (1 to 65535), not ${JSON.stringify(found)}`);
  return port;
}

function becomeOf(scope: Scope, options: ConnectionOptions, play: PlayReach): HostAddress["become"] {
  const isWanted = isTrue(scope, names.become);
  const given = options.becomeMethod ?? text(scope, names.becomeMethod) ?? play.becomeMethod;
  const method = given === undefined ? undefined : withoutCollection(given);
  const user = text(scope, names.becomeUser);
  const exe = text(scope, names.becomeExe) ?? play.becomeExe;
  const flags = text(scope, names.becomeFlags) ?? play.becomeFlags;
  const password = options.becomePassword ?? text(scope, names.becomePassword);
  if ([isWanted, method, user, exe, flags, password].every((one) => one === undefined)) return undefined;
  const known = methods.find((one) => one === (method ?? "sudo"));
  if (!known)
    throw wrong(
      "crun_become_method",
      `must be one of ${methods.join(", ")}, not ${JSON.stringify(method)}`,
      suggest(String(method), methods),
    );
  return {
    isWanted: isWanted ?? true,
    method: known,
    user: user ?? "root",
    ...(exe === undefined ? {} : { exe }),
    ...(flags === undefined ? {} : { flags }),
    ...(password === undefined ? {} : { password }),
  };
}

/** Where a target's tree lies on its host and how processes enter it. */
export interface TreeLocation {
  readonly path: string;
  readonly entry: Entry;
  readonly isHostRoot: boolean;
  /** Where trees with plain names lie on the host. */
  readonly trees: string;
  /** How new trees are stored there, where the inventory says so. */
  readonly backend?: string;
}

/** `scope` holds the target's variables. Throws a CrunError for a value that makes no sense. */
export function treeLocation(target: Target, scope: Scope, options: Pick<ConnectionOptions, "entry">): TreeLocation {
  const wanted = options.entry ?? text(scope, names.entry) ?? "auto";
  const entry = entries.find((one) => one === wanted);
  if (!entry)
    throw wrong(
      "crun_entry",
      `must be one of ${entries.join(", ")}, not ${JSON.stringify(wanted)}`,
      suggest(wanted, entries),
    );
  const trees = treesDirectory(scope);
  const backend = text(scope, names.backend);
  const storage = { trees, ...(backend === undefined ? {} : { backend }) };
  const path = text(scope, names.path);
  if (path !== undefined && !path.startsWith("/"))
    throw wrong("crun_path", `must be an absolute path, not ${JSON.stringify(path)}`);
  if (target.tree === undefined) {
    return path === undefined
      ? { path: "/", entry, isHostRoot: true, ...storage }
      : { path, entry, isHostRoot: path === "/", ...storage };
  }
  if (path !== undefined) return { path, entry, isHostRoot: path === "/", ...storage };
  if (target.tree.startsWith("/")) return { path: target.tree, entry, isHostRoot: target.tree === "/", ...storage };
  if (target.tree === "" || target.tree.split("/").some((part) => part === ".." || part === "." || part === "")) {
    throw wrong(
      `the tree ${JSON.stringify(target.name)}`,
      "is no name of a tree",
      "Give a name beneath crun_trees or an absolute path.",
    );
  }
  return { path: `${trees}/${target.tree}`, entry, isHostRoot: false, ...storage };
}

/** Where trees with plain names lie on their host, without a slash at the end. Throws a CrunError for a value that makes no sense. */
export function treesDirectory(scope: Scope): string {
  const trees = text(scope, names.trees) ?? defaultTrees;
  if (!trees.startsWith("/")) throw wrong("crun_trees", `must be an absolute path, not ${JSON.stringify(trees)}`);
  return trees.replace(/\/+$/, "");
}
