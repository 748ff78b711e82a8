// From packages wanted and packages there to what apt has to do.

import { contentOf } from "../module/content.js";
import type { AmendParagraphs, Change, ExecChange, Outcome } from "../module/change.js";
import { outputFields, outputText } from "../module/command-result.js";
import type { Conclusion, Context, Plan, Refusal, ResultFields } from "../module/contract.js";
import { aptCommand, dpkgOptions, errorLines, remedyFor } from "./apt-command.js";
import {
  aptProblem,
  archivesPath,
  cacheTime,
  debFiles,
  isUpdateDue,
  listsPath,
  stampPath,
  viewOf,
  wantedUpgrade,
  type AptSeen,
  type AptView,
} from "./apt-look.js";
import type { AptWish } from "./apt-params.js";
import type { AptPolicy } from "./apt-policy.js";
import { takesVersion, type AptSpec } from "./apt-spec.js";
import { compareVersions } from "./debian-version.js";
import {
  findPackage,
  findProvider,
  isInstalled,
  parseParagraph,
  splitArchitecture,
  statusPath,
  type DpkgPackage,
} from "./dpkg-status.js";

/** One thing that apt has to do, and what it will have done. */
interface Job {
  readonly argv: readonly string[];
  readonly assumes?: ExecChange["assumes"];
  readonly isContained?: boolean;
  readonly isUncounted?: boolean;
  /** Whether the output says that something was done; absent: always. */
  readonly hasDone?: RegExp;
}

interface Steps {
  readonly jobs: readonly Job[];
  readonly refusal?: Refusal;
  /** What the packages are and will be, for the diff. */
  readonly before?: readonly string[];
  readonly after?: readonly string[];
}

const nothingDone = /^0 upgraded, 0 newly installed, 0 to remove/m;
const somethingDone = /^(?!0 upgraded, 0 newly installed, 0 to remove)\d+ upgraded,/m;

