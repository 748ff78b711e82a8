// Identity files: what can be known of a key without its passphrase.

import { readFile } from "node:fs/promises";
import { keyType } from "./known-hosts.js";

/** A key file, its secret part still closed. */
export interface Identity {
  readonly file: string;
  /** The key's public blob; undefined where only the passphrase would show it. */
  readonly publicKey: Buffer | undefined;
  readonly isEncrypted: boolean;
  /** Text of the private key; undefined where the file holds a public key alone (the agent has the other part). */
  readonly secret: Buffer | undefined;
}

/** A file that cannot be used, and why. */
export interface UnusableIdentity {
  readonly file: string;
  readonly reason: string;
}

const OPENSSH = "openssh-key-v1\0";

/** Reads key files. */
export async function loadIdentities(
  files: readonly string[],
): Promise<{ readonly usable: Identity[]; readonly unusable: UnusableIdentity[] }> {
  const usable: Identity[] = [];
  const unusable: UnusableIdentity[] = [];
  for (const found of await Promise.all(files.map(loadIdentity))) {
    if ("reason" in found) unusable.push(found);
    else usable.push(found);
  }
  return { usable, unusable };
}

async function loadIdentity(file: string): Promise<Identity | UnusableIdentity> {
  const secret = await readFile(file).catch((error: NodeJS.ErrnoException) => error);
  const beside = await readFile(`${file}.pub`, "latin1").catch(() => "");
  if (secret instanceof Error) {
    // `IdentityFile key` with only key.pub there: the agent has the other part.
    const publicKey = parsePublicLine(beside);
    if (publicKey !== undefined) return checked({ file, publicKey, isEncrypted: false, secret: undefined });
    return { file, reason: secret.code === "ENOENT" ? "there is no such file" : secret.message };
  }
  const text = secret.toString("latin1");
  const own = parsePublicLine(text);
  if (own !== undefined) return checked({ file, publicKey: own, isEncrypted: false, secret: undefined });
  const openssh = parseOpenSsh(text);
  if (openssh !== undefined) return checked({ file, ...openssh, secret });
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text) && !text.startsWith("PuTTY-User-Key-File-")) {
    return { file, reason: "it is no private key" };
  }
  const isEncrypted = /ENCRYPTED|^Encryption: (?!none)/m.test(text);
  return checked({ file, publicKey: parsePublicLine(beside), isEncrypted, secret });
}

function checked(identity: Identity): Identity | UnusableIdentity {
  const type = identity.publicKey === undefined ? "" : keyType(identity.publicKey);
  if (type.startsWith("sk-"))
    return { file: identity.file, reason: "keys on security tokens (sk-…) are not supported" };
  if (type.includes("-cert-")) return { file: identity.file, reason: "certificates are not supported" };
  if (type === "ssh-dss") return { file: identity.file, reason: "DSA keys are not supported" };
  return identity;
}

/** The blob of a line `TYPE BASE64 COMMENT`. */
function parsePublicLine(text: string): Buffer | undefined {
  const match = /^((?:ssh|ecdsa|sk)-[\w@.-]+) ([A-Za-z0-9+/]+=*)/.exec(text.trim());
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  const blob = Buffer.from(match[2], "base64");
  return keyType(blob) === match[1] ? blob : undefined;
}

/** The open part of OpenSSH's own format (PROTOCOL.key): cipher, kdf, kdf options, number of keys, public key. */
function parseOpenSsh(text: string): { readonly publicKey: Buffer; readonly isEncrypted: boolean } | undefined {
  const match = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+?)-----END OPENSSH PRIVATE KEY-----/.exec(text);
  if (match?.[1] === undefined) return undefined;
  const bytes = Buffer.from(match[1], "base64");
  if (bytes.toString("latin1", 0, OPENSSH.length) !== OPENSSH) return undefined;
  let at = OPENSSH.length;
  const next = (): Buffer => {
    const length = at + 4 <= bytes.length ? bytes.readUInt32BE(at) : 0;
    const field = bytes.subarray(at + 4, at + 4 + length);
    at += 4 + length;
    return field;
  };
  const cipher = next().toString("latin1");
  next();
  next();
  at += 4;
  const publicKey = Buffer.from(next());
  return keyType(publicKey) === "" ? undefined : { publicKey, isEncrypted: cipher !== "none" };
}
