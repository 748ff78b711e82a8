// ssh_config: OpenSSH's answers and the package's say the same; crun's own variables win.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { expandProxyCommand, jumpAddress, parseSshG, resolveSsh } from "../../src/connection/ssh-config.js";
import type { HostAddress } from "../../src/target/session.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";

function address(more: Partial<HostAddress>): HostAddress {
  return {
    name: "web1",
    kind: "ssh",
    address: "web1",
    connectTimeoutMs: 1000,
    connectRetries: 0,
    keepaliveIntervalMs: 0,
    acceptsNewHostKeys: false,
    ...more,
  };
}

describe("connection: ssh_config", () => {
  const scope = testScope();
  let directory: string;

  beforeEach(() => {
    directory = scope.tempDir("config");
    writeFileSync(
      join(directory, "included"),
      "Host web1\n  HostName 10.1.2.3\n  User deploy\n  Port 2201\n  IdentityFile ~/keys/a\n  IdentityFile /keys/b\n",
    );
    writeFileSync(
      join(directory, "config"),
      [
        `Include ${directory}/included`,
        "Host web1",
        "  Port 9",
        "  ProxyJump jump@hop1:2222,hop2",
        "Host web2",
        "  ProxyCommand nc -x %n %h %p",
        "  IdentityAgent none",
        "Host *",
        "  IdentitiesOnly yes",
        "  HashKnownHosts yes",
        '  UserKnownHostsFile "/with space/known" ~/known2',
        "  HostKeyAlias web",
      ].join("\n"),
    );
  });

  async function check(where: string): Promise<void> {
    const sshConfigFile = join(directory, "config");
    const target = await resolveSsh(address({ sshConfigFile }));
    assert.equal(target.hostName, "10.1.2.3", where);
    assert.equal(target.user, "deploy", where);
    assert.equal(target.port, 2201, `${where}: the first value counts`);
    assert.deepEqual(target.identityFiles, [join(homedir(), "keys/a"), "/keys/b"], where);
    assert.deepEqual(target.jumps, ["jump@hop1:2222", "hop2"], where);
    assert.ok(target.identitiesOnly && target.hashesKnownHosts, where);
    assert.equal(target.hostKeyAlias, "web", where);
    const other = await resolveSsh(address({ address: "web2", sshConfigFile }));
    assert.equal(other.agent, undefined, where);
    assert.equal(expandProxyCommand(other.proxyCommand ?? "", other, "web2"), "nc -x web2 web2 22", where);
  }

  it("by ssh itself", async function () {
    requireOrSkip(this, { tools: ["ssh"] });
    await check("ssh -G");
  });

  it("by the package where there is no ssh", async () => {
    const path = process.env["PATH"];
    process.env["PATH"] = directory;
    try {
      await check("package");
    } finally {
      process.env["PATH"] = path;
    }
  });

  it("crun's own variables win", async () => {
    const target = await resolveSsh(
      address({
        sshConfigFile: join(directory, "config"),
        port: 22,
        user: "me",
        identityFiles: ["~/mine"],
        knownHostsFiles: ["/known"],
      }),
    );
    assert.deepEqual(
      [target.port, target.user, target.identityFiles, target.knownHostsFiles, target.globalKnownHostsFiles],
      [22, "me", [join(homedir(), "mine")], ["/known"], []],
    );
  });

  it("a mistake in the file is told in ssh's words; an address that is an option reaches no command line", async function () {
    requireOrSkip(this, { tools: ["ssh"] });
    const sshConfigFile = join(directory, "broken");
    writeFileSync(sshConfigFile, "Host *\n  NoSuchKeyword yes\n");
    await assert.rejects(resolveSsh(address({ sshConfigFile })), /nosuchkeyword|Bad configuration option/i);
    await assert.rejects(resolveSsh(address({ address: "-oProxyCommand=touch /tmp/x" })), /is no host name/);
  });

  it("without any configuration, keys that exist in ~/.ssh are tried, the common kinds first", async () => {
    const home = scope.tempDir("home");
    mkdirSync(join(home, ".ssh"));
    for (const name of ["id_rsa", "id_ed25519"]) writeFileSync(join(home, ".ssh", name), "key");
    const before = process.env["HOME"];
    process.env["HOME"] = home;
    try {
      const target = await resolveSsh(address({ address: "elsewhere", sshConfigFile: "/dev/null" }));
      assert.deepEqual(target.identityFiles, [join(home, ".ssh/id_ed25519"), join(home, ".ssh/id_rsa")]);
      writeFileSync(join(home, ".ssh", "config"), "Host elsewhere\n  User fromhome\n");
      const { sshConfigFile: _none, ...own } = address({ address: "elsewhere" });
      assert.equal((await resolveSsh(own)).user, "fromhome");
    } finally {
      process.env["HOME"] = before;
    }
  });

  it("hops are addresses of their own", () => {
    const hop = (jump: string): unknown => {
      const { address: host, user, port } = jumpAddress(jump, address({}));
      return [user, host, port];
    };
    assert.deepEqual(hop("jump@hop1:2222"), ["jump", "hop1", 2222]);
    assert.deepEqual(hop("hop2"), [undefined, "hop2", undefined]);
    assert.deepEqual(hop("a@[::1]:22"), ["a", "::1", 22]);
    assert.deepEqual(hop("ssh://u@h:1"), ["u", "h", 1]);
  });

  it("answers of ssh -G keep the order of repeated keywords", () => {
    assert.deepEqual(parseSshG("identityfile a\nport 22\nidentityfile b c\n").get("identityfile"), ["a", "b c"]);
  });
});
