// SSH by ssh2: one connection, one channel, the helper at its end.

import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import type { HelperStream } from "./helper-stream.js";
import type { HostAddress, Prompt } from "../target/session.js";
import { DEFAULT_BECOME, planBecome } from "./become.js";
import { bringUp } from "./bring-up.js";
import type { Started } from "./bring-up.js";
import { Deadline } from "./deadline.js";
import { loadHelper } from "./helper-binary.js";
import { HostKeyCheck } from "./host-key-check.js";
import { ConnectionError } from "./problem.js";
import { bringUpCommand } from "./snippet.js";
import { AuthPlan } from "./ssh-auth.js";
import { expandProxyCommand, jumpAddress, resolveSsh } from "./ssh-config.js";
import type { SshTarget } from "./ssh-config.js";
import { loadIdentities } from "./ssh-keys.js";
import type { UnusableIdentity } from "./ssh-keys.js";
import { KeyRing, toMethod } from "./ssh-key-ring.js";
import { loadSsh2 } from "./ssh2.js";
import type { Client, ClientChannel, ConnectConfig, Ssh2 } from "./ssh2.js";
import { TransportError, openCommand, openTcp } from "./tcp.js";

const END_WAIT_MS = 5000;
const FIRST_RETRY_MS = 500;
const HOST_KEY_ALGORITHMS = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
  "ssh-rsa",
] as const;

/** A login, and those it goes through. */
interface Login {
  readonly client: Client;
  readonly where: string;
  close(): Promise<void>;
}

/** Logs in and starts the helper. Rejects with a ConnectionError. */
export async function startSsh(address: HostAddress, prompt: Prompt): Promise<HelperStream> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await startOnce(address, prompt);
    } catch (error) {
      const isTransient = error instanceof ConnectionError && error.problem.isTransient === true;
      if (!isTransient || attempt >= address.connectRetries) throw error;
      await new Promise((resolve) => setTimeout(resolve, FIRST_RETRY_MS * 2 ** attempt));
    }
  }
}

async function startOnce(address: HostAddress, prompt: Prompt): Promise<HelperStream> {
  const deadline = new Deadline(address.connectTimeoutMs);
  try {
    const marker = `crun-${randomBytes(12).toString("hex")}`;
    const wanted = address.become ?? DEFAULT_BECOME;
    const become = planBecome(wanted, marker, true);
    const where = address.address;
    if (become === undefined) {
      const cause = `${JSON.stringify(wanted.user)} is no user name`;
      const step = "starting the helper";
      throw new ConnectionError({ host: address.name, where, step, cause, remedy: "Correct crun_become_user." });
    }
    const ssh2 = await loadSsh2();
    const helpers = { x86_64: await loadHelper("x86_64"), aarch64: await loadHelper("aarch64") };
    const login = await logIn(ssh2, address, prompt, deadline, 0);
    const known = {
      ...(helpers.x86_64 === undefined ? {} : { x86_64: helpers.x86_64 }),
      ...(helpers.aarch64 === undefined ? {} : { aarch64: helpers.aarch64 }),
    };
    const started = await execute(login, address, bringUpCommand(marker, known, become), deadline);
    const becomePassword = wanted.password;
    return await bringUp(started, {
      host: address.name,
      deadline,
      marker,
      helpers: known,
      become,
      becomePassword,
      prompt,
    });
  } finally {
    deadline.stop();
  }
}

/** A login through as many hops as ssh_config says. */
async function logIn(
  ssh2: Ssh2,
  address: HostAddress,
  prompt: Prompt,
  deadline: Deadline,
  depth: number,
): Promise<Login> {
  const configuring = (cause: string): ConnectionError =>
    new ConnectionError({
      host: address.name,
      where: address.address,
      step: "reading ssh_config",
      cause,
      remedy: "Correct the address or the ssh_config file (`ssh -G HOST` shows what ssh makes of it).",
    });
  const target = await resolveSsh(address).catch((error: Error) => {
    throw configuring(error.message);
  });
  if (depth > 8) throw configuring("ProxyJump goes round in circles");
  const where = `${target.user}@${target.hostName.includes(":") ? `[${target.hostName}]` : target.hostName}:${target.port}`;
  const hops: Login[] = [];
  const closeHops = async (): Promise<void> => {
    for (const hop of hops.toReversed()) await hop.close();
  };
  try {
    const means = await prepare(ssh2, address, target, prompt, deadline);
    const socket = await transport(ssh2, address, target, where, prompt, deadline, depth, hops);
    const client = await authenticate(ssh2, address, target, where, socket, means, deadline);
    return {
      client,
      where,
      close: async () => {
        await endClient(client);
        await closeHops();
      },
    };
  } catch (error) {
    await closeHops();
    throw error;
  }
}

