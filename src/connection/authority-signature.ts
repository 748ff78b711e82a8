// Whether an authority's key has made a certificate's signature.

import type { CheckSignature } from "./host-certificate.js";
import type { Ssh2 } from "./ssh2.js";

/** ssh2 reads the key, node's cryptography checks. */
export function signatureCheck(ssh2: Ssh2): CheckSignature {
  return (authority, type, signature, signed) => {
    const found = ssh2.utils.parseKey(authority);
    const key = Array.isArray(found) ? found[0] : found;
    if (key === undefined || key instanceof Error) return false;
    // RSA keys sign by names of their own, all others by that of the key.
    if (key.type !== (type.startsWith("rsa-sha2-") ? "ssh-rsa" : type)) return false;
    const hash = type === "rsa-sha2-256" ? "sha256" : type === "rsa-sha2-512" ? "sha512" : undefined;
    const value = type.startsWith("ecdsa-") ? derOf(signature) : signature;
    return value !== undefined && key.verify(signed, value, hash) === true;
  };
}

/** ECDSA's two numbers, as ASN.1 has them: SSH's numbers are written like its INTEGERs. */
function derOf(signature: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  let at = 0;
  while (at < signature.length) {
    const length = at + 4 <= signature.length ? signature.readUInt32BE(at) : signature.length;
    const number = signature.subarray(at + 4, at + 4 + length);
    if (number.length !== length || length === 0 || length > 100) return undefined;
    parts.push(Buffer.from([0x02, length]), number);
    at += 4 + length;
  }
  const body = Buffer.concat(parts);
  if (parts.length !== 4) return undefined;
  return Buffer.concat([Buffer.from(body.length < 128 ? [0x30, body.length] : [0x30, 0x81, body.length]), body]);
}
