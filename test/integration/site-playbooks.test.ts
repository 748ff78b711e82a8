// The site playbooks under playbooks/, each played as it is on real trees: made from nothing, and nothing left to do the second time.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readlinkSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { btrfsPool } from "../lab/btrfs.js";
import { requireOrSkip } from "../lab/needs.js";
import { must, repositoryRoot } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { sshHost } from "../lab/sshd.js";
import { debianTree, overlayTree } from "../lab/trees.js";
import { brief, Workplace, type Told } from "./cli.js";
import { crunPath } from "./crun-tasks.js";
import { makeArchive, type Package } from "./local-archive.js";

const playbooks = join(repositoryRoot(), "playbooks");

/** Stands for nginx: it refuses a configuration that says so, or a tree whose disk is said to be full. */
const nginx: Package = {
  name: "nginx-light",
  version: "1.22",
  files: {
    "usr/sbin/nginx":
      '#!/bin/sh\nfile=/etc/nginx/nginx.conf\n[ "$2" = -c ] && file=$3\n[ -e /etc/nginx/disk-is-full ] && { echo "nginx: disk is full" >&2; exit 1; }\ngrep -q events "$file"\n',
    "lib/systemd/system/nginx.service": "[Service]\nExecStart=/usr/sbin/nginx\n[Install]\nWantedBy=multi-user.target\n",
    "etc/nginx/mime.types": "types {}\n",
  },
};

/** A second run: everything is looked at and nothing is changed. */
function assertConverged(told: Told): void {
  assert.equal(told.status, 0, brief(told));
  for (const [target, counts] of Object.entries(told.recap))
    assert.equal(counts.changed, 0, `${target}\n${brief(told)}`);
}

function assertDone(told: Told): void {
  assert.equal(told.status, 0, brief(told));
}

describe("playbooks/web-fleet: machines of one base, and a rolling update of web servers", function () {
  this.timeout(300_000);
  const scope = testScope();
  let directory: string;
  let etc: string;
  let args: readonly string[];
  let work: Workplace;
  const play = async (...more: readonly string[]): Promise<Told> => await work.play([...args, ...more]);
  const read = (path: string): string => readFileSync(join(directory, path), "utf8");
  const served = (server: string): string => readlinkSync(join(directory, server, "srv/www/current"));
  const inBalancer = (server: string): string => read(`lb/etc/nginx/servers/${server}.conf`);

  before(async function () {
    requireOrSkip(this, {
      root: true,
      tools: ["mmdebstrap", "dpkg-deb", "btrfs", "mkfs.btrfs", "sshd"],
      paths: [crunPath, "/dev/loop-control"],
    });
    const base = await overlayTree(scope, await debianTree());
    await makeArchive(scope, base, [nginx]);
    await must(["chroot", base, "apt-get", "update", "-q"]);
    const pool = await btrfsPool(scope, { tree: base });
    await pool.snapshot("base");
    directory = pool.directory;
    const host = await sshHost(scope);
    etc = join(host.directory, "etc");
    work = new Workplace(scope);
    const reach = {
      crun_host: host.host,
      crun_port: host.port,
      crun_identity: host.identityFile,
      crun_known_hosts: host.knownHostsFile,
      crun_trees: directory,
    };
    args = ["-i", join(playbooks, "web-fleet/hosts.yml"), "-e", JSON.stringify(reach)];
  });

  it("makes the fleet from the base, configures it, and has nothing to do the second time", async () => {
    const site = join(playbooks, "web-fleet/site.yml");
    const first = await play(site);
    assertDone(first);
    for (const server of ["web1", "web2", "web3", "web4"]) {
      assert.equal(served(server), "releases/2.0");
      assert.equal(inBalancer(server), `server ${server}.shop.example:8080;\n`);
      assert.match(read(`${server}/etc/hosts`), /^127\.0\.0\.1 web4\.shop\.example web4$/m);
    }
    assert.ok(existsSync(join(etc, "systemd/nspawn/web1.nspawn")), "settings lie on the host");
    assertConverged(await play(site));
  });

  it("rolls a release out until a server fails: it stays out of the balancer, those after it are left alone", async () => {
    const update = join(playbooks, "web-fleet/update.yml");
    writeFileSync(join(directory, "web3/etc/nginx/disk-is-full"), "");
    const failed = await play(update, "-e", "web_release=2.1");
    assert.equal(failed.status, 2, brief(failed));
    assert.deepEqual(["web1", "web2", "web3", "web4"].map(served), [
      "releases/2.1",
      "releases/2.1",
      "releases/2.1",
      "releases/2.0",
    ]);
    assert.match(inBalancer("web3"), / down;/);
    assert.equal(failed.recap["node1:web4"], undefined, "its batch was not begun");
  });

  it("goes on where it stopped once the server is mended", async () => {
    const update = join(playbooks, "web-fleet/update.yml");
    await must(["rm", join(directory, "web3/etc/nginx/disk-is-full")]);
    assertDone(await play(update, "-e", "web_release=2.1"));
    assert.deepEqual(["web1", "web2", "web3", "web4"].map(served), Array(4).fill("releases/2.1"));
    for (const server of ["web1", "web3", "web4"]) assert.doesNotMatch(inBalancer(server), /down/);
    assertConverged(await play(update, "-e", "web_release=2.1"));
  });
});