export function planApt(wish: AptWish, seen: AptSeen, context: Context): Plan {
  const problem = problemOf(wish, seen);
  if (problem) return { changes: [], refusal: problem };
  const view = viewOf(wish, seen);
  const isDue = isUpdateDue(wish, seen, context);
  const steps = stepsOf(wish, seen, view, isDue);
  if (steps.refusal) return { changes: [], refusal: steps.refusal };
  const now = Math.floor(context.startedAt.getTime() / 1000);
  const hasWork = hasMoreThanUpdate(wish);
  const jobs = [
    ...(wish.clean && needsClean(seen) ? [cleanJob(seen)] : []),
    ...(isDue ? [updateJob(wish, seen, now, hasWork)] : []),
    ...steps.jobs,
  ];
  const keepsDown = keepsServicesDown(wish, seen, context);
  const changes = jobs.map((job): Change => {
    const exec = aptCommand(job.argv, keepsDown);
    return {
      kind: "exec",
      exec,
      ...(job.assumes ? { assumes: job.assumes } : {}),
      ...(job.isContained ? { isContained: true } : {}),
      ...(job.isUncounted ? { isUncounted: true } : {}),
    };
  });
  const cache =
    wish.clean && !hasWork && !isDue ? {} : { cache_updated: isDue, cache_update_time: isDue ? now : cacheTime(seen) };
  const diff =
    steps.before && steps.after && (steps.before.length > 0 || steps.after.length > 0)
      ? { diff: [{ title: "packages", before: textOf(steps.before), after: textOf(steps.after) }] }
      : {};
  if (changes.length === 0) return { changes, result: cache, ...diff };
  return { changes, result: cache, ...diff, conclude: (outcomes) => conclude(jobs, outcomes, cache) };
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

function problemOf(wish: AptWish, seen: AptSeen): Refusal | undefined {
  if (!seen.apt.stat) {
    return {
      message: "The tree has no apt-get",
      remedy: "apt is for Debian and its kin; the module package picks the manager that the tree has.",
    };
  }
  const problem = aptProblem(wish);
  return problem === undefined ? undefined : { message: problem };
}

function hasMoreThanUpdate(wish: AptWish): boolean {
  return (
    (wish.package ?? []).length > 0 ||
    wish.upgrade !== "no" ||
    wish.deb !== undefined ||
    wish.autoremove ||
    wish.autoclean
  );
}

/** Where nothing must be started: in a tree that is not booted, or where policy_rc_d forbids it. */
function keepsServicesDown(wish: AptWish, seen: AptSeen, context: Context): boolean {
  const isBooted = context.target.path === "/" || seen.machine.machine !== undefined;
  return !isBooted || wish.policy_rc_d === 101;
}

function stepsOf(wish: AptWish, seen: AptSeen, view: AptView, isDue: boolean): Steps {
  const upgrade = wantedUpgrade(wish);
  if (upgrade) return upgradeSteps(wish, seen, upgrade, isDue);
  if (wish.deb !== undefined) return debSteps(wish, seen, view);
  if (view.specs.length === 0 && (wish.package ?? []).length === 0) return cleanupSteps(wish, seen);
  if (wish.state === "absent") return removalSteps(wish, view);
  if (wish.state === "build-dep") return buildSteps(wish, seen, isDue);
  return installSteps(wish, view, isDue);
}

/** Options that all of apt-get's work has in common. */
function common(wish: AptWish): string[] {
  return [
    "-y",
    "-q",
    ...dpkgOptions(wish.dpkg_options),
    "-o",
    `DPkg::Lock::Timeout=${wish.lock_timeout}`,
    // A name that is not known is an error, never a pattern for others.
    "-o",
    "APT::Cmd::Pattern-Only=true",
    ...(wish.force
      ? ["--allow-downgrades", "--allow-remove-essential", "--allow-change-held-packages", "--allow-unauthenticated"]
      : [
          ...(wish.allow_unauthenticated ? ["--allow-unauthenticated"] : []),
          ...(wish.allow_downgrade ? ["--allow-downgrades"] : []),
          ...(wish.allow_change_held_packages ? ["--allow-change-held-packages"] : []),
        ]),
  ];
}

function installOptions(wish: AptWish): string[] {
  return [
    ...common(wish),
    ...(wish.only_upgrade ? ["--only-upgrade"] : []),
    ...(wish.state === "fixed" ? ["--fix-broken"] : []),
    ...(wish.autoremove ? ["--auto-remove"] : []),
    ...(wish.fail_on_autoremove ? ["--no-remove"] : []),
    ...(wish.default_release === undefined ? [] : ["-t", wish.default_release]),
    ...(wish.install_recommends === undefined
      ? []
      : ["-o", `APT::Install-Recommends=${wish.install_recommends ? "yes" : "no"}`]),
  ];
}

function updateJob(wish: AptWish, seen: AptSeen, now: number, isUncounted: boolean): Job {
  const mtime = { seconds: now, nanoseconds: 0 };
  const touched = seen.stamp.stat ? stampPath : listsPath;
  return {
    argv: [
      "apt-get",
      "update",
      "-q",
      "-o",
      "APT::Update::Error-Mode=any",
      "-o",
      `Acquire::Retries=${wish.update_cache_retries}`,
      "-o",
      `Acquire::Retries::Delay::Maximum=${wish.update_cache_retry_max_delay}`,
      "-o",
      `DPkg::Lock::Timeout=${wish.lock_timeout}`,
      ...(wish.allow_unauthenticated || wish.force ? ["--allow-insecure-repositories"] : []),
    ],
    assumes: [
      ...((seen.stamp.stat ?? seen.lists.stat)
        ? []
        : [{ kind: "makeDirectory", path: listsPath, mode: 0o755, expect: {} } as const]),
      // There will be indexes; what they are called is the sources' to say.
      { kind: "writeFile", path: `${listsPath}/predicted_InRelease`, content: contentOf(""), expect: {} },
      { kind: "setAttributes", path: touched, mtime, expect: {} },
    ],
    isContained: true,
    isUncounted,
  };
}

interface Chosen {
  readonly spec: AptSpec;
  readonly argument: string;
  readonly version: string | undefined;
  readonly found: DpkgPackage | undefined;
  /** Only apt can tell whether there is anything to do. */
  readonly isOpen: boolean;
}

function installSteps(wish: AptWish, view: AptView, isDue: boolean): Steps {
  const choices = view.specs.map((spec) => choose(spec, wish, view, isDue));
  const refusal = choices.find((one): one is Refusal => one !== undefined && "message" in one);
  if (refusal) return { jobs: [], refusal };
  const chosen = choices.filter((one): one is Chosen => one !== undefined && "spec" in one);
  const marks = markJobs(view, new Set(chosen.map(({ spec }) => spec.name)));
  if (chosen.length === 0) return { jobs: marks };
  const paragraphs = chosen.map(({ spec, version, found }) => installedParagraph(spec.name, version, found, view));
  const install: Job = {
    argv: ["apt-get", "install", ...installOptions(wish), "--", ...chosen.map((one) => one.argument)],
    assumes: [{ kind: "amendParagraphs", path: statusPath, paragraphs }],
    ...(chosen.every((one) => one.isOpen) ? { hasDone: somethingDone } : {}),
  };
  return {
    jobs: [install, ...marks],
    before: chosen.flatMap(({ spec, found }) => (found ? [`${spec.name} ${found.version}`] : [])),
    after: chosen.map(({ spec, version }) => [spec.name, version].filter(Boolean).join(" ")),
  };
}

/** What apt is to be asked for, why it cannot be, or undefined where the package is as wanted. */
function choose(spec: AptSpec, wish: AptWish, view: AptView, isDue: boolean): Chosen | Refusal | undefined {
  const { policy: policies } = view;
  const found = findPackage(view.packages, spec.name, view.native);
  const installed = found && isInstalled(found) ? found : undefined;
  const policy = policies?.get(spec.name);
  if (!installed && wish.only_upgrade) return undefined;
  const isProvided = !installed && spec.operator === undefined && findProvider(view.packages, spec.name) !== undefined;
  if (isProvided && policy && policy.versions.length === 0) return undefined;
  const isRight = installed !== undefined && takesVersion(spec, installed.version);
  if (isRight && wish.state !== "latest") return undefined;
  const best = policy && bestVersion(spec, policy);
  if (!isDue && policies) {
    const refusal = isRight ? undefined : missingRefusal(spec, policy, found !== undefined);
    if (refusal) return refusal;
    if (isRight && (best === undefined || compareVersions(best, installed.version) === 0)) return undefined;
    if (isRight && best !== undefined && compareVersions(best, installed.version) < 0 && !wish.allow_downgrade)
      return undefined;
  }
  const version = spec.operator === "=" ? ((isDue ? undefined : best) ?? spec.version) : undefined;
  const argument = version === undefined ? spec.name : `${spec.name}=${version}`;
  return {
    spec,
    argument,
    version: isDue ? undefined : best,
    found: installed,
    isOpen: (isDue && isRight) || (isProvided && !policy),
  };
}

function missingRefusal(spec: AptSpec, policy: AptPolicy | undefined, isKnown: boolean): Refusal | undefined {
  const remedy = "Check the name, or run with update_cache: true; the tree's lists may be old or empty.";
  if (!policy) return isKnown ? undefined : { message: `No package matching '${spec.name}' is available`, remedy };
  if (policy.versions.length === 0 || bestVersion(spec, policy) !== undefined) return undefined;
  const message = `no available installation candidate for ${spec.text}`;
  return { message, remedy: `apt knows ${policy.versions.join(", ")}. ${remedy}` };
}

/** The version that apt would install for the specification, undefined where it has none. One that is asked for goes before all pins. */
function bestVersion(spec: AptSpec, policy: AptPolicy): string | undefined {
  if (spec.operator === "=") return policy.versions.find((version) => takesVersion(spec, version));
  return policy.candidate !== undefined && takesVersion(spec, policy.candidate) ? policy.candidate : undefined;
}

/** What was installed for others and is asked for now stays from now on: apt-mark manual, which changes nothing else. */
function markJobs(view: AptView, installing: ReadonlySet<string>): Job[] {
  const names = view.specs
    .map((spec) => spec.name)
    .filter((name) => !installing.has(name) && view.automatic.has(splitArchitecture(name).name));
  if (names.length === 0) return [];
  const paragraphs = names.map((name) => ({ firstLine: `Package: ${splitArchitecture(name).name}`, text: undefined }));
  return [
    {
      argv: ["apt-mark", "manual", ...names],
      assumes: [{ kind: "amendParagraphs", path: "/var/lib/apt/extended_states", paragraphs }],
      isContained: true,
      isUncounted: true,
    },
  ];
}

function installedParagraph(
  full: string,
  version: string | undefined,
  found: DpkgPackage | undefined,
  view: AptView,
): AmendParagraphs["paragraphs"][number] {
  const { name, architecture = view.native ?? "all" } = splitArchitecture(full);
  const lines = [
    `Package: ${name}`,
    "Status: install ok installed",
    `Architecture: ${found?.architecture ?? architecture}`,
  ];
  const known = version ?? found?.version;
  return {
    firstLine: `Package: ${name}`,
    text: [...lines, ...(known === undefined ? [] : [`Version: ${known}`]), ""].join("\n"),
  };
}

function removalSteps(wish: AptWish, view: AptView): Steps {
  const chosen = view.specs.flatMap((spec): DpkgPackage[] => {
    const found = findPackage(view.packages, spec.name, view.native);
    if (!found) return [];
    if (isInstalled(found) || /^(unpacked|half-configured|half-installed)$/.test(found.state))
      return takesVersion(spec, found.version) ? [found] : [];
    return wish.purge && found.state === "config-files" ? [found] : [];
  });
  if (chosen.length === 0) return { jobs: [] };
  const paragraphs = chosen.map((one) => ({
    firstLine: `Package: ${one.name}`,
    text:
      wish.purge || !one.hasConffiles
        ? undefined
        : one.text.replace(/^Status:.*$/m, "Status: deinstall ok config-files"),
  }));
  const options = [...common(wish), ...(wish.purge ? ["--purge"] : []), ...(wish.autoremove ? ["--auto-remove"] : [])];
  const names = chosen.map((one) =>
    one.architecture === view.native || one.architecture === "all" ? one.name : `${one.name}:${one.architecture}`,
  );
  return {
    jobs: [
      {
        argv: ["apt-get", "remove", ...options, "--", ...names],
        assumes: [{ kind: "amendParagraphs", path: statusPath, paragraphs }],
      },
    ],
    before: chosen.map((one) => `${one.name} ${one.version}`),
    after: [],
  };
}

function upgradeSteps(wish: AptWish, seen: AptSeen, mode: "safe" | "dist", isDue: boolean): Steps {
  const simulation = simulationOf(seen);
  if (!isDue && simulation.failure) return { jobs: [], refusal: simulation.failure };
  if (!isDue && nothingDone.test(simulation.stdout)) return { jobs: [] };
  const command = mode === "dist" ? ["dist-upgrade"] : ["upgrade", "--with-new-pkgs"];
  const options = [
    ...common(wish),
    ...(wish.autoremove ? ["--auto-remove"] : []),
    ...(wish.fail_on_autoremove ? ["--no-remove"] : []),
  ];
  const release = wish.default_release === undefined ? [] : ["-t", wish.default_release];
  return {
    jobs: [{ argv: ["apt-get", ...command, ...options, ...release], hasDone: somethingDone }],
    ...simulatedDiff(simulation.stdout),
  };
}

/** Packages before and after, from the lines of a simulation. */
function simulatedDiff(stdout: string): { readonly before: string[]; readonly after: string[] } {
  const before: string[] = [];
  const after: string[] = [];
  for (const line of stdout.split("\n")) {
    const install = /^Inst (\S+)(?: \[([^\]]+)\])? \((\S+)/.exec(line);
    const remove = /^(?:Remv|Purg) (\S+) \[([^\]]+)\]/.exec(line);
    if (install?.[2] !== undefined) before.push(`${install[1] ?? ""} ${install[2]}`);
    if (install) after.push(`${install[1] ?? ""} ${install[3] ?? ""}`);
    if (remove) before.push(`${remove[1] ?? ""} ${remove[2] ?? ""}`);
  }
  return { before, after };
}

