// Ansible Vault's own format, 1.1 and 1.2: PBKDF2, AES-256 in counter mode, HMAC.

import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  pbkdf2,
  pbkdf2Sync,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { promisify } from "node:util";
import { Damaged } from "./format.js";

const iterations = 10_000;
const saltLength = 32;
const blockLength = 16;
const keysLength = 80;

interface Keys {
  readonly cipher: Buffer;
  readonly hmac: Buffer;
  readonly counter: Buffer;
}

/** What was derived ahead, by password and salt. */
const ahead = new Map<string, Buffer>();

function nameOf(password: Uint8Array, salt: Uint8Array): string {
  return `${Buffer.from(salt).toString("hex")}:${Buffer.from(password).toString("hex")}`;
}

/**
 * Derives keys on several threads, for what will be opened soon: each costs 7 ms. Content that is damaged is passed over; opening it tells.
 */
export async function deriveAhead(texts: Iterable<string>, password: Uint8Array): Promise<void> {
  const work: Promise<void>[] = [];
  for (const text of texts) {
    const salt = saltOf(text);
    const name = salt && nameOf(password, salt);
    if (!salt || name === undefined || ahead.has(name)) continue;
    ahead.set(name, Buffer.alloc(0));
    const derived = promisify(pbkdf2)(password, salt, iterations, keysLength, "sha256");
    work.push(derived.then((bytes) => void ahead.set(name, bytes)));
  }
  await Promise.all(work);
}

function saltOf(text: string): Buffer | undefined {
  try {
    return parseEnvelope(text).salt;
  } catch (error) {
    if (error instanceof Damaged) return undefined;
    throw error;
  }
}

function keysOf(password: Uint8Array, salt: Uint8Array): Keys {
  const known = ahead.get(nameOf(password, salt));
  const bytes = known?.length === keysLength ? known : pbkdf2Sync(password, salt, iterations, keysLength, "sha256");
  return { cipher: bytes.subarray(0, 32), hmac: bytes.subarray(32, 64), counter: bytes.subarray(64, 80) };
}

/** What the body of a vault holds, before any password is tried. */
export interface Envelope {
  readonly salt: Buffer;
  readonly hmac: Buffer;
  readonly ciphertext: Buffer;
}

/** Takes the text apart; throws Damaged for what no password can open. */
export function parseEnvelope(text: string): Envelope {
  const [, ...words] = text.trim().split(/\s+/);
  const body = words.join("");
  if (body === "") throw new Damaged("nothing follows its header");
  const parts = bytesOfHex(body, "its body").toString("latin1").split("\n");
  const [salt, hmac, ciphertext] = parts;
  if (salt === undefined || hmac === undefined || ciphertext === undefined || parts.length !== 3)
    throw new Damaged("its body is cut off: it must hold a salt, an HMAC and the ciphertext");
  const envelope = {
    salt: bytesOfHex(salt, "its salt"),
    hmac: bytesOfHex(hmac, "its HMAC"),
    ciphertext: bytesOfHex(ciphertext, "its ciphertext"),
  };
  if (envelope.hmac.length !== 32) throw new Damaged("its HMAC has not 32 bytes");
  if (envelope.ciphertext.length === 0 || envelope.ciphertext.length % blockLength !== 0)
    throw new Damaged("its body is cut off: the ciphertext is not whole blocks of 16 bytes");
  return envelope;
}

/** Undefined: the HMAC does not fit, so the password is another one or the content was changed. */
export function openEnvelope({ salt, hmac, ciphertext }: Envelope, password: Uint8Array): Buffer | undefined {
  const keys = keysOf(password, salt);
  const expected = createHmac("sha256", keys.hmac).update(ciphertext).digest();
  if (!timingSafeEqual(expected, hmac)) return undefined;
  const decipher = createDecipheriv("aes-256-ctr", keys.cipher, keys.counter);
  const padded = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  const padding = padded[padded.length - 1] ?? 0;
  if (padding < 1 || padding > blockLength) throw new Damaged("its padding is wrong");
  return padded.subarray(0, padded.length - padding);
}

/** Text in the format 1.2 where there is a label, else 1.1; ends with a newline. A salt that is given twice tells which texts are the same. */
export function sealAnsible(
  plain: Uint8Array,
  password: Uint8Array,
  label: string | undefined,
  salt: Buffer = randomBytes(saltLength),
): string {
  const keys = keysOf(password, salt);
  const padding = blockLength - (plain.length % blockLength);
  const cipher = createCipheriv("aes-256-ctr", keys.cipher, keys.counter);
  const ciphertext = Buffer.concat([
    cipher.update(plain),
    cipher.update(Buffer.alloc(padding, padding)),
    cipher.final(),
  ]);
  const hmac = createHmac("sha256", keys.hmac).update(ciphertext).digest();
  const body = Buffer.from([salt, hmac, ciphertext].map((one) => one.toString("hex")).join("\n")).toString("hex");
  const header = label === undefined ? "$ANSIBLE_VAULT;1.1;AES256" : `$ANSIBLE_VAULT;1.2;AES256;${label}`;
  return `${[header, ...(body.match(/.{1,80}/g) ?? [])].join("\n")}\n`;
}

function bytesOfHex(text: string, what: string): Buffer {
  const bad = /[^0-9a-fA-F]/.exec(text);
  if (bad) throw new Damaged(`${what} is not hexadecimal: it has ${JSON.stringify(bad[0])} in it`);
  if (text.length % 2 !== 0) throw new Damaged(`${what} is cut off: it has an odd number of digits`);
  return Buffer.from(text, "hex");
}
