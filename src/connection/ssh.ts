// SSH by ssh2: one connection, one channel, the helper at its end.

import { randomBytes } from "node:crypto";
import type { HostAddress, Prompt } from "../target/session.js";
import { DEFAULT_BECOME, planBecome } from "./become.js";
import { bringUp } from "./bring-up.js";
import type { Started } from "./bring-up.js";
import { Deadline } from "./deadline.js";
import { loadHelper } from "./helper-binary.js";
import type { HelperStream } from "./helper-stream.js";
import { ConnectionError } from "./problem.js";
import { bringUpCommand } from "./snippet.js";
import type { Login } from "./ssh-login.js";
import { pacedInput, takesPackets, watchWindow } from "./ssh-flood.js";
import { logIn } from "./ssh-route.js";
import { loadSsh2 } from "./ssh2.js";
import type { ClientChannel } from "./ssh2.js";

const END_WAIT_MS = 5000;
const FIRST_RETRY_MS = 500;
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
    const become = planBecome(wanted, marker);
    const where = address.address;
    if ("problem" in become) {
      const { problem: cause, variable } = become;
      const step = "starting the helper";
      throw new ConnectionError({ host: address.name, where, step, cause, remedy: `Correct ${variable}.` });
    }
    const ssh2 = await loadSsh2();
    const helpers = { x86_64: await loadHelper("x86_64"), aarch64: await loadHelper("aarch64") };
    const login = await logIn({ ssh2, address, prompt, deadline });
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
      if (error !== undefined) reject(fail(`the server refused to run a command: ${error.message}`));
      else if (!takesPackets(channel)) reject(fail("the server takes no packets of a size that one can work with"));
      else resolve(channel);
    });
  });
  try {
    const channel = await deadline.race(opening, () => fail("no answer in time"));
    return channelStream(login, channel);
  } catch (error) {
    await login.close();
    if (error instanceof ConnectionError) throw error;
    // ssh2 throws where the connection has gone in this moment ("Not connected")
    throw fail(error instanceof Error ? `the connection was closed: ${error.message}` : "the connection was closed");
  }
}

function channelStream(login: Login, channel: ClientChannel): Started {
  const ended = new Promise<string>((resolve) => {
    channel.on("exit", (status: number | null, signal?: string) =>
      resolve(status === null ? `signal ${signal ?? "?"}` : `status ${status}`),
    );
    channel.on("close", () => resolve("the channel was closed"));
  });
  watchWindow(login.client, login.socket, channel);
  login.client.on("error", (error) => {
    channel.emit("error", error);
    channel.close();
  });
  let closing: Promise<void> | undefined;
  const close = async (isIdle: boolean): Promise<void> => {
    channel.end();
    channel.resume();
    channel.stderr.resume();
    if (isIdle) return login.close();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([ended, new Promise((resolve) => (timer = setTimeout(resolve, END_WAIT_MS)))]);
    clearTimeout(timer);
    await login.close();
  };
  return {
    input: pacedInput(channel, login.socket),
    output: channel,
    errors: channel.stderr,
    where: login.where,
    ended,
    close: (isIdle = false) => (closing ??= close(isIdle)),
  };
}
