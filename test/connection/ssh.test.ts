// Logins over SSH against a real sshd: keys, agents, passwords, ssh_config, host keys, and one clear error for each failure.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { chmodSync, copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import type { HostAddress } from "../../src/target/session.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { freePort, sshHost } from "../lab/sshd.js";
import type { SshHost } from "../lab/sshd.js";
import { addressOf, answering, look, refusal, withSession } from "./hosts.js";

const run = promisify(execFile);

describe("connection: SSH", function () {
  this.timeout(60_000);
  const scope = testScope();
  let host: SshHost;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["sshd", "ssh", "ssh-keygen", "ssh-agent"] });
    host = await sshHost(scope, {
      hostname: "lab-ssh",
      rootPassword: "root's word",
      users: [
        { name: "bare" },
        { name: "worded", password: "a word", key: false },
        { name: "nologin", shell: "/usr/sbin/nologin" },
        { name: "fishy", shell: "/bin/bash" },
      ],
      hostKeyTypes: ["ed25519", "ecdsa", "rsa"],
    });
  });

  it("logs in with a key, uploads the helper once and finds it the next time", async () => {
    await withSession(addressOf(host), look);
    const file = (): number => Number(statSync(join(host.home("root"), ".cache/crun")).mtimeMs);
    const before = file();
    await withSession(addressOf(host), async (session) => {
      assert.equal(session.info.architecture, (await run("uname", ["-m"])).stdout.trim());
      assert.equal(session.info.isRootless, false);
      assert.equal(session.host, "lab-ssh");
    });
    assert.equal(file(), before, "the directory was written to again");
    assert.equal(statSync(join(host.home("root"), ".cache/crun")).mode & 0o777, 0o700);
  });

  it("a user without sudo is told so, or works rootless where become is off", async () => {
    const plain = addressOf(host, { user: "bare" });
    assert.match(await refusal(plain), /sudo asks for a password|may not become/);
    const off = { isWanted: false, method: "none", user: "root" } as const;
    await withSession({ ...plain, become: off }, async (session) => {
      assert.equal(session.info.isRootless, true);
      await look(session);
    });
  });

  it("asks for a password only where the server takes one, and tells what was tried", async () => {
    const off = { isWanted: false, method: "none", user: "root" } as const;
    const worded = addressOf(host, { user: "worded", become: off });
    const { prompt, questions } = answering("a word");
    await withSession(worded, look, prompt);
    assert.deepEqual(questions.length, 1);
    assert.match(questions[0] ?? "", /worded@127\.0\.0\.1's password/);
    await withSession({ ...worded, password: "a word", identityFiles: [] }, look);
    const wrong = await refusal({ ...worded, password: "another" });
    assert.match(wrong, /no way to log in is left: tried key id \(SHA256:[\w+/]+\), password; the server takes/);
    assert.ok(!wrong.includes("another"), "the password is in the message");
    assert.match(await refusal(worded), /tried key id/);
  });

  it("opens an encrypted key with its passphrase, asked once the server has taken to the key", async () => {
    const directory = scope.tempDir("keys");
    const file = join(directory, "locked");
    copyFileSync(host.identityFile, file);
    chmodSync(file, 0o600);
    await run("ssh-keygen", ["-q", "-p", "-N", "open sesame", "-f", file]);
    const { prompt, questions } = answering("wrong", "open sesame");
    await withSession(addressOf(host, { identityFiles: [file] }), look, prompt);
    assert.deepEqual(questions, [`Passphrase of ${file}: `, `Passphrase of ${file}: `]);
    const stranger = join(directory, "stranger");
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "secret", "-f", stranger]);
    const silent = answering();
    await refusal(addressOf(host, { identityFiles: [stranger] }), silent.prompt);
    assert.ok(!silent.questions.some((question) => question.includes("Passphrase")), silent.questions.join());
  });

  it("uses the agent where the key file is locked, and does not touch it where a key file does", async () => {
    const directory = scope.tempDir("agent");
    const socket = join(directory, "agent");
    const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
    scope.defer(() => void agent.kill());
    const env = { ...process.env, SSH_AUTH_SOCK: socket };
    for (let turn = 0; turn < 100; turn++) {
      const added = await run("ssh-add", ["-q", host.identityFile], { env }).catch(() => undefined);
      if (added !== undefined) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const config = join(directory, "config");
    writeFileSync(config, `Host *\n  IdentityAgent ${socket}\n`);
    const file = join(directory, "locked");
    copyFileSync(host.identityFile, file);
    chmodSync(file, 0o600);
    await run("ssh-keygen", ["-q", "-p", "-N", "never asked", "-f", file]);
    await withSession(addressOf(host, { sshConfigFile: config, identityFiles: [file] }), look);
    const { identityFiles: _none, ...withoutFiles } = addressOf(host, { sshConfigFile: config });
    writeFileSync(config, `Host *\n  IdentityAgent ${socket}\n  IdentityFile ${directory}/none\n`);
    await withSession(withoutFiles, look);
    writeFileSync(config, `Host *\n  IdentityAgent ${directory}/dead\n`);
    await withSession(addressOf(host, { sshConfigFile: config }), look);
  });

  it("takes RSA and ECDSA keys, and old PEM files", async () => {
    const directory = scope.tempDir("types");
    const authorized = join(host.directory, "authorized_keys", "root");
    const before = readFileSync(authorized, "utf8");
    for (const [type, ...more] of [["rsa"], ["ecdsa"], ["rsa", "-m", "PEM"]]) {
      const file = join(directory, `id-${type}${more.length}`);
      await run("ssh-keygen", ["-q", "-t", type ?? "", ...more, "-N", "", "-f", file]);
      writeFileSync(authorized, `${before}${readFileSync(`${file}.pub`, "utf8")}`);
      await withSession(addressOf(host, { identityFiles: [file] }), look);
    }
    writeFileSync(authorized, before);
  });

  it("reads ssh_config: Include, HostName, Port, User, IdentityFile, UserKnownHostsFile", async () => {
    const directory = scope.tempDir("config");
    const config = join(directory, "config");
    writeFileSync(config, `Include ${host.sshConfigFile}\nHost alias\n  HostName lab-ssh\n`);
    const address = {
      name: "web1",
      kind: "ssh",
      address: "lab-ssh",
      connectTimeoutMs: 10_000,
      connectRetries: 0,
      keepaliveIntervalMs: 0,
      acceptsNewHostKeys: false,
      sshConfigFile: config,
    } as const;
    await withSession(address, look);
    const other = await refusal({ ...address, port: await freePort() });
    assert.match(other, /connection refused/);
  });

  it("goes through ProxyJump hosts and a ProxyCommand", async () => {
    const inner = await sshHost(scope, { hostname: "inner" });
    const directory = scope.tempDir("jump");
    const known = join(directory, "known_hosts");
    writeFileSync(known, `${[...host.knownHostsLines, ...inner.knownHostsLines].join("\n")}\n`);
    const includes = `Include ${inner.sshConfigFile}\nInclude ${host.sshConfigFile}\n`;
    const again = `Host again\n  HostName 127.0.0.1\n  Port ${host.port}\n  IdentityFile ${host.identityFile}\n  User root\n`;
    const through = (name: string, line: string): HostAddress => {
      const config = join(directory, name);
      writeFileSync(config, `${includes}${again}Host inner\n  ${line}\n`);
      const { identityFiles: _files, port: _port, user: _user, ...address } = addressOf(inner);
      return { ...address, address: "inner", knownHostsFiles: [known], sshConfigFile: config };
    };
    await withSession(through("one", "ProxyJump lab-ssh"), look);
    await withSession(through("two", "ProxyJump lab-ssh,again"), look);
    await withSession(through("command", `ProxyCommand ssh -F ${host.sshConfigFile} -W %h:%p lab-ssh`), look);
    const dead = await refusal(through("dead", `ProxyJump root@127.0.0.1:${await freePort()}`));
    assert.match(dead, /root@127\.0\.0\.1:\d+\): connecting failed: connection refused/);
    const closed = await refusal({ ...through("closed", "ProxyJump lab-ssh"), port: 1 });
    assert.match(closed, /could not reach it/);
  });

  describe("host keys", () => {
    let known: string;
    beforeEach(() => {
      known = join(scope.tempDir("known"), "known_hosts");
    });

    it("unknown: refused, with the fingerprint and the line to add; that line then works", async () => {
      writeFileSync(known, "# nothing\n");
      const message = await refusal(addressOf(host, { knownHostsFiles: [known] }));
      assert.match(message, /the host key is not known \(ssh-ed25519 SHA256:/);
      const line = message.split("\n").find((one) => one.trim().startsWith("[127.0.0.1]:"));
      assert.equal(line?.trim(), host.knownHostsLines[0]);
      writeFileSync(known, `${line?.trim()}\n`);
      await withSession(addressOf(host, { knownHostsFiles: [known] }), look);
    });

    it("accepted when it is new: written with mode 0600, hashed where ssh_config says so, and known the next time", async () => {
      const config = join(known, "../config");
      writeFileSync(config, "Host *\n  HashKnownHosts yes\n");
      const address = addressOf(host, { knownHostsFiles: [known], sshConfigFile: config });
      await withSession({ ...address, acceptsNewHostKeys: true }, look);
      assert.match(readFileSync(known, "utf8"), /^\|1\|\S+ ssh-ed25519 \S+\n$/);
      assert.equal(statSync(known).mode & 0o777, 0o600);
      await withSession(address, look);
      assert.ok((await run("ssh-keygen", ["-F", `[127.0.0.1]:${host.port}`, "-f", known])).stdout.includes("found"));
    });

    it("changed: refused with file and line of the old one, accepting new keys or not", async () => {
      const other = await sshHost(scope, { hostname: "other" });
      const [, type, key] = other.knownHostsLines[0]?.split(" ") ?? [];
      writeFileSync(known, `# a comment\n[127.0.0.1]:${host.port} ${type} ${key}\n`);
      const message = await refusal(addressOf(host, { knownHostsFiles: [known], acceptsNewHostKeys: true }));
      assert.match(message, /the host key has changed/);
      assert.ok(message.includes(`${known}:2`), message);
    });

    it("revoked: refused, though it is listed too", async () => {
      writeFileSync(
        known,
        `${host.knownHostsLines.join("\n")}\n@revoked * ${host.knownHostsLines[0]?.split(" ").slice(1).join(" ")}\n`,
      );
      assert.match(
        await refusal(addressOf(host, { knownHostsFiles: [known] })),
        /the host key is revoked .*known_hosts:4/,
      );
    });

    it("of a kind that is known is asked for first: a host with several keys is no stranger", async () => {
      for (const line of host.knownHostsLines) {
        writeFileSync(known, `${line}\n`);
        await withSession(addressOf(host, { knownHostsFiles: [known] }), look);
      }
    });
  });

  describe("what does not answer", () => {
    it("a port that nobody listens on", async () => {
      const message = await refusal(addressOf(host, { port: await freePort() }));
      assert.match(message, /root@127\.0\.0\.1:\d+\): connecting failed: connection refused/);
    });

    it("a name that does not exist", async () => {
      assert.match(await refusal(addressOf(host, { address: "no-such-host.invalid" })), /name "no-such-host.invalid"/);
    });

    const servers: readonly (readonly [string, (socket: Socket) => void, RegExp])[] = [
      ["a server that says nothing", () => undefined, /the server says nothing/],
      ["a server that speaks otherwise", (socket) => socket.end("HTTP/1.0 400 Bad Request\r\n\r\n"), /HTTP\/1\.0 400/],
      ["a server that hangs up", (socket) => socket.end(), /closed the connection|before handshake/],
      [
        "a server that stops after its banner",
        (socket) => void socket.write("SSH-2.0-OpenSSH_9.9\r\n"),
        /no answer in time while the key exchange/,
      ],
      [
        "a server that breaks off in the key exchange",
        (socket) => {
          socket.write("SSH-2.0-OpenSSH_9.9\r\n");
          socket.once("data", () => socket.end());
        },
        /closed the connection|broke/,
      ],
      [
        "a server that sends garbage after its banner",
        (socket) => void socket.write(Buffer.concat([Buffer.from("SSH-2.0-x\r\n"), Buffer.alloc(400, 0xa5)])),
        /does not look like an SSH server|closed|failed/,
      ],
    ];
    for (const [name, behave, expected] of servers) {
      it(name, async () => {
        const server = createServer((socket) => {
          socket.on("error", () => undefined);
          behave(socket);
        });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const bound = server.address();
        assert.ok(bound !== null && typeof bound === "object");
        const started = Date.now();
        const message = await refusal(addressOf(host, { port: bound.port, connectTimeoutMs: 700 }));
        server.close();
        assert.match(message, expected);
        assert.ok(Date.now() - started < 3000, "it took too long");
      });
    }

    it("an account whose shell lets nobody in, and one that prints before everything", async () => {
      const off = { isWanted: false, method: "none", user: "root" } as const;
      const message = await refusal(addressOf(host, { user: "nologin", become: off }));
      assert.match(message, /not allowed to run commands/);
      assert.match(message, /This account is currently not available/);
      writeFileSync(join(host.home("fishy"), ".bashrc"), "echo Welcome to $HOSTNAME; echo careful >&2\n");
      await withSession(addressOf(host, { user: "fishy", become: off }), look);
    });

    it("a connection that is cut: everything pending is rejected, and says so", async () => {
      await withSession(addressOf(host), async (session) => {
        const tree = session.openTree("/", { entry: "auto", isHostRoot: true });
        await tree.observe([{ kind: "stat", path: "/" }]);
        const waiting = tree.observe([{ kind: "exec", exec: { argv: ["/bin/sleep", "30"] } }]);
        setTimeout(() => void host.cutSessions(), 100);
        await assert.rejects(waiting, /the connection was lost/);
        await assert.rejects(tree.observe([{ kind: "stat", path: "/" }]), /the connection was lost/);
      });
    });
  });
});
