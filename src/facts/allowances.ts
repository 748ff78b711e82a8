// What programs in a tree may have beyond the entry's default: capabilities of root, system calls, devices; as it is written.

import type { Diagnostic, Place } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";

/** The variable that holds what all programs on a target are allowed. */
export const ALLOW_VARIABLE = "crun_allow";

/** The kernel's capabilities, in the order of their bits. */
export const capabilityNames = (
  "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service " +
  "net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin " +
  "sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override " +
  "mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
)
  .split(" ")
  .map((name) => `CAP_${name.toUpperCase()}`);

/** System calls that no capability governs and that are refused all the same, in the order of their bits in the protocol. */
export const callGroups = [
  "keyrings",
  "io_uring",
  "userfaultfd",
  "user_namespaces",
  "sockets",
  "personality",
  "ldt",
  "all_calls",
] as const;

/** What is wrong with an allowance, and what to do about it. */
export interface AllowanceProblem {
  readonly problem: string;
  readonly remedy?: string | undefined;
}

/** By what something is allowed. */
export type AllowedBy = "allow" | typeof ALLOW_VARIABLE | "--allow";

const onTreesAlone: Readonly<Record<AllowedBy, string>> = {
  allow: "Say it where trees alone are played, or say allow: [] at the tasks for hosts.",
  [ALLOW_VARIABLE]: "Set it for trees alone.",
  "--allow": "Leave it out, or name a tree.",
};

/** Said of a target that is a host itself, whose programs nothing is kept from. */
export function allowanceOnHost(target: string, by: AllowedBy, place?: Place): Diagnostic {
  return {
    severity: "warning",
    summary: `${by} does nothing on ${target}: that is a host itself, whose programs have all that its user has`,
    place,
    remedy: onTreesAlone[by],
  };
}

/** As the protocol has them. */
export interface Allowances {
  /** Bits of capabilityNames. */
  readonly capabilities: number;
  /** Bits of callGroups. */
  readonly calls: number;
  readonly devices: readonly string[];
}

const words: readonly string[] = [...capabilityNames, ...callGroups];

/** What is wrong with one allowance; undefined: nothing. */
export function problemOfAllowance(word: unknown): AllowanceProblem | undefined {
  if (typeof word !== "string")
    return { problem: `${JSON.stringify(word) ?? "nothing"} is nothing that can be allowed` };
  if (word.startsWith("/")) {
    const isDevice =
      word.startsWith("/dev/") &&
      word
        .split("/")
        .slice(2)
        .every((part) => part !== "" && !/^\.\.?$/.test(part));
    return isDevice && !word.includes("\0")
      ? undefined
      : { problem: `${word} is no device`, remedy: "Write its path on the host: /dev/fuse." };
  }
  if (words.includes(word)) return undefined;
  return {
    problem: `${JSON.stringify(word)} cannot be allowed`,
    remedy:
      suggest(word, words) ??
      `There are ${callGroups.join(", ")}, the kernel's capabilities (CAP_NET_RAW), and devices of the host (/dev/fuse).`,
  };
}

/** The words of a list, or of a text in which commas part them; other values stand for themselves. */
export function allowedWords(value: unknown): readonly unknown[] {
  if (value === undefined || value === null || value === "") return [];
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items.flatMap((item) => (typeof item === "string" ? item.split(",").map((word) => word.trim()) : [item]));
}

/** In the protocol's form. Every word is one without a problem. */
export function allowancesOf(allowed: readonly string[]): Allowances {
  let capabilities = 0;
  let calls = 0;
  for (const word of new Set(allowed)) {
    const capability = capabilityNames.indexOf(word);
    const group = callGroups.findIndex((one) => one === word);
    if (capability >= 0) capabilities += 2 ** capability;
    if (group >= 0) calls |= 1 << group;
  }
  return { capabilities, calls, devices: [...new Set(allowed.filter((word) => word.startsWith("/")))] };
}
