// Facts come from files and the kernel's tables alone.

import assert from "node:assert/strict";
import { cgroupLayoutProbes, cgroupLayout } from "../../src/facts/cgroup-layout.js";
import { hostFactProbes, hostFacts, treeFactProbes, treeFacts } from "../../src/facts/facts.js";
import { mountsOfTree, parseMounts } from "../../src/facts/mounts.js";
import { defaultRoute, ipv4Addresses, ipv6Addresses } from "../../src/facts/net.js";
import { osFamily, parseOsRelease } from "../../src/facts/os-release.js";
import { seenFrom } from "../../src/module/run-plan.js";
import type { Probes, Seen } from "../../src/module/contract.js";
import { answerer, modelOf, type Tree } from "../module/harness.js";

function see<P extends Probes>(probes: P, tree: Tree, host: Tree = {}): Seen<P> {
  return seenFrom(probes, answerer(modelOf(tree, host), {}));
}

const kernel = { architecture: "x86_64", kernel: "6.1.0-9-amd64", nodename: "n1", cpus: 2, memory: 4 * 1024 * 1048576 };

describe("facts of a tree", () => {
  const debian: Tree = {
    "/usr/lib/os-release":
      'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n',
    "/etc/os-release": { target: "../usr/lib/os-release" },
    "/etc/debian_version": "12.5\n",
    "/etc/hostname": "web1.example.org\n",
    "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\n# odd\nweb:x:1001:1001::/home/web:/bin/sh\n",
    "/usr/bin/apt-get": "",
    "/usr/lib/systemd/systemd": "",
    "/usr/sbin/init": { target: "/lib/systemd/systemd" },
    "/sbin": { target: "usr/sbin" },
    "/lib": { target: "usr/lib" },
  };

  it("say which system a Debian tree holds", () => {
    const facts = treeFacts(see(treeFactProbes, debian), "/srv/t");
    assert.equal(facts["os"], "debian");
    assert.equal(facts["version"], "12");
    assert.equal(facts["codename"], "bookworm");
    assert.equal(facts["os_family"], "Debian");
    assert.equal(facts["distribution"], "Debian");
    assert.equal(facts["distribution_version"], "12.5");
    assert.equal(facts["package_manager"], "apt");
    assert.equal(facts["init"], "systemd");
    assert.equal(facts["hostname"], "web1");
    assert.equal(facts["fqdn"], "web1.example.org");
    assert.deepEqual(Object.keys(facts["users"] as object), ["root", "web"]);
  });

  it("are names where they are names, since files on the controller are called after them", () => {
    const odd = (name: string, more: Tree = {}) =>
      treeFacts(
        see(treeFactProbes, {
          ...debian,
          "/usr/lib/os-release": `ID=${name}\nID_LIKE=${name}\nVERSION_ID=${name}\nVERSION_CODENAME=${name}\nNAME="${name}"\n`,
          "/etc/hostname": `${name}\n`,
          "/etc/debian_version": `${name}\n`,
          ...more,
        }),
        "/srv/t",
      );
    const names = "os os_family version codename distribution distribution_version distribution_major_version";
    const all = `${names} distribution_release hostname fqdn package_manager init`.split(" ");
    for (const name of ["../../x", "/etc/x", "..", ".x", "a/../../x", "x\u0001/y", "debian/../x", "-x"]) {
      const facts = odd(name);
      for (const one of all)
        assert.doesNotMatch(String(facts[one]), /\/|^\.|^-(?!x$)/, `${one} of ${JSON.stringify(name)}`);
    }
    assert.equal(odd("opensuse-leap")["os"], "opensuse-leap");
    assert.equal(odd("debian", { "/etc/debian_version": "trixie/sid\n" })["distribution_version"], "trixie/sid");
    assert.equal(odd("debian", { "/etc/debian_version": "trixie/../../sid\n" })["distribution_version"], "debian");
  });

  it("are empty, not wrong, for a tree that holds nothing", () => {
    const facts = treeFacts(see(treeFactProbes, {}), "/srv/t");
    assert.equal(facts["os"], "");
    assert.equal(facts["package_manager"], "");
    assert.equal(facts["init"], "");
  });

  it("say whether it is booted: the host's own root, or a machine that runs", () => {
    const machine = {
      name: "t",
      leader: 7,
      cgroup: "/machine.slice/t",
      uidShift: 0,
      init: "systemd",
      hasPrivateUsers: false,
    };
    const off = see(treeFactProbes, debian);
    const on = { ...off, machine: { kind: "machine", machine } } as const;
    assert.deepEqual(
      [treeFacts(off, "/srv/t"), treeFacts(on, "/srv/t"), treeFacts(off, "/")].map((facts) => facts["booted"]),
      [false, true, true],
    );
  });

  it("are joined by what the host's kernel tells", () => {
    const host: Tree = {
      "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n",
      "/run/systemd/system": { type: "directory" },
      "/proc/self/mounts": "/dev/vda / ext4 rw 0 0\ntmpfs /srv/t/tmp tmpfs rw,nosuid 0 0\n",
    };
    const facts = hostFacts(see(hostFactProbes, {}, host), kernel, "/srv/t");
    assert.equal(facts["memory_mb"], 4096);
    assert.deepEqual(facts["cgroup"], {
      version: 2,
      hybrid: false,
      controllers: ["cpuset", "cpu", "io", "memory", "pids"],
      systemd: true,
    });
    assert.deepEqual(facts["mounts"], [{ device: "tmpfs", mount: "/tmp", fstype: "tmpfs", options: "rw,nosuid" }]);
  });
});

