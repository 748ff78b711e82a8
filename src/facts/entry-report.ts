// What an entry has to give, and what the reports from inside of it show: the one held against the other. Pure.

import { allowancesOf, capabilityNames } from "./allowances.js";
import { callQuestion, namespaces, refusals } from "./entry-questions.js";
import { REPORT_IT, type Finding } from "./finding.js";
import { judgeDevices, judgeMasks } from "./entry-sight.js";
import { errnoOf, statusField, textOf, type Report } from "./report.js";

export type EntryKind = "unshare" | "chroot" | "nspawn" | "machine";

/** The reports about one entry. */
export interface EntryReports {
  readonly kind: EntryKind;
  /** Of root, of a user that was dropped to (absent: none can be had, and why), and of the host. */
  readonly root: Report;
  readonly user: Report | { readonly missing: string };
  readonly host: Report;
  readonly architecture: string;
  readonly isRootless: boolean;
  /** What crun_allow says for the target. */
  readonly allow: readonly string[];
  /** The machine's leader on the host, if it runs. */
  readonly leader?: number | undefined;
}

/** The user of the second report: no name needs to be known for it. */
export const DROPPED_USER = 65534;

/** What root of a tree keeps; twin of CAPABILITIES_OF_TREE_ROOT in native/src/drop.c. */
export const capabilitiesOfTreeRoot =
  "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID CAP_SETPCAP CAP_SYS_CHROOT CAP_MKNOD CAP_SETFCAP".split(
    " ",
  );

/** All that was found, good and bad, in the order of docs/ENTRIES.md. */
export function judgeEntry(reports: EntryReports): readonly Finding[] {
  return [
    ...judgeNamespaces(reports),
    ...judgeCapabilities(reports),
    ...judgeCalls(reports),
    ...judgeDrop(reports),
    ...(reports.kind === "unshare" ? judgeMasks(reports.root, true) : []),
    ...(reports.kind === "nspawn" ? judgeMasks(reports.root, false) : []),
    ...(reports.kind === "unshare" ? judgeDevices(reports.root, reports.allow) : []),
    ...judgeProcesses(reports),
    ...judgeIds(reports),
  ];
}

const promisedNamespaces: Readonly<Record<EntryKind, readonly (typeof namespaces)[number][]>> = {
  unshare: ["mnt", "pid", "ipc", "uts", "cgroup"],
  chroot: ["mnt", "pid"],
  nspawn: ["mnt", "pid", "ipc", "uts"],
  machine: ["mnt", "pid"],
};

function judgeNamespaces({ kind, root, host }: EntryReports): Finding[] {
  const isOwn = (name: string): boolean => {
    const [inside, outside] = [root, host].map((one) => textOf(one, `l/proc/self/ns/${name}`));
    return inside !== undefined && inside !== outside;
  };
  const missing = promisedNamespaces[kind].filter((name) => !isOwn(name));
  const own = namespaces.filter(isOwn);
  const shared = namespaces.filter((name) => !isOwn(name));
  const about = "namespaces";
  const text = `own: ${own.join(", ") || "none"}; the host's: ${shared.join(", ") || "none"}`;
  if (missing.length > 0)
    return [
      {
        level: "problem",
        about,
        text: `${text}; ${missing.join(", ")} must be its own`,
        remedy: REPORT_IT,
      },
    ];
  const network: Finding = {
    level: "note",
    about: "network",
    text: "it is the host's: programs reach what the host reaches, and its abstract sockets",
    remedy: "Run a machine with a network of its own (module machine) where that matters.",
  };
  return [{ level: "ok", about, text }, ...(isOwn("net") ? [] : [network])];
}

/** A mask of /proc/…/status as names. */
function namesOfMask(mask: string | undefined): readonly string[] {
  const bits = BigInt(`0x${mask ?? "0"}`);
  return capabilityNames.filter((_, bit) => ((bits >> BigInt(bit)) & 1n) === 1n);
}

function shortNames(names: readonly string[]): string {
  return names.map((name) => name.slice("CAP_".length)).join(" ") || "none";
}