function buildSteps(wish: AptWish, seen: AptSeen, isDue: boolean): Steps {
  const simulation = simulationOf(seen);
  if (!isDue && simulation.failure) return { jobs: [], refusal: simulation.failure };
  if (!isDue && nothingDone.test(simulation.stdout)) return { jobs: [] };
  const names = (wish.package ?? []).map((name) => name.trim());
  return {
    jobs: [{ argv: ["apt-get", "build-dep", ...installOptions(wish), "--", ...names], hasDone: somethingDone }],
    ...simulatedDiff(simulation.stdout),
  };
}

function cleanupSteps(wish: AptWish, seen: AptSeen): Steps {
  if (!wish.autoclean && !wish.autoremove) return { jobs: [] };
  const simulation = simulationOf(seen);
  if (simulation.failure) return { jobs: [], refusal: simulation.failure };
  const isNeeded = wish.autoclean ? /^Del /m.test(simulation.stdout) : /^(Remv|Purg) /m.test(simulation.stdout);
  if (!isNeeded) return { jobs: [] };
  const operation = wish.autoclean ? "autoclean" : "autoremove";
  return {
    jobs: [{ argv: ["apt-get", operation, ...common(wish), ...(wish.purge ? ["--purge"] : [])] }],
    ...simulatedDiff(simulation.stdout),
  };
}