describe("cgroup layout", () => {
  it("is legacy and hybrid where controllers are mounted one by one beside a unified one", () => {
    const host: Tree = {
      "/sys/fs/cgroup/cpu,cpuacct/x": "",
      "/sys/fs/cgroup/memory/x": "",
      "/sys/fs/cgroup/unified/x": "",
    };
    const layout = cgroupLayout(see(cgroupLayoutProbes, {}, host));
    assert.deepEqual(layout, {
      version: 1,
      isHybrid: true,
      controllers: ["cpu", "cpuacct", "memory"],
      isSystemd: false,
    });
  });
});

describe("os-release", () => {
  it("is read with shell quoting", () => {
    assert.deepEqual(parseOsRelease('A="x \\"y\\""\nB=\'z\'\n#C=1\nD=\n'), { A: 'x "y"', B: "z", D: "" });
  });
  for (const [id, like, family] of [
    ["ubuntu", "debian", "Debian"],
    ["rocky", "rhel centos fedora", "RedHat"],
    ["opensuse-leap", "suse opensuse", "Suse"],
    ["arch", "", "Archlinux"],
    ["minimal", "", "Minimal"],
  ] as const) {
    it(`makes ${id} one of the ${family} family`, () => assert.equal(osFamily({ ID: id, ID_LIKE: like }), family));
  }
});

describe("kernel tables", () => {
  it("give local addresses without loopback", () => {
    const trie =
      "Local:\n  +-- 0.0.0.0/0\n     |-- 10.0.0.5\n        /32 host LOCAL\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 10.0.0.255\n        /32 link BROADCAST\n";
    assert.deepEqual(ipv4Addresses(`${trie}${trie}`), ["10.0.0.5"]);
    const inet6 =
      "00000000000000000000000000000001 01 80 10 80 lo\nfe800000000000000000000000000abc 02 40 20 80 eth0\n20010db8000000000001000000000001 02 40 00 80 eth0\n";
    assert.deepEqual(ipv6Addresses(inet6), ["fe80::abc", "2001:db8::1:0:0:1"]);
  });
  it("give the default route", () => {
    const route = "Iface\tDestination\tGateway\neth0\t00000000\t0100000A\t0003\neth0\t0000000A\t00000000\n";
    assert.deepEqual(defaultRoute(route), { interface: "eth0", gateway: "10.0.0.1" });
    assert.equal(defaultRoute("Iface\n"), undefined);
  });
  it("give mounts with their escapes undone", () => {
    const mounts = parseMounts("/dev/a /srv/my\\040tree ext4 rw 0 0\n");
    assert.equal(mounts[0]?.mount, "/srv/my tree");
    assert.deepEqual(mountsOfTree(mounts, "/srv/my tree")[0]?.mount, "/");
  });
});
