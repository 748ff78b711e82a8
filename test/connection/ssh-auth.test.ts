// The order of attempts to log in: no question too early, no attempt wasted.

import assert from "node:assert/strict";
import { AuthPlan } from "../../src/connection/ssh-auth.js";
import type { Attempt, Credentials } from "../../src/connection/ssh-auth.js";
import type { Identity } from "../../src/connection/ssh-keys.js";
import { answering, nobody } from "./hosts.js";

const secret = Buffer.from("secret");
const blob = (name: string): Buffer => Buffer.from(`\0\0\0\x0bssh-ed25519${name}`, "latin1");
const plain: Identity = { file: "/k/plain", publicKey: blob("plain"), isEncrypted: false, secret };
const locked: Identity = { file: "/k/locked", publicKey: blob("locked"), isEncrypted: true, secret };
const closed: Identity = { file: "/k/closed", publicKey: undefined, isEncrypted: true, secret };

function plan(more: Partial<Credentials>): AuthPlan {
  return new AuthPlan({
    identities: [],
    identitiesOnly: false,
    listAgent: undefined,
    openIdentity: async () => undefined,
    password: undefined,
    prompt: nobody,
    login: "root@host",
    ...more,
  });
}

function show(attempt: Attempt | undefined): string {
  if (attempt === undefined) return "end";
  if (attempt.kind === "keys")
    return attempt.keys.map((key) => `${key.source.kind} ${key.publicKey.toString("latin1", 15)}`).join(", ");
  return attempt.kind === "password" ? `password ${attempt.password}` : attempt.kind;
}

/** All attempts of a login that never succeeds, the server offering `methods`. */
async function all(auth: AuthPlan, methods: readonly string[]): Promise<string[]> {
  const shown: string[] = [];
  let allowed: readonly string[] | undefined;
  for (let turn = 0; turn < 20; turn++) {
    const attempt = await auth.next(allowed, false);
    shown.push(show(attempt));
    if (attempt === undefined) return shown;
    allowed = methods;
  }
  assert.fail(`no end: ${shown.join("; ")}`);
}

const both = ["publickey", "password"];

describe("connection: order of logins", () => {
  it("open key files, then the agent's other keys, then locked files; the server's methods are not asked for", async () => {
    const auth = plan({ identities: [locked, plain], listAgent: async () => [blob("agent"), blob("plain")] });
    assert.deepEqual(await all(auth, ["publickey"]), ["file plain", "agent agent", "file locked", "end"]);
    assert.equal(auth.tried.length, 3);
  });

  it("a locked key that the agent has is the agent's to sign with, and goes before its others", async () => {
    const auth = plan({ identities: [locked], listAgent: async () => [blob("agent"), blob("locked")] });
    assert.deepEqual(await all(auth, ["publickey"]), ["agent locked, agent agent", "end"]);
  });

  it("the agent is not even listed where only key files are wanted that are open", async () => {
    const auth = plan({
      identities: [plain],
      identitiesOnly: true,
      listAgent: () => assert.fail("the agent was asked"),
    });
    assert.deepEqual(await all(auth, ["publickey"]), ["file plain", "end"]);
  });

  it("with only named keys wanted, the agent's others stay out", async () => {
    const auth = plan({
      identities: [locked],
      identitiesOnly: true,
      listAgent: async () => [blob("agent"), blob("locked")],
    });
    assert.deepEqual(await all(auth, ["publickey"]), ["agent locked", "end"]);
  });

  it("a file whose public part is locked too is opened only when all else has failed, and only for publickey", async () => {
    let opened = 0;
    const openIdentity = async (): Promise<Buffer> => {
      opened++;
      return blob("closed");
    };
    assert.deepEqual(await all(plan({ identities: [closed, plain], openIdentity }), ["publickey"]), [
      "file plain",
      "file closed",
      "end",
    ]);
    assert.equal(opened, 1);
    assert.deepEqual(await all(plan({ identities: [closed, plain], openIdentity }), ["hostbased"]), [
      "file plain",
      "end",
    ]);
    assert.equal(opened, 1);
  });

  it("nobody is asked for a password that the server would not take", async () => {
    const asked = answering("never");
    assert.deepEqual(await all(plan({ prompt: asked.prompt }), ["publickey"]), ["none", "end"]);
    assert.deepEqual(asked.questions, []);
  });

  it("a person may try three times; who gives no answer is not asked again", async () => {
    const asked = answering("a", "b", "c", "d");
    assert.deepEqual(await all(plan({ identities: [plain], prompt: asked.prompt }), both), [
      "file plain",
      "password a",
      "password b",
      "password c",
      "end",
    ]);
    const silent = answering();
    assert.deepEqual(await all(plan({ prompt: silent.prompt }), both), ["none", "end"]);
    assert.deepEqual(silent.questions, ["root@host's password: "]);
  });

  it("a password that is known is sent at once where there is no key, and only once", async () => {
    assert.deepEqual(await all(plan({ password: "pw" }), both), ["password pw", "end"]);
    assert.deepEqual(await all(plan({ password: "pw", identities: [plain] }), both), [
      "file plain",
      "password pw",
      "end",
    ]);
  });

  it("a server that takes passwords by dialogue alone gets the known one there", async () => {
    assert.deepEqual(await all(plan({ password: "pw" }), ["keyboard-interactive"]), [
      "password pw",
      "keyboard-interactive",
      "end",
    ]);
  });

  it("a second factor may come from a step that was passed", async () => {
    const auth = plan({ identities: [plain], password: "pw" });
    assert.equal(show(await auth.next(undefined, false)), "file plain");
    assert.equal(show(await auth.next(["password"], true)), "password pw");
    const other = plan({ identities: [locked], password: "pw", listAgent: async () => [] });
    assert.equal(show(await other.next(["password"], false)), "password pw");
    assert.equal(show(await other.next(["publickey"], true)), "file locked");
  });
});