function simulationOf(seen: AptSeen): { readonly stdout: string; readonly failure: Refusal | undefined } {
  const first = seen.simulations[0];
  const stdout = outputText(first?.stdout);
  const stderr = outputText(first?.stderr);
  if (!first || (first.exit.kind === "exited" && first.exit.value === 0)) return { stdout, failure: undefined };
  const remedy = remedyFor(stderr);
  return {
    stdout,
    failure: {
      message: errorLines(stderr) || first.failure?.message || "apt-get failed",
      ...(remedy === undefined ? {} : { remedy }),
    },
  };
}

/** `.deb` files: those whose version is installed already are left out, the rest goes to apt with its dependencies. */
function debSteps(wish: AptWish, seen: AptSeen, view: AptView): Steps {
  const wanted: { file: string; name: string; version: string; architecture: string }[] = [];
  for (const [index, file] of debFiles(wish).entries()) {
    const told = seen.debs[index];
    const fields = parseParagraph(outputText(told?.stdout));
    const [name, version, architecture] = [fields.get("package"), fields.get("version"), fields.get("architecture")];
    if (name === undefined || version === undefined || architecture === undefined) {
      const reason = errorLines(outputText(told?.stderr)) || told?.failure?.message || "it is no Debian package";
      return {
        jobs: [],
        refusal: {
          message: `Unable to install package: ${file}: ${reason}`,
          remedy: "Look whether the file is in the tree, and a .deb.",
        },
      };
    }
    const found = view.packages.find(
      (one) => one.name === name && (one.architecture === architecture || architecture === "all"),
    );
    if (found && isInstalled(found) && compareVersions(found.version, version) === 0) continue;
    wanted.push({ file, name, version, architecture });
  }
  if (wanted.length === 0) return { jobs: [] };
  const paragraphs = wanted.map(({ name, version, architecture }) => ({
    firstLine: `Package: ${name}`,
    text: `Package: ${name}\nStatus: install ok installed\nArchitecture: ${architecture}\nVersion: ${version}\n`,
  }));
  return {
    jobs: [
      {
        argv: debArgv(
          wish,
          wanted.map((one) => one.file),
        ),
        assumes: [{ kind: "amendParagraphs", path: statusPath, paragraphs }],
      },
    ],
    before: [],
    after: wanted.map((one) => `${one.name} ${one.version}`),
  };
}

