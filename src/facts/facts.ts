// Facts of a target: what its tree's files tell, and what its host's kernel tells.

import type { MachineObservation, ReadObservation, StatObservation } from "../module/probe.js";
import { AccountFile } from "./account-file.js";
import { cgroupLayout, cgroupLayoutProbes, type CgroupLayoutSeen } from "./cgroup-layout.js";
import { mountsOfTree, parseMounts } from "./mounts.js";
import { defaultRoute, ipv4Addresses, ipv6Addresses } from "./net.js";
import { osFamily, parseOsRelease } from "./os-release.js";
import { usersOf } from "./passwd.js";

/** Package managers by a program that only they bring, most particular first. */
const managers: Readonly<Record<string, string>> = {
  apt: "/usr/bin/apt-get",
  dnf5: "/usr/bin/dnf5",
  dnf: "/usr/bin/dnf",
  yum: "/usr/bin/yum",
  zypper: "/usr/bin/zypper",
  pacman: "/usr/bin/pacman",
  apk: "/sbin/apk",
  xbps: "/usr/bin/xbps-install",
  emerge: "/usr/bin/emerge",
};

const managerNames = Object.keys(managers);

/** What to look at in the tree. */
export const treeFactProbes = {
  osRelease: { kind: "read", path: "/etc/os-release", limit: 65536 },
  debianVersion: { kind: "read", path: "/etc/debian_version", limit: 4096 },
  hostname: { kind: "read", path: "/etc/hostname", limit: 4096 },
  passwd: { kind: "read", path: "/etc/passwd" },
  init: { kind: "stat", path: "/sbin/init" },
  systemd: { kind: "stat", path: "/lib/systemd/systemd", follow: true },
  openrc: { kind: "stat", path: "/sbin/openrc", follow: true },
  machine: { kind: "machine" },
  managers: Object.values(managers).map((path) => ({ kind: "stat", path, follow: true }) as const),
} as const;

/** What to look at on the host, once for all its targets. */
export const hostFactProbes = {
  ...cgroupLayoutProbes,
  hostMounts: { kind: "read", at: "host", path: "/proc/self/mounts" },
  fibTrie: { kind: "read", at: "host", path: "/proc/net/fib_trie" },
  inet6: { kind: "read", at: "host", path: "/proc/net/if_inet6" },
  route: { kind: "read", at: "host", path: "/proc/net/route" },
} as const;

export interface TreeFactsSeen {
  readonly osRelease: ReadObservation;
  readonly debianVersion: ReadObservation;
  readonly hostname: ReadObservation;
  readonly passwd: ReadObservation;
  readonly init: StatObservation;
  readonly systemd: StatObservation;
  readonly openrc: StatObservation;
  readonly machine: MachineObservation;
  readonly managers: readonly StatObservation[];
}

export interface HostFactsSeen extends CgroupLayoutSeen {
  readonly hostMounts: ReadObservation;
  readonly fibTrie: ReadObservation;
  readonly inet6: ReadObservation;
  readonly route: ReadObservation;
}

/** What the helper's greeting tells. Memory in bytes. */
export interface HostKernel {
  readonly architecture: string;
  readonly kernel: string;
  readonly nodename: string;
  readonly cpus: number;
  readonly memory: number;
}

const textOf = (seen: ReadObservation): string => Buffer.from(seen.content ?? []).toString("utf8");

/** Facts that the tree's own files tell, and whether it is a system that runs. Absent things are empty text or left out. */
export function treeFacts(seen: TreeFactsSeen, treePath: string): Record<string, unknown> {
  const release = parseOsRelease(textOf(seen.osRelease));
  const field = (name: string): string => nameIn(release[name]);
  const manager = managerNames[seen.managers.findIndex(({ stat }) => stat !== undefined)] ?? "";
  const version = field("VERSION_ID");
  const debian = debianVersionIn(textOf(seen.debianVersion).trim());
  const family = osFamily({ ...release, ID: field("ID") });
  const hostname = nameIn(textOf(seen.hostname).trim());
  return {
    os: field("ID"),
    os_name: release["NAME"] ?? "",
    os_pretty_name: release["PRETTY_NAME"] ?? "",
    os_family: family,
    version,
    codename: field("VERSION_CODENAME"),
    distribution: distributionOf(release["NAME"] ?? ""),
    distribution_version: release["ID"] === "debian" && debian !== "" ? debian : version,
    distribution_major_version: version.split(".")[0] ?? "",
    distribution_release: field("VERSION_CODENAME"),
    package_manager: manager,
    pkg_mgr: manager,
    ...initFacts(seen),
    booted: treePath === "/" || seen.machine.machine !== undefined,
    hostname: hostname.split(".")[0] ?? "",
    fqdn: hostname,
    users: userFacts(seen.passwd),
  };
}

