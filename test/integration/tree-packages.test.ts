// Trees by the distributions' own tools, from small signed archives of the test's own.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { runTasks } from "./crun-tasks.js";
import { PackageWorkshop } from "./package-workshop.js";

describe("trees by the distributions' own tools", function () {
  this.timeout(240_000);
  const scope = testScope();
  const shop = new PackageWorkshop(scope);
  const { tree, made, has, mm, de, repos, pacman, nixBox } = shop;

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
    assert.ok(
      readdirSync(join(shop.trees, "own/etc/apt/sources.list.d")).length > 0 || has("own", "/etc/apt/sources.list"),
    );
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
    assert.deepEqual(readdirSync(join(shop.trees, "dnf/var/cache")), []);
    assert.deepEqual(readdirSync(join(shop.trees, "dnf/dev")), [], "no file lies where a device was");
    assert.deepEqual(readdirSync(join(shop.trees, "dnf/run")), []);
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
      `[wanted]\nname=x\nbaseurl=file://${shop.rpm}\ngpgkey=file://${shop.key.armored}\n[unwanted]\nname=x\nbaseurl=file:///nowhere\n`,
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
    assert.deepEqual(readdirSync(join(shop.trees, "zypper/dev")), []);
    assert.deepEqual(readdirSync(join(shop.trees, "zypper/run")), []);
    assert.equal(has("zypper", "/var/cache/zypp"), false);
  });

  it("zypper: a repository of the host by its name, and what is recommended", async () => {
    const directory = scope.tempDir("repos");
    writeFileSync(
      join(directory, "wanted.repo"),
      `[wanted]\nname=x\nenabled=1\nbaseurl=file://${shop.rpm}\ngpgcheck=0\n`,
    );
    await made("zypper2", { zypper: { packages: ["demo"], repos: ["wanted"], repos_dir: directory } });
    assert.ok(has("zypper2", "/usr/share/weak"));
  });

  it("pacstrap: signed packages with a keyring of the recipe's own", async () => {
    const read = await made("arch", { pacstrap: pacman() });
    assert.equal(read("/usr/share/demo/x"), "demo\n");
    assert.equal(read("/etc/os-release"), "ID=demo\n");
    assert.deepEqual(readdirSync(join(shop.trees, "arch/var/cache/pacman/pkg")), []);
  });

  it("pacstrap: a configuration of the host", async () => {
    const config = join(scope.tempDir("config"), "pacman.conf");
    writeFileSync(config, `[options]\nArchitecture = auto\nSigLevel = Never\n[demo]\nServer = file://${shop.arch}\n`);
    await made("arch2", { pacstrap: { packages: "demo-base", config } });
    assert.ok(has("arch2", "/etc/os-release"));
  });

  it("nix: an expression is built into the tree's own store; its paths are copied into another tree", async () => {
    const expression = `{ word }: let box = builtins.path { path = ${nixBox()}; name = "box"; }; in derivation {
      name = "tree"; system = builtins.currentSystem; builder = "\${box}/busybox";
      args = [ "sh" "-c" "\${box}/busybox mkdir -p $out/bin $out/etc; \${box}/busybox ln -s \${box}/busybox $out/bin/sh; echo \${word} > $out/etc/word" ];
    }`;
    const read = await made("nix", { nix: { expression, arguments: { word: "hello" }, substituters: [] } });
    assert.equal(read("/etc/word"), "hello\n");
    assert.equal((statSync(join(shop.trees, "nix/etc/word")).mode & 0o200) !== 0, true, "etc can be written to");
    assert.equal((await must(["chroot", join(shop.trees, "nix"), "/bin/sh", "-c", "echo it runs"])).trim(), "it runs");
    const store = readdirSync(join(shop.trees, "nix/nix/store")).filter((name) => !name.startsWith("."));
    assert.deepEqual(store.map((name) => name.slice(33)).sort(), ["box", "tree"], "what it was built from is gone");
    const output = store.find((name) => name.endsWith("-tree"));
    await made("nix2", { nix: { store_paths: [`/nix/store/${output}`], store: join(shop.trees, "nix") } });
    assert.equal(readFileSync(join(shop.trees, "nix2/etc/word"), "utf8"), "hello\n");
    assert.equal(existsSync("/nix"), false, "the host got no store");
  });

  it("ostree: a commit laid out without hard links; a signed one fetched; a part of one", async () => {
    await made("os", { ostree: { repo: shop.ostree, ref: "demo/stable" } });
    const tool = statSync(join(shop.trees, "os/usr/bin/tool"));
    assert.deepEqual([tool.mode & 0o7777, tool.nlink], [0o4755, 1]);
    await made("os2", {
      ostree: { url: `${shop.web}/ostree`, ref: "demo/stable", keyring: shop.key.binary, subpath: "/usr" },
    });
    assert.deepEqual(readdirSync(join(shop.trees, "os2")), ["bin"]);
  });

  it("ostree: a branch that has moved is told of, and the tree made anew from it where that is asked for", async () => {
    const commit = async (word: string): Promise<string> => {
      const root = scope.tempDir("commit");
      writeFileSync(join(root, "word"), word);
      return (
        await must(["ostree", "commit", `--repo=${shop.ostree}`, "--branch=moving", `--tree=dir=${root}`])
      ).trim();
    };
    const first = await commit("one");
    await made("moving", { ostree: { repo: shop.ostree, ref: "moving" } });
    const record = (): string => readFileSync(join(shop.trees, ".crun/moving.json"), "utf8");
    assert.match(record(), new RegExp(`"commit": "${first}"`));
    const second = await commit("two");
    const source = { ostree: { repo: shop.ostree, ref: "moving" } };
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
    assert.equal(readFileSync(join(shop.trees, "moving/word"), "utf8"), "two");
  });
});
