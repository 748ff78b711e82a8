// What apt has to look at in a tree, and what it then knows.

import type { Context, Seen } from "../module/contract.js";
import type { ExecProbe, ListProbe, ReadProbe, StatProbe } from "../module/probe.js";
import { aptProbe } from "./apt-command.js";
import type { AptWish } from "./apt-params.js";
import { parsePolicy, type AptPolicy } from "./apt-policy.js";
import { parseSpec, specProblem, takesVersion, type AptSpec } from "./apt-spec.js";
import {
  findPackage,
  findProvider,
  isInstalled,
  nativeArchitecture,
  parseParagraph,
  parseStatus,
  splitArchitecture,
  statusNeedles,
  statusPath,
  type DpkgPackage,
} from "./dpkg-status.js";
import { literalPrefix, patternOf } from "./shell-pattern.js";

export const listsPath = "/var/lib/apt/lists";
export const stampPath = "/var/lib/apt/periodic/update-success-stamp";
export const archivesPath = "/var/cache/apt/archives";
const extendedPath = "/var/lib/apt/extended_states";

/** The first look: cheap files, and programs only where a param asks for what only apt knows. */
export type AptProbes = {
  readonly apt: StatProbe;
  readonly status: ReadProbe;
  readonly extended: ReadProbe;
  readonly lists: StatProbe;
  readonly stamp: StatProbe;
  /** What is in the lists' directory, where their age matters: a tree that never had any is out of date, however young. */
  readonly indexes: readonly ListProbe[];
  readonly archives: readonly ListProbe[];
  readonly names: readonly ExecProbe[];
  readonly debs: readonly ExecProbe[];
  readonly simulations: readonly ExecProbe[];
};

/** The second look, at what is not installed, or may not be the newest. */
export type AptMoreProbes = {
  readonly policy: readonly ExecProbe[];
  readonly moreStatus: readonly ReadProbe[];
};

export type AptSeen = Seen<AptProbes> & Seen<AptMoreProbes>;

/** What a task on apt is about, read from its params alone. */
export function aptSpecs(wish: AptWish): readonly AptSpec[] {
  return (wish.package ?? []).flatMap((text) => (text.trim() === "" || text === "*" ? [] : [parseSpec(text.trim())]));
}

/** `*` among the names, or `upgrade`: which upgrade of everything is meant. */
export function wantedUpgrade(wish: AptWish): "safe" | "dist" | undefined {
  if (wish.upgrade === "dist" || wish.upgrade === "full") return "dist";
  if (wish.upgrade === "yes" || wish.upgrade === "safe") return "safe";
  return wish.state === "latest" && (wish.package ?? []).includes("*") ? "safe" : undefined;
}

/** `.deb` files and URLs, one by one. */
export function debFiles(wish: AptWish): string[] {
  if (wish.deb === undefined) return [];
  return wish.deb.includes("://") ? [wish.deb] : wish.deb.split(",").map((one) => one.trim());
}

/** What everything that would be done is tried with: nothing is changed, no lock is taken. */
export function simulated(args: readonly string[], wish: AptWish): ExecProbe {
  const release = wish.default_release === undefined ? [] : ["-t", wish.default_release];
  return { kind: "exec", exec: aptProbe("apt-get", ["--simulate", "-y", ...release, ...args]) };
}