describe("playbooks/build-roots: build trees for several releases", function () {
  this.timeout(300_000);
  const scope = testScope();
  const site = join(playbooks, "build-roots/site.yml");
  const work = new Workplace(scope);
  const releases = ["bookworm", "trixie", "sid"];
  const trees = new Map<string, string>();
  let args: readonly string[];

  /** What builds need, from an archive in the tree: no network is asked. */
  const tools: readonly Package[] = [
    { name: "build-essential", version: "12", fields: ["Depends: fakegcc"] },
    { name: "fakegcc", version: "12", files: { "usr/bin/gcc": "#!/bin/sh\necho 12\n" } },
    ...["ccache", "devscripts", "fakeroot", "quilt"].map((name) => ({ name, version: "1" })),
  ];

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["mmdebstrap", "dpkg-deb"], paths: [crunPath] });
    const prepared = await overlayTree(scope, await debianTree());
    await makeArchive(scope, prepared, tools);
    await must(["chroot", prepared, "apt-get", "update", "-q"]);
    const variables: Record<string, object> = {};
    for (const release of releases) {
      trees.set(release, await overlayTree(scope, prepared));
      variables[`local:build-${release}`] = { crun_path: trees.get(release) };
    }
    work.write("paths.yml", JSON.stringify({ roots: { hosts: variables } }));
    args = ["-i", join(playbooks, "build-roots/hosts.yml"), "-i", join(work.directory, "paths.yml"), site];
  });

  it("brings all of them to the same state with their releases' differences, and has nothing to do the second time", async () => {
    const own = [...args, "-e", "mirror=-", "-e", '{"release_packages": ["quilt"]}'];
    assertDone(await work.play(own));
    for (const [release, tree] of trees) {
      const read = (path: string): string => readFileSync(join(tree, path), "utf8");
      const profiles = release === "bookworm" ? "" : "nocheck ";
      assert.match(
        read("home/builder/.devscripts"),
        new RegExp(`^# ${release}: .*\n.*\nDEB_BUILD_OPTIONS="${profiles}parallel=2"\n$`),
      );
      assert.match(read("var/lib/dpkg/status"), /^Package: quilt\nStatus: install ok installed$/m);
      assert.equal(statSync(join(tree, "var/cache/ccache")).mode & 0o7777, 0o2775);
    }
    assertConverged(await work.play(own));
  });

  it("foretells each release's sources of packages", async () => {
    const told = await work.crun(["play", "--check", "--diff", "-e", "mirror=http://deb.example/debian", ...args]);
    for (const release of ["bookworm", "trixie"])
      assert.match(told.stdout, new RegExp(`^\\+deb http://deb.example/debian ${release}-updates main$`, "m"));
    assert.doesNotMatch(told.stdout, /sid-updates|sid-security/);
    assert.match(told.stdout, /^\+deb http:\/\/deb\.example\.org\/debian-security bookworm-security main$/m);
  });

  it("makes a tree that is missing by mmdebstrap, once", async () => {
    const path = join(scope.tempDir("roots"), "bookworm");
    const here = work.write(
      "here.yml",
      JSON.stringify({ roots: { hosts: { "local:build-bookworm": { crun_path: path } } } }),
    );
    const own = ["-i", here, "-t", "make", "-l", "local:build-bookworm", "-e", "mirror=-"];
    const first = await work.play([...args, ...own]);
    assertDone(first);
    assert.match(readFileSync(join(path, "etc/os-release"), "utf8"), /bookworm/);
    assertConverged(await work.play([...args, ...own]));
  });
});

