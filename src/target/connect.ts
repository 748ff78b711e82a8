// Opens sessions with hosts, here or over SSH, one for each host.

import { openHostSession } from "./host-session.js";
import type { Connect, HostAddress, HostSession, Prompt } from "./session.js";

/** Opens a session; rejects with a CrunError (exitStatus 4) that says which step failed and what to do. */
export const connect: Connect = async (address, prompt) => {
  const stream =
    address.kind === "local"
      ? await (await import("../connection/local.js")).startLocal(address, prompt)
      : await (await import("../connection/ssh.js")).startSsh(address, prompt);
  const { keepaliveIntervalMs: interval } = address;
  const patience = interval === 0 ? undefined : { silenceMs: 4 * interval, answerMs: 16 * interval };
  return openHostSession(address.name, stream, address.connectTimeoutMs, patience);
};

/** Sessions by where hosts are reached: one connection and one helper each, however many trees ask. */
export class ConnectionPool {
  readonly #connect: Connect;
  readonly #prompt: Prompt;
  readonly #sessions = new Map<string, Promise<HostSession>>();
  /** No longer given out. */
  readonly #left = new Set<HostSession>();
  #questions: Promise<unknown> = Promise.resolve();

  /** Questions of several hosts are put one after the other. Ctrl-C at one means the whole run, as it does without a question. */
  constructor(prompt: Prompt, open: Connect = connect) {
    this.#connect = open;
    this.#prompt = (question, options) => {
      const answer = this.#questions.then(() => prompt(question, { ...options, atInterrupt: "signal" }));
      this.#questions = answer.catch(() => undefined);
      return answer;
    };
  }

  /** The host's session; a failed attempt is told to all who waited for it, and the next one tries anew. */
  get(address: HostAddress): Promise<HostSession> {
    const key = reachOf(address);
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const session = this.#connect(address, this.#prompt);
    this.#sessions.set(key, session);
    session.catch(() => this.#forget(key, session));
    return session;
  }

  /** Ends one host's session, with `only` if it is that one; the next `get` opens another. */
  async drop(address: HostAddress, only?: HostSession): Promise<void> {
    const key = reachOf(address);
    const session = this.#sessions.get(key);
    if (only && (await session?.catch(() => undefined)) !== only) return;
    this.#forget(key, session);
    await end(session);
  }

  /** The next `get` opens another session; `session` stays for those who have it, until they close it or all are closed. */
  async leave(address: HostAddress, session: HostSession): Promise<void> {
    const key = reachOf(address);
    const known = this.#sessions.get(key);
    if ((await known?.catch(() => undefined)) !== session) return;
    this.#forget(key, known);
    this.#left.add(session);
  }

  /** Ends all and waits until their helpers are gone. */
  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    await Promise.all([...sessions.map(end), ...[...this.#left].map((session) => session.close())]);
    this.#left.clear();
  }

  #forget(key: string, session: Promise<HostSession> | undefined): void {
    if (session && this.#sessions.get(key) === session) this.#sessions.delete(key);
  }
}

/** What makes two names of an inventory the same host to connect to: where it is and who is asked for there. */
function reachOf({ kind, address, port, user, become, identityFiles, sshConfigFile }: HostAddress): string {
  const asked = become && [become.isWanted, become.method, become.user, become.exe, become.flags];
  return JSON.stringify(
    kind === "local" ? [kind, address, asked] : [kind, address, port, user, asked, identityFiles, sshConfigFile],
  );
}

async function end(session: Promise<HostSession> | undefined): Promise<void> {
  const opened = await session?.catch(() => undefined); // who asked for it was told
  await opened?.close();
}
