// The SSH hosts answer as real ones do: keys, passwords, sudo, a name of their own, links that can be cut, nothing left over.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requireOrSkip } from "./needs.js";
import { must, run } from "./process.js";
import { delayingRelay } from "./relay.js";
import { Scope, testScope } from "./scope.js";
import type { SshHost } from "./sshd.js";
import { clientHome, sshArguments, sshHost } from "./sshd.js";

describe("lab: SSH hosts", function () {
  this.timeout(60_000);
  const scope = testScope();
  let host: SshHost;
  const passwdBefore = readFileSync("/etc/passwd", "utf8");

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["sshd", "ssh", "sudo", "unshare"] });
    host = await sshHost(scope, {
      hostname: "lab-one",
      users: [
        { name: "deploy", sudo: "nopasswd" },
        { name: "asks", password: "s3cret pass", sudo: "password", key: false },
        { name: "plain" },
      ],
    });
  });

  it("lets root in by key, checked against the known_hosts file, under the host's own name", async () => {
    const output = await must([...sshArguments(host), "id -u; hostname; echo $HOME"]);
    assert.deepEqual(output.trim().split("\n"), ["0", "lab-one", host.home("root")]);
  });

  it("has users that this machine does not have", async () => {
    assert.equal((await must([...sshArguments(host, "plain"), "id -un"])).trim(), "plain");
    assert.equal((await run(["getent", "passwd", "plain"])).status, 2);
    assert.equal(readFileSync("/etc/passwd", "utf8"), passwdBefore);
  });

  it("grants sudo without, with, and not at all", async () => {
    assert.equal((await must([...sshArguments(host, "deploy"), "sudo -n id -u"])).trim(), "0");
    assert.notEqual((await run([...sshArguments(host, "plain"), "sudo -n id -u"])).status, 0);
  });

  it("takes the right password and no other, for the login and for sudo", async function () {
    requireOrSkip(this, { tools: ["expect"] });
    const script = (password: string): string => `
      set timeout 20
      spawn ssh -F ${host.sshConfigFile} -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 -l asks lab-one {echo "s3cret pass" | sudo -S -p "" id -u}
      expect "password:" { send "${password}\\r" }
      expect eof
      lassign [wait] pid spawnid os status
      exit $status`;
    const right = await run(["expect", "-c", script("s3cret pass")]);
    assert.equal(right.status, 0, right.stdout);
    assert.match(right.stdout, /\n0\r?\n/);
    assert.equal((await run(["expect", "-c", script("wrong")])).status, 255);
  });

  it("is refused by a client that knows another key for it", async () => {
    const inner = new Scope();
    try {
      const other = await sshHost(inner, { hostname: "lab-other" });
      writeFileSync(
        other.knownHostsFile,
        other.knownHostsLines
          .map((line) => line.replace(/ \S+$/, ` ${host.knownHostsLines[0]?.split(" ")[2]}`))
          .join("\n"),
      );
      const finished = await run([...sshArguments(other), "true"]);
      assert.equal(finished.status, 255);
      assert.match(finished.stderr, /HOST IDENTIFICATION HAS CHANGED/);
    } finally {
      await inner.end();
    }
  });

  it("ends with every process that was started through it", async () => {
    const inner = new Scope();
    const brief = await sshHost(inner);
    await must([...sshArguments(brief), "setsid sleep 4711 >/dev/null 2>&1 </dev/null & echo started"]);
    assert.notEqual((await must(["ps", "-eo", "args"])).split("\n").filter((line) => line === "sleep 4711").length, 0);
    await inner.end();
    assert.equal((await must(["ps", "-eo", "args"])).split("\n").filter((line) => line === "sleep 4711").length, 0);
    assert.ok(!existsSync(brief.directory));
  });

  it("cuts open sessions on request and takes new ones", async () => {
    const session = run([...sshArguments(host), "echo up; sleep 60"]);
    await must([...sshArguments(host), "true"]);
    await host.cutSessions();
    assert.equal((await session).status, 255);
    await must([...sshArguments(host), "true"]);
  });

  it("several hosts have networks of their own, and a link that is down is silent", async () => {
    const inner = new Scope();
    try {
      const [one, two] = await Promise.all([
        sshHost(inner, { hostname: "net-one", network: "own" }),
        sshHost(inner, { hostname: "net-two", network: "own" }),
      ]);
      assert.notEqual(one.host, two.host);
      assert.equal((await must([...sshArguments(one), "hostname"])).trim(), "net-one");
      await two.setLink("down");
      const finished = await run(["ssh", "-o", "ConnectTimeout=2", ...sshArguments(two).slice(1), "true"]);
      assert.equal(finished.status, 255);
      await two.setLink("up");
      assert.equal((await must([...sshArguments(two), "hostname"])).trim(), "net-two");
    } finally {
      await inner.end();
    }
  });

  it("clientHome() lets a plain client reach each host by its name", async () => {
    const home = clientHome(scope, [host]);
    const config = join(home, ".ssh/config");
    assert.equal((await must(["ssh", "-F", config, "-o", "BatchMode=yes", "lab-one", "hostname"])).trim(), "lab-one");
  });

  it("the relay delays each way, counts, stalls and cuts", async () => {
    const relay = await delayingRelay(scope, host, 50);
    const known = `[127.0.0.1]:${relay.port} ${host.knownHostsLines[0]?.split(" ").slice(1).join(" ")}\n`;
    const knownFile = join(scope.tempDir("relay"), "known_hosts");
    writeFileSync(knownFile, known);
    const through = sshArguments(host);
    through.splice(3, 0, "-p", String(relay.port), "-o", `UserKnownHostsFile=${knownFile}`);
    const started = performance.now();
    await must([...through, "true"]);
    const tookMs = performance.now() - started;
    const counts = await relay.counts();
    assert.ok(tookMs > 600, `a login of at least six round trips of 100 ms took ${tookMs} ms`);
    assert.equal(counts.connections, 1);
    assert.ok(counts.turns >= 5 && counts.turns <= 30, `${counts.turns} turns`);
    assert.ok(counts.bytesUp > 1000 && counts.bytesDown > 1000, JSON.stringify(counts));
    // not every turn had to wait for the one before; that they cost no more than this cannot be said of a busy machine
    assert.ok(tookMs > counts.turns * 50, `${counts.turns} turns took ${tookMs} ms`);

    await relay.reset();
    await relay.stall();
    const stalled = run([...through, "true"]);
    const early = await Promise.race([stalled.then(() => "ended"), new Promise((go) => setTimeout(go, 1500, "waits"))]);
    assert.equal(early, "waits");
    await relay.resume();
    assert.equal((await stalled).status, 0);

    await relay.reset();
    const victim = run([...through, "sleep 60"]);
    while ((await relay.counts()).turns < 5) {
      await new Promise((go) => setTimeout(go, 50));
    }
    await relay.cut();
    assert.equal((await victim).status, 255);
  });
});
