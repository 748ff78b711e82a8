// What ssh_config says of a host: OpenSSH's own answer (`ssh -G`) where ssh is there, else the ssh-config package's.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import type { HostAddress } from "../target/session.js";

/** A host as ssh would reach it; crun's own variables have won already. */
export interface SshTarget {
  readonly hostName: string;
  readonly port: number;
  readonly user: string;
  /** In the order in which they are tried; defaults only as far as they exist. */
  readonly identityFiles: readonly string[];
  /** Only these keys, whatever else the agent has. */
  readonly identitiesOnly: boolean;
  /** Path of the agent's socket. */
  readonly agent: string | undefined;
  /** `[user@]host[:port]`, first hop first. */
  readonly jumps: readonly string[];
  readonly proxyCommand: string | undefined;
  /** The name in known_hosts, where it is not the host's. */
  readonly hostKeyAlias: string | undefined;
  readonly knownHostsFiles: readonly string[];
  readonly globalKnownHostsFiles: readonly string[];
  readonly hashesKnownHosts: boolean;
  /** What becomes of a host that nothing is known of. */
  readonly strictHostKeyChecking: "yes" | "ask" | "accept-new" | "no";
  /** ServerAliveInterval and ServerAliveCountMax, where they are set. */
  readonly aliveIntervalMs: number | undefined;
  readonly aliveCountMax: number;
  /** RevokedHostKeys: keys and certificates that are never taken. */
  readonly revokedHostKeys: string | undefined;
}

/** Keywords in lower case, each with its values in the order of their appearance. */
export type SshOptions = ReadonlyMap<string, readonly string[]>;

const DEFAULT_IDENTITIES = ["id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_xmss", "id_dsa"];
/** First those that most have: a key that a server does not know costs a round trip and one of its few tries. */
const PREFERRED = ["id_ed25519", "id_ecdsa", "id_rsa"];

const answers = new Map<string, Promise<SshOptions>>();

