// Whether the host can run programs of an architecture: natively, or by a handler of binfmt_misc.

import type { Refusal } from "../module/contract.js";
import type { GlobObservation, GlobProbe } from "../module/probe.js";

/** Package managers' names by the kernel's (uname -m), which are also those of QEMU's handlers but for the last column. */
const names: readonly { readonly kernel: string; readonly words: readonly string[]; readonly qemu?: string }[] = [
  { kernel: "x86_64", words: ["amd64"] },
  { kernel: "i686", words: ["i386", "i486", "i586"], qemu: "i386" },
  { kernel: "aarch64", words: ["arm64"] },
  { kernel: "armv7l", words: ["armhf", "armel", "armv7hl", "armv7h", "armv6h"], qemu: "arm" },
  { kernel: "riscv64", words: [] },
  { kernel: "ppc64le", words: ["ppc64el", "powerpc64le"] },
  { kernel: "ppc64", words: [] },
  { kernel: "s390x", words: [] },
  { kernel: "loongarch64", words: ["loong64"] },
  { kernel: "mips64", words: ["mips64el"], qemu: "mips64el" },
];

/** What a kernel runs besides its own. */
const also: Readonly<Record<string, readonly string[]>> = { x86_64: ["i686"], aarch64: ["armv7l"] };

export const handlersProbe: GlobProbe = { kind: "glob", path: "/proc/sys/fs/binfmt_misc/*" };

/** Why a tree of the architecture cannot be made on a host of another one. An architecture of no known name is not judged. */
export function foreignRefusal(
  wanted: string | undefined,
  host: string,
  handlers: GlobObservation,
): Refusal | undefined {
  if (wanted === undefined || wanted === "all" || wanted === "noarch" || wanted === "any") return undefined;
  const found = names.find(({ kernel, words }) => kernel === wanted || words.includes(wanted));
  if (!found || found.kernel === host || also[host]?.includes(found.kernel)) return undefined;
  const qemu = found.qemu ?? found.kernel;
  if (handlers.paths.some((path) => path.endsWith(`/qemu-${qemu}`) || path.endsWith(`/${qemu}`))) return undefined;
  return {
    message: `the host (${host}) cannot run programs of ${wanted}, which filling the tree takes`,
    remedy: `Install QEMU's user emulation on the host (Debian: apt install qemu-user-static binfmt-support; Fedora: dnf install qemu-user-static), or make the tree on a host of ${wanted}.`,
  };
}
