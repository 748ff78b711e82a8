// apt's programs as crun runs them: arguments, environment, the shims that keep daemons down, and what their errors mean.

import { contentOf } from "../module/content.js";
import type { ExecSpec } from "../module/probe.js";

/** Output that can be parsed, no questions asked; as Ansible has it. */
const environment = { DEBIAN_FRONTEND: "noninteractive", DEBIAN_PRIORITY: "critical", LANG: "C", LC_ALL: "C" };

const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** A probe keeps its caches in memory: it leaves nothing in the tree. */
const withoutCacheFiles = ["-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="];

/** What starts services when packages are installed; each is shadowed where nothing must start. */
const starters = ["invoke-rc.d", "deb-systemd-invoke", "service", "start-stop-daemon", "initctl", "rc-service"];

/** Whether services are kept from starting: by where the program finds itself, or in any case. */
export type ServicePolicy = "start" | "start if booted" | "never start";

/** Where crun's own agent is PID 1, the tree is not booted. Elsewhere the program that the shim stands before is run. */
const shims = {
  "start if booted": contentOf(`#!/bin/sh
# crun: in a tree that is not booted nothing is started.
read -r init </proc/1/comm 2>/dev/null
[ "$init" != crun-agent ] || exit 0
PATH=${path}
exec "\${0##*/}" "$@"
`),
  "never start": contentOf("#!/bin/sh\n# crun: nothing is to be started.\nexit 0\n"),
};

/** A program of apt that only looks. */
export function aptProbe(
  program: "apt-cache" | "apt-get" | "dpkg-query" | "dpkg-deb",
  args: readonly string[],
): ExecSpec {
  const options = program === "apt-cache" || program === "apt-get" ? withoutCacheFiles : [];
  return { argv: [program, ...options, ...args], environment, outputLimit: 16 * 1024 * 1024 };
}

/** A program of apt that changes the tree. Unless services may start, maintainer scripts find shims before what starts them. */
export function aptCommand(argv: readonly string[], policy: ServicePolicy): ExecSpec {
  const [program = "apt-get", ...args] = argv;
  if (policy === "start") return { argv: [program, ...args], environment };
  return {
    argv: program === "apt-get" ? [program, "-o", `DPkg::Path=@files@:${path}`, ...args] : [program, ...args],
    environment: { ...environment, PATH: `@files@:${path}` },
    files: starters.map((name) => ({ name, mode: 0o755, content: shims[policy] })),
  };
}

/** `force-confdef,force-confold` as options of apt. */
export function dpkgOptions(list: string): string[] {
  return list.split(",").flatMap((one) => (one.trim() === "" ? [] : ["-o", `Dpkg::Options::=--${one.trim()}`]));
}

/** A line may be as long as a tree's program likes; no more of it is read or shown. */
const LONGEST_LINE = 1000;

/** The lines of apt's error output that say what went wrong: from the first error on, warnings left out. */
export function errorLines(stderr: string): string {
  const lines = cutLines(stderr).filter((line) => line.trim() !== "");
  const first = lines.findIndex((line) => /^(E:|dpkg: error|Err:)/.test(line));
  const chosen = (first < 0 ? lines : lines.slice(first)).filter((line) => !/^(W:|N:|debconf:)/.test(line));
  return (chosen.length > 0 ? chosen : lines).slice(-12).join("\n");
}

function cutLines(text: string): string[] {
  return text.split("\n").map((line) => line.slice(0, LONGEST_LINE));
}

const remedies: readonly (readonly [RegExp, string])[] = [
  [
    /Unable to locate package|has no installation candidate|Version '[^']*' for '[^']*' was not found|Couldn't find any package/,
    "Check the name and version, or run with update_cache: true; the tree's lists may be old or its sources may not have it.",
  ],
  [
    /404 {2}Not Found|Failed to fetch .*(404|Hash Sum mismatch)/,
    "The tree's lists are old: run with update_cache: true.",
  ],
  [/--allow-downgrades/, "Set allow_downgrade: true if the older version is meant."],
  [
    /Held packages were changed|--allow-change-held-packages/,
    "Set allow_change_held_packages: true, or take the hold off with apt-mark.",
  ],
  [
    /NO_PUBKEY|is not signed|couldn't be authenticated|could not be verified|unauthenticated packages/,
    "Put the archive's key where Signed-By of its source names it; allow_unauthenticated: true does without.",
  ],
  [
    /Could not get lock|Unable to acquire the dpkg frontend lock|Unable to lock/,
    "Another package manager is at work in the tree; wait, or raise lock_timeout.",
  ],
  [
    /Temporary failure resolving|Could not resolve|Could not connect|Connection (timed out|refused)|Network is unreachable|Unable to connect/,
    "The host cannot reach the archive: look at its network and at the tree's sources.",
  ],
  [
    /Essential packages were removed|essential packages will be removed/i,
    "This would remove what the tree cannot do without; force: true does it nevertheless.",
  ],
  [
    /Packages need to be removed but remove is disabled/,
    "Other packages would have to go: leave fail_on_autoremove out if they may.",
  ],
  [/dpkg was interrupted/, "Finish what was interrupted: command: dpkg --configure -a"],
  [
    /--fix-broken|unmet dependencies|held broken packages/i,
    "Repair what is broken with state: fixed, or run with update_cache: true.",
  ],
  [/No space left on device|don't have enough free space/, "The file system that the tree lies on is full."],
];

/** What to do about apt's error, undefined where nothing better than its own words is known. */
export function remedyFor(output: string): string | undefined {
  const text = cutLines(output).join("\n");
  return remedies.find(([pattern]) => pattern.test(text))?.[1];
}
