// known_hosts files: which keys a host may have. Format: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.

import { createHash, createHmac, randomBytes } from "node:crypto";
import { appendFile, chmod, mkdir, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";

/** A line that names keys. `key` is the base64 text. */
export interface KnownHostLine {
  readonly file: string;
  readonly line: number;
  readonly marker: "" | "@revoked" | "@cert-authority";
  readonly hosts: string;
  readonly type: string;
  readonly key: string;
}

/** How a key stands to what is known of the host. */
export type Verdict =
  | { readonly kind: "known"; readonly line: KnownHostLine }
  /** Nothing is known of the host. */
  | { readonly kind: "unknown" }
  /** Other keys are known: of this type (`changed`), or only of others. */
  | { readonly kind: "changed" | "other-type"; readonly line: KnownHostLine }
  | { readonly kind: "revoked"; readonly line: KnownHostLine }
  /** The host is known by a certificate authority alone, and this is a plain key. */
  | { readonly kind: "certificate-only"; readonly line: KnownHostLine };

/** The lines of a file's text; comments and lines that make no sense are left out, as ssh does. */
export function parseKnownHosts(text: string, file: string): KnownHostLine[] {
  return text.split("\n").flatMap((raw, index) => {
    const fields = raw.trim().split(/[ \t]+/);
    const marker = fields[0] === "@revoked" || fields[0] === "@cert-authority" ? fields.shift() : "";
    const [hosts, type, key] = fields;
    if (hosts === undefined || type === undefined || key === undefined) return [];
    if (hosts.startsWith("#") || hosts.startsWith("@") || !/^[A-Za-z0-9+/]+=*$/.test(key)) return [];
    const known = marker === "@revoked" || marker === "@cert-authority" ? marker : "";
    return [{ file, line: index + 1, marker: known, hosts, type, key }];
  });
}

/** Reads files that exist; one that cannot be read is left out. */
export async function loadKnownHosts(files: readonly string[]): Promise<KnownHostLine[]> {
  const texts = await Promise.all(files.map((file) => readFile(file, "latin1").catch(() => "")));
  return texts.flatMap((text, index) => parseKnownHosts(text, files[index] ?? ""));
}

/** The name that a host has in known_hosts: `host`, or `[host]:port` where the port is not 22. */
export function knownHostName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

/** Whether a line's host field is of that name: hashed, or patterns with `*`, `?` and `!`. */
export function matchesHost(hosts: string, name: string): boolean {
  if (hosts.startsWith("|")) return matchesHash(hosts, name);
  let isMatch = false;
  for (const pattern of hosts.split(",")) {
    const isNegated = pattern.startsWith("!");
    if (!wildcard(isNegated ? pattern.slice(1) : pattern).test(name)) continue;
    if (isNegated) return false;
    isMatch = true;
  }
  return isMatch;
}

/** What is known of the host under that name, in the order of the files. */
export function linesOf(lines: readonly KnownHostLine[], name: string): KnownHostLine[] {
  return lines.filter((line) => matchesHost(line.hosts, name));
}

/** Judges a key (the raw blob of the protocol) of a host of that name. */
export function judgeHostKey(lines: readonly KnownHostLine[], name: string, key: Uint8Array): Verdict {
  const mine = linesOf(lines, name);
  const same = mine.filter((line) => isKeyOf(line, key));
  const revoked = same.find((line) => line.marker === "@revoked");
  if (revoked !== undefined) return { kind: "revoked", line: revoked };
  const known = same.find((line) => line.marker === "");
  if (known !== undefined) return { kind: "known", line: known };
  const type = keyType(key);
  const plain = mine.filter((line) => line.marker === "");
  const changed = plain.find((line) => line.type === type);
  if (changed !== undefined) return { kind: "changed", line: changed };
  if (plain[0] !== undefined) return { kind: "other-type", line: plain[0] };
  const authority = mine.find((line) => line.marker === "@cert-authority");
  return authority === undefined ? { kind: "unknown" } : { kind: "certificate-only", line: authority };
}

/** The line of the authority that may speak for a host of that name, if there is one with that key. */
export function authorityFor(
  lines: readonly KnownHostLine[],
  name: string,
  key: Uint8Array,
): KnownHostLine | undefined {
  return linesOf(lines, name).find((line) => line.marker === "@cert-authority" && isKeyOf(line, key));
}

/** The line that revokes the key (a host's, or an authority's) for a host of that name. */
export function revokedBy(lines: readonly KnownHostLine[], name: string, key: Uint8Array): KnownHostLine | undefined {
  return linesOf(lines, name).find((line) => line.marker === "@revoked" && isKeyOf(line, key));
}

function isKeyOf(line: KnownHostLine, key: Uint8Array): boolean {
  return stripPadding(line.key) === stripPadding(Buffer.from(key).toString("base64"));
}

/** The name of a key's type, which its blob begins with; empty where it is none. */
export function keyType(key: Uint8Array): string {
  const bytes = Buffer.from(key);
  if (bytes.length < 4) return "";
  const length = bytes.readUInt32BE(0);
  return length > 64 || length > bytes.length - 4 ? "" : bytes.toString("latin1", 4, 4 + length);
}

/** `SHA256:…`, as `ssh-keygen -l` prints it. */
export function fingerprint(key: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** The line to add for a host. */
export function knownHostLine(name: string, key: Uint8Array, isHashed = false): string {
  return `${isHashed ? hashedName(name) : name} ${keyType(key)} ${Buffer.from(key).toString("base64")}`;
}

/** Adds a line; the file (0600) and its directory (0700) are made where they are missing. */
export async function appendKnownHost(file: string, line: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const existed = await endsWithNewline(file);
  await appendFile(file, `${existed === false ? "\n" : ""}${line}\n`, { mode: 0o600 });
  if (existed === undefined) await chmod(file, 0o600);
}

/** Algorithms for `serverHostKey`, those of known keys first: a host with several keys then shows one that can be checked. */
export function orderHostKeyAlgorithms(algorithms: readonly string[], known: readonly KnownHostLine[]): string[] {
  const types = new Set(known.filter((line) => line.marker === "").map((line) => line.type));
  const isKnown = (algorithm: string): boolean => types.has(algorithm.startsWith("rsa-sha2-") ? "ssh-rsa" : algorithm);
  return [...algorithms.filter(isKnown), ...algorithms.filter((algorithm) => !isKnown(algorithm))];
}

function hashedName(name: string): string {
  const salt = randomBytes(20);
  return `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")}`;
}

function matchesHash(hosts: string, name: string): boolean {
  const [, version, salt, hash] = hosts.split("|");
  if (version !== "1" || salt === undefined || hash === undefined) return false;
  return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64") === hash;
}

function wildcard(pattern: string): RegExp {
  const source = pattern
    .toLowerCase()
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*+/g, ".*")
    .replace(/\?/g, ".");
  return new RegExp(`^${source}$`, "s");
}

function stripPadding(base64: string): string {
  return base64.replace(/=+$/, "");
}

/** Undefined: there is no such file, or nothing in it. */
async function endsWithNewline(file: string): Promise<boolean | undefined> {
  const handle = await open(file, "r").catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    const { size } = await handle.stat();
    if (size === 0) return true;
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0] === 0x0a;
  } finally {
    await handle.close();
  }
}
