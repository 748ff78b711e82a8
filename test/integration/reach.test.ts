// How plays reach hosts: their keywords, become methods and users, and a connection that is made anew.

import assert from "node:assert/strict";
import { appendFileSync, chownSync, existsSync, mkdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { requireOrSkip } from "../lab/needs.js";
import { run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { sshHost, type SshHost } from "../lab/sshd.js";
import { rootOverlay } from "../lab/trees.js";
import { brief, Workplace, type Told } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

describe("how plays reach hosts", function () {
  this.timeout(120_000);
  const scope = testScope();
  let host: SshHost;
  let work: Workplace;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["sshd", "sudo", "su", "doas"], paths: [crunPath] });
    host = await sshHost(scope, {
      hostname: "lab-reach",
      rootPassword: "root's word",
      users: [
        { name: "free", sudo: "nopasswd" },
        { name: "plain", password: "plain's word" },
        { name: "doer", doas: "password", password: "doer's word" },
      ],
    });
    work = new Workplace(scope, {});
  });

  /** Plays with an inventory line's variables. */
  async function played(vars: string, playbook: string, args: readonly string[] = []): Promise<Told> {
    work.write(
      "hosts",
      `node crun_host=${host.host} crun_identity=${host.identityFile} crun_known_hosts=${host.knownHostsFile} crun_ssh_config=/dev/null ${vars}\n`,
    );
    work.write("site.yml", playbook);
    return await work.play(["-i", "hosts", ...args, "site.yml"]);
  }
  const outputs = (ran: Told): unknown[] => ran.results.flatMap(({ result }) => result["stdout"] ?? []);

  it("remote_user, port and become_method of a play hold where the inventory says nothing", async () => {
    const ran = await played(
      'crun_become_password="doer\'s word"',
      `- hosts: node
  gather_facts: false
  remote_user: "{{login}}"
  port: ${host.port}
  become: true
  become_method: doas
  vars: { login: doer }
  tasks:
    - command: id -un
    - command: id -un
      become_user: plain
- hosts: node
  gather_facts: false
  remote_user: free
  port: ${host.port}
  become_method: sudo
  tasks:
    - shell: id -un; tr '\\0' ' ' < /proc/$(ps -o ppid= $$ | tr -d ' ')/comm
`,
    );
    assert.equal(ran.status, 0, brief(ran));
    assert.deepEqual(outputs(ran).slice(0, 2), ["root", "plain"]);
    const log = host.log();
    assert.match(log, /Accepted publickey for doer/);
    assert.match(log, /Accepted publickey for free/);
  });

  it("the inventory's login wins over the play's", async () => {
    const ran = await played(
      `crun_port=${host.port} crun_user=free`,
      "- hosts: node\n  gather_facts: false\n  remote_user: nobody-of-that-name\n  tasks:\n    - command: id -un\n",
    );
    assert.equal(ran.status, 0, brief(ran));
    assert.deepEqual(outputs(ran), ["root"]);
  });

  it("--become-method and --become-user say it for the whole run; exec takes them, too", async () => {
    const vars = `crun_port=${host.port} crun_user=plain crun_become_password="root's word"`;
    const tasks = "- hosts: node\n  gather_facts: false\n  tasks:\n    - command: id -un\n";
    const ran = await played(vars, tasks, ["-b", "--become-method", "su", "--become-user", "plain"]);
    assert.equal(ran.status, 0, brief(ran));
    assert.deepEqual(outputs(ran), ["plain"]);
    const exec = ["exec", "-i", "hosts", "--become-method", "su", "--become-user", "plain", "node", "--", "id", "-un"];
    assert.equal((await work.crun(exec)).stdout, "plain\n");
    const wrong = await work.crun(["play", "-i", "hosts", "--become-method", "sudoo", "site.yml"]);
    assert.equal(wrong.status, 1);
    assert.match(wrong.all, /sudo, su, doas, none/);
  });

  it("a login that may not become root is unreachable, with the host's words, not a crash", async () => {
    const ran = await played(
      `crun_port=${host.port} crun_user=plain crun_become_password=wrong`,
      "- hosts: node\n  gather_facts: false\n  become_method: su\n  tasks:\n    - command: id -un\n",
    );
    assert.equal(ran.status, 4, brief(ran));
    assert.match(ran.all, /su did not take the password/);
    assert.doesNotMatch(ran.all, /crun_become_password=wrong/);
  });

  it("without becoming, a task cannot become another user, and says why", async () => {
    const ran = await played(
      `crun_port=${host.port} crun_user=plain crun_become=false`,
      `- hosts: node
  gather_facts: false
  tasks:
    - command: id -un
    - command: id -un
      become: true
      become_user: free
      ignore_errors: true
    - command: id -un
      become: true
      become_user: nobody-of-that-name
      ignore_errors: true
`,
    );
    assert.equal(ran.status, 0, brief(ran));
    const [first, second, third] = ran.results;
    assert.equal(first?.result["stdout"], "plain");
    assert.equal(second?.status, "failed");
    assert.match(`${second?.message} ${second?.remedy}`, /crun is not root on node, .* become free[\s\S]*crun_become/);
    assert.match(`${third?.message} ${third?.remedy}`, /nobody-of-that-name/);
  });

  it("without becoming, programs on the host are the login's: its name, home, groups, rights, and sudo where it has that", async () => {
    const ran = await played(
      `crun_port=${host.port} crun_user=free crun_become=false`,
      `- hosts: node
  gather_facts: false
  tasks:
    - shell: id -un; id -gn; echo $HOME; stat -c %U /etc/passwd; cat /etc/shadow 2>&1 | grep -c denied
    - command: sudo -n id -un
    - copy: { content: mine, dest: "${host.home("free")}/file" }
    - command: stat -c %U ${host.home("free")}/file
    - shell: readlink /proc/self/ns/user
    - shell: sleep 0.3; id -un
      async: 20
      poll: 0
      register: job
    - async_status: { jid: "{{job.ansible_job_id}}" }
      register: done
      until: done.finished == 1
      retries: 50
      delay: 0.1
    - command: sleep 20
      timeout: 1
      ignore_errors: true
`,
    );
    assert.equal(ran.status, 0, brief(ran));
    const texts = outputs(ran).map(String);
    assert.deepEqual(texts[0]?.split("\n"), ["free", "free", host.home("free"), "root", "1"]);
    assert.equal(texts[1], "root");
    assert.equal(texts[2], "free");
    assert.equal(texts[3], readlinkSync("/proc/self/ns/user"));
    assert.equal(texts.at(-1), "free");
    assert.equal(ran.results.at(-1)?.status, "failed");
  });

  it("without becoming, a crun that is killed leaves nothing of it on the host", async () => {
    const word = `${90_000 + process.pid}.5`;
    work.write(
      "hosts",
      `node crun_host=${host.host} crun_port=${host.port} crun_user=plain crun_become=false crun_identity=${host.identityFile} crun_known_hosts=${host.knownHostsFile} crun_ssh_config=/dev/null\n`,
    );
    work.write("site.yml", `- hosts: node\n  tasks:\n    - shell: setsid sleep ${word} & sleep ${word}\n`);
    const plain = async (): Promise<string> =>
      (await run(["pgrep", "-u", "21001", "-a"])).stdout
        .split("\n")
        .filter((line) => line.includes(word) || line.includes("helper"))
        .join("\n");
    const started = work.start(["play", "-i", "hosts", "site.yml"]);
    for (let turn = 0; turn < 200 && !(await plain()).includes(word); turn++) await sleep(50);
    assert.ok((await plain()).includes(word), started.shown());
    started.kill("SIGKILL");
    await started.ended;
    for (let turn = 0; turn < 200 && (await plain()) !== ""; turn++) await sleep(50);
    assert.equal(await plain(), "");
  });

  it("meta: reset_connection gives the login the groups that it was given meanwhile", async () => {
    const file = join(host.directory, "etc/group");
    const ran = await played(
      `crun_port=${host.port} crun_user=plain crun_become=false`,
      `- hosts: node
  gather_facts: false
  tasks:
    - command: id -Gn
    - shell: "echo late:x:29999:plain >> ${file}"
      delegate_to: local
    - command: id -Gn
    - meta: reset_connection
    - command: id -Gn
`,
    );
    assert.equal(ran.status, 0, brief(ran));
    assert.deepEqual(
      outputs(ran).filter((text) => text !== ""),
      ["plain", "plain", "plain late"],
    );
  });

  it("meta: reset_connection logs in anew, and the old login's helper and jobs are gone", async () => {
    const before = host.log().split("Accepted publickey for free").length;
    const ran = await played(
      `crun_port=${host.port} crun_user=free`,
      `- hosts: node
  gather_facts: false
  tasks:
    - shell: pgrep -f '/helper-[0-9a-f]*$' | tr '\\n' ' '
    - meta: reset_connection
      when: false
    - shell: pgrep -f '/helper-[0-9a-f]*$' | tr '\\n' ' '
    - meta: reset_connection
    - shell: pgrep -f '/helper-[0-9a-f]*$' | tr '\\n' ' '
    - file: { path: /tmp/never, state: absent }
`,
    );
    assert.equal(ran.status, 0, brief(ran));
    const [first, same, last] = outputs(ran).map((text) => String(text).split(" ").filter(Boolean));
    assert.deepEqual(same?.[0], first?.[0]);
    assert.ok((last?.length ?? 0) > 0);
    assert.deepEqual(
      last?.filter((pid) => first?.includes(pid)),
      [],
    );
    assert.equal(host.log().split("Accepted publickey for free").length - before, 2);
  });

  it("meta: reset_connection by one tree of a host leaves the others of it their connection", async () => {
    const trees = [await rootOverlay(scope), await rootOverlay(scope)];
    work.write(
      "site.yml",
      `- hosts: all
  tasks:
    - shell: sleep 0.{{add play_targets.length 1}}; echo one
    - meta: reset_connection
    - shell: sleep 0.2; echo two
    - meta: reset_connection
    - shell: echo three
`,
    );
    const ran = await work.play(["-i", trees.map((tree) => `local:${tree},`).join(""), "site.yml"]);
    assert.equal(ran.status, 0, brief(ran));
    assert.equal(ran.results.length, 6);
  });

  it("a job on a host lives on when the run and its login have ended, become by sudo or doas", async () => {
    for (const [user, vars] of [
      ["free", ""],
      ["doer", 'crun_become_method=doas crun_become_password="doer\'s word"'],
    ] as const) {
      const sign = join(host.home(user), "sign");
      const begin = Date.now();
      const ran = await played(
        `crun_port=${host.port} crun_user=${user} ${vars}`,
        `- hosts: node
  gather_facts: false
  tasks:
    - shell: sleep 3; id -un > ${sign}
      async: 20
      poll: 0
`,
      );
      assert.equal(ran.status, 0, brief(ran));
      assert.ok(Date.now() - begin < 2900, "the run waited for the job");
      assert.ok(!existsSync(sign));
      for (let turn = 0; turn < 200 && !existsSync(sign); turn++) await sleep(50);
      assert.equal(readFileSync(sign, "utf8"), "root\n");
    }
  });

  it("connection: local acts on this machine: for localhost it says nothing new, for a task it is delegate_to: local", async () => {
    const here = join(scope.tempDir("here"), "sign");
    mkdirSync(join(here, ".."), { recursive: true });
    chownSync(join(here, ".."), 0, 0);
    appendFileSync(here, "here");
    const ran = await played(
      `crun_port=${host.port} crun_user=free`,
      `- hosts: localhost
  connection: local
  gather_facts: false
  tasks: [{ command: cat ${here} }]
- hosts: node
  gather_facts: false
  tasks:
    - command: hostname
    - command: hostname
      connection: local
- hosts: node
  gather_facts: false
  connection: local
  tasks:
    - command: hostname
`,
    );
    assert.equal(ran.status, 0, brief(ran));
    const [sign, there, here1, here2] = outputs(ran);
    assert.equal(sign, "here");
    assert.equal(there, "lab-reach");
    assert.notEqual(here1, "lab-reach");
    assert.equal(here2, here1);
  });
});
