// One login by ssh2 over a connection that is there: key exchange, host key, authentication, and why it failed.

import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { HostAddress, Prompt } from "../target/session.js";
import type { Deadline } from "./deadline.js";
import { signatureCheck } from "./authority-signature.js";
import { HostKeyCheck } from "./host-key-check.js";
import { ConnectionError } from "./problem.js";
import { AuthPlan } from "./ssh-auth.js";
import type { SshTarget } from "./ssh-config.js";
import { giveUp, watchAnswers } from "./ssh-flood.js";
import { KeyRing, toMethod } from "./ssh-key-ring.js";
import { askForCertificates } from "./ssh2-certificates.js";
import { loadIdentities } from "./ssh-keys.js";
import type { UnusableIdentity } from "./ssh-keys.js";
import type { Client, ConnectConfig, Ssh2 } from "./ssh2.js";

const END_WAIT_MS = 1000;
/** So much of what a server shows before the login is kept. */
const BANNER_LIMIT = 16 * 1024;
/** A login takes a few thousand bytes, with all that a server may say of itself. */
const LOGIN_LIMIT = 1024 * 1024;
const HOST_KEY_ALGORITHMS = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
  "ssh-rsa",
] as const;

/** What all steps of reaching a host share. */
export interface LoginContext {
  readonly ssh2: Ssh2;
  readonly address: HostAddress;
  readonly prompt: Prompt;
  readonly deadline: Deadline;
}

/** A login, and those it goes through. */
export interface Login {
  readonly client: Client;
  readonly socket: Duplex;
  readonly where: string;
  close(): Promise<void>;
}

/** `root@10.0.0.1:22`. */
export function whereOf(target: SshTarget): string {
  const host = target.hostName.includes(":") ? `[${target.hostName}]` : target.hostName;
  return `${target.user}@${host}:${target.port}`;
}

/** Logs in over the connection that `open` makes. All files are read before: a server waits only so long. */
export async function logInOver(context: LoginContext, target: SshTarget, open: () => Promise<Duplex>): Promise<Login> {
  const means = await prepare(context, target);
  return authenticate(context, target, await open(), means);
}

/** What a login needs, read before the server's patience is tried. */
interface Means {
  readonly check: HostKeyCheck;
  /** Questions that stop the clock. */
  readonly held: Prompt;
  readonly ring: KeyRing;
  readonly plan: AuthPlan;
  readonly unusable: readonly UnusableIdentity[];
}

async function prepare(context: LoginContext, target: SshTarget): Promise<Means> {
  const { ssh2, address, prompt, deadline } = context;
  const held: Prompt = (question, options) => deadline.hold(prompt(question, options));
  const check = await HostKeyCheck.load(target, {
    acceptsNew: address.acceptsNewHostKeys,
    prompt: held,
    isSignedBy: signatureCheck(ssh2),
    now: () => Date.now() / 1000,
  });
  const { usable, unusable } = await loadIdentities(target.identityFiles);
  const ring = new KeyRing(ssh2, target.agent, held);
  const plan = new AuthPlan({
    identities: await Promise.all(usable.map((identity) => ring.withPublicKey(identity))),
    identitiesOnly: target.identitiesOnly,
    listAgent: target.agent === undefined ? undefined : () => ring.listAgent(),
    openIdentity: async (identity) => (await ring.open(identity))?.getPublicSSH(),
    password: address.password,
    prompt: held,
    login: `${target.user}@${target.hostName}`,
  });
  return { check, held, ring, plan, unusable };
}

