// The lab host for tests: a Debian VM with systemd as PID 1, cgroup v2, machined and sudo, reached over SSH.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Finished, RunOptions } from "./process.js";
import { labScript, must, run } from "./process.js";
import type { Scope } from "./scope.js";

/** Logins of the lab host. All open with the key; admin has sudo without, pwadmin with PWADMIN_PASSWORD. */
export type LabUser = "root" | "admin" | "pwadmin";

/** What sudo asks pwadmin for. */
export const PWADMIN_PASSWORD = "lab pass";

/**
 * nspawn machines below /var/lib/machines. m1 (no user namespace) runs from the start: leave it running, others use it
 * too. m2 (with a user namespace) does not: start and stop it in a VM of your own.
 */
export type LabMachine = "m1" | "m2";

/** The running lab host. */
export interface LabVm {
  readonly host: "127.0.0.1";
  readonly port: number;
  readonly user: "root";
  /** Holds everything below, and serial.log. */
  readonly directory: string;
  readonly identityFile: string;
  readonly knownHostsFile: string;
  readonly knownHostsLines: readonly string[];
  /** Variables by which an inventory reaches it as root. */
  readonly variables: Readonly<Record<string, string | number>>;
  /** An ssh_config with the hosts lab-root, lab-admin and lab-pwadmin. */
  readonly sshConfigFile: string;
  /** Runs a shell command line in the VM and returns what it did. */
  ssh(command: string, options?: RunOptions & { readonly as?: LabUser }): Promise<Finished>;
  /** Like ssh(), but a status other than 0 throws; returns stdout. */
  must(command: string, options?: RunOptions & { readonly as?: LabUser }): Promise<string>;
  /** Starts a machine, unless it runs, and waits until its systemd says that it is up; about 10 s. */
  startMachine(name: LabMachine): Promise<void>;
  /** Ends a machine at once and waits until machined has forgotten it. */
  stopMachine(name: LabMachine): Promise<void>;
  /** What the VM has written on its console. */
  serialLog(): string;
}

async function start(scope: Scope): Promise<string> {
  const directory = join(scope.tempDir("vm"), "vm");
  mkdirSync(directory);
  // Before other tests, as the shared one: what is emulated has time-outs of its own.
  const argv = ["-n", "-5", "setpriv", "--pdeathsig", "KILL", "bash", labScript("vm.sh"), "run", directory];
  const child = spawn("nice", argv, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  scope.defer(async () => {
    // the VM dies with its script
    child.kill("SIGKILL");
    await ended;
    const pidFile = join(directory, "pid");
    while (existsSync(pidFile) && existsSync(`/proc/${readFileSync(pidFile, "utf8").trim()}`)) {
      await sleep(20);
    }
  });
  while (!existsSync(join(directory, "ready"))) {
    if (child.exitCode !== null) {
      throw new Error(`the lab host did not come up:\n${log}`);
    }
    await sleep(100);
  }
  return directory;
}

/** Waits for the VM that the test run has started for all its processes. */
async function joinShared(directory: string): Promise<string> {
  while (!existsSync(join(directory, "ready"))) {
    if (existsSync(join(directory, "failed"))) {
      throw new Error(`the lab host did not come up:\n${readFileSync(join(directory, "failed"), "utf8")}`);
    }
    await sleep(200);
  }
  return directory;
}

/**
 * The lab host. Tests of one run share it ($CRUN_LAB_VM names its directory), so use names of your own in it and leave it
 * as it was; with `own: true` a fresh copy is started (3 s, 400 MB of memory) and ends with the scope. The first use on
 * a machine builds the image (2 minutes). Needs root, qemu-system-x86_64, mmdebstrap. The VM reaches no network.
 */
export async function labVm(scope: Scope, options: { readonly own?: boolean } = {}): Promise<LabVm> {
  const shared = process.env["CRUN_LAB_VM"];
  const directory = options.own === true || shared === undefined ? await start(scope) : await joinShared(shared);
  const sshConfigFile = join(directory, "ssh_config");
  const knownHostsFile = join(directory, "known_hosts");
  // A login costs the emulated machine 1.5 s, so these commands of the tests' own share one connection per process and user.
  const control = join(directory, `control-${process.pid}`);
  const argv = (command: string, as: LabUser = "root"): string[] => [
    "ssh",
    "-F",
    sshConfigFile,
    "-o",
    "ControlMaster=auto",
    "-o",
    `ControlPath=${control}-%r`,
    "-o",
    "ControlPersist=yes",
    `lab-${as}`,
    command,
  ];
  scope.defer(async () => {
    for (const user of ["root", "admin", "pwadmin"] as const) {
      if (existsSync(`${control}-${user}`)) {
        await run(["ssh", "-F", sshConfigFile, "-o", `ControlPath=${control}-%r`, "-O", "exit", `lab-${user}`]);
      }
    }
  });
  const host = "127.0.0.1";
  const port = Number(readFileSync(join(directory, "port"), "utf8"));
  const identityFile = join(directory, "id");
  const vm: LabVm = {
    host,
    port,
    user: "root",
    directory,
    identityFile,
    knownHostsFile,
    variables: {
      crun_host: host,
      crun_port: port,
      crun_user: "root",
      crun_identity: identityFile,
      crun_known_hosts: knownHostsFile,
    },
    knownHostsLines: readFileSync(knownHostsFile, "utf8").trim().split("\n"),
    sshConfigFile,
    ssh: async (command, { as, ...rest } = {}) => await run(argv(command, as), rest),
    must: async (command, { as, ...rest } = {}) => await must(argv(command, as), rest),
    startMachine: async (name) => {
      await vm.must(`systemctl start systemd-nspawn@${name}`);
      // its bus comes up a moment after its init; systemctl waits from there on
      await vm.must(
        `for try in $(seq 100); do systemd-run -q -M ${name} --wait -P true 2>/dev/null && break; sleep 0.2; done
         systemd-run -q -M ${name} --wait -P systemctl is-system-running --wait`,
      );
    },
    stopMachine: async (name) => {
      await vm.must(
        // one whose root has harmed it would be waited for, a minute and a half
        `unit=systemd-nspawn@${name}
         is_there() { machinectl show ${name} >/dev/null 2>&1 || case $(systemctl show -P ActiveState $unit) in inactive | failed) false ;; esac; }
         machinectl terminate ${name} 2>/dev/null
         for try in $(seq 30); do is_there || break; sleep 0.2; done
         ! is_there || systemctl kill --signal=KILL $unit
         while is_there; do sleep 0.2; done
         systemctl reset-failed $unit 2>/dev/null || true`,
      );
    },
    serialLog: () => readFileSync(join(directory, "serial.log"), "utf8"),
  };
  return vm;
}