async function transport(
  ssh2: Ssh2,
  address: HostAddress,
  target: SshTarget,
  where: string,
  prompt: Prompt,
  deadline: Deadline,
  depth: number,
  hops: Login[],
): Promise<Duplex> {
  const failed = (cause: string, remedy: string, isTransient: boolean): ConnectionError =>
    new ConnectionError({ host: address.name, where, step: "connecting", cause, remedy, isTransient });
  if (target.proxyCommand !== undefined) {
    return openCommand(expandProxyCommand(target.proxyCommand, target, address.address));
  }
  const last = target.jumps.at(-1);
  if (last === undefined) {
    return await openTcp(target.hostName, target.port, deadline.signal).catch((error: unknown) => {
      if (!(error instanceof TransportError)) throw error;
      throw failed(error.message, error.remedy, error.isTransient);
    });
  }
  const hop = await through(ssh2, target.jumps, address, prompt, deadline, depth, hops);
  const forwarded = new Promise<Duplex>((resolve, reject) => {
    hop.client.forwardOut("127.0.0.1", 0, target.hostName, target.port, (error, channel) => {
      if (error === undefined) resolve(channel);
      else {
        const remedy = `Check that ${hop.where} may forward (AllowTcpForwarding) and that it reaches the host.`;
        reject(failed(`${hop.where} could not reach it: ${error.message}`, remedy, false));
      }
    });
  });
  return await deadline.race(forwarded, () =>
    failed(`no answer in time through ${hop.where}`, "Check the network behind the jump host.", true),
  );
}

/** Logs in at each hop, through those before it. The first hop's own configuration may name further ones. */
async function through(
  ssh2: Ssh2,
  jumps: readonly string[],
  address: HostAddress,
  prompt: Prompt,
  deadline: Deadline,
  depth: number,
  hops: Login[],
): Promise<Login> {
  let login: Login | undefined;
  for (const jump of jumps) {
    const hopAddress = jumpAddress(jump, address);
    if (login === undefined) login = await logIn(ssh2, hopAddress, prompt, deadline, depth + 1);
    else {
      const before: Login = login;
      const target = await resolveSsh(hopAddress);
      const where = `${target.user}@${target.hostName}:${target.port}`;
      const socket = await new Promise<Duplex>((resolve, reject) => {
        before.client.forwardOut("127.0.0.1", 0, target.hostName, target.port, (error, channel) =>
          error === undefined ? resolve(channel) : reject(error),
        );
      }).catch((error: Error) => {
        const cause = `${before.where} could not reach it: ${error.message}`;
        const remedy = "Check the hops of ProxyJump.";
        throw new ConnectionError({ host: address.name, where, step: "connecting", cause, remedy });
      });
      const means = await prepare(ssh2, hopAddress, target, prompt, deadline);
      const client = await authenticate(ssh2, hopAddress, target, where, socket, means, deadline);
      login = { client, where, close: () => endClient(client) };
    }
    hops.push(login);
  }
  if (login === undefined) throw new TypeError("no hops");
  return login;
}

