// Host certificates for ssh2, which knows none: it is shown the certified key, and the exchange's hash the certificate.

import { CERTIFICATE_ALGORITHMS, parseCertificate, plainAlgorithm } from "./host-certificate.js";
import type { Client } from "./ssh2.js";

/** SSH_MSG_KEXDH_REPLY, which ECDH's is too, and SSH_MSG_KEX_DH_GEX_REPLY. */
const REPLIES: ReadonlySet<number | undefined> = new Set([31, 33]);

/**
 * Makes a client that has been told to connect, and has heard nothing yet, ask for host certificates first. The key exchange of ssh2 1.17 then sees a plain
 * key and its algorithm, as if the server had shown no certificate; only what it hashes as the host's key (RFC 4253, K_S) is the certificate. Were any of
 * this not as it is there, the signature over the hash would not be right, and the connection end.
 *
 * The function that is returned tells the certificate that the server has shown, if it has.
 */
export function askForCertificates(client: Client): () => Buffer | undefined {
  let shown: Buffer | undefined;
  const protocol = objectIn(client, "_protocol");
  const offer = objectIn(protocol, "_offer");
  const lists = objectIn(offer, "lists");
  const listed = (owner: object, name: string): unknown => Reflect.get(objectIn(owner, name), "array");
  const sides = (name: string): object => {
    const side = objectIn(lists, name);
    return Object.fromEntries(["cipher", "mac", "compress", "lang"].map((one) => [one, listed(side, one)]));
  };
  const plain = listed(lists, "serverHostKey");
  if (!Array.isArray(plain)) throw new TypeError("ssh2 is another one: its host key algorithms are no list");
  const offered: unknown = Reflect.construct(constructorOf(offer), [
    {
      kex: listed(lists, "kex"),
      serverHostKey: [...CERTIFICATE_ALGORITHMS, ...plain],
      cs: sides("cs"),
      sc: sides("sc"),
    },
  ]);
  Reflect.set(protocol, "_offer", offered);
  let exchange: unknown;
  Object.defineProperty(protocol, "_kex", {
    configurable: true,
    get: () => exchange,
    set: (next: unknown) => {
      exchange = next;
      shown = undefined;
      if (typeof next === "object" && next !== null) adapt(next, (certificate) => (shown = certificate));
    },
  });
  return () => shown;
}

/** One key exchange, before it has begun. */
function adapt(exchange: object, onCertificate: (certificate: Buffer) => void): void {
  const negotiated = objectIn(exchange, "negotiated");
  const algorithm = plainAlgorithm(String(Reflect.get(negotiated, "serverHostKey")));
  if (algorithm === undefined) return;
  Reflect.set(negotiated, "serverHostKey", algorithm);
  let certificate: Buffer | undefined;
  const parse: unknown = Reflect.get(exchange, "parse");
  if (typeof parse !== "function") throw new TypeError("ssh2 is another one: its key exchange does not parse");
  Reflect.set(exchange, "parse", (payload: Buffer): unknown => {
    const unwrapped = REPLIES.has(payload[0]) ? unwrap(payload) : undefined;
    if (unwrapped !== undefined) {
      certificate = unwrapped.certificate;
      onCertificate(certificate);
    }
    return Reflect.apply(parse, exchange, [unwrapped?.payload ?? payload]);
  });
  let key: unknown;
  Object.defineProperty(exchange, "_hostKey", {
    configurable: true,
    // The first who asks makes the hash; who asks then wants the key that the signature is to be made with.
    get: () => {
      const first = certificate;
      certificate = undefined;
      return first ?? key;
    },
    set: (next: unknown) => {
      key = next;
    },
  });
}

/** A reply to the exchange with the certified key in the certificate's place; undefined: there is no certificate in it. */
function unwrap(payload: Buffer): { readonly payload: Buffer; readonly certificate: Buffer } | undefined {
  if (payload.length < 5 || payload.readUInt32BE(1) > payload.length - 5) return undefined;
  const end = 5 + payload.readUInt32BE(1);
  const certificate = Buffer.from(payload.subarray(5, end));
  const parsed = parseCertificate(certificate);
  if (parsed === undefined) return undefined;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(parsed.key.length);
  return { payload: Buffer.concat([payload.subarray(0, 1), length, parsed.key, payload.subarray(end)]), certificate };
}

function objectIn(owner: object, name: string): object {
  const found: unknown = Reflect.get(owner, name);
  if (typeof found !== "object" || found === null) throw new TypeError(`ssh2 is another one: it has no ${name}`);
  return found;
}

function constructorOf(instance: object): new (...values: unknown[]) => unknown {
  const made: unknown = Reflect.get(instance, "constructor");
  const isClass = (one: unknown): one is new (...values: unknown[]) => unknown => typeof one === "function";
  if (!isClass(made)) throw new TypeError("ssh2 is another one: its offer has no class");
  return made;
}