/**
 * Facts that are names by their specification (os-release(5), hostname(5)) are such, or empty: playbooks make names of files on the controller of them, and
 * nobody's tree says which files those are.
 */
function nameIn(text: string | undefined): string {
  return text !== undefined && /^[A-Za-z0-9_][\w.+~-]*$/.test(text) ? text : "";
}

/** `12.5`, `trixie/sid`. */
function debianVersionIn(text: string): string {
  return text.split("/").every((part) => nameIn(part) !== "") ? text : "";
}

/** `Debian GNU/Linux` is Debian. Words, but no path either. */
function distributionOf(name: string): string {
  const at = name.search(/\s(?:GNU\/)?Linux/);
  const short = at < 0 ? name : name.slice(0, at).trimEnd();
  return short.includes("/") || short.startsWith(".") ? "" : short;
}

function initFacts(seen: TreeFactsSeen): Record<string, unknown> {
  const target = seen.init.stat?.target ?? "";
  const init =
    target.includes("systemd") || (seen.init.stat === undefined && seen.systemd.stat)
      ? "systemd"
      : target.includes("openrc") || seen.openrc.stat
        ? "openrc"
        : target.includes("runit")
          ? "runit"
          : seen.init.stat
            ? "sysvinit"
            : "";
  return { init, service_mgr: init };
}

/** Users by name, as the tree's passwd has them; lines that are no entries are left out. */
function userFacts(passwd: ReadObservation): Record<string, unknown> {
  const users = usersOf(AccountFile.parse(passwd.content));
  return Object.fromEntries(
    users.map(({ name, uid, gid, comment, home, shell }) => [name, { uid, gid, comment, home, shell }]),
  );
}

interface HostFacts {
  readonly mounts: ReturnType<typeof parseMounts>;
  readonly facts: Record<string, unknown>;
}

const known = new WeakMap<HostFactsSeen, HostFacts>();

/** Facts that hold for all targets of a host; `mounts` are a target's own: those at and beneath its tree. */
export function hostFacts(seen: HostFactsSeen, kernel: HostKernel, treePath: string): Record<string, unknown> {
  let host = known.get(seen);
  if (!host) {
    host = { mounts: parseMounts(textOf(seen.hostMounts)), facts: sharedFacts(seen, kernel) };
    known.set(seen, host);
  }
  return { ...host.facts, mounts: mountsOfTree(host.mounts, treePath) };
}

function sharedFacts(seen: HostFactsSeen, kernel: HostKernel): Record<string, unknown> {
  const v4 = ipv4Addresses(textOf(seen.fibTrie));
  const v6 = ipv6Addresses(textOf(seen.inet6));
  const route = defaultRoute(textOf(seen.route));
  const { version, isHybrid, controllers, isSystemd } = cgroupLayout(seen);
  return {
    arch: kernel.architecture,
    architecture: kernel.architecture,
    kernel: kernel.kernel,
    nodename: kernel.nodename,
    cpus: kernel.cpus,
    processor_vcpus: kernel.cpus,
    memory_mb: Math.floor(kernel.memory / 1048576),
    memtotal_mb: Math.floor(kernel.memory / 1048576),
    cgroup: { version, hybrid: isHybrid, controllers, systemd: isSystemd },
    addresses: [...v4, ...v6],
    all_ipv4_addresses: v4,
    all_ipv6_addresses: v6,
    ...(route ? { default_route: route } : {}),
  };
}
