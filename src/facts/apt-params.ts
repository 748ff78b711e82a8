// The parameters of apt, which package takes too.

import type { ParamsOf, ParamRules, ParamSpecs } from "../module/param.js";

export const aptParams = {
  package: {
    type: "list",
    elements: "str",
    aliases: ["name", "pkg"],
    doc: "Packages: `foo`, `foo=1.0`, `foo=1.0*`, `foo>=1.0`, `foo:i386`, or patterns as `foo*`. `*` alone with state latest upgrades all.",
  },
  state: {
    type: "str",
    choices: ["absent", "build-dep", "fixed", "latest", "present"],
    default: "present",
    doc: "What the packages should be. build-dep: what is needed to build them; fixed: repair broken dependencies too.",
  },
  update_cache: { type: "bool", aliases: ["update-cache"], doc: "Bring the lists up to date before (apt-get update)." },
  update_cache_retries: { type: "int", default: 5, doc: "How often a download is tried again." },
  update_cache_retry_max_delay: { type: "int", default: 12, doc: "Most seconds between two tries." },
  cache_valid_time: {
    type: "int",
    default: 0,
    doc: "Seconds for which lists count as up to date. If given, update_cache is implied.",
  },
  purge: { type: "bool", default: false, doc: "Remove configuration files too." },
  deb: {
    type: "path",
    doc: "A `.deb` file in the tree (several: joined by commas), or a URL that the tree downloads.",
  },
  default_release: { type: "str", aliases: ["default-release"], doc: "The release to prefer, as apt's -t." },
  install_recommends: {
    type: "bool",
    aliases: ["install-recommends"],
    doc: "Whether recommended packages are installed too. Without it, as the tree is configured.",
  },
  force: {
    type: "bool",
    default: false,
    doc: "Let apt downgrade, remove essential and change held packages, and install unauthenticated ones.",
  },
  upgrade: {
    type: "str",
    choices: ["dist", "full", "no", "safe", "yes"],
    default: "no",
    doc: "Upgrade all packages: yes and safe remove none, dist and full may.",
  },
  dpkg_options: { type: "str", default: "force-confdef,force-confold", doc: "Options of dpkg, joined by commas." },
  autoremove: { type: "bool", default: false, doc: "Remove what was installed for others and is needed no more." },
  autoclean: { type: "bool", default: false, doc: "Remove downloaded files of packages that can be had no more." },
  fail_on_autoremove: { type: "bool", default: false, doc: "Fail where something would have to be removed." },
  policy_rc_d: {
    type: "int",
    doc: "101: let packages start no services, in a booted tree too. In a tree that is not booted nothing starts anyway. The tree's own policy-rc.d is never touched.",
  },
  only_upgrade: { type: "bool", default: false, doc: "Leave packages alone that are not installed." },
  force_apt_get: {
    type: "bool",
    default: false,
    doc: "Taken for Ansible's sake: crun uses apt-get always, never aptitude.",
  },
  clean: { type: "bool", default: false, doc: "Remove all downloaded package files." },
  allow_unauthenticated: {
    type: "bool",
    default: false,
    aliases: ["allow-unauthenticated"],
    doc: "Install packages whose archive's signature cannot be verified.",
  },
  allow_downgrade: {
    type: "bool",
    default: false,
    aliases: ["allow-downgrade", "allow_downgrades", "allow-downgrades"],
    doc: "Install an older version over a newer one.",
  },
  allow_change_held_packages: { type: "bool", default: false, doc: "Change packages that are on hold." },
  lock_timeout: { type: "int", default: 60, doc: "Seconds to wait for apt's and dpkg's locks." },
} as const satisfies ParamSpecs;

export const aptRules: ParamRules = {
  mutuallyExclusive: [["deb", "package", "upgrade"]],
  requiredOneOf: [
    ["autoremove", "autoclean", "clean", "deb", "package", "update_cache", "cache_valid_time", "upgrade"],
  ],
};

export type AptWish = ParamsOf<typeof aptParams>;

/** Keys of apt's result. */
export const aptReturns = {
  cache_updated: "whether the lists were brought up to date",
  cache_update_time: "when the lists were brought up to date, in seconds since 1970 (0: never)",
  stdout: "what apt wrote",
  stdout_lines: "its lines",
  stderr: "what apt wrote as errors",
  stderr_lines: "its lines",
  rc: "apt's exit status, where it failed",
};
