// SSH over networks that stall, and servers that ask in their own way.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import ssh2 from "ssh2";
import { contentOf } from "../../src/module/content.js";
import { connect } from "../../src/target/connect.js";
import { requireOrSkip } from "../lab/needs.js";
import { delayingRelay } from "../lab/relay.js";
import { testScope } from "../lab/scope.js";
import { sshHost } from "../lab/sshd.js";
import type { SshHost } from "../lab/sshd.js";
import { addressOf, answering, look, nobody, refusal, withSession } from "./hosts.js";

describe("connection: difficult networks and servers", function () {
  this.timeout(60_000);
  const scope = testScope();
  let host: SshHost;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["sshd"] });
    host = await sshHost(scope, { hostname: "lab-net" });
  });

  function knownAt(port: number): string {
    const file = join(scope.tempDir("known"), "known_hosts");
    writeFileSync(file, `${host.knownHostsLines[0]?.replace(/:\d+ /, `:${port} `)}\n`);
    return file;
  }

  it("a connection that stalls is given up by its keepalive, and everything pending is told", async () => {
    const relay = await delayingRelay(scope, host, 0);
    const address = addressOf(host, {
      port: relay.port,
      knownHostsFiles: [knownAt(relay.port)],
      keepaliveIntervalMs: 100,
    });
    const session = await connect(address, nobody);
    const tree = session.openTree("/", { entry: "auto", isHostRoot: true });
    await tree.observe([{ kind: "stat", path: "/" }]);
    await relay.stall();
    const started = Date.now();
    await assert.rejects(
      tree.observe([{ kind: "stat", path: "/" }]),
      /lab-net .*the connection was lost: Keepalive timeout/,
    );
    assert.ok(Date.now() - started < 5000);
    await session.close();
  });

  it("a network that stalls during the login ends with its timeout, step and all", async () => {
    const relay = await delayingRelay(scope, host, 0);
    await relay.stall();
    const message = await refusal(addressOf(host, { port: relay.port, connectTimeoutMs: 500 }));
    assert.match(message, /the server says nothing/);
  });

  it("a refused connection is tried again as often as that is wanted", async () => {
    const relay = await delayingRelay(scope, host, 0);
    await relay.cut();
    await relay.stop();
    const address = addressOf(host, { port: relay.port, knownHostsFiles: [knownAt(relay.port)] });
    const started = Date.now();
    await refusal({ ...address, connectRetries: 1 });
    assert.ok(Date.now() - started >= 450, "it did not wait before the second attempt");
  });

  it("a large upload and many small requests go through a slow line together", async () => {
    const relay = await delayingRelay(scope, host, 10);
    const address = addressOf(host, { port: relay.port, knownHostsFiles: [knownAt(relay.port)] });
    await withSession(address, async (session) => {
      const directory = scope.tempDir("upload");
      const tree = session.openTree(directory, { entry: "auto", isHostRoot: false });
      const other = session.openTree("/", { entry: "auto", isHostRoot: true });
      const file = join(scope.tempDir("source"), "big");
      const bytes = Buffer.alloc(5 * 1024 * 1024, "crun");
      writeFileSync(file, bytes);
      const { sha256, size } = contentOf(bytes);
      const upload = tree.apply([
        { kind: "writeFile", path: "/big", expect: { type: "absent" }, content: { sha256, size, file } },
      ]);
      for (let turn = 0; turn < 5; turn++) await other.observe([{ kind: "stat", path: "/etc/passwd" }]);
      assert.deepEqual(await upload, [{}]);
      const [hash] = await tree.observe([{ kind: "hash", path: "/big", algorithms: ["sha256"] }]);
      assert.ok(hash?.kind === "hash" && hash.digests.sha256 === sha256);
    });
  });

  describe("a server of the test's own", () => {
    /** Accepts by dialogue alone; `answers` are what it wants to hear. Runs no commands. */
    async function dialogueServer(
      prompts: { prompt: string; echo: boolean }[],
      answers: readonly string[],
    ): Promise<number> {
      const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      const key = privateKey.export({ type: "pkcs1", format: "pem" });
      const server = new ssh2.Server({ hostKeys: [key] }, (client) => {
        client.on("error", () => undefined);
        client.on("authentication", (context) => {
          if (context.method !== "keyboard-interactive") return context.reject(["keyboard-interactive"]);
          return context.prompt(prompts, "Dialogue", (given) => {
            if (given.length === answers.length && given.every((one, index) => one === answers[index]))
              context.accept();
            else context.reject(["keyboard-interactive"]);
          });
        });
        client.on("session", (accept) => {
          accept().on("exec", (_accept, reject) => reject());
        });
      });
      scope.defer(() => void server.close());
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
      const bound = server.address();
      assert.ok(bound !== null && typeof bound === "object");
      return bound.port;
    }

    it("that asks by dialogue gets the known password, or asks the person, and says when commands are refused", async () => {
      const port = await dialogueServer([{ prompt: "Password: ", echo: false }], ["pw"]);
      const known = join(scope.tempDir("known"), "known_hosts");
      const address = addressOf(host, { port, identityFiles: [], acceptsNewHostKeys: true, knownHostsFiles: [known] });
      assert.match(await refusal({ ...address, password: "pw" }), /refused to run a command/);
      const { prompt, questions } = answering("pw");
      assert.match(await refusal(address, prompt), /refused to run a command/);
      assert.deepEqual(questions, [`root@127.0.0.1:${port}: Password: `]);
      assert.match(
        await refusal({ ...address, password: "wrong" }),
        /no way to log in is left: tried password, keyboard-interactive/,
      );
    });

    it("that wants two answers has both asked", async () => {
      const prompts = [
        { prompt: "Password: ", echo: false },
        { prompt: "Code: ", echo: true },
      ];
      const port = await dialogueServer(prompts, ["pw", "123456"]);
      const known = join(scope.tempDir("known"), "known_hosts");
      const { prompt, questions } = answering("pw", "123456");
      const address = addressOf(host, { port, identityFiles: [], acceptsNewHostKeys: true, knownHostsFiles: [known] });
      assert.match(await refusal(address, prompt), /refused to run a command/);
      assert.equal(questions.length, 2);
    });
  });

  it("the link going down under way is noticed", async () => {
    const own = await sshHost(scope, { hostname: "lab-own", network: "own" });
    const session = await connect(addressOf(own, { keepaliveIntervalMs: 100 }), nobody);
    await look(session);
    await own.setLink("down");
    const tree = session.openTree("/", { entry: "auto", isHostRoot: true });
    await assert.rejects(tree.observe([{ kind: "stat", path: "/" }]), /the connection was lost/);
    await session.close();
  });
});
