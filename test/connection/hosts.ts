// Addresses of lab hosts, and what the tests of connections share.

import assert from "node:assert/strict";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { connect } from "../../src/target/connect.js";
import type { HostAddress, HostSession, Prompt } from "../../src/target/session.js";
import type { SshHost } from "../lab/sshd.js";

/** The host as an inventory would give it, by key and with its own known_hosts; nothing of the user's own is read. */
export function addressOf(host: SshHost, more: Partial<HostAddress> = {}): HostAddress {
  return {
    name: host.hostname,
    kind: "ssh",
    address: host.host,
    port: host.port,
    user: "root",
    identityFiles: [host.identityFile],
    connectTimeoutMs: 10_000,
    connectRetries: 0,
    keepaliveIntervalMs: 0,
    acceptsNewHostKeys: false,
    knownHostsFiles: [host.knownHostsFile],
    sshConfigFile: "/dev/null",
    ...more,
  };
}

/** Nobody to ask. */
export const nobody: Prompt = async () => undefined;

/** Answers in order; fails where more is asked. `questions` holds what was asked. */
export function answering(...answers: string[]): { readonly prompt: Prompt; readonly questions: string[] } {
  const questions: string[] = [];
  const prompt: Prompt = async (question) => {
    questions.push(question);
    return answers.shift();
  };
  return { prompt, questions };
}

/** Opens a session, hands it over and closes it. */
export async function withSession<T>(
  address: HostAddress,
  work: (session: HostSession) => Promise<T>,
  prompt: Prompt = nobody,
): Promise<T> {
  const session = await connect(address, prompt);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** The error that connecting ends with: a CrunError with exit status 4 that names the host. */
export async function refusal(address: HostAddress, prompt: Prompt = nobody): Promise<string> {
  try {
    const session = await connect(address, prompt);
    await session.close();
  } catch (error) {
    assert.ok(error instanceof CrunError, `a CrunError, not ${String(error)}`);
    assert.equal(error.exitStatus, 4);
    assert.ok(
      error.diagnostics.every((one) => one.remedy !== undefined && one.remedy !== ""),
      `a remedy: ${error.message}`,
    );
    assert.ok(error.message.includes(address.name), `the host's name: ${error.message}`);
    return error.message;
  }
  assert.fail("the connection was opened");
}

/** One STAT of the host's /etc/passwd: proof that the helper serves. */
export async function look(session: HostSession): Promise<number> {
  const tree = session.openTree("/", { entry: "auto", isHostRoot: true });
  const [observation] = await tree.observe([{ kind: "stat", path: "/etc/passwd" }]);
  assert.ok(observation?.kind === "stat" && observation.stat !== undefined);
  await tree.close();
  return observation.stat.size;
}
