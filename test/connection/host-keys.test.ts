// Host keys: situation by situation crun decides as OpenSSH's client does against the same sshd, or stricter where the table says so.

import assert from "node:assert/strict";
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Deadline } from "../../src/connection/deadline.js";
import { ConnectionError } from "../../src/connection/problem.js";
import { logIn } from "../../src/connection/ssh-route.js";
import { loadSsh2 } from "../../src/connection/ssh2.js";
import { requireOrSkip } from "../lab/needs.js";
import { must, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { sshHost } from "../lab/sshd.js";
import type { SshHost } from "../lab/sshd.js";
import { situations, types } from "./host-key-situations.js";
import type { Certificate, Situation } from "./host-key-situations.js";
import { addressOf, answering, nobody, withSession } from "./hosts.js";

describe("connection: host keys as ssh decides", function () {
  this.timeout(120_000);
  const scope = testScope();
  let directory: string;
  let host: SshHost;
  let address: string;
  let files = 0;

  const publicKey = (name: string): string =>
    readFileSync(join(directory, `${name}.pub`), "utf8")
      .split(" ")
      .slice(0, 2)
      .join(" ");

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["sshd", "ssh", "ssh-keygen"] });
    directory = scope.tempDir("host-keys");
    const make = (name: string, type: string): Promise<string> =>
      must(["ssh-keygen", "-q", "-t", type, "-N", "", "-C", name, "-f", join(directory, name)]);
    for (const type of types) await make(type, type);
    for (const name of ["stranger", "ca", "other-ca"]) await make(name, "ed25519");
    await make("rsa-ca", "rsa");
    await make("ecdsa-ca", "ecdsa");
    await must(["ssh-keygen", "-q", "-t", "ecdsa", "-b", "521", "-N", "", "-f", join(directory, "p521-ca")]);
    await must(["ssh-keygen", "-q", "-k", "-f", join(directory, "krl"), join(directory, "ed25519.pub")]);
    await must(["ssh-keygen", "-q", "-k", "-f", join(directory, "empty-krl")]);
    writeFileSync(join(directory, "serials"), "serial: 7\n");
    const krl = ["ssh-keygen", "-q", "-k", "-s", join(directory, "ca.pub"), "-f", join(directory, "serial-krl")];
    await must([...krl, join(directory, "serials")]);
    host = await sshHost(scope, {
      hostname: "lab-keys",
      hostKeyTypes: [],
      // sshd reads keys and certificates anew for each connection
      config: types.flatMap((type) => [
        `HostKey ${directory}/${type}`,
        `HostCertificate ${directory}/shown-${type}-cert.pub`,
      ]),
    });
    address = `[${host.host}]:${host.port}`;
  });

  async function certify({ authority = "ca", of = "ed25519", options, isUsers }: Certificate): Promise<void> {
    const role = isUsers === true ? ["-n", "root"] : ["-h"];
    const file = join(directory, `${of}.pub`);
    await must([
      "ssh-keygen",
      "-q",
      "-s",
      join(directory, authority),
      "-I",
      "the host",
      "-z",
      "7",
      ...role,
      ...(options ?? []),
      file,
    ]);
    copyFileSync(join(directory, `${of}-cert.pub`), join(directory, `shown-${of}-cert.pub`));
  }

  function filled(text: string): string {
    return text
      .replaceAll("NAME", address)
      .replaceAll("HOST", host.host)
      .replaceAll("DIR", directory)
      .replace(/KEY:([\w-]+)/g, (_, name: string) => publicKey(name));
  }

  /** known_hosts and ssh_config for one client. */
  function clientFiles(who: string, { known = [], config = [] }: Situation): { config: string; known: string } {
    const knownFile = join(directory, `known-${who}`);
    rmSync(knownFile, { force: true });
    if (known.length > 0) writeFileSync(knownFile, known.map((line) => `${filled(line)}\n`).join(""));
    // crun reads a file once
    const configFile = join(directory, `config-${who}-${++files}`);
    const lines = [
      ...config.map(filled),
      `IdentityFile ${host.identityFile}`,
      "IdentitiesOnly yes",
      `UserKnownHostsFile ${knownFile}`,
      "GlobalKnownHostsFile /dev/null",
    ];
    writeFileSync(configFile, `${lines.join("\n")}\n`);
    return { config: configFile, known: knownFile };
  }

  async function askSsh(situation: Situation): Promise<"in" | "refused"> {
    const { config } = clientFiles("ssh", situation);
    const accepts = situation.acceptsNew === true ? ["-o", "StrictHostKeyChecking=accept-new"] : [];
    const argv = ["ssh", "-F", config, ...accepts, "-o", "BatchMode=yes", "-p", String(host.port), "-l", "root"];
    return (await run([...argv, host.host, "true"])).status === 0 ? "in" : "refused";
  }

  async function askCrun(
    situation: Situation,
  ): Promise<{ outcome: "in" | "refused"; said: string; lines: string[]; questions: readonly string[] }> {
    const own = clientFiles("crun", situation);
    const { knownHostsFiles: _known, identityFiles: _key, ...plain } = addressOf(host, { sshConfigFile: own.config });
    const { prompt, questions } = answering(...(situation.answers ?? []));
    const deadline = new Deadline(10_000);
    let said = "";
    try {
      const login = await logIn({
        ssh2: await loadSsh2(),
        address: { ...plain, acceptsNewHostKeys: situation.acceptsNew ?? false },
        prompt: situation.answers === undefined ? nobody : prompt,
        deadline,
      });
      await login.close();
    } catch (error) {
      assert.ok(error instanceof ConnectionError, String(error));
      said = error.message;
      assert.match(said, /checking the host key failed|reading ssh_config failed/, said);
      assert.ok(
        error.diagnostics.every(({ remedy }) => remedy !== undefined && remedy !== ""),
        said,
      );
    } finally {
      deadline.stop();
    }
    const text = existsSync(own.known) ? readFileSync(own.known, "utf8") : "";
    const lines = text.split("\n").filter((line) => line !== "");
    return { outcome: said === "" ? "in" : "refused", said, lines, questions };
  }

  for (const situation of situations) {
    const { what, ssh, crun = ssh, why, says, remembers, answers } = situation;
    it(`${what}: ${crun === "in" || answers ? "in" : "refused"}${why === undefined ? "" : `, where ssh goes in: ${why}`}`, async () => {
      for (const type of types) rmSync(join(directory, `shown-${type}-cert.pub`), { force: true });
      if (situation.certificate !== undefined) await certify(situation.certificate);
      const [theirs, ours] = await Promise.all([askSsh(situation), askCrun(situation)]);
      const { outcome, said, lines, questions } = ours;
      assert.equal(theirs, ssh, "ssh");
      assert.equal(outcome, answers === undefined ? crun : "in", said);
      if (says !== undefined) assert.match(said, says);
      if (remembers !== undefined) assert.equal(lines.length, remembers, lines.join("\n"));
      if (situation.hashes === true) assert.match(lines[0] ?? "", /^\|1\|/);
      if (answers !== undefined)
        assert.match(questions[0] ?? "", /is not known: ssh-ed25519 SHA256:\S+\.\n.*yes, no, or the fingerprint/);
    });
  }

  it("a certificate is good for as long as the connection lasts, however often keys are exchanged anew", async () => {
    await certify({ options: ["-n", "127.0.0.1"] });
    const busy = await sshHost(scope, {
      hostname: "lab-rekey",
      hostKeyTypes: [],
      config: [
        `HostKey ${directory}/ed25519`,
        `HostCertificate ${directory}/shown-ed25519-cert.pub`,
        "RekeyLimit 32K",
        "LogLevel DEBUG1",
      ],
    });
    const known = join(directory, "known-rekey");
    writeFileSync(known, `@cert-authority * ${publicKey("ca")}\n`);
    await withSession(addressOf(busy, { knownHostsFiles: [known] }), async (session) => {
      const root = session.openTree("/", { entry: "auto", isHostRoot: true });
      const argv = ["/bin/sh", "-c", "head -c 300000 /dev/zero"];
      const [seen] = await root.observe([{ kind: "exec", exec: { argv } }]);
      assert.ok(seen?.kind === "exec" && seen.stdout.length === 300_000);
    });
    const exchanges = busy.log().split("SSH2_MSG_KEXINIT received").length - 1;
    assert.ok(exchanges > 2, `keys were exchanged ${exchanges} times`);
  });
});
