// Archives of small packages for each of the distributions' own tools, and what tests of trees made from them ask.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { before } from "mocha";
import { debArchive, type DebPackage } from "../lab/deb-archive.js";
import { mountPointsBelow } from "../lab/mounts.js";
import { requireOrSkip } from "../lab/needs.js";
import { pacmanArchive } from "../lab/pacman-archive.js";
import { must, run } from "../lab/process.js";
import { rpmArchive, type RpmPackage } from "../lab/rpm-archive.js";
import type { Scope } from "../lab/scope.js";
import { SigningKey } from "../lab/signing-key.js";
import { fileServer } from "../lab/web.js";
import { crunPath, runTasks, type Task } from "./crun-tasks.js";

/** What is left running is known by this number, which no other test has. */
const mark = `sleep ${100_000 + process.pid}`;

/** Wants to start a service in every way that packages do, and leaves something running. */
const starts = `#!/bin/sh
mktemp || exit 9
start-stop-daemon --start --background --exec /bin/busybox -- sh -c 'echo started >/var/lib/started; exec ${mark}'
invoke-rc.d food start
${mark} >/dev/null 2>&1 </dev/null &
exit 0
`;

const debs: readonly DebPackage[] = [
  { name: "demo", fields: ["Depends: dpkg"], files: { "usr/share/demo/x": "demo\n" } },
  { name: "daemon", scripts: { postinst: starts } },
  { name: "broken", scripts: { postinst: "#!/bin/sh\necho the disk of broken is upside down >&2\nexit 3\n" } },
  { name: "big", files: { "usr/share/big": "x".repeat(6_000_000) } },
];

const rpms: readonly RpmPackage[] = [
  {
    name: "demo-base",
    files: {
      "/bin/busybox": "copy:/bin/busybox",
      "/bin/sh": "link:busybox",
      "/bin/sleep": "link:busybox",
      "/bin/mktemp": "link:busybox",
      "/run": "directory",
      "/etc/os-release": "ID=demo",
      "/proc": "directory",
      "/sys": "directory",
      "/dev": "directory",
      "/tmp": "directory",
    },
  },
  {
    name: "demo",
    fields: ["Requires: demo-base", "Requires(post): /bin/sh", "Recommends: demo-weak"],
    files: { "/usr/share/demo/x": "demo" },
    post: `${mark} >/dev/null 2>&1 </dev/null &\necho ran >/var-was-there\nmktemp`,
  },
  { name: "demo-script", fields: ["Requires: demo-base", "Requires(post): /bin/sh"], post: "exit 3" },
  { name: "demo-weak", files: { "/usr/share/weak": "weak" } },
  { name: "demo-rpm", fields: ["Requires: demo-base"], files: { "/usr/bin/rpm": "copy:SCRIPT" } },
  { name: "demo-big", files: { "/usr/share/big": "copy:BIG" } },
  { name: "demo-unmet", fields: ["Requires: nowhere-to-be-found"] },
];

const tools = [
  "mmdebstrap",
  "debootstrap",
  "dnf",
  "zypper",
  "rpmbuild",
  "createrepo_c",
  "pacstrap",
  "nix-build",
  "ostree",
  "dpkg-deb",
  "gpg",
];

/** To be called in a `describe` block, which it sets up: it skips where a tool is missing. */
export class PackageWorkshop {
  readonly scope: Scope;
  /** Where trees are made. */
  trees = "";
  /** Signs all archives; the other one signs none. */
  key!: SigningKey;
  other!: SigningKey;
  /** Directories of the archives; the OSTree repository has the branch demo/stable. */
  deb = "";
  rpm = "";
  arch = "";
  ostree = "";
  /** Serves them beneath /deb, /rpm, /arch and /ostree. */
  web = "";
  /** The address of a mirror that takes connections and says nothing. */
  silent = "";

  constructor(scope: Scope) {
    this.scope = scope;
    before(async function () {
      requireOrSkip(this, { root: true, tools, paths: [crunPath, "/bin/busybox"] });
    });
    before(async () => await this.#open());
  }

  async #open(): Promise<void> {
    const { scope } = this;
    this.trees = scope.tempDir("trees");
    const [key, other] = await Promise.all([SigningKey.make(scope), SigningKey.make(scope, "Somebody else")]);
    const script = join(scope.tempDir("rpm"), "rpm");
    const big = join(scope.tempDir("big"), "big");
    writeFileSync(big, randomBytes(6_000_000));
    writeFileSync(script, "#!/bin/sh\necho /var/lib/rpm\n", { mode: 0o755 });
    const packages = rpms.map((one) => ({
      ...one,
      files: Object.fromEntries(
        Object.entries(one.files ?? {}).map(([path, what]) => [
          path,
          what.replace("SCRIPT", script).replace("BIG", big),
        ]),
      ),
    }));
    const [deb, rpm, arch] = await Promise.all([
      debArchive(scope, key, debs),
      rpmArchive(scope, key, packages),
      pacmanArchive(scope, key, "demo", [
        { name: "demo-base", files: { "etc/os-release": "ID=demo\n" } },
        { name: "demo", depends: ["demo-base"], files: { "usr/share/demo/x": "demo\n" } },
      ]),
    ]);
    const ostree = await ostreeRepository(scope, key);
    this.web = await fileServer(scope, { deb, rpm, arch, ostree });
    const server = createServer(() => undefined).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    scope.defer(() => void server.close());
    this.silent = `http://127.0.0.1:${(server.address() as AddressInfo).port}/archive`;
    // a client that was killed
    server.on("connection", (socket) => socket.on("error", () => socket.destroy()).unref());
    Object.assign(this, { key, other, deb, rpm, arch, ostree });
  }