function judgeCapabilities({ kind, root, host, allow, leader }: EntryReports): Finding[] {
  const about = "capabilities of root";
  const sets = ["CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb"].map((name) => namesOfMask(statusField(root, name)));
  const [bounding = [], permitted = [], effective = [], inheritable = [], ambient = []] = sets;
  const all = [...new Set([...bounding, ...permitted, ...effective])];
  if ([...inheritable, ...ambient].length > 0)
    return [
      {
        level: "problem",
        about,
        text: `inheritable or ambient: ${shortNames([...inheritable, ...ambient])}`,
        remedy: REPORT_IT,
      },
    ];
  if (kind === "chroot")
    return [
      {
        level: "note",
        about,
        text: `${all.length} of ${capabilityNames.length}: a chroot holds no root`,
        remedy: "Use crun_entry: unshare for trees whose root is not to be trusted.",
      },
    ];
  if (kind === "machine") {
    const status = leader === undefined ? "" : (textOf(host, `r/proc/${leader}/status`) ?? "");
    const own = namesOfMask(/^CapBnd:\t(.*)$/m.exec(status)?.[1]);
    const more = all.filter((name) => !own.includes(name));
    return more.length > 0
      ? [
          {
            level: "problem",
            about,
            text: `more than the machine's leader has: ${shortNames(more)}`,
            remedy: REPORT_IT,
          },
        ]
      : [{ level: "ok", about, text: `those of the machine's leader: ${shortNames(all)}` }];
  }
  const more = all.filter((name) => !capabilitiesOfTreeRoot.includes(name) && !allow.includes(name));
  // Without systemd nothing but the lack of it keeps root of systemd-nspawn from the host's devices.
  const wanted = capabilitiesOfTreeRoot.filter((name) => kind !== "nspawn" || name !== "CAP_MKNOD");
  const lacking = wanted.filter((name) => !effective.includes(name));
  if (more.length > 0)
    return [
      {
        level: "problem",
        about,
        text: `more than it may have: ${shortNames(more)}`,
        remedy: REPORT_IT,
      },
    ];
  const allowed = all.filter((name) => allow.includes(name));
  return [
    { level: "ok", about, text: shortNames(all) },
    ...(allowed.length === 0
      ? []
      : [
          {
            level: "note" as const,
            about,
            text: `crun_allow gives ${shortNames(allowed)}`,
            remedy: "Say it at the tasks that need it (keyword allow).",
          },
        ]),
    ...(lacking.length === 0
      ? []
      : [
          {
            level: "note" as const,
            about,
            text: `crun itself lacks ${shortNames(lacking)} on this host: package managers may fail`,
            remedy: "Run crun where root has them.",
          },
        ]),
  ];
}

function judgeCalls({ kind, root, allow, architecture }: EntryReports): Finding[] {
  const about = "system calls";
  const mode = statusField(root, "Seccomp");
  if (mode === undefined)
    return [
      {
        level: "problem",
        about,
        text: "the kernel tells no seccomp mode",
        remedy: "crun needs a kernel with CONFIG_SECCOMP_FILTER.",
      },
    ];
  const { calls } = allowancesOf(allow);
  if (allow.includes("all_calls"))
    return [
      {
        level: "note",
        about,
        text: "crun_allow takes the filter away (all_calls)",
        remedy: "Allow the group that is needed instead: docs/ENTRIES.md.",
      },
    ];
  if (mode !== "2")
    return [
      {
        level: "problem",
        about,
        text: `no filter holds (seccomp mode ${mode})`,
        remedy: kind === "nspawn" ? "This systemd-nspawn was built without libseccomp: use unshare." : REPORT_IT,
      },
    ];
  if (kind === "nspawn") return [{ level: "ok", about, text: "filtered by systemd-nspawn" }];
  const had = new Set(namesOfMask(statusField(root, "CapEff")));
  const open = refusals.filter((one) => {
    const question = callQuestion(one, architecture);
    const isLifted =
      ("group" in one && allow.includes(one.group)) ||
      ("capability" in one && had.has(one.capability)) ||
      // In a machine, whose root has it, bpf reaches the host.
      (one.name === "bpf" && had.has("CAP_SYS_ADMIN") && kind !== "machine");
    return question !== undefined && !isLifted && errnoOf(root, question) !== one.errno;
  });
  if (open.length > 0)
    return [
      {
        level: "problem",
        about,
        text: `not refused: ${open.map(({ name }) => name).join(", ")}`,
        remedy: REPORT_IT,
      },
    ];
  const groups = allow.filter((word) => allowancesOf([word]).calls !== 0);
  return [
    { level: "ok", about, text: "filtered (seccomp), and what was tried was refused" },
    ...(calls === 0
      ? []
      : [
          {
            level: "note" as const,
            about,
            text: `crun_allow lets ${groups.join(", ")} through`,
            remedy: "Say it at the tasks that need it (keyword allow).",
          },
        ]),
  ];
}

