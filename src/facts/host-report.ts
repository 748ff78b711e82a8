// What a host's kernel and system give to entries, as its report tells it. Pure.

import { machinedPlaces } from "./entry-questions.js";
import type { Finding } from "./finding.js";
import { errnoOf, mountsIn, statusField, textOf, type Report } from "./report.js";

/** What the greeting tells besides. */
export interface HostFacts {
  readonly kernel: string;
  readonly architecture: string;
  readonly hasOpenat2: boolean;
  readonly isRootless: boolean;
  readonly uid: number;
}

const ENOSYS = 38;

/** Features that entries use, each with what goes without it. */
export function judgeHost(host: Report, facts: HostFacts): readonly Finding[] {
  return [
    identity(facts),
    feature(
      "openat2",
      facts.hasOpenat2,
      "paths are resolved by a chrooted child instead, which is slower",
      "Linux 5.6 has it.",
    ),
    seccomp(host),
    userNamespaces(host, facts),
    cgroups(host),
    systemd(host),
    machined(host),
    feature(
      "mounts by descriptor (mount_setattr)",
      errnoOf(host, "s442,4294967295,@,0,0,0") !== ENOSYS,
      "mounts are restricted one by one; no id-mapped mounts, so no trees shared between machines with private users",
      "Linux 5.12 has it.",
    ),
  ];
}

function identity({ isRootless, uid, kernel, architecture }: HostFacts): Finding {
  const about = "helper";
  const text = `Linux ${kernel} (${architecture})`;
  if (!isRootless) return { level: "ok", about, text: `root, ${text}` };
  return {
    level: "note",
    about,
    text: `without root, as user ${uid}: trees are entered in a user namespace of its own; ${text}`,
    remedy: "With crun_become (sudo) it is root.",
  };
}

function feature(about: string, isThere: boolean, without: string, remedy: string): Finding {
  return isThere
    ? { level: "ok", about, text: "there" }
    : { level: "note", about, text: `not there: ${without}`, remedy };
}

function seccomp(host: Report): Finding {
  const about = "seccomp";
  const actions = textOf(host, "r/proc/sys/kernel/seccomp/actions_avail");
  if (actions !== undefined || statusField(host, "Seccomp") !== undefined) return { level: "ok", about, text: "there" };
  return {
    level: "problem",
    about,
    text: "the kernel has no filters of system calls: crun enters no tree here",
    remedy: "Use a kernel with CONFIG_SECCOMP_FILTER.",
  };
}

function userNamespaces(host: Report, { isRootless }: HostFacts): Finding {
  const about = "user namespaces";
  const most = textOf(host, "r/proc/sys/user/max_user_namespaces")?.trim();
  const isOff =
    most === undefined || most === "0" || textOf(host, "r/proc/sys/kernel/unprivileged_userns_clone")?.trim() === "0";
  if (!isOff) return { level: "ok", about, text: "there" };
  return {
    level: "note",
    about,
    text: `not for everybody: ${isRootless ? "without root no tree can be entered" : "crun as root does not need them"}`,
    remedy: "sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone",
  };
}

function cgroups(host: Report): Finding {
  const about = "cgroups";
  const mounts = mountsIn(host);
  const hasV2 = mounts.some(({ type }) => type === "cgroup2");
  const hasV1 = mounts.some(
    ({ type, options, path }) => type === "cgroup" && !options.has("none") && !path.endsWith("/systemd"),
  );
  if (hasV2 && !hasV1) return { level: "ok", about, text: "version 2" };
  if (hasV1) return { level: "ok", about, text: hasV2 ? "version 1, with 2 beside it" : "version 1" };
  return {
    level: "note",
    about,
    text: "none: programs cannot be limited (docs/LIMITS.md)",
    remedy: "Mount cgroup2 on /sys/fs/cgroup.",
  };
}

/** As sd_booted(3) has it. */
function hasSystemd(host: Report): boolean {
  return errnoOf(host, "d/run/systemd/system") === 0;
}

function systemd(host: Report): Finding {
  return feature(
    "systemd",
    hasSystemd(host),
    "crun makes cgroups itself, and machines run without units",
    "Nothing needs it.",
  );
}

/** Of /run/systemd/machines nothing can be told: every systemd makes that, and systemd-nspawn without one. machined ends when it has nothing to do. */
function machined(host: Report): Finding {
  const about = "machined";
  const without = "running machines are found by looking at all processes";
  if (!hasSystemd(host)) return feature(about, false, `${without} (it works under systemd alone)`, "Nothing needs it.");
  if (!machinedPlaces.some((path) => errnoOf(host, `o${path}`) === 0))
    return feature(about, false, without, "Install systemd-container.");
  return { level: "ok", about, text: "there: it starts when it is asked for" };
}