function debArgv(wish: AptWish, files: readonly string[]): string[] {
  const install = ["apt-get", "install", ...installOptions(wish), "--"];
  if (!files.some((file) => file.includes("://"))) return [...install, ...files];
  const script =
    'set -e; url=$1; shift; d=$(mktemp -d); trap \'rm -rf "$d"\' EXIT; chmod 755 "$d"; /usr/lib/apt/apt-helper download-file "$url" "$d/x.deb"; "$@" "$d/x.deb"';
  return ["/bin/sh", "-c", script, "sh", files[0] ?? "", ...install];
}

function needsClean(seen: AptSeen): boolean {
  return cleanable(seen).length > 0;
}

/** What `apt-get clean` removes. */
function cleanable(seen: AptSeen): string[] {
  const entries = seen.archives[0]?.entries ?? [];
  return entries
    .filter(({ name, stat }) => stat.type === "file" && name !== "lock" && name !== "partial/lock")
    .map(({ name }) => `${archivesPath}/${name}`);
}

function cleanJob(seen: AptSeen): Job {
  return {
    argv: ["apt-get", "clean"],
    assumes: cleanable(seen).map((path): Change => ({ kind: "remove", path, expect: {} })),
    isContained: true,
  };
}

/** Ansible's keys from what the programs wrote; a failure with apt's own words and what to do. */
function conclude(jobs: readonly Job[], outcomes: readonly Outcome[], cache: ResultFields): Conclusion {
  const main = outcomes.length - 1;
  const failed = outcomes.findIndex(
    (one) => one.failure !== undefined || one.exit?.kind !== "exited" || one.exit.value !== 0,
  );
  const at =
    failed >= 0
      ? failed
      : jobs.findLastIndex((job, index) => index <= main && job.argv[0] !== "apt-mark" && job.argv[1] !== "update");
  const outcome = outcomes[at < 0 ? main : at];
  const [stdout, stderr] = [outputText(outcome?.stdout), outputText(outcome?.stderr)];
  const result = { ...cache, ...outputFields(stdout, stderr) };
  if (failed >= 0) {
    const { exit } = outcome ?? {};
    const command = (jobs[failed]?.argv ?? []).join(" ");
    const words =
      errorLines(stderr) ||
      outcome?.failure?.message ||
      exit?.failure?.message ||
      `ended with ${exit?.kind ?? "nothing"} ${exit?.value ?? ""}`;
    const remedy = remedyFor(`${stderr}\n${stdout}`);
    const what = jobs[failed]?.argv[1] === "update" ? "Failed to update apt cache" : `'${command}' failed`;
    return {
      result: { ...result, rc: exit?.value ?? 1 },
      refusal: { message: `${what}: ${words}`, ...(remedy === undefined ? {} : { remedy }) },
    };
  }
  const counted = jobs.filter((job) => !job.isUncounted);
  const hasDone = jobs.some(
    (job, index) => !job.isUncounted && (!job.hasDone || job.hasDone.test(outputText(outcomes[index]?.stdout))),
  );
  return counted.length > 0 && !hasDone ? { result, changed: false } : { result };
}
