// The way to a host: straight, by a ProxyCommand, or through the hops of ProxyJump.

import type { Duplex } from "node:stream";
import { ConnectionError } from "./problem.js";
import { expandProxyCommand, jumpAddress, resolveSsh } from "./ssh-config.js";
import type { SshTarget } from "./ssh-config.js";
import { takesPackets } from "./ssh-flood.js";
import { logInOver, whereOf } from "./ssh-login.js";
import type { Login, LoginContext } from "./ssh-login.js";
import { TransportError, openCommand, openTcp } from "./tcp.js";

const MOST_HOPS = 8;

/** Logs in at the address, through whatever ssh_config says. Rejects with a ConnectionError; nothing stays open then. */
export async function logIn(context: LoginContext, depth = 0): Promise<Login> {
  const target = await resolve(context);
  if (depth > MOST_HOPS) throw misconfigured(context, "ProxyJump goes round in circles");
  const hops: Login[] = [];
  const closeHops = async (): Promise<void> => {
    for (const hop of hops.toReversed()) await hop.close();
  };
  try {
    const login = await logInOver(context, target, () => transport(context, target, hops, depth));
    return {
      ...login,
      close: async () => {
        await login.close();
        await closeHops();
      },
    };
  } catch (error) {
    await closeHops();
    throw error;
  }
}

async function resolve(context: LoginContext): Promise<SshTarget> {
  return await resolveSsh(context.address).catch((error: Error) => {
    throw misconfigured(context, error.message);
  });
}

function misconfigured(context: LoginContext, cause: string): ConnectionError {
  return new ConnectionError({
    host: context.address.name,
    where: context.address.address,
    step: "reading ssh_config",
    cause,
    remedy: "Correct the address or the ssh_config file (`ssh -G HOST` shows what ssh makes of it).",
  });
}

/** The bytes to the target. Logins on the way are added to `hops`. */
async function transport(context: LoginContext, target: SshTarget, hops: Login[], depth: number): Promise<Duplex> {
  if (target.proxyCommand !== undefined) {
    return openCommand(expandProxyCommand(target.proxyCommand, target, context.address.address));
  }
  let last: Login | undefined;
  for (const jump of target.jumps) {
    const hop: LoginContext = { ...context, address: jumpAddress(jump, context.address) };
    const before = last;
    if (before === undefined) last = await logIn(hop, depth + 1);
    else {
      const next = await resolve(hop);
      last = await logInOver(hop, next, () => forward(context, before, next));
    }
    hops.push(last);
  }
  if (last !== undefined) return forward(context, last, target);
  return await openTcp(target.hostName, target.port, context.deadline.signal).catch((error: unknown) => {
    if (!(error instanceof TransportError)) throw error;
    throw failed(context, target, error.message, error.remedy, error.isTransient);
  });
}

async function forward(context: LoginContext, hop: Login, target: SshTarget): Promise<Duplex> {
  const forwarded = new Promise<Duplex>((resolveChannel, reject) => {
    hop.client.forwardOut("127.0.0.1", 0, target.hostName, target.port, (error, channel) => {
      if (error === undefined && takesPackets(channel)) return resolveChannel(channel);
      const why = error?.message ?? "it takes no packets of a size that one can work with";
      const remedy = `Check that ${hop.where} may forward (AllowTcpForwarding) and that it reaches the host.`;
      return reject(failed(context, target, `${hop.where} could not reach it: ${why}`, remedy, false));
    });
  });
  const remedy = "Check the network behind the jump host.";
  try {
    return await context.deadline.race(forwarded, () =>
      failed(context, target, `no answer in time through ${hop.where}`, remedy, true),
    );
  } catch (error) {
    if (error instanceof ConnectionError) throw error;
    throw failed(context, target, `the connection to ${hop.where} was closed`, remedy, true);
  }
}

function failed(
  context: LoginContext,
  target: SshTarget,
  cause: string,
  remedy: string,
  isTransient: boolean,
): ConnectionError {
  const { name } = context.address;
  return new ConnectionError({ host: name, where: whereOf(target), step: "connecting", cause, remedy, isTransient });
}