/** Key exchange, host key, login. The socket is closed where it fails. */
async function authenticate(
  ssh2: Ssh2,
  address: HostAddress,
  target: SshTarget,
  where: string,
  socket: Duplex,
  means: Means,
  deadline: Deadline,
): Promise<Client> {
  const { check, held, ring, plan, unusable } = means;
  const client = new ssh2.Client();
  let step = "connecting";
  let firstBytes = Buffer.alloc(0);
  const banners: Buffer[] = [];
  const noise = (): Uint8Array => Buffer.concat(step === "connecting" ? [firstBytes] : banners);
  const fail = (cause: string, remedy: string, isTransient = false, detail?: string): ConnectionError =>
    new ConnectionError({ host: address.name, where, step, cause, remedy, detail, noise: noise(), isTransient });
  const ready = new Promise<void>((resolve, reject) => {
    client.on("banner", (text: string) => void banners.push(Buffer.from(text)));
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
    client.on("close", () => {
      const remedy = "See the server's log: it may be overloaded (MaxStartups) or refuse this address.";
      reject(fail(`the server closed the connection while ${DOING[step] ?? step}`, remedy, step === "connecting"));
    });
  });
  const config: ConnectConfig = {
    sock: socket as NonNullable<ConnectConfig["sock"]>,
    username: target.user,
    readyTimeout: 0,
    keepaliveInterval: address.keepaliveIntervalMs,
    keepaliveCountMax: 3,
    algorithms: { serverHostKey: check.order([...HOST_KEY_ALGORITHMS]) as (typeof HOST_KEY_ALGORITHMS)[number][] },
    hostVerifier: (key: Buffer, verify: (isValid: boolean) => void) => {
      check.verify(key).then(verify, () => verify(false));
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
  const tap = (chunk: Buffer): void => {
    if (firstBytes.length < 1024) firstBytes = Buffer.concat([firstBytes, chunk]).subarray(0, 1024);
  };
  socket.on("data", tap);
  try {
    await deadline.race(ready, () => {
      const isSilent = step === "connecting" && firstBytes.length === 0;
      const cause = isSilent ? "the server says nothing" : `no answer in time while ${DOING[step] ?? step}`;
      return fail(cause, "Check that an SSH server listens there and is not overloaded.", true);
    });
    return client;
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

function explain(fail: Fail, error: Error, step: string): ConnectionError {
  const { message } = error;
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

/** What a login needs, read before the server's patience is tried. */
interface Means {
  readonly check: HostKeyCheck;
  /** Questions that stop the clock. */
  readonly held: Prompt;
  readonly ring: KeyRing;
  readonly plan: AuthPlan;
  readonly unusable: readonly UnusableIdentity[];
}

async function prepare(
  ssh2: Ssh2,
  address: HostAddress,
  target: SshTarget,
  prompt: Prompt,
  deadline: Deadline,
): Promise<Means> {
  const held: Prompt = (question, options) => deadline.hold(prompt(question, options));
  const check = await HostKeyCheck.load(target, address.acceptsNewHostKeys);
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

/** Runs the command; the login ends with it. */
async function execute(login: Login, address: HostAddress, command: string, deadline: Deadline): Promise<Started> {
  const { client, where } = login;
  const fail = (cause: string): ConnectionError =>
    new ConnectionError({
      host: address.name,
      where,
      step: "starting the helper",
      cause,
      remedy: "Check that the login may run commands (no ForceCommand, no MaxSessions 0).",
    });
  const opening = new Promise<ClientChannel>((resolve, reject) => {
    client.once("close", () => reject(fail("the connection was closed")));
    client.exec(command, (error, channel) => {
      if (error === undefined) resolve(channel);
      else reject(fail(`the server refused to run a command: ${error.message}`));
    });
  });
  try {
    const channel = await deadline.race(opening, () => fail("no answer in time"));
    return channelStream(login, channel);
  } catch (error) {
    await login.close();
    throw error;
  }
}

function channelStream(login: Login, channel: ClientChannel): Started {
  const ended = new Promise<string>((resolve) => {
    channel.on("exit", (status: number | null, signal?: string) =>
      resolve(status === null ? `signal ${signal ?? "?"}` : `status ${status}`),
    );
    channel.on("close", () => resolve("the channel was closed"));
  });
  login.client.on("error", (error) => {
    channel.emit("error", error);
    channel.close();
  });
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    channel.end();
    channel.resume();
    channel.stderr.resume();
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, END_WAIT_MS).unref())]);
    await login.close();
  };
  return {
    input: channel,
    output: channel,
    errors: channel.stderr,
    where: login.where,
    ended,
    close: () => (closing ??= close()),
  };
}

async function endClient(client: Client): Promise<void> {
  const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
  client.end();
  const timer = setTimeout(() => client.destroy(), 1000);
  // A connection that is closed already closes no more.
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 1500).unref())]);
  clearTimeout(timer);
}
