// Keys that sign for ssh2, and the attempts to log in put into its words.

import type { Prompt } from "../target/session.js";
import type { Attempt, SigningKey } from "./ssh-auth.js";
import type { Identity } from "./ssh-keys.js";
import type { ParsedKey, Ssh2 } from "./ssh2.js";

/** Signs with key files and with the agent; asks for a passphrase when the server has taken to the key, not before. */
export class KeyRing {
  readonly #ssh2: Ssh2;
  readonly #agentPath: string | undefined;
  readonly #prompt: Prompt;
  readonly #opened = new Map<string, ParsedKey>();

  constructor(ssh2: Ssh2, agentPath: string | undefined, prompt: Prompt) {
    this.#ssh2 = ssh2;
    this.#agentPath = agentPath;
    this.#prompt = prompt;
  }

  /** Old PEM files show their public part only when they are parsed. */
  async withPublicKey(identity: Identity): Promise<Identity> {
    if (identity.publicKey !== undefined || identity.isEncrypted) return identity;
    const key = await this.open(identity);
    return key === undefined ? identity : { ...identity, publicKey: key.getPublicSSH() };
  }

  async listAgent(): Promise<readonly Buffer[]> {
    if (this.#agentPath === undefined) return [];
    const agent = new this.#ssh2.OpenSSHAgent(this.#agentPath);
    return await new Promise((resolve) => {
      agent.getIdentities((error, keys) => {
        // An agent that does not answer has no keys: what else there is will be tried.
        resolve(error || keys === undefined ? [] : keys.flatMap((key) => publicBlob(key)));
      });
    });
  }

  /** The whole key, after at most three questions; undefined: it stays closed. */
  async open(identity: Identity): Promise<ParsedKey | undefined> {
    const known = this.#opened.get(identity.file);
    if (known !== undefined) return known;
    for (let tries = 0; tries < (identity.isEncrypted ? 3 : 1); tries++) {
      const passphrase = identity.isEncrypted
        ? await this.#prompt(`Passphrase of ${identity.file}: `, { isSecret: true })
        : undefined;
      if (identity.isEncrypted && passphrase === undefined) return undefined;
      const parsed = this.#ssh2.utils.parseKey(identity.secret ?? "", passphrase);
      const key = Array.isArray(parsed) ? parsed[0] : parsed;
      if (key === undefined || key instanceof Error) continue;
      this.#opened.set(identity.file, key);
      return key;
    }
    return undefined;
  }

  /** What ssh2 takes for an agent, with exactly these keys. */
  agentOf(keys: readonly SigningKey[]): InstanceType<Ssh2["BaseAgent"]> {
    const sign = (key: SigningKey, data: Buffer, hash: "sha1" | "sha256" | "sha512" | undefined): Promise<Buffer> =>
      this.#sign(key, data, hash);
    class Keys extends this.#ssh2.BaseAgent<Buffer> {
      getIdentities(callback: (error?: Error | null, keys?: Buffer[]) => void): void {
        callback(
          null,
          keys.map((key) => key.publicKey),
        );
      }

      override sign(
        publicKey: Buffer | ParsedKey | string,
        data: Buffer,
        options: unknown,
        callback?: (error?: Error | null, signature?: Buffer) => void,
      ): void {
        const done = callback ?? (options as NonNullable<typeof callback>);
        const hash = typeof options === "object" && options !== null && "hash" in options ? options.hash : undefined;
        const blob =
          typeof publicKey === "object" && "getPublicSSH" in publicKey ? publicKey.getPublicSSH() : publicKey;
        const key = keys.find((one) => one.publicKey.equals(Buffer.from(blob)));
        if (key === undefined) return done(new Error("an unknown key"));
        const wanted = hash === "sha1" || hash === "sha256" || hash === "sha512" ? hash : undefined;
        void answerWith(() => sign(key, data, wanted), done);
      }
    }
    return new Keys();
  }

  async #sign(key: SigningKey, data: Buffer, hash: "sha1" | "sha256" | "sha512" | undefined): Promise<Buffer> {
    if (key.source.kind === "file") {
      const opened = await this.open(key.source.identity);
      if (opened === undefined) throw new Error(`${key.source.identity.file} stays locked`);
      const signature = opened.sign(data, hash);
      if (signature instanceof Error) throw signature;
      return signature;
    }
    const agent = new this.#ssh2.OpenSSHAgent(this.#agentPath ?? "");
    const parsed = this.#ssh2.utils.parseKey(key.publicKey);
    const publicKey = Array.isArray(parsed) ? parsed[0] : parsed;
    if (publicKey === undefined || publicKey instanceof Error) throw new Error("a key of the agent cannot be read");
    return await new Promise((resolve, reject) => {
      agent.sign(publicKey, data, hash === undefined ? {} : { hash }, (error, signature) => {
        if (error || signature === undefined) reject(error ?? new Error("the agent did not sign"));
        else resolve(signature);
      });
    });
  }
}

/** Node's way of answering, from a promise. */
async function answerWith<T>(work: () => Promise<T>, done: (error?: Error | null, value?: T) => void): Promise<void> {
  let value: T;
  try {
    value = await work();
  } catch (error) {
    return done(error instanceof Error ? error : new Error("it did not work"));
  }
  return done(null, value);
}

function publicBlob(key: object): Buffer[] {
  return "getPublicSSH" in key && typeof key.getPublicSSH === "function" ? [Buffer.from(key.getPublicSSH())] : [];
}

/** An attempt in ssh2's words; false: nothing is left. */
export function toMethod(
  attempt: Attempt | undefined,
  username: string,
  ring: KeyRing,
  prompt: Prompt,
  where: string,
): unknown {
  switch (attempt?.kind) {
    case undefined:
      return false;
    case "none":
      return { type: "none", username };
    case "keys":
      return { type: "agent", username, agent: ring.agentOf(attempt.keys) };
    case "password":
      return { type: "password", username, password: attempt.password };
    case "keyboard-interactive":
      return {
        type: "keyboard-interactive",
        username,
        prompt: (
          _name: string,
          instructions: string,
          _language: string,
          prompts: readonly { readonly prompt: string; readonly echo?: boolean }[],
          finish: (answers: string[]) => void,
        ) => {
          void answer(attempt.password, instructions, prompts, prompt, where).then(finish);
        },
      };
  }
}

/** A known password answers the one hidden question; all else is asked. */
async function answer(
  password: string | undefined,
  instructions: string,
  prompts: readonly { readonly prompt: string; readonly echo?: boolean }[],
  prompt: Prompt,
  where: string,
): Promise<string[]> {
  const [only] = prompts;
  if (password !== undefined && prompts.length === 1 && only?.echo !== true) return [password];
  const answers: string[] = [];
  for (const one of prompts) {
    const question = `${where}: ${instructions === "" ? "" : `${instructions} `}${one.prompt}`;
    answers.push((await prompt(question, { isSecret: one.echo !== true })) ?? "");
  }
  return answers;
}
