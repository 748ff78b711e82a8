// The thread that works with age. The only importer of age-encryption; started when something of age is first met.

import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";
import { workerData, type MessagePort } from "node:worker_threads";
import {
  armor,
  Decrypter,
  Encrypter,
  generateX25519Identity,
  identityToRecipient,
  Stanza,
  type Identity,
  type Recipient,
} from "age-encryption";
import type { AgeKeys, AgeReply, AgeRequest } from "./age-messages.js";

/** As age's own program has it: 2^18, about a second and 256 MiB. More than 2^20 is refused when reading. */
const workFactor = 18;
const mostWork = 20;

/** Keys by passphrase, salt and work: a second is a long time. */
const derived = new Map<string, Buffer>();

/** The library's scrypt is JavaScript; node's takes a fraction of the time. */
function keyOf(passphrase: string, salt: Uint8Array, work: number): Buffer {
  const name = `${work}:${Buffer.from(salt).toString("hex")}:${passphrase}`;
  const known = derived.get(name);
  if (known) return known;
  const labelled = Buffer.concat([Buffer.from("age-encryption.org/v1/scrypt"), salt]);
  const key = scryptSync(passphrase, labelled, 32, { N: 2 ** work, r: 8, p: 1, maxmem: 2 ** work * 2048 });
  derived.set(name, key);
  return key;
}

const algorithm = "chacha20-poly1305";
/** Each key wraps one file key alone. */
const nonce = Buffer.alloc(12);
const tagged = { authTagLength: 16 };

class PassphraseRecipient implements Recipient {
  readonly #passphrase: string;
  constructor(passphrase: string) {
    this.#passphrase = passphrase;
  }
  wrapFileKey(fileKey: Uint8Array): Stanza[] {
    const salt = randomBytes(16);
    const cipher = createCipheriv(algorithm, keyOf(this.#passphrase, salt, workFactor), nonce, tagged);
    const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
    return [new Stanza(["scrypt", salt.toString("base64").replace(/=+$/, ""), String(workFactor)], body)];
  }
}

class PassphraseIdentity implements Identity {
  readonly #passphrase: string;
  constructor(passphrase: string) {
    this.#passphrase = passphrase;
  }
  unwrapFileKey(stanzas: Stanza[]): Uint8Array | null {
    const stanza = stanzas.find((one) => one.args[0] === "scrypt");
    if (!stanza) return null;
    const [, salt = "", work = ""] = stanza.args;
    const bytes = Buffer.from(salt, "base64");
    if (stanzas.length !== 1 || stanza.args.length !== 3 || bytes.length !== 16 || stanza.body.length !== 32)
      throw new Error("invalid scrypt stanza");
    if (!/^[1-9][0-9]?$/.test(work) || Number(work) > mostWork)
      throw new Error(`its scrypt work factor is ${work}, and the most that is taken is ${mostWork}`);
    const decipher = createDecipheriv(algorithm, keyOf(this.#passphrase, bytes, Number(work)), nonce, tagged);
    decipher.setAuthTag(stanza.body.subarray(16));
    try {
      return Buffer.concat([decipher.update(stanza.body.subarray(0, 16)), decipher.final()]);
    } catch {
      // The tag does not fit: it is another passphrase.
      return null;
    }
  }
}

async function answer(request: AgeRequest): Promise<AgeReply> {
  switch (request.kind) {
    case "decrypt":
      return decrypt(request);
    case "encrypt": {
      const encrypter = new Encrypter();
      if ("passphrase" in request.to) encrypter.addRecipient(new PassphraseRecipient(request.to.passphrase));
      else for (const one of request.to.recipients) encrypter.addRecipient(one);
      return { kind: "text", text: armor.encode(await encrypter.encrypt(request.content)) };
    }
    case "generate":
      return { kind: "text", text: await generateX25519Identity() };
    case "recipient":
      return { kind: "text", text: await identityToRecipient(request.identity) };
  }
}

/** Kinds of keys that what is opened right now was encrypted for. */
const kinds: string[] = [];
const witness: Identity = {
  unwrapFileKey(stanzas) {
    kinds.push(...stanzas.map(({ args }) => args[0] ?? ""));
    return null;
  },
};

/** Making an identity of its text costs as much as opening something. */
const decrypters = new Map<string, Decrypter>();

function decrypterFor({ identities, passphrases }: AgeKeys): Decrypter {
  const name = JSON.stringify([identities, passphrases]);
  let decrypter = decrypters.get(name);
  if (!decrypter) {
    decrypter = new Decrypter();
    decrypter.addIdentity(witness);
    for (const one of identities) decrypter.addIdentity(one);
    for (const one of passphrases) decrypter.addIdentity(new PassphraseIdentity(one));
    decrypters.set(name, decrypter);
  }
  return decrypter;
}

async function decrypt(request: Extract<AgeRequest, { kind: "decrypt" }>): Promise<AgeReply> {
  let bytes: Uint8Array;
  try {
    bytes = typeof request.content === "string" ? armor.decode(request.content) : request.content;
  } catch (error) {
    return { kind: "damaged", why: `its armor is broken (${reasonOf(error)})` };
  }
  const decrypter = decrypterFor(request);
  kinds.length = 0;
  try {
    return { kind: "bytes", bytes: await decrypter.decrypt(bytes), keys: kinds.length };
  } catch (error) {
    const why = reasonOf(error);
    if (why === "no identity matched any of the file's recipients")
      return { kind: "locked", needs: kinds.includes("scrypt") ? "passphrase" : "identity" };
    return { kind: "damaged", why: damageOf(why) };
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What the library says of broken content, in words of our own. */
function damageOf(why: string): string {
  if (why.startsWith("its ")) return why;
  if (/invalid tag|poly1305|ciphertext|final chunk/i.test(why)) return "its content was changed or is cut off";
  if (why === "invalid header HMAC") return "its header was changed";
  return `it was changed or is cut off (${why})`;
}

/** What the one who started the thread hands over. */
export interface AgeThreadData {
  readonly port: MessagePort;
  /** Counts the answers. */
  readonly answered: Int32Array;
}

const { port, answered }: AgeThreadData = workerData;

port.on("message", (request: AgeRequest) => {
  void answer(request)
    .catch((error: unknown): AgeReply => ({ kind: "damaged", why: reasonOf(error) }))
    .then((reply) => {
      port.postMessage(reply);
      Atomics.add(answered, 0, 1);
      Atomics.notify(answered, 0);
    });
});