describe("playbooks/tenants: a tree for each tenant, with its users and its limits", function () {
  this.timeout(300_000);
  const scope = testScope();
  const site = join(playbooks, "tenants/site.yml");
  const work = new Workplace(scope);
  const tenants = ["acme", "globex", "initech"];
  const cgroup = `crun-test-${process.pid}`;
  let directory: string;
  let args: readonly string[];
  const read = (path: string): string => readFileSync(join(directory, path), "utf8");

  before(async function () {
    requireOrSkip(this, {
      root: true,
      tools: ["mmdebstrap", "btrfs", "mkfs.btrfs"],
      paths: [crunPath, "/dev/loop-control"],
    });
    const pool = await btrfsPool(scope);
    directory = pool.directory;
    for (const tenant of tenants) await pool.snapshot(tenant);
    scope.defer(() => {
      for (const controller of ["memory", "cpu", "pids"]) {
        for (const path of [...tenants, ""].map((one) => `/sys/fs/cgroup/${controller}/${cgroup}/${one}`))
          if (existsSync(path)) rmdirSync(path);
      }
    });
    const here = { crun_host: "local", crun_trees: directory, tenant_cgroup: `${cgroup}/{{tenant_name}}` };
    args = ["-i", join(playbooks, "tenants/hosts.yml"), "-e", JSON.stringify(here), site];
  });

  it("gives each its users, groups, keys, directories and limits, and has nothing to do the second time", async () => {
    await must(["chroot", join(directory, "globex"), "useradd", "--create-home", "frank"]);
    assertDone(await work.play(args));
    assert.match(read("acme/etc/passwd"), /^wile:x:3001:3001::\/home\/wile:\/bin\/bash$/m);
    assert.match(read("acme/etc/group"), /^deploy:x:2001:wile$/m);
    assert.match(read("acme/home/wile/.ssh/authorized_keys"), /^ssh-ed25519 .* wile$/m);
    assert.equal(read("acme/etc/sudoers.d/tenant"), "# acme: kept by crun\nwile ALL=(ALL:ALL) ALL\n");
    assert.equal(read("globex/etc/sudoers.d/tenant"), "# globex: kept by crun\n# nobody\n");
    assert.doesNotMatch(read("globex/etc/passwd"), /^frank:/m);
    assert.ok(!existsSync(join(directory, "globex/home/frank")), "who left is gone with his home");
    assert.equal(statSync(join(directory, "initech/srv/initech/printer")).mode & 0o7777, 0o700);
    assert.match(read("initech/etc/security/limits.conf"), /^@staff hard nproc 1000$/m);
    assert.equal(readFileSync(`/sys/fs/cgroup/pids/${cgroup}/initech/pids.max`, "utf8"), "1000\n");
    assert.equal(
      readFileSync(`/sys/fs/cgroup/memory/${cgroup}/acme/memory.limit_in_bytes`, "utf8"),
      `${256 * 2 ** 20}\n`,
    );
    assertConverged(await work.play(args));
  });

  it("takes one part of it by its tag", async () => {
    const told = await work.play([...args, "-t", "limits"]);
    assertConverged(told);
    // The role's arguments are always checked.
    assert.deepEqual(
      new Set(told.results.map(({ task }) => task.replace(/.* : (\w+).*/, "$1"))),
      new Set(["Validating", "How"]),
    );
  });
});
