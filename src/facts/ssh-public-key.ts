// The fingerprint of an SSH public key, as ssh-keygen -l prints it.

import { createHash } from "node:crypto";

/** `2048 SHA256:… comment (RSA)`; undefined for what is no public key line. */
export function fingerprintOf(line: string): string | undefined {
  const [type = "", data = "", ...rest] = line.trim().split(/\s+/);
  const blob = Buffer.from(data, "base64");
  const [, first, second] = stringsOf(blob);
  if (!first || !/^(ssh-|ecdsa-|sk-)/.test(type)) return undefined;
  const digest = createHash("sha256").update(blob).digest("base64").replace(/=+$/, "");
  const kind = /rsa/.test(type) ? "RSA" : /ecdsa/.test(type) ? "ECDSA" : /dss/.test(type) ? "DSA" : "ED25519";
  return `${bitsOf(type, first, second)} SHA256:${digest} ${rest.join(" ") || "no comment"} (${kind})`;
}

/** Length-prefixed strings of a key blob; stops at what is cut short. */
function stringsOf(blob: Buffer): Buffer[] {
  const strings: Buffer[] = [];
  for (let at = 0; at + 4 <= blob.length;) {
    const length = blob.readUInt32BE(at);
    if (at + 4 + length > blob.length) break;
    strings.push(blob.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
}

function bitsOf(type: string, first: Buffer, second: Buffer | undefined): number {
  if (/rsa/.test(type)) return bitLength(second ?? first);
  if (/dss/.test(type)) return bitLength(first);
  return Number(/nistp(\d+)/.exec(type)?.[1] ?? "256");
}

function bitLength(number: Buffer): number {
  const at = number.findIndex((byte) => byte !== 0);
  return at < 0 ? 0 : (number.length - at - 1) * 8 + (32 - Math.clz32(number[at] ?? 0));
}
