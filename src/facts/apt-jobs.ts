// What apt has to be run for, as data, and the options that its work has in common.

import { contentOf } from "../module/content.js";
import type { Change, ExecChange } from "../module/change.js";
import type { Refusal } from "../module/contract.js";
import { dpkgOptions } from "./apt-command.js";
import { archivesPath, listsPath, stampPath, type AptSeen } from "./apt-look.js";
import type { AptWish } from "./apt-params.js";

/** One thing that apt has to do, and what it will have done. */
export interface Job {
  readonly argv: readonly string[];
  readonly assumes?: ExecChange["assumes"];
  readonly isContained?: boolean;
  readonly isUncounted?: boolean;
  /** Whether the output says that something was done; absent: always. */
  readonly hasDone?: RegExp;
}

export interface Steps {
  readonly jobs: readonly Job[];
  readonly refusal?: Refusal;
  /** What the packages are and will be, for the diff. */
  readonly before?: readonly string[];
  readonly after?: readonly string[];
}

export const nothingDone = /^0 upgraded, 0 newly installed, 0 to remove/m;
export const somethingDone = /^(?!0 upgraded, 0 newly installed, 0 to remove)\d+ upgraded,/m;

/** Options that all of apt-get's work has in common. */
export function common(wish: AptWish): string[] {
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

export function installOptions(wish: AptWish): string[] {
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

export function updateJob(wish: AptWish, seen: AptSeen, now: number, isUncounted: boolean): Job {
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

export function needsClean(seen: AptSeen): boolean {
  return cleanable(seen).length > 0;
}

/** What `apt-get clean` removes. */
function cleanable(seen: AptSeen): string[] {
  const entries = seen.archives[0]?.entries ?? [];
  return entries
    .filter(({ name, stat }) => stat.type === "file" && name !== "lock" && name !== "partial/lock")
    .map(({ name }) => `${archivesPath}/${name}`);
}

export function cleanJob(seen: AptSeen): Job {
  return {
    argv: ["apt-get", "clean"],
    assumes: cleanable(seen).map((path): Change => ({ kind: "remove", path, expect: {} })),
    isContained: true,
  };
}
