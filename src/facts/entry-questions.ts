// What the helper is asked from inside of an entry, and on the host beside it.

export const namespaces = ["mnt", "pid", "ipc", "uts", "cgroup", "net", "user"] as const;

/** Calls that the filter must refuse: numbers by architecture, arguments that would harm nothing, the answer. */
export const refusals = [
  { name: "keyctl", x86_64: 250, aarch64: 219, arguments: "99", errno: 38, group: "keyrings" },
  { name: "io_uring_setup", x86_64: 425, aarch64: 425, arguments: "0,0", errno: 38, group: "io_uring" },
  { name: "userfaultfd", x86_64: 323, aarch64: 282, arguments: "9999", errno: 1, group: "userfaultfd" },
  {
    name: "unshare of a user namespace",
    x86_64: 272,
    aarch64: 97,
    arguments: "268435456",
    errno: 1,
    group: "user_namespaces",
    capability: "CAP_SYS_ADMIN",
  },
  { name: "socket of AF_ALG", x86_64: 41, aarch64: 198, arguments: "38,5,0", errno: 97, group: "sockets" },
  { name: "ioctl TIOCSTI", x86_64: 16, aarch64: 29, arguments: "4294967295,21522,@", errno: 1 },
  { name: "bpf", x86_64: 321, aarch64: 280, arguments: "99,0,0", errno: 1, capability: "CAP_BPF" },
  { name: "mount", x86_64: 165, aarch64: 40, arguments: "0,0,0,0,0", errno: 1, capability: "CAP_SYS_ADMIN" },
  { name: "init_module", x86_64: 175, aarch64: 105, arguments: "0,0,0", errno: 1, capability: "CAP_SYS_MODULE" },
  { name: "a call of number 4000", x86_64: 4000, aarch64: 4000, arguments: "0", errno: 38 },
] as const;

/** Undefined: the numbers of this architecture are not known here. */
export function callQuestion(one: (typeof refusals)[number], architecture: string): string | undefined {
  const number = architecture === "x86_64" ? one.x86_64 : architecture === "aarch64" ? one.aarch64 : undefined;
  return number === undefined ? undefined : `s${number},${one.arguments}`;
}

/** What is asked inside of an entry. */
export function entryQuestions(architecture: string): readonly string[] {
  const calls = refusals.flatMap((one) => callQuestion(one, architecture) ?? []);
  return [
    ...["status", "mountinfo", "uid_map", "gid_map", "cgroup", "limits"].map((name) => `r/proc/self/${name}`),
    ...namespaces.map((name) => `l/proc/self/ns/${name}`),
    "r/proc/sys/kernel/pid_max",
    "d/proc",
    ...["/sys/firmware", "/sys/devices/virtual/powercap"].map((path) => `d${path}`),
    "d/dev",
    ...["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"].map((path) => `w${path}`),
    ...calls,
  ];
}

/** Where distributions have it: with a /usr that holds all, with a /lib of its own, NixOS. */
export const machinedPlaces = [
  "/usr/lib/systemd/systemd-machined",
  "/lib/systemd/systemd-machined",
  "/run/current-system/sw/lib/systemd/systemd-machined",
] as const;

/** What is asked of the host. `leader`: of a machine. */
export function hostQuestions(leader?: number): readonly string[] {
  return [
    ...["status", "mountinfo", "uid_map", "cgroup"].map((name) => `r/proc/self/${name}`),
    ...namespaces.map((name) => `l/proc/self/ns/${name}`),
    "r/proc/sys/kernel/pid_max",
    "r/proc/sys/user/max_user_namespaces",
    "r/proc/sys/kernel/unprivileged_userns_clone",
    "r/proc/sys/kernel/seccomp/actions_avail",
    "d/run/systemd/system",
    ...machinedPlaces.map((path) => `o${path}`),
    "s442,4294967295,@,0,0,0",
    ...(leader === undefined ? [] : [`r/proc/${leader}/status`, `r/proc/${leader}/limits`]),
  ];
}