function judgeDrop({ user }: EntryReports): Finding[] {
  const about = "users (become_user, -u)";
  if ("missing" in user)
    return [
      {
        level: "note",
        about,
        text: user.missing,
        remedy: "With root on the host, or with subordinate ids (/etc/subuid, newuidmap), users can be had.",
      },
    ];
  const id = String(DROPPED_USER);
  const wrong = [
    ["Uid", Array.from({ length: 4 }, () => id).join("\t")],
    ["Gid", Array.from({ length: 4 }, () => id).join("\t")],
    ["Groups", id],
    ...["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map((name) => [name, "0000000000000000"]),
    ["NoNewPrivs", "1"],
  ].flatMap(([name = "", wanted]) => {
    const actual = statusField(user, name);
    return actual === wanted ? [] : [`${name} is ${actual ?? "not told"}`];
  });
  return wrong.length > 0
    ? [{ level: "problem", about, text: wrong.join(", "), remedy: REPORT_IT }]
    : [{ level: "ok", about, text: "dropped: ids, no group of root's, no capability in any set, no_new_privs" }];
}

function judgeProcesses({ kind, root, host, leader }: EntryReports): Finding[] {
  const about = "processes";
  const most = Number(textOf(root, "r/proc/sys/kernel/pid_max") ?? "0");
  const mostOfHost = Number(textOf(host, "r/proc/sys/kernel/pid_max") ?? "0");
  const seen = (textOf(root, "d/proc") ?? "").split("\n").filter((line) => /^\d+ \S+ \d+$/.test(line)).length;
  const isOther = kind === "machine";
  if (!isOther && seen > 6)
    return [
      {
        level: "problem",
        about,
        text: `${seen} processes are seen, more than its own`,
        remedy: REPORT_IT,
      },
    ];
  const limits = leader === undefined ? undefined : textOf(host, `r/proc/${leader}/limits`);
  if (isOther && limits !== undefined && limits !== textOf(root, "r/proc/self/limits"))
    return [
      {
        level: "note",
        about,
        text: "its resource limits differ from those of the machine's leader",
        remedy: "Where crun may raise none it keeps its own lower ones.",
      },
    ];
  const text =
    most > 0 && most < mostOfHost
      ? `at most ${most} of the host's ${mostOfHost}`
      : "as many as its cgroup or its host allows (docs/LIMITS.md)";
  return [{ level: "ok", about, text }];
}

function judgeIds({ root, isRootless }: EntryReports): Finding[] {
  const about = "ids";
  const map = (textOf(root, "r/proc/self/uid_map") ?? "")
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const isWhole = map.length === 1 && map[0]?.[0] === 0 && map[0]?.[1] === 0 && map[0]?.[2] === 4294967295;
  const text = isWhole
    ? "the host's own: root of the tree is root of the host, held by the rest of this list"
    : map
        .map(
          ([inside, outside, count]) =>
            `${inside}…${(inside ?? 0) + (count ?? 1) - 1} are ${outside}…${(outside ?? 0) + (count ?? 1) - 1}${isRootless ? " of the login's" : ""}`,
        )
        .join(", ");
  return [
    {
      level: isWhole ? "note" : "ok",
      about,
      text,
      remedy: isWhole ? "A machine with private users (module machine) has ids of its own." : undefined,
    },
  ];
}