  /** A task that makes a tree. */
  readonly tree = (name: string, source: Task): Task => ({ tree: { name: join(this.trees, name), ...source } });
  /** Makes a tree, sees that a second run changes nothing and that nothing else is left, and returns what reads the tree's files. */
  readonly made = async (name: string, source: Task): Promise<(path: string) => string> => {
    const told = await runTasks(this.scope, "local", [this.tree(name, source), this.tree(name, source)]);
    assert.deepEqual(
      told.map(({ status }) => status),
      ["changed", "ok"],
      told.map(({ message }) => message).join("\n"),
    );
    assert.deepEqual(told[0]?.warnings, []);
    await this.assertNothingLeft();
    return (path) => readFileSync(join(this.trees, name, path), "utf8");
  };
  readonly has = (name: string, path: string): boolean => existsSync(join(this.trees, name, path));
  readonly assertNothingLeft = async (): Promise<void> => {
    assert.deepEqual(mountPointsBelow(this.trees), []);
    assert.deepEqual(readdirSync(join(this.trees, ".crun/making")), []);
    assert.deepEqual(await processesOf(this.trees), []);
  };

  readonly #debian = (more: object): object => ({
    suite: "sid",
    mirror: `${this.web}/deb`,
    keyring: this.key.binary,
    ...more,
  });
  readonly mm = (more: object): Task => ({ mmdebstrap: this.#debian(more) });
  readonly de = (more: object): Task => ({ debootstrap: this.#debian(more) });
  readonly repos = (more: object = {}): object[] => [
    { id: "demo", baseurl: `${this.web}/rpm/`, gpgkey: `file://${this.key.armored}`, repo_gpgcheck: true, ...more },
  ];
  readonly pacman = (more: object = {}): object => ({
    packages: ["demo"],
    keyring: this.key.binary,
    repos: [{ name: "demo", server: `${this.web}/arch` }],
    ...more,
  });

  /** A directory with a program that builders can be. */
  readonly nixBox = (): string => {
    const box = this.scope.tempDir("box");
    copyFileSync("/bin/busybox", join(box, "busybox"));
    return box;
  };
}

async function ostreeRepository(scope: Scope, key: SigningKey): Promise<string> {
  const work = scope.tempDir("ostree");
  const root = join(work, "root");
  mkdirSync(join(root, "etc"), { recursive: true });
  mkdirSync(join(root, "usr/bin"), { recursive: true });
  writeFileSync(join(root, "etc/os-release"), "ID=demo\n");
  writeFileSync(join(root, "usr/bin/tool"), "x\n");
  chmodSync(join(root, "usr/bin/tool"), 0o4755);
  const repo = join(work, "repo");
  await must(["ostree", "init", `--repo=${repo}`, "--mode=archive"]);
  const fingerprint = /^fpr:+([0-9A-F]+):/m.exec(
    await must(["gpg", "--homedir", key.home, "--list-keys", "--with-colons"]),
  )?.[1];
  await must([
    "ostree",
    "commit",
    `--repo=${repo}`,
    "--branch=demo/stable",
    `--tree=dir=${root}`,
    `--gpg-sign=${fingerprint}`,
    `--gpg-homedir=${key.home}`,
  ]);
  return repo;
}

/** Processes that were told of the directory, or whose root is beneath it, and what packages here leave running. */
async function processesOf(directory: string): Promise<string[]> {
  const { stdout } = await run(["ps", "-eo", "pid=,args="]);
  const told = stdout
    .split("\n")
    .filter((line) => (line.includes(`${directory}/.crun/making`) || line.includes(mark)) && !line.includes(" ps -eo"));
  const rooted = await run(["find", "/proc", "-maxdepth", "2", "-name", "root", "-lname", `${directory}*`]);
  return [...told, ...rooted.stdout.split("\n").filter(Boolean)];
}