/** Key exchange, host key, login. The socket is closed where it fails. */
async function authenticate(context: LoginContext, target: SshTarget, socket: Duplex, means: Means): Promise<Login> {
  const { ssh2, address, deadline } = context;
  const where = whereOf(target);
  const { check, held, ring, plan, unusable } = means;
  const client = new ssh2.Client();
  const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
  let step = "connecting";
  let firstBytes = Buffer.alloc(0);
  const banners: Buffer[] = [];
  let bannerBytes = 0;
  const noise = (): Uint8Array => Buffer.concat(step === "connecting" ? [firstBytes] : banners);
  const fail = (cause: string, remedy: string, isTransient = false, detail?: string): ConnectionError =>
    new ConnectionError({ host: address.name, where, step, cause, remedy, detail, noise: noise(), isTransient });
  const ready = new Promise<void>((resolve, reject) => {
    client.on("banner", (text: string) => {
      bannerBytes += text.length;
      if (bannerBytes <= BANNER_LIMIT) banners.push(Buffer.from(text));
    });
    client.on("handshake", () => {
      step = "logging in";
    });
    client.on("ready", resolve);
    client.on("error", (error: Error & { readonly level?: string }) => {
      if (error.level === "agent") return; // the next key, or the end of them, follows
      if (check.refusal !== undefined) {
        step = "checking the host key";
        reject(fail(check.refusal.cause, check.refusal.remedy, false, check.refusal.detail));
      } else if (error.level === "client-authentication") reject(refused(fail, plan, unusable, target));
      else reject(explain(fail, error, step));
    });
    client.on("close", () => reject(closedEarly(fail, step)));
  });
  let certificate = (): Buffer | undefined => undefined;
  const config: ConnectConfig = {
    sock: socket as NonNullable<ConnectConfig["sock"]>,
    username: target.user,
    readyTimeout: 0,
    keepaliveInterval: target.aliveIntervalMs ?? address.keepaliveIntervalMs,
    keepaliveCountMax: target.aliveCountMax,
    algorithms: {
      // What is small on the wire is small in memory, too.
      compress: ["none"],
      serverHostKey: check.order([...HOST_KEY_ALGORITHMS]) as (typeof HOST_KEY_ALGORITHMS)[number][],
    },
    hostVerifier: (key: Buffer, verify: (isValid: boolean) => void) => {
      check.verify(key, certificate()).then(verify, () => verify(false));
    },
    authHandler: (allowed, isPartial, next) => {
      const methods = Array.isArray(allowed) ? allowed.map(String) : undefined;
      const decide = async (): Promise<void> => {
        const attempt = await plan.next(methods, isPartial === true);
        next(toMethod(attempt, target.user, ring, held, where) as Parameters<typeof next>[0]);
      };
      decide().catch((error: unknown) => {
        client.emit("error", error instanceof Error ? error : new Error("the login failed"));
        client.destroy();
      });
    },
  };
  client.connect(config);
  if (check.asksForCertificate) certificate = askForCertificates(client);
  let received = 0;
  const tap = (chunk: Buffer): void => {
    received += chunk.length;
    if (received > LOGIN_LIMIT) giveUp(client, socket, "the server sends without end before anybody is logged in");
    if (firstBytes.length < 1024) firstBytes = Buffer.concat([firstBytes, chunk]).subarray(0, 1024);
  };
  socket.on("data", tap);
  watchAnswers(client, socket);
  try {
    await deadline.race(ready, () => {
      const isSilent = step === "connecting" && firstBytes.length === 0;
      const cause = isSilent ? "the server says nothing" : `no answer in time while ${DOING[step] ?? step}`;
      return fail(cause, "Check that an SSH server listens there and is not overloaded.", true);
    });
    return { client, socket, where, close: () => endClient(client, socket, closed) };
  } catch (error) {
    client.destroy();
    socket.destroy();
    throw error;
  } finally {
    socket.off("data", tap);
  }
}

const DOING: Readonly<Record<string, string>> = {
  connecting: "the key exchange was under way",
  "logging in": "logging in",
};

type Fail = (cause: string, remedy: string, isTransient?: boolean, detail?: string) => ConnectionError;

function refused(
  fail: Fail,
  plan: AuthPlan,
  unusable: readonly UnusableIdentity[],
  target: SshTarget,
): ConnectionError {
  const tried = plan.tried.length === 0 ? "nothing could be tried" : `tried ${plan.tried.join(", ")}`;
  const offers = plan.allowed.length === 0 ? "" : `; the server takes ${plan.allowed.join(", ")}`;
  const detail = unusable.map(({ file, reason }) => `${file}: ${reason}`).join("\n");
  const remedy = plan.allowed.some((method) => method === "password" || method === "keyboard-interactive")
    ? `Add a key of yours to ${target.user}'s authorized_keys, name it with crun_identity, or use --ask-pass.`
    : `Add a key of yours to ${target.user}'s authorized_keys on the host, or name the right one with crun_identity.`;
  return fail(`no way to log in is left: ${tried}${offers}`, remedy, false, detail === "" ? undefined : detail);
}

function closedEarly(fail: Fail, step: string): ConnectionError {
  const remedy = "See the server's log: it may be overloaded (MaxStartups) or refuse this address.";
  return fail(`the server closed the connection while ${DOING[step] ?? step}`, remedy, step === "connecting");
}

function explain(fail: Fail, error: Error, step: string): ConnectionError {
  const { message } = error;
  if (/Connection lost before handshake/.test(message)) return closedEarly(fail, step);
  if (/no matching/i.test(message)) {
    return fail(
      `no common algorithm: ${message}`,
      "The server is too old, or set too strictly, for this client: allow a modern algorithm there.",
    );
  }
  if (/ident|greeting|protocol version|Invalid packet|Packet length|before handshake|Bad packet/i.test(message)) {
    return fail(`this does not look like an SSH server: ${message}`, "Check crun_host and crun_port.");
  }
  const isReset = /ECONNRESET|EPIPE|Connection lost/.test(message);
  return fail(
    isReset ? `the connection broke while ${DOING[step] ?? step}` : message,
    "Check the server's log and the network.",
    isReset && step === "connecting",
  );
}

/** Says goodbye. Whether the server has heard it is not waited for: whoever closes a login has seen its command end. */
async function endClient(client: Client, socket: Duplex, closed: Promise<void>): Promise<void> {
  const said = new Promise<void>((resolve) => {
    if (socket.writableFinished || socket.destroyed) resolve();
    else socket.once("finish", resolve);
  });
  client.end();
  const timer = setTimeout(() => client.destroy(), END_WAIT_MS);
  void closed.then(() => clearTimeout(timer));
  await Promise.race([said, closed]);
  // Neither keeps the program from ending.
  timer.unref();
  if (socket instanceof Socket) socket.unref();
}
