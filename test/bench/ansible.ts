// Ansible's side of the benchmark: the same 36 tasks, an sshd that leads each port into a tree of its own.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { btrfsPool } from "../lab/btrfs.js";
import { labScript, must, repositoryRoot } from "../lab/process.js";
import type { Scope } from "../lab/scope.js";
import { freePort, sshHost } from "../lab/sshd.js";
import { measure } from "./measure.js";

/** The second run of Ansible on `count` trees that have Python; whole process. */
export async function measureAnsible(
  scope: Scope,
  count: number,
): Promise<{ readonly version: string; readonly ms: number }> {
  const tree = (await must(["bash", labScript("tree.sh"), "python"], { timeoutMs: 300_000 })).trim();
  const pool = await btrfsPool(scope, { tree });
  const ports: number[] = [];
  const config: string[] = [];
  for (let index = 0; index < count; index++) {
    const path = await pool.snapshot(`tree${index}`);
    const port = await freePort();
    ports.push(port);
    config.push(`Match LocalPort ${port}`, `  ForceCommand exec chroot ${path} /bin/sh -c "$SSH_ORIGINAL_COMMAND"`);
  }
  // Match sections come last in an sshd_config, so they are in a file of their own, included by the first line
  const directory = scope.tempDir("bench-ansible");
  const include = join(directory, "ports.conf");
  writeFileSync(include, `${config.join("\n")}\nMatch all\n`);
  const host = await sshHost(scope, {
    hostname: "bench-ansible",
    config: [...ports.map((port) => `Port ${port}`), `Include ${include}`, "MaxStartups 100"],
  });
  const knownHosts = join(directory, "known_hosts");
  writeFileSync(knownHosts, `tree ${host.knownHostsLines[0]?.split(" ").slice(1).join(" ")}\n`);
  const inventory = join(directory, "hosts");
  const lines = ports.map((port, index) => `tree${index} ansible_host=127.0.0.1 ansible_port=${port}`);
  lines.push(
    "[all:vars]",
    "ansible_user=root",
    `ansible_ssh_private_key_file=${host.identityFile}`,
    "ansible_python_interpreter=/usr/bin/python3",
    `ansible_ssh_common_args=-o UserKnownHostsFile=${knownHosts} -o HostKeyAlias=tree`,
  );
  writeFileSync(inventory, `${lines.join("\n")}\n`);
  const contender = {
    name: "ansible",
    argv: [
      "ansible-playbook",
      "--forks",
      String(count),
      "--inventory",
      inventory,
      join(repositoryRoot(), "test", "bench", "ansible", "site.yml"),
    ],
    env: {
      ANSIBLE_PIPELINING: "1",
      ANSIBLE_SSH_TRANSFER_METHOD: "piped",
      ANSIBLE_NOCOLOR: "1",
      ANSIBLE_LOCAL_TEMP: join(directory, "tmp"),
      ANSIBLE_SSH_CONTROL_PATH_DIR: join(directory, "control"),
      ANSIBLE_SSH_ARGS: "-C -o ControlMaster=auto -o ControlPersist=30s",
    },
  };
  const recap = (output: string): string[] => output.split("\n").filter((line) => / unreachable=/.test(line));
  const first = await measure(contender);
  assert.equal(first.status, 0, first.output.slice(-4000));
  const second = await measure(contender);
  assert.equal(recap(second.output).length, count, second.output.slice(-4000));
  for (const line of recap(second.output)) {
    assert.match(line, /changed=0 .*failed=0/, "Ansible's second run changed something");
  }
  const version = (await must(["ansible-playbook", "--version"])).split("\n")[0] ?? "ansible";
  return { version: version.replace(/^ansible-playbook \[(.*)\]$/, "ansible-$1"), ms: second.ms };
}