/** Resolves with what holds for the address. Rejects with an Error in words where the file has a mistake. */
export async function resolveSsh(address: HostAddress): Promise<SshTarget> {
  if (address.address.startsWith("-") || /[\s\0]/.test(address.address)) {
    throw new Error(`${JSON.stringify(address.address)} is no host name`);
  }
  const options = await readOptions(address);
  const value = (keyword: string): string | undefined => {
    const found = options.get(keyword)?.[0];
    return found === undefined || found.toLowerCase() === "none" ? undefined : found;
  };
  const isYes = (keyword: string): boolean => /^(?:yes|true)$/i.test(value(keyword) ?? "");
  const files = (keyword: string, fallback: readonly string[]): string[] =>
    splitWords(options.get(keyword)?.join(" ") ?? fallback.join(" "))
      .filter((file) => file.toLowerCase() !== "none" && file !== "/dev/null")
      .map(expandHome);
  const agent = value("identityagent") ?? "SSH_AUTH_SOCK";
  const aliveSeconds = Number(value("serveraliveinterval") ?? 0);
  const revokedFile = value("revokedhostkeys");
  const isAgentOff = options.get("identityagent")?.[0]?.toLowerCase() === "none";
  return {
    hostName: value("hostname") ?? address.address,
    port: address.port ?? Number(value("port") ?? 22),
    user: address.user ?? value("user") ?? userInfo().username,
    identityFiles: address.identityFiles?.map(expandHome) ?? identities(options.get("identityfile") ?? []),
    identitiesOnly: address.identityFiles !== undefined || isYes("identitiesonly"),
    agent: isAgentOff ? undefined : agentSocket(agent),
    jumps: (value("proxyjump") ?? "").split(",").flatMap((jump) => (jump.trim() === "" ? [] : [jump.trim()])),
    proxyCommand: value("proxycommand"),
    hostKeyAlias: value("hostkeyalias")?.toLowerCase(),
    knownHostsFiles:
      address.knownHostsFiles?.map(expandHome) ??
      files("userknownhostsfile", ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"]),
    globalKnownHostsFiles:
      address.knownHostsFiles === undefined
        ? files("globalknownhostsfile", ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"])
        : [],
    hashesKnownHosts: isYes("hashknownhosts"),
    aliveIntervalMs: aliveSeconds > 0 ? aliveSeconds * 1000 : undefined,
    aliveCountMax: Number(value("serveralivecountmax") ?? 3) || 3,
    strictHostKeyChecking: strictness(value("stricthostkeychecking")),
    revokedHostKeys: revokedFile === undefined ? undefined : expandHome(revokedFile),
  };
}

/** `ssh -G` says true and false for yes and no. */
function strictness(word: string | undefined): SshTarget["strictHostKeyChecking"] {
  switch (word?.toLowerCase()) {
    case "yes":
    case "true":
      return "yes";
    case "no":
    case "off":
    case "false":
      return "no";
    case "accept-new":
      return "accept-new";
    default:
      return "ask";
  }
}

/** A hop of ProxyJump as an address of its own: `[user@]host[:port]` or `ssh://[user@]host[:port]`. */
export function jumpAddress(jump: string, from: HostAddress): HostAddress {
  const text = jump.replace(/^ssh:\/\//, "");
  const at = text.lastIndexOf("@");
  const hostAndPort = text.slice(at + 1);
  const match = /^(?:\[([^\]]+)\]|([^:]+|.*:.*:.*?))(?::(\d+))?$/.exec(hostAndPort);
  const host = match?.[1] ?? match?.[2] ?? hostAndPort;
  return {
    name: from.name,
    kind: "ssh",
    address: host,
    ...(at > 0 ? { user: text.slice(0, at) } : {}),
    ...(match?.[3] === undefined ? {} : { port: Number(match[3]) }),
    connectTimeoutMs: from.connectTimeoutMs,
    connectRetries: 0,
    keepaliveIntervalMs: from.keepaliveIntervalMs,
    acceptsNewHostKeys: from.acceptsNewHostKeys,
    ...(from.knownHostsFiles === undefined ? {} : { knownHostsFiles: from.knownHostsFiles }),
    ...(from.sshConfigFile === undefined ? {} : { sshConfigFile: from.sshConfigFile }),
  };
}

/** `%h %p %r %n %%` of a ProxyCommand. */
export function expandProxyCommand(command: string, target: SshTarget, original: string): string {
  const tokens: Readonly<Record<string, string>> = {
    h: target.hostName,
    p: String(target.port),
    r: target.user,
    n: original,
    "%": "%",
  };
  return command.replace(/%(.)/g, (all, token: string) => tokens[token] ?? all);
}

/** What `ssh -G` prints, as options. */
export function parseSshG(text: string): SshOptions {
  const options = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    if (space < 0) continue;
    const keyword = line.slice(0, space).toLowerCase();
    options.set(keyword, [...(options.get(keyword) ?? []), line.slice(space + 1)]);
  }
  return options;
}

function readOptions(address: HostAddress): Promise<SshOptions> {
  const key = JSON.stringify([address.address, address.user, address.port, address.sshConfigFile, homedir()]);
  const known = answers.get(key) ?? askSsh(address).then((found) => found ?? askPackage(address));
  answers.set(key, known);
  known.catch(() => answers.delete(key));
  return known;
}

/** Undefined: there is no ssh. */
function askSsh(address: HostAddress): Promise<SshOptions | undefined> {
  const file = configFile(address);
  const args = ["-G"];
  if (file !== undefined) args.push("-F", file);
  if (address.user !== undefined) args.push("-l", address.user);
  if (address.port !== undefined) args.push("-p", String(address.port));
  args.push("--", address.address);
  return new Promise((resolve, reject) => {
    execFile("ssh", args, { timeout: 10_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(parseSshG(stdout));
      else if (error.code === "ENOENT") resolve(undefined);
      else reject(new Error(stderr.trim() || error.message));
    });
  });
}

/** ssh looks for its files where passwd says that home is; a HOME that differs is meant, so it is told. */
function configFile(address: HostAddress): string | undefined {
  if (address.sshConfigFile !== undefined) return expandHome(address.sshConfigFile);
  const own = join(homedir(), ".ssh", "config");
  return userInfo().homedir !== homedir() && existsSync(own) ? own : undefined;
}

async function askPackage(address: HostAddress): Promise<SshOptions> {
  const file = configFile(address) ?? join(homedir(), ".ssh", "config");
  const text = await readFile(file, "utf8").catch(() => "");
  const { default: SSHConfig } = await import("ssh-config");
  const included = await withIncludes(text, 0);
  const computed = SSHConfig.parse(included).compute(address.address, { ignoreCase: true, matchExec: false });
  const options = new Map<string, string[]>();
  for (const [keyword, value] of Object.entries(computed)) {
    options.set(keyword.toLowerCase(), Array.isArray(value) ? value : [value]);
  }
  return options;
}

/** The text with its Include lines replaced by what they name (without patterns: that needs ssh itself). */
async function withIncludes(text: string, depth: number): Promise<string> {
  if (depth > 8) return text;
  const lines = await Promise.all(
    text.split("\n").map(async (line) => {
      const match = /^\s*include\s+(.+)$/i.exec(line);
      if (match?.[1] === undefined) return line;
      const files = splitWords(match[1]).map((file) =>
        /^[~/]/.test(file) ? expandHome(file) : join(homedir(), ".ssh", file),
      );
      const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
      return (await Promise.all(texts.map((one) => withIncludes(one, depth + 1)))).join("\n");
    }),
  );
  return lines.join("\n");
}

/** Configured files as they are; of the defaults, those that exist. */
function identities(configured: readonly string[]): string[] {
  const directory = join(homedir(), ".ssh");
  const defaults = new Set(DEFAULT_IDENTITIES.map((name) => `~/.ssh/${name}`));
  const named = configured.filter((file) => !defaults.has(file) && file.toLowerCase() !== "none");
  if (named.length > 0) return named.map(expandHome);
  return PREFERRED.map((name) => join(directory, name)).filter((file) => existsSync(file));
}

function agentSocket(value: string): string | undefined {
  if (value === "SSH_AUTH_SOCK") return process.env["SSH_AUTH_SOCK"] || undefined;
  if (value.startsWith("$")) return process.env[value.slice(1).replace(/^\{|\}$/g, "")] || undefined;
  return expandHome(value);
}

function expandHome(file: string): string {
  return file === "~" || file.startsWith("~/") ? join(homedir(), file.slice(1)) : file;
}

function splitWords(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? "");
}
