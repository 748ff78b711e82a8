// Packages by name: which to install, upgrade, mark and remove.

import type { AmendParagraphs } from "../module/change.js";
import type { Refusal } from "../module/contract.js";
import { common, installOptions, somethingDone, type Job, type Steps } from "./apt-jobs.js";
import type { AptView } from "./apt-look.js";
import type { AptWish } from "./apt-params.js";
import type { AptPolicy } from "./apt-policy.js";
import { takesVersion, type AptSpec } from "./apt-spec.js";
import { compareVersions } from "./debian-version.js";
import {
  findPackage,
  findProvider,
  isInstalled,
  splitArchitecture,
  statusPath,
  type DpkgPackage,
} from "./dpkg-status.js";

interface Chosen {
  readonly spec: AptSpec;
  readonly argument: string;
  readonly version: string | undefined;
  readonly found: DpkgPackage | undefined;
  /** Only apt can tell whether there is anything to do. */
  readonly isOpen: boolean;
}

/** Installs and upgrades what is not as wanted, in one run. */
export function installSteps(wish: AptWish, view: AptView, isDue: boolean): Steps {
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

/** Removes what is there, and with purge what is left. */
export function removalSteps(wish: AptWish, view: AptView): Steps {
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
