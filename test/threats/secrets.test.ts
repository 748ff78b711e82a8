// Secrets stay where they are meant to be: a canary for each kind, looked for in all that crun shows, writes and starts, however a run ends.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { crunPath } from "../integration/crun-tasks.js";
import { Workplace, type Ran } from "../integration/cli.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { sshHost } from "../lab/sshd.js";
import type { SshHost } from "../lab/sshd.js";
import { Canaries, filesWith, Sampler } from "./canary.js";

const canaries = new Canaries();
const vaultPassword = canaries.make("VaultPassword");
const inVault = canaries.make("InVault", true);
const inAge = canaries.make("InAge", true);
const inFile = canaries.make("InFile");
const become = canaries.make("Become");
const ssh = canaries.make("SshPassword");
const rootPassword = canaries.make("RootPassword");
const userPassword = canaries.make("UserPassword");
const passphrase = canaries.make("Passphrase");
const asked = canaries.make("Asked");
const ofUrl = canaries.make("OfUrl");
const quiet = canaries.make("NoLog");

/** Where a run could leave something. */
const places = ["/tmp", "/run", "/dev/shm", "/var/tmp", "/var/lib", "/var/cache", "/var/log", "/root"];

describe("threats: secrets", function () {
  this.timeout(300_000);
  const scope = testScope();
  let host: SshHost;
  let work: Workplace;
  let began = 0;
  let target: string;
  const words = canaries.words.map(({ word }) => word);

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["sshd", "sudo", "doas", "script", "gcc"], paths: [crunPath] });
    host = await sshHost(scope, {
      hostname: "lab-secret",
      rootPassword,
      keyPassphrase: passphrase,
      users: [
        { name: "sudoer", password: become, sudo: "password", key: false },
        { name: "doer", password: become, doas: "password" },
        { name: "byword", password: ssh, sudo: "nopasswd", key: false },
      ],
    });
    target = scope.tempDir("target");
    chmodSync(target, 0o777);
    work = new Workplace(scope, { pw: `${vaultPassword}\n` });
    chmodSync(join(work.directory, "pw"), 0o600);
    assert.equal((await work.crun(["vault", "keygen", "-o", "key"])).status, 0);
    const seal = async (text: string, args: readonly string[]): Promise<string> =>
      (await work.crun(["vault", ...args], { input: text })).stdout;
    const indent = (text: string): string => text.trim().replaceAll("\n", "\n      ");
    const byPassword = await seal(inVault, ["encrypt", "--format", "ansible", "--vault-password-file", "pw"]);
    const byKey = await seal(inAge, ["encrypt", "--identity", "key"]);
    work.write(
      "vars.yml",
      `in_vault: !vault |\n      ${indent(byPassword)}\nin_age: !vault |\n      ${indent(byKey)}\n`,
    );
    work.write(
      "sealed.yml",
      await seal(`in_file: ${inFile}\n`, ["encrypt", "--format", "ansible", "--vault-password-file", "pw"]),
    );
    writeFileSync(join(target, "quiet"), quiet);
    work.write("broken.j2", "x {{in_vault.nope.further}}\n");
    work.write("secret.j2", "{{in_vault}} {{in_age}}\n");
    began = Date.now() - 1000;
  });

  const keys = (): string[] => ["--vault-password-file", "pw", "--identity", "key"];

  /** An inventory of one login, with its passwords as they are. */
  function inventory(user: string, vars: Readonly<Record<string, string>>): void {
    const lines = Object.entries(vars).map(([name, value]) => `    ${name}: ${JSON.stringify(value)}`);
    work.write(
      "hosts.yml",
      `all:
  hosts: { node: {}, other: { crun_password: ${asked} } }
  vars:
    crun_host: ${host.host}
    crun_port: ${host.port}
    crun_user: ${user}
    crun_known_hosts: ${host.knownHostsFile}
    crun_ssh_config: /dev/null
${lines.join("\n")}
`,
    );
  }

  function playbook(tasks: readonly unknown[], more: Readonly<Record<string, unknown>> = {}): void {
    work.write(
      "site.yml",
      JSON.stringify([{ hosts: "node", gather_facts: false, vars_files: ["vars.yml", "sealed.yml"], ...more, tasks }]),
    );
  }

  /** What each of these runs leaves in files is looked for at the end. */
  async function crun(args: readonly string[]): Promise<Ran> {
    const env = { ...work.environment, XDG_STATE_HOME: join(work.home, "state") };
    const ran = await work.crun(args, { env });
    assert.deepEqual(canaries.foundIn(ran.all), [], `crun ${args.join(" ")}:\n${ran.all}`);
    return ran;
  }

  const all = [
    { name: "copy {{in_vault}}", copy: { content: "{{in_vault}}", dest: "DIR/a", mode: "0600" } },
    { template: { src: "secret.j2", dest: "DIR/b", mode: "0600" } },
    { lineinfile: { path: "DIR/c", create: true, line: "key={{in_file}}", mode: "0600" } },
    { user: { name: "newcomer", password: userPassword, create_home: false } },
    { command: "cat DIR/a", register: "out" },
    { debug: { var: "out" } },
    { debug: { msg: "{{out.stdout}} {{in_age}} {{in_file}} {{crun_become_password}}" } },
    { shell: "base64 -w0 <DIR/a; printf x | cat - DIR/a | base64 -w0; od -An -c DIR/a | head -c 3; cat DIR/b DIR/c" },
    { shell: "head -c 20 DIR/a; sleep 0.2; tail -c +21 DIR/a; cat DIR/a >&2; exit 3", ignore_errors: true },
    { command: "cat DIR/quiet", no_log: true, register: "hidden" },
    { set_fact: { kept: "{{in_vault}}" } },
    { debug: { msg: "{{hostvars.other.crun_password}} {{to_json hostvars.other}}" } },
    { debug: { var: "hostvars.other" } },
    { debug: { msg: "{{item}}" }, loop: ["{{kept}}", "{{in_age}}"] },
    { fail: { msg: "no {{in_vault}} here" }, ignore_errors: true },
    { assert: { that: ["in_vault == 'x'"], fail_msg: "{{in_vault}}" }, ignore_errors: true },
    { file: { path: "DIR/a", mode: "{{in_vault}}" }, ignore_errors: true },
    { template: { src: "broken.j2", dest: "DIR/d" }, ignore_errors: true },
    { command: "/nowhere/{{in_vault}}", ignore_errors: true },
    { stat: { path: "DIR/{{in_file}}" } },
    { wait_for: { path: "DIR/{{in_vault}}", timeout: 0 }, ignore_errors: true },
  ];
  const tasks = (): unknown[] => JSON.parse(JSON.stringify(all).replaceAll("DIR", target));

  it("nothing shows them: text, JSON, differences, check mode, plans, at any verbosity", async () => {
    inventory("sudoer", { crun_password: become, crun_become_password: become });
    playbook(tasks());
    const common = ["-i", "hosts.yml", ...keys()];
    for (const args of [
      ["-C", "-D"],
      ["-vvv", "-D"],
      ["-D", "--output", "json", "-vv"],
    ]) {
      const ran = await crun(["play", ...common, ...args, "site.yml"]);
      assert.ok(ran.status === 0 || ran.status === 2, ran.all);
      assert.match(ran.all, /\*{8}/, "something was hidden");
    }
    playbook(tasks().slice(0, 5));
    const planned = await crun(["plan", ...common, "-o", "p.plan", "site.yml"]);
    assert.equal(planned.status, 0, planned.all);
    const plan = await crun(["show", "p.plan"]);
    assert.equal(plan.status, 0, plan.all);
    await crun(["apply", ...common, "-D", "p.plan"]);
  });

  it("no process has them in its arguments or its environment, here or on the host, by sudo, su, doas or a password", async () => {
    const sampler = new Sampler(scope, words);
    playbook(tasks().slice(0, 5));
    const key = { crun_identity: host.identityFile };
    for (const [user, vars] of [
      ["sudoer", { crun_password: become, crun_become_password: become }],
      ["byword", { crun_password: ssh }],
      ["root", { crun_password: rootPassword }],
    ] as const) {
      inventory(user, vars);
      const ran = await crun(["play", "-i", "hosts.yml", ...keys(), "site.yml"]);
      assert.equal(ran.status, 0, ran.all);
    }
    inventory("byword", { crun_password: ssh, crun_become_method: "su", crun_become_password: rootPassword });
    assert.equal((await crun(["play", "-i", "hosts.yml", ...keys(), "site.yml"])).status, 0);
    // typed: a key's passphrase, doas' password, a variable
    inventory("doer", { ...key, crun_become_method: "doas" });
    playbook([{ command: "true" }, { debug: { msg: "{{pin}} {{pin}}" } }], {
      vars_prompt: [{ name: "pin", private: true }],
    });
    const shown = await atTerminal(
      ["play", "-K", "-i", "hosts.yml", ...keys(), "site.yml"],
      [
        ["become password: ", become],
        ["pin: ", asked],
        ["Passphrase of", passphrase],
      ],
    );
    assert.deepEqual(canaries.foundIn(shown), [], shown);
    assert.match(shown, /\*{8} \*{8}/, shown);
    const { found, rounds } = await sampler.stop();
    assert.deepEqual(found, []);
    assert.ok(rounds > 20, `looked ${rounds} times`);
    console.log(
      `figure: arguments and environments of all processes looked at ${rounds} times for ${words.length} words`,
    );
  });

  it("a host that says them back, and one that refuses them, are quoted without them", async () => {
    playbook([{ command: "true" }]);
    writeFileSync(join(host.home("byword"), ".bashrc"), `echo "you said ${ssh}" >&2; echo ${become}; exit 7\n`);
    for (const [user, vars] of [
      ["byword", { crun_password: ssh, crun_become_password: become }],
      ["sudoer", { crun_password: become, crun_become_password: ssh }],
      ["sudoer", { crun_password: ssh, crun_become_password: become }],
      ["root", { crun_password: `x${rootPassword}` }],
    ] as const) {
      inventory(user, vars);
      const ran = await crun(["play", "-vvv", "-i", "hosts.yml", ...keys(), "--output", "json", "site.yml"]);
      assert.equal(ran.status, 4, ran.all);
    }
    assert.equal((await crun(["exec", "-i", "hosts.yml", "node", "--", "true"])).status, 4);
    writeFileSync(join(host.home("byword"), ".bashrc"), "");
  });

  it("errors do not show the lines that they stand in, nor do lint, inventory, facts and lists", async () => {
    inventory("byword", { crun_password: ssh, crun_become_password: become });
    const secretTask = `- hosts: node\n  tasks:\n    - user: { name: x, password: ${userPassword}, shel: /bin/sh }\n`;
    const lines: Readonly<Record<string, string>> = {
      param: secretTask,
      caret: `- hosts: node\n  tasks:\n    - user:\n        name: x\n        password: ${userPassword}: [\n`,
      quote: `- hosts: node\n  vars:\n    db_password: "${userPassword}\n  tasks: []\n`,
      block: `- hosts: node\n  vars:\n    api_token: |\n      {{#if}}${userPassword}\n  tasks:\n    - debug: { msg: "{{api_token}}" }\n`,
      template: `- hosts: node\n  tasks:\n    - user: { name: x, password: "${userPassword} {{nope" }\n`,
      undefined: `- hosts: node\n  tasks:\n    - user: { name: x, password: "${userPassword} {{nope}}" }\n`,
      kind: `- hosts: node\n  tasks:\n    - user: { name: x, password: [${userPassword}] }\n`,
      twice: `- hosts: node\n  tasks:\n    - user: { name: x, password: ${userPassword}, password: ${userPassword} }\n`,
      url: `- hosts: node\n  tasks:\n    - tree: { name: x, tarball: { url: "https://me:${ofUrl}@x.example.org/a", chksum: 1 } }\n`,
      mirror: `- hosts: node\n  tasks:\n    - tree: { name: x, mmdebstrap: { suite: sid, mirror: "ftp://me:${ofUrl}@x", varint: y } }\n`,
    };
    for (const [name, text] of Object.entries(lines)) {
      work.write(`bad-${name}.yml`, text);
      if (!["caret", "block", "undefined", "kind", "mirror"].includes(name)) continue; // lint, below, says the same
      const ran = await crun(["play", "-i", "hosts.yml", ...keys(), `bad-${name}.yml`]);
      assert.equal(ran.status, 1, `${name}: ${ran.all}`);
    }
    await crun(["lint", "--output", "json", ...Object.keys(lines).map((name) => `bad-${name}.yml`)]);
    work.write("bad.yml", secretTask);
    await crun(["play", "-i", "hosts.yml", ...keys(), "--output", "json", "bad.yml"]);
    await crun(["play", "--syntax-check", "-i", "hosts.yml", "bad.yml"]);
    await crun(["lint", "bad.yml"]);
    playbook(tasks().slice(0, 3));
    for (const args of [
      ["inventory", "-i", "hosts.yml", "--list"],
      ["inventory", "-i", "hosts.yml", "--list", "-y"],
      ["inventory", "-i", "hosts.yml", "--graph", "--vars"],
      ["inventory", "-i", "hosts.yml", "--host", "node"],
      ["inventory", "-i", "hosts.yml", "--explain", "crun_become_password", "node"],
      ["facts", "-i", "hosts.yml", "node"],
      ["doctor", "-i", "hosts.yml"],
      ["doc", "user"],
      ["lint", "site.yml"],
      ["play", "--list-tasks", "-i", "hosts.yml", ...keys(), "site.yml"],
      ["play", "-i", "hosts.yml", "site.yml"],
    ])
      await crun(args);
    for (const broken of [
      `node crun_become_password=${become} crun_port=x y=\n`,
      `[all:vars]\ncrun_password=${ssh}\n[nope\n`,
      `node crun_password='${ssh}\n`,
      `node crun_become_method=sudoo crun_become_password=${become}\n`,
    ]) {
      work.write("bad-hosts", broken);
      await crun(["play", "-i", "bad-hosts", ...keys(), "site.yml"]);
    }
    work.write("bad.json", `{"all": {"vars": {"crun_password": "${ssh}" "x"}}}`);
    await crun(["inventory", "-i", "bad.json", "--list"]);
    work.write("bad-vars.yml", `crun_become_password: ${become}: x\n`);
    await crun(["play", "-i", "hosts.yml", "-e", "@bad-vars.yml", "site.yml"]);
  });

  it("whatever ends a run: nothing of it is left in files, and a crash dumps no memory", async () => {
    inventory("sudoer", { crun_password: become, crun_become_password: become });
    const endless = [
      ...tasks().slice(0, 5),
      { shell: "cat DIR/a; touch DIR/begun; sleep 20".replaceAll("DIR", target) },
    ];
    playbook(endless);
    const cores = scope.tempDir("cores");
    for (const [signal, victim] of [
      ["SIGINT", "controller"],
      ["SIGKILL", "controller"],
      ["SIGABRT", "controller"],
      ["SIGSEGV", "helper"],
    ] as const) {
      const begun = join(target, "begun");
      const env = {
        ...work.environment,
        XDG_STATE_HOME: join(work.home, "state"),
        NODE_OPTIONS: `--report-on-signal --report-on-fatalerror --report-uncaught-exception --report-directory=${cores}`,
      };
      const limit = `ulimit -c unlimited; cd ${work.directory}; exec "$@"`;
      const args = ["play", "-vvv", "-i", "hosts.yml", ...keys(), "site.yml"];
      const child = spawn("bash", ["-c", limit, "crun", process.execPath, crunPath, ...args], {
        env,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let shown = "";
      child.stdout.on("data", (chunk: Buffer) => (shown += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (shown += chunk.toString()));
      const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
      for (let turn = 0; turn < 1200 && !readdirSync(target).includes("begun"); turn++) await sleep(25);
      assert.ok(readdirSync(target).includes("begun"), shown);
      await crashed(signal, victim === "controller" ? (child.pid ?? 0) : helperOf(host));
      if (signal === "SIGINT") child.kill("SIGINT");
      await ended;
      assert.deepEqual(canaries.foundIn(shown), [], shown);
      await sleep(100);
      rmSync(begun, { force: true });
      if (signal !== "SIGINT") continue;
      playbook([...tasks().slice(0, 5), { debug: { msg: "{{in_vault}} {{out.stdout}}" } }]);
      const more = ["-i", "hosts.yml", ...keys(), "-vvv", "--despite-changes"];
      assert.match((await crun(["runs"])).all, /site\.yml/);
      const resumed = await crun(["play", "--resume", ...more]);
      assert.match(resumed.all, /recap|ok/i, resumed.all);
      playbook(endless);
    }
  });

  it("a helper on this machine that crashes dumps nothing", async () => {
    const begun = join(target, "begun-here");
    const tasks = [
      { copy: { content: "{{in_vault}}", dest: join(target, "here") } },
      { shell: `touch ${begun}; sleep 20` },
    ];
    work.write("here.yml", JSON.stringify([{ hosts: "local", gather_facts: false, vars_files: ["vars.yml"], tasks }]));
    const limit = `ulimit -c unlimited; cd ${work.directory}; exec "$@"`;
    const argv = [
      "-c",
      limit,
      "crun",
      process.execPath,
      crunPath,
      "play",
      "--runs",
      "none",
      "-i",
      "local,",
      ...keys(),
      "here.yml",
    ];
    const child = spawn("bash", argv, { env: work.environment, stdio: ["ignore", "pipe", "pipe"] });
    let shown = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (shown += chunk.toString()));
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    for (let turn = 0; turn < 1200 && !existsSync(begun); turn++) await sleep(25);
    assert.ok(existsSync(begun), shown);
    const [helper] = childrenOf(child.pid ?? 0);
    assert.ok(helper !== undefined, `no child of ${child.pid}: ${child.exitCode} ${child.signalCode} ${shown}`);
    const workers = childrenOf(helper);
    assert.ok(helper > 0 && workers.length > 0, "there is a helper with a worker");
    rmSync(join(work.directory, "core"), { force: true }); // of the controller that was made to crash before
    for (const pid of [...workers, helper]) process.kill(pid, "SIGSEGV");
    assert.equal(await ended, 4);
    assert.ok(!existsSync(join(work.directory, "core")));
  });

  /** Processes that it has started, its threads' included. */
  function childrenOf(pid: number): number[] {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number),
    );
  }

  async function crashed(signal: NodeJS.Signals, pid: number): Promise<void> {
    process.kill(pid, signal);
    await sleep(signal === "SIGINT" ? 100 : 0);
  }

  it("no file holds them: journals, temporary files, logs, core dumps, caches; but for those that were given, the tree and the plan", () => {
    const bad = readdirSync(work.directory).filter((name) => name.startsWith("bad"));
    const given = [...bad, "pw", "key", "hosts.yml", "p.plan", "site.yml"];
    const except = [...given.map((name) => join(work.directory, name)), join(host.directory, "etc")];
    assert.deepEqual(filesWith([work.directory, work.home, host.directory, ...places], words, began, except), []);
    assert.ok(existsSync(join(work.home, "state/crun/runs")), "there are journals");
    assert.deepEqual(canaries.foundIn(host.log()), []);
  });

  /** Runs crun at a terminal, answers its questions. */
  async function atTerminal(args: readonly string[], answers: (readonly [string, string])[]): Promise<string> {
    const command = [process.execPath, crunPath, ...args].join(" ");
    const child = spawn("script", ["-qec", command, "/dev/null"], {
      cwd: work.directory,
      env: work.environment,
      stdio: ["pipe", "pipe", "inherit"],
    });
    let shown = "";
    let from = 0;
    const left = [...answers];
    child.stdout.setEncoding("utf8").on("data", (data: string) => {
      shown += data;
      const index = left.findIndex(([question]) => shown.slice(from).includes(question));
      const answer = left[index];
      if (!answer) return;
      from = shown.length;
      left.splice(index, 1);
      child.stdin.write(`${answer[1]}\n`);
    });
    await new Promise((resolve) => child.on("close", resolve));
    return shown;
  }

  /** The helper's main process on the host. */
  function helperOf({ directory }: SshHost): number {
    assert.ok(directory);
    for (const pid of readdirSync("/proc")) {
      if (!/^\d+$/.test(pid)) continue;
      try {
        const [program = ""] = readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0");
        if (/\/helper-[0-9a-f]{64}$/.test(program)) return Number(pid);
      } catch {
        // it has ended
      }
    }
    assert.fail("there is no helper");
  }
});
