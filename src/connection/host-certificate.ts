// Host certificates: what one says, and whether it is good for a host now. Format: OpenSSH's PROTOCOL.certkeys.

import { keyType } from "./known-hosts.js";

/** A key with what an authority says of it, the authority's signature still unchecked. */
export interface HostCertificate {
  /** The certified key, as the protocol has it without a certificate. */
  readonly key: Buffer;
  /** 1: of a user, 2: of a host. */
  readonly role: number;
  readonly serial: bigint;
  readonly id: string;
  /** Names that it is good for; none: for all. */
  readonly principals: readonly string[];
  /** Seconds since 1970; good from the first and before the second. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly criticalOptions: readonly string[];
  readonly authority: Buffer;
  /** What the authority has signed, and the signature (type and value). */
  readonly signed: Buffer;
  readonly signature: Buffer;
}

const SUFFIX = "-cert-v01@openssh.com";
const HOST = 2;

/** How many strings (or mpints) the public part of a key has. */
const PARTS: Readonly<Record<string, number>> = {
  "ssh-ed25519": 1,
  "ecdsa-sha2-nistp256": 2,
  "ecdsa-sha2-nistp384": 2,
  "ecdsa-sha2-nistp521": 2,
  "ssh-rsa": 2,
};

/** SHA-1 is not taken from an authority, as ssh does not (CASignatureAlgorithms). */
const SIGNATURES: ReadonlySet<string> = new Set([
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
]);

/** Algorithms for `serverHostKey` that ask for certificates, in ssh's order. */
export const CERTIFICATE_ALGORITHMS: readonly string[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
].map((name) => `${name}${SUFFIX}`);

/** `rsa-sha2-512-cert-v01@openssh.com` → `rsa-sha2-512`; undefined: no certificate is asked for by that name. */
export function plainAlgorithm(algorithm: string): string | undefined {
  return algorithm.endsWith(SUFFIX) ? algorithm.slice(0, -SUFFIX.length) : undefined;
}

/** Undefined: it is no certificate, of no kind that is known, or cut short. */
export function parseCertificate(blob: Uint8Array): HostCertificate | undefined {
  const type = plainAlgorithm(keyType(blob));
  const parts = type === undefined ? undefined : PARTS[type];
  if (type === undefined || parts === undefined) return undefined;
  const reader = new Reader(Buffer.from(blob));
  try {
    reader.text();
    reader.text(); // the nonce
    const keyAt = reader.at;
    for (let part = 0; part < parts; part++) reader.text();
    const key = Buffer.concat([stringOf(Buffer.from(type)), reader.from(keyAt)]);
    const [serial, role, id] = [reader.uint64(), reader.uint32(), reader.text().toString("utf8")];
    const principals = stringsIn(reader.text());
    const [validAfter, validBefore] = [reader.uint64(), reader.uint64()];
    const criticalOptions = stringsIn(reader.text()).filter((_, index) => index % 2 === 0);
    reader.text(); // extensions: of users alone
    reader.text(); // reserved
    const authority = reader.text();
    const signed = reader.from(0);
    const signature = reader.text();
    if (!reader.isAtEnd || plainAlgorithm(keyType(authority)) !== undefined) return undefined;
    const times = { validAfter, validBefore };
    return { key, role, serial, id, principals, ...times, criticalOptions, authority, signed, signature };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Whether the authority's key made the signature (`signature` as in the certificate: type and value). */
export type CheckSignature = (authority: Buffer, type: string, signature: Buffer, signed: Buffer) => boolean;

/** Why the certificate is not good for the host at that time; undefined: it is. In ssh's order and words. */
export function whyNotGood(
  certificate: HostCertificate,
  host: string,
  nowSeconds: number,
  isSignedBy: CheckSignature,
): string | undefined {
  const now = BigInt(Math.floor(nowSeconds));
  const { role, principals, validAfter, validBefore, criticalOptions, authority, signature, signed } = certificate;
  if (role !== HOST) return "it is not a host's certificate";
  if (now < validAfter) return `it is not valid before ${timeOf(validAfter)}`;
  if (now >= validBefore) return `it has expired (${timeOf(validBefore)})`;
  if (principals.length > 0 && !principals.includes(host)) return `it is good for ${principals.join(", ")} alone`;
  if (criticalOptions.length > 0) return `it has options that crun does not know: ${criticalOptions.join(", ")}`;
  const type = keyType(signature);
  if (!SIGNATURES.has(type)) return `its signature is of a kind that is not taken (${type === "" ? "none" : type})`;
  const value = signature.subarray(4 + type.length);
  const bytes = value.length < 4 ? Buffer.alloc(0) : value.subarray(4, 4 + value.readUInt32BE(0));
  return isSignedBy(authority, type, bytes, signed) ? undefined : "its signature is not the authority's";
}

function timeOf(seconds: bigint): string {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? "the end of all times" : date.toISOString();
}

function stringOf(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function stringsIn(bytes: Buffer): string[] {
  const reader = new Reader(bytes);
  const found: string[] = [];
  while (!reader.isAtEnd) found.push(reader.text().toString("utf8"));
  return found;
}

/** Reads what SSH's messages are made of. Throws a RangeError at the end of the bytes. */
class Reader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.at === this.#bytes.length;
  }

  /** From there to where reading stands. */
  from(start: number): Buffer {
    return this.#bytes.subarray(start, this.at);
  }

  uint32(): number {
    return this.#take(4).readUInt32BE(0);
  }

  uint64(): bigint {
    return this.#take(8).readBigUInt64BE(0);
  }

  text(): Buffer {
    return this.#take(this.uint32());
  }

  #take(length: number): Buffer {
    if (length > this.#bytes.length - this.at) throw new RangeError("cut short");
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }
}
