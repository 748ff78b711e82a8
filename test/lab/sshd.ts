// SSH hosts for tests: an sshd on loopback or in a network namespace, with users, keys and /etc of its own.
import { spawn } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { labScript, must } from "./process.js";
import type { Scope } from "./scope.js";

/** A login that exists only inside the SSH host. */
export interface SshUser {
  readonly name: string;
  /** Without one the login has no password at all. */
  readonly password?: string;
  /** Whether the client's key opens it; default true. */
  readonly key?: boolean;
  /** What sudo grants; default "none". "password" asks for the user's password. */
  readonly sudo?: "none" | "nopasswd" | "password";
  /** What doas grants; default "none". */
  readonly doas?: "none" | "nopasswd" | "password";
  /** Login shell; default /bin/bash. */
  readonly shell?: string;
}

/** What an SSH host should be like. By default: root by key, on 127.0.0.1 and a free port. */
export interface SshHostOptions {
  readonly hostname?: string;
  readonly users?: readonly SshUser[];
  /** Password of root; without one root comes in by key only. */
  readonly rootPassword?: string;
  /** "own": a network namespace with a veth pair, so that the link can be cut; default "shared" (loopback). */
  readonly network?: "shared" | "own";
  /** More lines for sshd_config, put first: sshd takes the first value of each keyword. */
  readonly config?: readonly string[];
  /** Kinds of host keys, as ssh-keygen -t names them; default ed25519 only. */
  readonly hostKeyTypes?: readonly string[];
  /** Kind of the client's key; default ed25519. With `keyPassphrase` it is encrypted. */
  readonly keyType?: string;
  readonly keyPassphrase?: string;
}

/** An sshd that answers. Everything of it lies in `directory` and ends with the scope. */
export interface SshHost {
  readonly hostname: string;
  /** Address and port to connect to. */
  readonly host: string;
  readonly port: number;
  /** The privileged login: root, by key. */
  readonly user: "root";
  readonly directory: string;
  /** The client's private key; `.pub` beside it. Opens root and every user with `key`. */
  readonly identityFile: string;
  /** A known_hosts file that holds this host under `[host]:port`. */
  readonly knownHostsFile: string;
  readonly knownHostsLines: readonly string[];
  /** An ssh_config file with a `Host HOSTNAME` section (HostName, Port, User, IdentityFile, UserKnownHostsFile). */
  readonly sshConfigFile: string;
  /** pid of sshd as this machine sees it; it is PID 1 of its own namespace. */
  readonly pid: number;
  /** Home directory (outside view) of a login: `root` or one of the users. */
  home(user: string): string;
  /** What sshd has logged so far. */
  log(): string;
  /** Cuts every session that is open, as if the network had gone; new ones can be opened. */
  cutSessions(): Promise<void>;
  /** With `network: "own"`: takes the link down or up again, so that packets vanish in silence. */
  setLink(state: "up" | "down"): Promise<void>;
  /** Ends the host now rather than at the scope's end: sshd, its sessions and whatever they started. */
  stop(): Promise<void>;
}

let addressCounter = 0;

/** A loopback port that nobody listens on. */
export async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") {
          reject(new Error("no port"));
        } else {
          resolve(address.port);
        }
      });
    });
  });
}

async function greets(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(2000, () => end(false));
    socket.on("error", () => end(false));
    socket.once("data", (chunk) => end(chunk.toString("latin1").startsWith("SSH-2.0")));
  });
}

