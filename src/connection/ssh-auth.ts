// In which order a login is tried: what needs no question first, and nothing that the server does not offer.

import { basename } from "node:path";
import type { Prompt } from "../target/session.js";
import { fingerprint } from "./known-hosts.js";
import type { Identity } from "./ssh-keys.js";

/** A key that can sign, though perhaps only after a question. */
export interface SigningKey {
  readonly publicKey: Buffer;
  /** For messages. */
  readonly name: string;
  readonly source: { readonly kind: "file"; readonly identity: Identity } | { readonly kind: "agent" };
}

/** One thing to try. */
export type Attempt =
  | { readonly kind: "none" }
  | { readonly kind: "keys"; readonly keys: readonly SigningKey[] }
  | { readonly kind: "password"; readonly password: string }
  | { readonly kind: "keyboard-interactive"; readonly password: string | undefined };

export interface Credentials {
  readonly identities: readonly Identity[];
  readonly identitiesOnly: boolean;
  /** Public keys of the agent; called at most once, and only when they are needed. */
  readonly listAgent: (() => Promise<readonly Buffer[]>) | undefined;
  /** Opens a key whose public part is unknown without its passphrase; undefined: no passphrase, or a wrong one. */
  readonly openIdentity: (identity: Identity) => Promise<Buffer | undefined>;
  readonly password: string | undefined;
  readonly prompt: Prompt;
  /** `root@host`, for questions. */
  readonly login: string;
}

const PASSWORD_TRIES = 3;

/** The attempts, one after the other, and what was tried so far. */
export class AuthPlan {
  readonly #credentials: Credentials;
  readonly #steps: (() => Promise<Attempt | undefined>)[];
  readonly #offered = new Set<string>();
  readonly #tried: string[] = [];
  #agentKeys: Promise<readonly Buffer[]> | undefined;
  #allowed: readonly string[] | undefined;
  #position = 0;
  #passwordTries = 0;
  #sent: ReadonlySet<string> = new Set();

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
    this.#steps = [
      async () => this.#plainFiles(),
      () => this.#agent(),
      () => this.#lockedFiles(),
      async () => this.#askForMethods(),
      () => this.#passwords(),
    ];
  }

  /** What was tried, for the error. */
  get tried(): readonly string[] {
    return this.#tried;
  }

  get allowed(): readonly string[] {
    return this.#allowed ?? [];
  }

  /** `allowed`: what the server offers to go on with, unknown before the first answer. Undefined: nothing is left. */
  async next(allowed: readonly string[] | undefined, isPartialSuccess: boolean): Promise<Attempt | undefined> {
    if (allowed !== undefined) this.#allowed = allowed;
    if (isPartialSuccess) this.#position = 0; // a second factor may come from any step
    while (this.#position < this.#steps.length) {
      const attempt = await this.#steps[this.#position]?.();
      if (attempt?.kind !== "password" && attempt?.kind !== "keyboard-interactive") this.#position++;
      if (attempt !== undefined) return attempt;
    }
    return undefined;
  }

  #may(method: string): boolean {
    return this.#allowed === undefined || this.#allowed.includes(method);
  }

  #plainFiles(): Attempt | undefined {
    const keys = this.#credentials.identities.flatMap((identity) =>
      identity.secret === undefined || identity.isEncrypted || identity.publicKey === undefined
        ? []
        : [keyOfFile(identity, identity.publicKey)],
    );
    return this.#offer(keys);
  }

  async #agent(): Promise<Attempt | undefined> {
    const { listAgent, identities, identitiesOnly } = this.#credentials;
    if (listAgent === undefined || !this.#may("publickey")) return undefined;
    const named = identities.flatMap(({ publicKey }) => publicKey ?? []);
    // Only these keys are wanted, and all of them were offered already.
    if (identitiesOnly && named.every((key) => this.#offered.has(key.toString("base64")))) return undefined;
    const keys = await (this.#agentKeys ??= listAgent());
    const wanted = keys.filter((key) => !identitiesOnly || named.some((one) => one.equals(key)));
    // Those that the configuration names go first: a server counts its patience in tries.
    const isNamed = (key: Buffer): number => (named.some((one) => one.equals(key)) ? 0 : 1);
    const ordered = [...wanted].sort((a, b) => isNamed(a) - isNamed(b));
    return this.#offer(ordered.map((publicKey) => ({ publicKey, name: "agent's key", source: { kind: "agent" } })));
  }

  async #lockedFiles(): Promise<Attempt | undefined> {
    if (!this.#may("publickey")) return undefined;
    const keys: SigningKey[] = [];
    for (const identity of this.#credentials.identities) {
      if (identity.secret === undefined) continue;
      if (!identity.isEncrypted && identity.publicKey !== undefined) continue;
      const publicKey = identity.publicKey ?? (await this.#credentials.openIdentity(identity));
      if (publicKey !== undefined) keys.push(keyOfFile(identity, publicKey));
    }
    return this.#offer(keys);
  }

  #offer(keys: readonly SigningKey[]): Attempt | undefined {
    if (!this.#may("publickey")) return undefined;
    const fresh = keys.filter((key) => !this.#offered.has(key.publicKey.toString("base64")));
    for (const key of fresh) {
      this.#offered.add(key.publicKey.toString("base64"));
      this.#tried.push(`${key.name} (${fingerprint(key.publicKey)})`);
    }
    return fresh.length === 0 ? undefined : { kind: "keys", keys: fresh };
  }

  /** Nobody is asked for a password that the server would not take; a password that is there is simply tried. */
  #askForMethods(): Attempt | undefined {
    return this.#allowed === undefined && this.#credentials.password === undefined ? { kind: "none" } : undefined;
  }

  async #passwords(): Promise<Attempt | undefined> {
    if (this.#isPasswordSpent()) return undefined;
    const method = this.#may("password")
      ? "password"
      : this.#may("keyboard-interactive")
        ? "keyboard-interactive"
        : undefined;
    if (method === undefined) return undefined;
    this.#passwordTries++;
    this.#sent = new Set([...this.#sent, method]);
    const { password, prompt, login } = this.#credentials;
    if (method === "keyboard-interactive") {
      this.#tried.push("keyboard-interactive");
      return { kind: method, password };
    }
    const answer = password ?? (await prompt(`${login}'s password: `, { isSecret: true }));
    if (answer === undefined) {
      this.#passwordTries = PASSWORD_TRIES;
      return undefined;
    }
    this.#tried.push("password");
    return { kind: method, password: answer };
  }

  /** One that is known is sent once by each method that takes it; a person may try again. */
  #isPasswordSpent(): boolean {
    if (this.#passwordTries >= PASSWORD_TRIES) return true;
    if (this.#credentials.password === undefined) return false;
    return this.#sent.has("keyboard-interactive") || (this.#sent.has("password") && this.#may("password"));
  }
}

function keyOfFile(identity: Identity, publicKey: Buffer): SigningKey {
  return { publicKey, name: `key ${basename(identity.file)}`, source: { kind: "file", identity } };
}
