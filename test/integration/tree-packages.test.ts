// Trees by the distributions' own tools, from small signed archives of the test's own.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { debArchive, type DebPackage } from "../lab/deb-archive.js";
import { runKilled, seeded } from "../lab/killed.js";
import { mountPointsBelow } from "../lab/mounts.js";
import { requireOrSkip } from "../lab/needs.js";
import { pacmanArchive } from "../lab/pacman-archive.js";
import { must, run } from "../lab/process.js";
import { rpmArchive, type RpmPackage } from "../lab/rpm-archive.js";
import { testScope } from "../lab/scope.js";
import { SigningKey } from "../lab/signing-key.js";
import { fileServer } from "../lab/web.js";
import { crun, crunPath, runTasks, type Task } from "./crun-tasks.js";

/** Wants to start a service in every way that packages do, and leaves something running. */
const starts = `#!/bin/sh
mktemp || exit 9
start-stop-daemon --start --background --exec /bin/busybox -- sh -c 'echo started >/var/lib/started; exec sleep 1234'
invoke-rc.d food start
sleep 1234 >/dev/null 2>&1 </dev/null &
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
    post: "sleep 1234 >/dev/null 2>&1 </dev/null &\necho ran >/var-was-there\nmktemp",
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

describe("trees by the distributions' own tools", function () {
  this.timeout(240_000);
  before(function () {
    requireOrSkip(this, { root: true, tools, paths: [crunPath, "/bin/busybox"] });
  });
  const scope = testScope();
  let trees: string;
  let key: SigningKey;
  let other: SigningKey;
  let deb: string;
  let rpm: string;
  let arch: string;
  let ostree: string;
  let silent: string;
  let web: string;

  before(async () => {
    trees = scope.tempDir("trees");
    [key, other] = await Promise.all([SigningKey.make(scope), SigningKey.make(scope, "Somebody else")]);
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
    [deb, rpm, arch] = await Promise.all([
      debArchive(scope, key, debs),
      rpmArchive(scope, key, packages),
      pacmanArchive(scope, key, "demo", [
        { name: "demo-base", files: { "etc/os-release": "ID=demo\n" } },
        { name: "demo", depends: ["demo-base"], files: { "usr/share/demo/x": "demo\n" } },
      ]),
    ]);
    ostree = await ostreeRepository();
    web = await fileServer(scope, { deb, rpm, arch, ostree });
    const server = createServer(() => undefined).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    scope.defer(() => void server.close());
    silent = `http://127.0.0.1:${(server.address() as AddressInfo).port}/archive`;
    // a client that was killed
    server.on("connection", (socket) => socket.on("error", () => socket.destroy()).unref());
  });

  async function ostreeRepository(): Promise<string> {
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

  const tree = (name: string, source: Task): Task => ({ tree: { name: join(trees, name), ...source } });
  const made = async (name: string, source: Task): Promise<(path: string) => string> => {
    const told = await runTasks(scope, "local", [tree(name, source), tree(name, source)]);
    assert.deepEqual(
      told.map(({ status }) => status),
      ["changed", "ok"],
      told.map(({ message }) => message).join("\n"),
    );
    assert.deepEqual(told[0]?.warnings, []);
    await assertNothingLeft();
    return (path) => readFileSync(join(trees, name, path), "utf8");
  };
  const has = (name: string, path: string): boolean => existsSync(join(trees, name, path));
  const assertNothingLeft = async (): Promise<void> => {
    assert.deepEqual(mountPointsBelow(trees), []);
    assert.deepEqual(readdirSync(join(trees, ".crun/making")), []);
    assert.deepEqual(await processesOf(trees), []);
  };

  const debian = (more: object): object => ({
    suite: "sid",
    mirror: `${web}/deb`,
    keyring: key.binary,
    ...more,
  });
  const mm = (more: object): Task => ({ mmdebstrap: debian(more) });
  const de = (more: object): Task => ({ debootstrap: debian(more) });
  const repos = (more: object = {}): object[] => [
    { id: "demo", baseurl: `${web}/rpm/`, gpgkey: `file://${key.armored}`, repo_gpgcheck: true, ...more },
  ];
  const pacman = (more: object = {}): object => ({
    packages: ["demo"],
    keyring: key.binary,
    repos: [{ name: "demo", server: `${web}/arch` }],
    ...more,
  });

  it("mmdebstrap: packages are installed, no service is started, nothing runs on", async () => {
    const read = await made("mm", mm({ variant: "essential", include: ["demo", "daemon"] }));
    assert.match(read("/var/lib/dpkg/status"), /^Package: demo\nStatus: install ok installed$/m);
    assert.match(read("/var/lib/dpkg/status"), /^Package: daemon\nStatus: install ok installed$/m);
    assert.equal(has("mm", "/var/lib/started"), false);
    assert.equal(has("mm", "/usr/sbin/policy-rc.d"), false);
    assert.equal(has("mm", "/etc/apt/apt.conf.d/99mmdebstrap"), false, "what makes apt impatient is not kept");
  });

  it("mmdebstrap: the host's own sources where no mirror is named", async () => {
    const codename = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "";
    await made("own", { mmdebstrap: { suite: codename, variant: "extract", include: ["hostname"] } });
    assert.ok(has("own", "/bin/hostname"));
    assert.ok(readdirSync(join(trees, "own/etc/apt/sources.list.d")).length > 0 || has("own", "/etc/apt/sources.list"));
  });

  it("debootstrap: the same", async () => {
    const read = await made("de", de({ variant: "minbase", include: ["demo", "daemon"] }));
    assert.match(read("/var/lib/dpkg/status"), /^Package: demo\nStatus: install ok installed$/m);
    assert.equal(has("de", "/var/lib/started"), false);
    assert.equal(has("de", "/debootstrap"), false);
  });

  it("dnf: signed packages, scripts that find their devices, no caches", async () => {
    const read = await made("dnf", { dnf: { packages: ["demo"], releasever: 41, repos: repos(), keep_repos: true } });
    assert.equal(read("/usr/share/demo/x"), "demo");
    assert.equal(read("/usr/share/weak"), "weak");
    assert.equal(read("/var-was-there"), "ran\n");
    assert.match(read("/etc/yum.repos.d/demo.repo"), /^gpgcheck=1$/m);
    assert.deepEqual(readdirSync(join(trees, "dnf/var/cache")), []);
    assert.deepEqual(readdirSync(join(trees, "dnf/dev")), [], "no file lies where a device was");
    assert.deepEqual(readdirSync(join(trees, "dnf/run")), []);
    assert.equal(has("dnf", "/usr/lib/sysimage/rpm/rpmdb.sqlite"), true);
  });

  it("dnf: the database lies where the tree's own rpm looks for it, and weak dependencies stay away if they shall", async () => {
    await made("dnf2", { dnf: { packages: ["demo", "demo-rpm"], repos: repos(), install_weak_deps: false } });
    assert.equal(has("dnf2", "/usr/share/weak"), false);
    assert.equal(has("dnf2", "/var/lib/rpm/rpmdb.sqlite"), true);
    assert.equal(has("dnf2", "/usr/lib/sysimage/rpm"), false);
  });

  it("dnf, zypper: a package whose script fails is installed, and told of", async () => {
    const source = { packages: ["demo-script"], repos: repos() };
    const told = await runTasks(scope, "local", [
      tree("script1", { dnf: source }),
      tree("script2", { zypper: source }),
    ]);
    for (const { status, warnings, message } of told) {
      assert.equal(status, "changed", message);
      assert.match(warnings.join("\n"), /a package's script failed.*%post\(demo-script-1\.0-1\.noarch\).*status 3/);
    }
  });

  it("dnf: a repository of the host by its name", async () => {
    const directory = scope.tempDir("repos");
    writeFileSync(
      join(directory, "host.repo"),
      `[wanted]\nname=x\nbaseurl=file://${rpm}\ngpgkey=file://${key.armored}\n[unwanted]\nname=x\nbaseurl=file:///nowhere\n`,
    );
    await made("dnf3", { dnf: { packages: ["demo-weak"], repos: ["wanted"], repos_dir: directory } });
    assert.ok(has("dnf3", "/usr/share/weak"));
    assert.equal(has("dnf3", "/etc/yum.repos.d"), false);
  });

  it("zypper: signed packages, with no more than the named key trusted", async () => {
    const read = await made("zypper", {
      zypper: { packages: ["demo"], repos: repos(), recommends: false, keep_repos: true },
    });
    assert.equal(read("/usr/share/demo/x"), "demo");
    assert.equal(has("zypper", "/usr/share/weak"), false);
    assert.match(read("/etc/zypp/repos.d/demo.repo"), /^baseurl=http:/m);
    assert.deepEqual(readdirSync(join(trees, "zypper/dev")), []);
    assert.deepEqual(readdirSync(join(trees, "zypper/run")), []);
    assert.equal(has("zypper", "/var/cache/zypp"), false);
  });

  it("zypper: a repository of the host by its name, and what is recommended", async () => {
    const directory = scope.tempDir("repos");
    writeFileSync(join(directory, "wanted.repo"), `[wanted]\nname=x\nenabled=1\nbaseurl=file://${rpm}\ngpgcheck=0\n`);
    await made("zypper2", { zypper: { packages: ["demo"], repos: ["wanted"], repos_dir: directory } });
    assert.ok(has("zypper2", "/usr/share/weak"));
  });

  it("pacstrap: signed packages with a keyring of the recipe's own", async () => {
    const read = await made("arch", { pacstrap: pacman() });
    assert.equal(read("/usr/share/demo/x"), "demo\n");
    assert.equal(read("/etc/os-release"), "ID=demo\n");
    assert.deepEqual(readdirSync(join(trees, "arch/var/cache/pacman/pkg")), []);
  });

  it("pacstrap: a configuration of the host", async () => {
    const config = join(scope.tempDir("config"), "pacman.conf");
    writeFileSync(config, `[options]\nArchitecture = auto\nSigLevel = Never\n[demo]\nServer = file://${arch}\n`);
    await made("arch2", { pacstrap: { packages: "demo-base", config } });
    assert.ok(has("arch2", "/etc/os-release"));
  });

  /** A directory with a program that builders can be. */
  const nixBox = (): string => {
    const box = scope.tempDir("box");
    copyFileSync("/bin/busybox", join(box, "busybox"));
    return box;
  };

  it("nix: an expression is built into the tree's own store; its paths are copied into another tree", async () => {
    const expression = `{ word }: let box = builtins.path { path = ${nixBox()}; name = "box"; }; in derivation {
      name = "tree"; system = builtins.currentSystem; builder = "\${box}/busybox";
      args = [ "sh" "-c" "\${box}/busybox mkdir -p $out/bin $out/etc; \${box}/busybox ln -s \${box}/busybox $out/bin/sh; echo \${word} > $out/etc/word" ];
    }`;
    const read = await made("nix", { nix: { expression, arguments: { word: "hello" }, substituters: [] } });
    assert.equal(read("/etc/word"), "hello\n");
    assert.equal((statSync(join(trees, "nix/etc/word")).mode & 0o200) !== 0, true, "etc can be written to");
    assert.equal((await must(["chroot", join(trees, "nix"), "/bin/sh", "-c", "echo it runs"])).trim(), "it runs");
    const store = readdirSync(join(trees, "nix/nix/store")).filter((name) => !name.startsWith("."));
    assert.deepEqual(store.map((name) => name.slice(33)).sort(), ["box", "tree"], "what it was built from is gone");
    const output = store.find((name) => name.endsWith("-tree"));
    await made("nix2", { nix: { store_paths: [`/nix/store/${output}`], store: join(trees, "nix") } });
    assert.equal(readFileSync(join(trees, "nix2/etc/word"), "utf8"), "hello\n");
    assert.equal(existsSync("/nix"), false, "the host got no store");
  });

  it("ostree: a commit laid out without hard links; a signed one fetched; a part of one", async () => {
    await made("os", { ostree: { repo: ostree, ref: "demo/stable" } });
    const tool = statSync(join(trees, "os/usr/bin/tool"));
    assert.deepEqual([tool.mode & 0o7777, tool.nlink], [0o4755, 1]);
    await made("os2", {
      ostree: { url: `${web}/ostree`, ref: "demo/stable", keyring: key.binary, subpath: "/usr" },
    });
    assert.deepEqual(readdirSync(join(trees, "os2")), ["bin"]);
  });

  it("ostree: a branch that has moved is told of, and the tree made anew from it where that is asked for", async () => {
    const commit = async (word: string): Promise<string> => {
      const root = scope.tempDir("commit");
      writeFileSync(join(root, "word"), word);
      return (await must(["ostree", "commit", `--repo=${ostree}`, "--branch=moving", `--tree=dir=${root}`])).trim();
    };
    const first = await commit("one");
    await made("moving", { ostree: { repo: ostree, ref: "moving" } });
    const record = (): string => readFileSync(join(trees, ".crun/moving.json"), "utf8");
    assert.match(record(), new RegExp(`"commit": "${first}"`));
    const second = await commit("two");
    const source = { ostree: { repo: ostree, ref: "moving" } };
    const told = await runTasks(scope, "local", [
      tree("moving", source),
      tree("moving", { ...source, recreate: true }),
      tree("moving", source),
    ]);
    assert.deepEqual(
      told.map(({ status, warnings }) => [status, warnings.length]),
      [
        ["ok", 1],
        ["changed", 0],
        ["ok", 0],
      ],
    );
    assert.match(told[0]?.warnings[0] ?? "", new RegExp(`moving: ${first.slice(0, 12)} → ${second.slice(0, 12)}`));
    assert.equal(readFileSync(join(trees, "moving/word"), "utf8"), "two");
  });

  it("what is wrong is told in the tool's own words, with what to do, and leaves nothing", async () => {
    const wrongKey = { keyring: other.binary };
    const small = scope.tempDir("small");
    await must(["mount", "-t", "tmpfs", "-o", "size=4m", "small", small]);
    scope.defer(async () => void (await must(["umount", small])));
    const outward = `let box = builtins.path { path = ${nixBox()}; name = "box"; }; in derivation {
      name = "tree"; system = builtins.currentSystem; builder = "\${box}/busybox"; args = [ "ln" "-s" "/etc" (builtins.placeholder "out") ];
    }`;
    const refused = "http://127.0.0.1:9/archive";
    const foreign = process.arch === "x64" ? "s390x" : "amd64";
    const cases: readonly (readonly [source: object, message: RegExp, remedy?: RegExp])[] = [
      [
        mm({ include: ["nosuch"], variant: "extract" }),
        /^mmdebstrap ended with \d+: E: Unable to locate package nosuch/,
        /names of the packages/,
      ],
      [mm({ suite: "nosuch" }), /mmdebstrap ended with .*nosuch/s, /name of the suite/],
      [mm(wrongKey), /NO_PUBKEY/, /keyring/],
      [
        mm({ mirror: refused, variant: "extract", aptopt: ['Acquire::Retries "0"'] }),
        /Could not connect to 127\.0\.0\.1:9/,
        /cannot reach the mirror/,
      ],
      [mm({ include: ["broken"], variant: "essential" }), /the disk of broken is upside down|broken/],
      [mm({ architectures: [foreign] }), new RegExp(`cannot run programs of ${foreign}`), /user emulation/],
      [mm({ keyring: "/nosuch.gpg" }), /keyring: \/nosuch\.gpg is not there/],
      [mm({ mirror: silent, timeout: 2 }), /^mmdebstrap took longer than its time limit/, /timeout/],
      [de({ include: ["nosuch"] }), /debootstrap ended with 1: .*nosuch/s, /names of the packages/],
      [de({ suite: "nosuch" }), /No such script/, /name of the suite/],
      [de(wrongKey), /Release signed by unknown key|Invalid Release signature|unknown key/, /keyring/],
      [de({ mirror: refused }), /Failed getting release file/, /suite|mirror/],
      [de({ include: ["broken"], variant: "minbase" }), /the disk of broken is upside down/],
      [de({ architecture: foreign }), new RegExp(`cannot run programs of ${foreign}`)],
      [
        { dnf: { packages: ["nosuch"], repos: repos() } },
        /^dnf ended with 1: Error: Unable to find a match: nosuch/,
        /names of the packages/,
      ],
      [
        { dnf: { packages: ["demo-unmet"], repos: repos() } },
        /nothing provides nowhere-to-be-found/,
        /repository that has/,
      ],
      [
        { dnf: { packages: ["demo"], repos: repos({ gpgkey: `file://${other.armored}` }) } },
        /signature verification error|GPG/,
        /gpgkey/,
      ],
      [
        { dnf: { packages: ["demo"], repos: repos({ gpgkey: `file://${other.armored}`, repo_gpgcheck: false }) } },
        /GPG/,
        /gpgkey/,
      ],
      [
        { dnf: { packages: ["demo"], repos: repos({ baseurl: refused, retries: 1 }) } },
        /Failed to download metadata for repo 'demo'/,
      ],
      [{ dnf: { packages: ["demo"], repos: ["nosuch"] } }, /nosuch/],
      [
        { dnf: { packages: ["demo"], repos: repos({ baseurl: silent }), timeout: 2 } },
        /^dnf took longer than its time limit/,
      ],
      [
        { zypper: { packages: ["nosuch"], repos: repos() } },
        /^zypper ended with 104: .*No provider of 'nosuch' found/s,
        /names of the packages/,
      ],
      [
        { zypper: { packages: ["demo-unmet"], repos: repos() } },
        /nothing provides (?:'?)nowhere-to-be-found/,
        /repository that has/,
      ],
      [
        { zypper: { packages: ["demo"], repos: repos({ gpgkey: `file://${other.armored}` }) } },
        /[Ss]ignature|key/,
        /gpgkey/,
      ],
      [
        { zypper: { packages: ["demo"], repos: repos({ gpgkey: "file:///nosuch" }) } },
        /gpgkey \/nosuch cannot be read/,
      ],
      [
        { zypper: { packages: ["demo"], repos: repos({ baseurl: refused }) } },
        /127\.0\.0\.1/,
        /cannot reach the mirror/,
      ],
      [{ zypper: { packages: ["demo"], repos: ["nosuch"] } }, /nosuch\.repo/],
      [
        { pacstrap: pacman({ packages: ["nosuch"] }) },
        /^pacstrap ended with 1: error: target not found: nosuch/,
        /names of the packages/,
      ],
      [{ pacstrap: pacman(wrongKey) }, /key "[0-9A-F]+" is unknown/, /keyring/],
      [
        { pacstrap: pacman({ repos: [{ name: "demo", server: refused }] }) },
        /failed retrieving file 'demo\.db'/,
        /cannot reach/,
      ],
      [{ pacstrap: { packages: ["demo"], config: "/nosuch.conf" } }, /the host has no \/nosuch\.conf/],
      [{ nix: { expression: "throw ''upside down''", substituters: [] } }, /^nix ended with 1: error: upside down/],
      [
        {
          nix: {
            expression: 'derivation { name = "x"; system = builtins.currentSystem; builder = "/nosuch"; }',
            substituters: [],
          },
        },
        /nix ended with/,
      ],
      [{ nix: { expression: outward, substituters: [] } }, /-tree is no directory that could be a tree/],
      [{ nix: { file: "/nosuch.nix" } }, /the host has no \/nosuch\.nix/],
      [{ nix: { store_paths: [`/nix/store/${"a".repeat(32)}-x`], store: "/nosuch" } }, /no Nix store beneath \/nosuch/],
      [{ ostree: { repo: ostree, ref: "nosuch" } }, /^ostree ended with 1: error: Refspec 'nosuch' not found/, /ref/],
      [{ ostree: { repo: "/nosuch", ref: "x" } }, /\/nosuch is no OSTree repository/],
      [{ ostree: { repo: ostree, ref: "demo/stable", subpath: "/nosuch" } }, /No such file or directory: \/nosuch/],
      [{ ostree: { repo: ostree, ref: "demo/stable", ...wrongKey } }, /public key not found/, /keyring/],
      [{ ostree: { url: refused, ref: "demo/stable" } }, /127\.0\.0\.1/, /cannot reach/],
      [
        { name: join(small, "full"), ...mm({ variant: "essential", include: ["big"] }) },
        /No space left on device|enough (?:free )?space/,
        /full/,
      ],
      [
        { name: join(small, "full"), dnf: { packages: ["demo-big"], repos: repos() } },
        /more space|No space left|Failed writing received data to disk/,
        /full/,
      ],
    ];
    const before = readdirSync(trees).sort();
    const told = await runTasks(
      scope,
      "local",
      cases.map(([source]) => tree("bad", source as Task)),
    );
    const wrong = cases.flatMap(([source, message, remedy], index) => {
      const one = told[index];
      const isRight =
        one?.status === "failed" && message.test(one.message) && (remedy === undefined || remedy.test(one.remedy));
      return isRight ? [] : [{ source, ...one, result: undefined }];
    });
    assert.deepEqual(wrong, []);
    assert.deepEqual(readdirSync(trees).sort(), before);
    await assertNothingLeft();
    assert.deepEqual(readdirSync(join(small, ".crun/making")), []);
  });

  it("a run that is killed while it waits leaves no process and no mount, and the next one makes the tree", async () => {
    const playbook = join(scope.tempDir("play"), "site.yml");
    const play = (mirror: string): void => {
      const tasks = [tree("waits", de({ mirror, variant: "minbase" }))];
      writeFileSync(playbook, JSON.stringify([{ hosts: "local", gather_facts: false, tasks }]));
    };
    play(silent);
    const argv = [process.execPath, crunPath, "play", playbook];
    const left = await runKilled(argv, "controller", 2000);
    assert.deepEqual([left.end, left.processes, left.mounts], ["SIGKILL", [], []]);
    assert.equal(has("waits", ""), false);
    assert.equal(readdirSync(join(trees, ".crun/making")).length, 1, "it was killed while it was at work");
    play(`${web}/deb`);
    await must(argv);
    assert.ok(has("waits", "/etc/os-release"));
    await assertNothingLeft();
  });

  it("a run that is killed at any moment does the same", async () => {
    const random = seeded(Number(process.env["CRUN_KILL_SEED"] ?? 20_262));
    const moments = Number(process.env["CRUN_KILL_MOMENTS"] ?? 1);
    const sources: readonly Task[] = [mm({ variant: "essential" }), { dnf: { packages: ["demo"], repos: repos() } }];
    for (const [index, source] of sources.entries()) {
      const name = `killed${index}`;
      const playbook = join(scope.tempDir("play"), "site.yml");
      const tasks = [tree(name, source)];
      writeFileSync(playbook, JSON.stringify([{ hosts: "local", gather_facts: false, tasks }]));
      const argv = [process.execPath, crunPath, "play", playbook];
      const whole = await runKilled(argv, "nobody", 0);
      assert.equal(whole.end, "0", whole.output);
      for (let moment = 0; moment < moments; moment++) {
        await must(["rm", "-rf", join(trees, name), join(trees, `.crun/${name}.json`)]);
        const victim = (moment + index) % 2 === 0 ? "controller" : "helper";
        const afterMs = ((moment + random()) / moments) * whole.ranMs;
        const left = await runKilled(argv, victim, afterMs);
        const what = `${victim} killed after ${afterMs} of ${whole.ranMs} ms`;
        assert.deepEqual([left.processes, left.mounts], [[], []], what);
        if (has(name, "")) assert.ok(has(name, "/etc/os-release"), what);
        await must(argv);
        assert.ok(has(name, "/etc/os-release"), what);
        await assertNothingLeft();
      }
    }
  });

  it("what cannot be right is refused before anything is looked at", async () => {
    const playbook = join(scope.tempDir("play"), "site.yml");
    writeFileSync(playbook, JSON.stringify([{ hosts: "local", tasks: [tree("never", { ostree: { ref: "x" } })] }]));
    const { status, stderr } = await crun(["play", playbook]);
    assert.equal(status, 1);
    assert.match(stderr, /one of repo and url says where the commit is/);
  });
});

/** Processes that were told of the directory, or whose root is beneath it, and what packages here leave running. */
async function processesOf(directory: string): Promise<string[]> {
  const { stdout } = await run(["ps", "-eo", "pid=,args="]);
  const told = stdout
    .split("\n")
    .filter(
      (line) =>
        (line.includes(`${directory}/.crun/making`) || line.includes("sleep 1234")) && !line.includes(" ps -eo"),
    );
  const rooted = await run(["find", "/proc", "-maxdepth", "2", "-name", "root", "-lname", `${directory}*`]);
  return [...told, ...rooted.stdout.split("\n").filter(Boolean)];
}