async function prepareEtc(directory: string, options: SshHostOptions, publicKey: string): Promise<void> {
  const etc = join(directory, "etc");
  const homes = join(directory, "home");
  const keys = join(directory, "authorized_keys");
  for (const path of [etc, homes, keys, join(homes, "root")]) {
    mkdirSync(path, { recursive: true });
  }
  chmodSync(join(homes, "root"), 0o700);
  writeFileSync(join(keys, "root"), publicKey);
  const hash = async (password: string | undefined): Promise<string> =>
    password === undefined ? "*" : (await must(["openssl", "passwd", "-6", "-stdin"], { input: password })).trim();

  const rootHash = await hash(options.rootPassword);
  const passwd = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .filter((line) => line !== "");
  const shadow = readFileSync("/etc/shadow", "utf8")
    .split("\n")
    .filter((line) => line !== "");
  const group = readFileSync("/etc/group", "utf8")
    .split("\n")
    .filter((line) => line !== "");
  const lines = {
    passwd: passwd.map((line) => (line.startsWith("root:") ? `root:x:0:0:root:${homes}/root:/bin/bash` : line)),
    shadow: shadow.map((line) => (line.startsWith("root:") ? `root:${rootHash}:19700:0:99999:7:::` : line)),
    group,
    subid: [] as string[],
  };
  const sudoers: string[] = [];
  const doers: string[] = [];
  for (const [index, user] of (options.users ?? []).entries()) {
    const uid = 21_000 + index;
    const home = join(homes, user.name);
    mkdirSync(home, { mode: 0o700 });
    chownSync(home, uid, uid);
    lines.passwd.push(`${user.name}:x:${uid}:${uid}:${user.name}:${home}:${user.shell ?? "/bin/bash"}`);
    lines.shadow.push(`${user.name}:${await hash(user.password)}:19700:0:99999:7:::`);
    lines.group.push(`${user.name}:x:${uid}:`);
    lines.subid.push(`${user.name}:${400_000 + index * 65_536}:65536`);
    if (user.key !== false) {
      writeFileSync(join(keys, user.name), publicKey);
    }
    if (user.sudo === "nopasswd" || user.sudo === "password") {
      sudoers.push(`${user.name} ALL=(ALL:ALL) ${user.sudo === "nopasswd" ? "NOPASSWD: " : ""}ALL`);
    }
    if (user.doas === "nopasswd" || user.doas === "password") {
      doers.push(`permit ${user.doas === "nopasswd" ? "nopass " : ""}${user.name}`);
    }
  }
  const write = (name: string, content: readonly string[], mode: number): void => {
    writeFileSync(join(etc, name), `${content.join("\n")}\n`);
    chmodSync(join(etc, name), mode);
  };
  write("passwd", lines.passwd, 0o644);
  write("group", lines.group, 0o644);
  write("shadow", lines.shadow, 0o640);
  write("subuid", lines.subid, 0o644);
  write("subgid", lines.subid, 0o644);
  mkdirSync(join(etc, "sudoers.d"), { mode: 0o750 });
  write("sudoers.d/crun-test", sudoers, 0o440);
  write("doas.conf", doers, 0o600);
  write("motd", [], 0o644);
}