/** What is wrong with the wish itself, as a sentence; undefined: nothing. Names that would be options are never given to a program. */
export function aptProblem(wish: AptWish): string | undefined {
  const names = wish.package ?? [];
  if (wish.deb !== undefined && wish.state !== "present") return "deb only supports state=present";
  if (wish.deb !== undefined && debFiles(wish).some((file) => !file.startsWith("/") && !/^\w+:\/\//.test(file))) {
    return `deb must be a path in the tree or a URL, not ${wish.deb}`;
  }
  if (wish.state === "latest" && names.includes("*") && names.some((name) => name !== "*")) {
    return "unable to install additional packages when upgrading all installed packages";
  }
  return aptSpecs(wish)
    .map(specProblem)
    .find((one) => one !== undefined);
}

export function observeApt(wish: AptWish): AptProbes {
  const specs = aptProblem(wish) === undefined ? aptSpecs(wish) : [];
  const plain = specs.filter((spec) => !spec.isPattern).map((spec) => splitArchitecture(spec.name).name);
  const patterns = specs.filter((spec) => spec.isPattern);
  const upgrade = wantedUpgrade(wish);
  const removal = wish.autoremove ? ["--auto-remove"] : [];
  return {
    apt: { kind: "stat", path: "/usr/bin/apt-get", follow: true },
    status: { kind: "read", path: statusPath, needles: statusNeedles([...plain, "dpkg"]) },
    extended: { kind: "read", path: extendedPath, needles: plain.map((name) => `\nPackage: ${name}\n`) },
    lists: { kind: "stat", path: listsPath },
    stamp: { kind: "stat", path: stampPath },
    indexes:
      wish.update_cache || wish.cache_valid_time > 0 ? [{ kind: "list", path: listsPath, depth: 1, limit: 200 }] : [],
    archives: wish.clean ? [{ kind: "list", path: archivesPath, depth: 2 }] : [],
    names: patterns.map((spec): ExecProbe => ({
      kind: "exec",
      exec:
        wish.state === "absent"
          ? aptProbe("dpkg-query", ["--show", "--showformat=${Package}\\n"])
          : aptProbe("apt-cache", ["pkgnames", literalPrefix(spec.name)]),
    })),
    debs: (aptProblem(wish) === undefined ? debFiles(wish) : []).map((file): ExecProbe => ({
      kind: "exec",
      exec: debProbe(file),
    })),
    simulations: [
      ...(upgrade === "safe" ? [simulated(["upgrade", "--with-new-pkgs", ...removal], wish)] : []),
      ...(upgrade === "dist" ? [simulated(["dist-upgrade", ...removal], wish)] : []),
      ...(wish.state === "build-dep" && specs.length > 0
        ? [simulated(["build-dep", ...specs.map((spec) => spec.text)], wish)]
        : []),
      ...(specs.length === 0 && wish.autoclean ? [simulated(["autoclean"], wish)] : []),
      ...(specs.length === 0 && wish.autoremove && !wish.autoclean ? [simulated(["autoremove"], wish)] : []),
    ],
  };
}

/** Control fields of a file, or of what a URL gives: downloaded to the process's own /tmp, and removed. */
function debProbe(file: string) {
  if (!file.includes("://")) return aptProbe("dpkg-deb", ["--field", file, "Package", "Version", "Architecture"]);
  const spec = aptProbe("dpkg-deb", []);
  const script =
    'set -e; d=$(mktemp -d); trap \'rm -rf "$d"\' EXIT; /usr/lib/apt/apt-helper download-file "$1" "$d/x.deb" >&2; dpkg-deb --field "$d/x.deb" Package Version Architecture';
  return { ...spec, argv: ["/bin/sh", "-c", script, "sh", file] };
}

/** Names that are known after the first look: patterns are spelt out. */
export function resolveSpecs(wish: AptWish, names: readonly { readonly stdout: Uint8Array }[]): readonly AptSpec[] {
  let pattern = 0;
  return aptSpecs(wish).flatMap((spec): AptSpec[] => {
    if (!spec.isPattern) return [spec];
    const known = new Set(
      Buffer.from(names[pattern++]?.stdout ?? [])
        .toString("utf8")
        .split("\n"),
    );
    const test = patternOf(spec.name);
    const version = spec.operator === undefined ? "" : `${spec.operator}${spec.version ?? ""}`;
    return [...known]
      .filter((name) => name !== "" && test.test(name))
      .sort()
      .map((name) => parseSpec(`${name}${version}`));
  });
}

export function observeAptMore(wish: AptWish, seen: Seen<AptProbes>): AptMoreProbes {
  const nothing: AptMoreProbes = { policy: [], moreStatus: [] };
  if (!seen.apt.stat || aptProblem(wish) !== undefined) return nothing;
  const read = (needles: readonly string[]): ReadProbe => ({ kind: "read", path: statusPath, needles });
  if (wish.deb !== undefined) {
    const names = seen.debs.flatMap(
      (one) => parseParagraph(Buffer.from(one.stdout).toString("utf8")).get("package") ?? [],
    );
    return { policy: [], moreStatus: names.length > 0 ? [read(names.map((name) => `\nPackage: ${name}\n`))] : [] };
  }
  const specs = resolveSpecs(wish, seen.names);
  if (specs.length === 0 || wish.state === "build-dep") return nothing;
  const bare = (some: readonly AptSpec[]): string[] => some.map((spec) => splitArchitecture(spec.name).name);
  if (wish.state === "absent" || aptSpecs(wish).some((spec) => spec.isPattern)) {
    const moreStatus = aptSpecs(wish).some((spec) => spec.isPattern) ? [read(statusNeedles(bare(specs)))] : [];
    return { policy: wish.state === "absent" ? [] : [policyProbe(wish, specs)], moreStatus };
  }
  const packages = parseStatus(seen.status.content);
  const native = nativeArchitecture(packages);
  const missing = specs.filter((spec) => {
    const found = findPackage(packages, spec.name, native);
    return !found || !isInstalled(found);
  });
  const unknown = missing.filter((spec) => !findProvider(packages, spec.name));
  const asked = specs.filter(
    (spec) => missing.includes(spec) || wish.state === "latest" || !isRight(spec, packages, native),
  );
  return {
    policy: asked.length > 0 ? [policyProbe(wish, asked)] : [],
    moreStatus: unknown.length > 0 ? [read(statusNeedles(bare(unknown), true))] : [],
  };
}

function isRight(spec: AptSpec, packages: readonly DpkgPackage[], native: string | undefined): boolean {
  const found = findPackage(packages, spec.name, native);
  return found !== undefined && takesVersion(spec, found.version);
}

function policyProbe(wish: AptWish, specs: readonly AptSpec[]): ExecProbe {
  const release = wish.default_release === undefined ? [] : ["-o", `APT::Default-Release=${wish.default_release}`];
  return { kind: "exec", exec: aptProbe("apt-cache", [...release, "policy", ...specs.map((spec) => spec.name)]) };
}

/** When the lists were brought up to date, in seconds since 1970; 0: never. */
export function cacheTime(seen: Seen<AptProbes>): number {
  return (seen.stamp.stat ?? seen.lists.stat)?.mtime.seconds ?? 0;
}

/** Whether the lists are to be brought up to date now. */
export function isUpdateDue(wish: AptWish, seen: Seen<AptProbes>, context: Context): boolean {
  if (!wish.update_cache && wish.cache_valid_time === 0) return false;
  const hasIndexes = seen.indexes.some((one) => one.entries.some(({ name }) => /Release$|_Packages/.test(name)));
  return !hasIndexes || cacheTime(seen) + wish.cache_valid_time < context.startedAt.getTime() / 1000;
}

/** All that both looks told. */
export interface AptView {
  readonly specs: readonly AptSpec[];
  readonly packages: readonly DpkgPackage[];
  readonly native: string | undefined;
  /** Undefined: apt was not asked, or could not answer. */
  readonly policy: ReadonlyMap<string, AptPolicy> | undefined;
  /** Installed packages that apt takes as installed for the sake of others. */
  readonly automatic: ReadonlySet<string>;
}

export function viewOf(wish: AptWish, seen: AptSeen): AptView {
  const packages = [...parseStatus(seen.status.content), ...seen.moreStatus.flatMap((one) => parseStatus(one.content))];
  const policy = seen.policy[0];
  const extended = Buffer.from(seen.extended.content ?? [])
    .toString("utf8")
    .split(/\n\s*\n/);
  const automatic = extended.map(parseParagraph).filter((one) => one.get("auto-installed") === "1");
  return {
    specs: resolveSpecs(wish, seen.names),
    packages,
    native: nativeArchitecture(packages),
    policy:
      policy?.exit.kind === "exited" && policy.exit.value === 0
        ? parsePolicy(Buffer.from(policy.stdout).toString("utf8"))
        : undefined,
    automatic: new Set(automatic.map((one) => one.get("package") ?? "")),
  };
}