/** Starts an SSH host. Needs root and sshd; sees this machine's file system, except for /etc, /var/log and homes. */
export async function sshHost(scope: Scope, options: SshHostOptions = {}): Promise<SshHost> {
  const hostname = options.hostname ?? "lab-ssh";
  const directory = scope.tempDir("sshd");
  const identityFile = join(directory, "id");
  await must([
    "ssh-keygen",
    "-q",
    "-t",
    options.keyType ?? "ed25519",
    "-N",
    options.keyPassphrase ?? "",
    "-f",
    identityFile,
  ]);
  await prepareEtc(directory, options, readFileSync(`${identityFile}.pub`, "utf8"));

  const isOwn = options.network === "own";
  // Addresses of a test's own, one /30 per host; the process id keeps test processes apart.
  const subnet = (process.pid * 16 + addressCounter++) % 16_000;
  const base = `10.213.${subnet >> 6}`;
  const host = isOwn ? `${base}.${((subnet & 63) << 2) + 2}` : "127.0.0.1";
  const port = isOwn ? 22 : await freePort();
  const hostKeys: string[] = [];
  for (const type of options.hostKeyTypes ?? ["ed25519"]) {
    const file = join(directory, `host_${type}`);
    await must(["ssh-keygen", "-q", "-t", type, "-N", "", "-f", file]);
    hostKeys.push(file);
  }
  const config = [
    ...(options.config ?? []),
    `Port ${port}`,
    `ListenAddress ${isOwn ? "0.0.0.0" : "127.0.0.1"}`,
    ...hostKeys.map((file) => `HostKey ${file}`),
    `AuthorizedKeysFile ${directory}/authorized_keys/%u`,
    // the temporary directory lies below a world-writable one
    "StrictModes no",
    `PermitRootLogin ${options.rootPassword === undefined ? "prohibit-password" : "yes"}`,
    "PasswordAuthentication yes",
    "UsePAM no",
    "PrintMotd no",
    "PrintLastLog no",
    "PidFile none",
    "Subsystem sftp internal-sftp",
    "LogLevel VERBOSE",
  ];
  const configFile = join(directory, "sshd_config");
  writeFileSync(configFile, `${config.join("\n")}\n`);

  const address = port === 22 ? host : `[${host}]:${port}`;
  const knownHostsLines = hostKeys.map((file) => {
    const [type, key] = readFileSync(`${file}.pub`, "utf8").split(" ");
    return `${address} ${type} ${key}`;
  });
  const knownHostsFile = join(directory, "known_hosts");
  writeFileSync(knownHostsFile, `${knownHostsLines.join("\n")}\n`);
  const sshConfigFile = join(directory, "ssh_config");
  const section = [
    `Host ${hostname}`,
    `  HostName ${host}`,
    `  Port ${port}`,
    "  User root",
    `  IdentityFile ${identityFile}`,
    "  IdentitiesOnly yes",
    `  UserKnownHostsFile ${knownHostsFile}`,
  ];
  writeFileSync(sshConfigFile, `${section.join("\n")}\n`);

  const argv = [labScript("with-etc.sh"), directory, hostname, isOwn ? "own" : "shared"];
  const child = spawn("bash", [...argv, "/usr/sbin/sshd", "-D", "-e", "-f", configFile], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
  });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      // unshare --kill-child: PID 1 of the namespace goes with it, and the namespace with PID 1
      child.kill("SIGKILL");
      await ended;
    }
  };
  scope.defer(stop);

  const deadline = Date.now() + 20_000;
  const fail = (what: string): Error => new Error(`sshd of ${hostname}: ${what}\n${log}`);
  const sshdPid = (): number | undefined => {
    const children = `/proc/${child.pid}/task/${child.pid}/children`;
    const pid = existsSync(children) ? Number(readFileSync(children, "utf8").trim().split(" ")[0]) : 0;
    return pid > 0 && readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "sshd" ? pid : undefined;
  };
  let pid = sshdPid();
  while (pid === undefined) {
    if (child.exitCode !== null || Date.now() > deadline) {
      throw fail("did not start");
    }
    await sleep(10);
    pid = sshdPid();
  }
  const outer = `crt${subnet}`;
  if (isOwn) {
    const inside = ["nsenter", "--net", "--target", String(pid), "ip"];
    await must(["ip", "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", String(pid)]);
    await must(["ip", "address", "add", `${base}.${((subnet & 63) << 2) + 1}/30`, "dev", outer]);
    await must(["ip", "link", "set", outer, "up"]);
    await must([...inside, "address", "add", `${host}/30`, "dev", "eth0"]);
    await must([...inside, "link", "set", "eth0", "up"]);
    await must([...inside, "link", "set", "lo", "up"]);
  }
  while (!(await greets(host, port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      throw fail("does not answer");
    }
    await sleep(20);
  }
  const listener = pid;
  return {
    hostname,
    host,
    port,
    user: "root",
    directory,
    identityFile,
    knownHostsFile,
    knownHostsLines,
    sshConfigFile,
    pid: listener,
    home: (user) => join(directory, "home", user),
    log: () => log,
    cutSessions: async () => {
      const children = readFileSync(`/proc/${listener}/task/${listener}/children`, "utf8").trim();
      for (const session of children.split(" ").filter((word) => word !== "")) {
        try {
          process.kill(Number(session), "SIGKILL");
        } catch (error) {
          // a session that has just ended by itself is cut, too
          if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
        }
      }
      await sleep(0);
    },
    setLink: async (state) => {
      if (!isOwn) {
        throw new Error('setLink() needs an sshHost with network: "own"');
      }
      await must(["ip", "link", "set", outer, state]);
    },
    stop,
  };
}

/** Arguments for OpenSSH's own client, to compare with: `ssh` in batch mode, this host's key and known_hosts only. */
export function sshArguments(host: SshHost, user = "root"): string[] {
  return [
    "ssh",
    "-F",
    host.sshConfigFile,
    "-o",
    "BatchMode=yes",
    "-o",
    "StrictHostKeyChecking=yes",
    "-l",
    user,
    host.hostname,
  ];
}

/** A HOME for a client whose ~/.ssh holds the hosts' keys, known_hosts and config, under each host's name. */
export function clientHome(scope: Scope, hosts: readonly SshHost[]): string {
  const home = scope.tempDir("home");
  const ssh = join(home, ".ssh");
  mkdirSync(ssh, { mode: 0o700 });
  const sections: string[] = [];
  for (const host of hosts) {
    const key = join(ssh, `id_${host.hostname}`);
    copyFileSync(host.identityFile, key);
    chmodSync(key, 0o600);
    sections.push(
      `Host ${host.hostname}`,
      `  HostName ${host.host}`,
      `  Port ${host.port}`,
      "  User root",
      `  IdentityFile ${key}`,
      `  UserKnownHostsFile ${join(ssh, "known_hosts")}`,
    );
  }
  writeFileSync(join(ssh, "config"), `${sections.join("\n")}\n`);
  writeFileSync(join(ssh, "known_hosts"), hosts.map((host) => `${host.knownHostsLines.join("\n")}\n`).join(""));
  return home;
}
