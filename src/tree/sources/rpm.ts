// What dnf and zypper share: repositories as text, rpm's own settings, and where the tree's rpm looks for its database.

import type { Outcome } from "../../module/change.js";
import { firstProblem, withoutPasswords } from "./limits.js";

/** Keys of a repository's section that both programs know, and those of dnf alone. */
const repoKeys = new Set(
  "name baseurl metalink mirrorlist gpgkey gpgcheck repo_gpgcheck pkg_gpgcheck enabled priority cost exclude excludepkgs includepkgs proxy username password sslverify sslcacert sslclientcert sslclientkey module_hotfixes skip_if_unavailable type path keeppackages autorefresh enabled_metadata bandwidth throttle minrate ip_resolve fastestmirror retries timeout".split(
    " ",
  ),
);

/** A repository that the recipe describes: `id`, and the section's keys. */
export interface Repository {
  readonly id: string;
  readonly keys: Readonly<Record<string, string>>;
}

/** The repositories that the recipe describes, and the names of those that the host has. */
export interface Repositories {
  readonly own: readonly Repository[];
  readonly hosts: readonly string[];
}

export const reposDoc =
  "The repositories: maps with `id` and the keys of a .repo file (`baseurl`, `gpgkey`, `gpgcheck`, …), or names of those that the host has.";

/** A sentence for what is wrong with a list of repositories. */
export function reposProblem(repos: readonly unknown[] | undefined): string | undefined {
  return firstProblem(...(repos ?? []).map(repoProblem));
}

function repoProblem(repo: unknown): string | undefined {
  if (typeof repo === "string")
    return isId(repo) ? undefined : `repos: ${JSON.stringify(repo)} is no name of a repository`;
  if (!isMap(repo)) return "repos: a repository is a map or the name of one that the host has";
  const { id, ...keys } = repo;
  if (typeof id !== "string" || !isId(id)) return "repos: each map needs an id of letters, digits and _ . : -";
  for (const [key, value] of Object.entries(keys)) {
    if (!repoKeys.has(key)) return `repos: ${id} has ${JSON.stringify(key)}, which is no key of a repository`;
    const values = Array.isArray(value) ? value : [value];
    if (values.some((word) => typeof word === "object" || /[\0\r\n]/.test(String(word))))
      return `repos: ${key} of ${id} is no line of text`;
  }
  if (["baseurl", "metalink", "mirrorlist"].every((key) => keys[key] === undefined))
    return `repos: ${id} has none of baseurl, metalink, mirrorlist`;
  if (
    keys["gpgkey"] === undefined &&
    !(keys["gpgcheck"] === false || /^(?:0|no|false|off)$/i.test(String(keys["gpgcheck"])))
  )
    return `repos: ${id} has no gpgkey; gpgcheck: false takes packages that nobody has signed`;
  return undefined;
}

function isId(word: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.:-]*$/.test(word);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The list as a record may have it. */
export function recordedRepos(repos: readonly unknown[] | undefined): { readonly repos?: unknown } {
  if (repos === undefined) return {};
  const shown = repos.map((repo) => {
    if (!isMap(repo)) return repo;
    const { username: _user, password: _password, ...rest } = repo;
    return rest;
  });
  return { repos: withoutPasswords(shown) };
}

/** The list, read. */
export function readRepos(repos: readonly unknown[]): Repositories {
  const own = repos.filter(isMap).map(({ id, ...keys }): Repository => {
    const rows = Object.entries(keys).map(([key, value]) => [key, addressOf(key, wordOf(value))] as const);
    return { id: String(id), keys: Object.fromEntries(rows) };
  });
  return { own, hosts: repos.filter((one): one is string => typeof one === "string") };
}

/** A path of the host as the address that it is. */
function addressOf(key: string, text: string): string {
  return /^(?:baseurl|gpgkey|mirrorlist|metalink)$/.test(key)
    ? text.replace(/(^|[\s,])\/(?=[^/])/g, "$1file:///")
    : text;
}

function wordOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(wordOf).join(" ");
  return typeof value === "boolean" ? (value ? "1" : "0") : String(value);
}

/** A repository as a .repo file. What it does not say of `defaults` holds. */
export function repoText({ id, keys }: Repository, defaults: Readonly<Record<string, string>>): string {
  const rows = Object.entries({ name: id, enabled: "1", ...defaults, ...keys });
  return `[${id}]\n${rows.map(([key, value]) => `${key}=${value}\n`).join("")}`;
}

/**
 * rpm's macros. Where it keeps its database is the tree's own business, not the host's (Debian's rpm has it in root's home); what is mounted
 * for package scripts is not its to change.
 */
export const rpmMacros = "%_dbpath /usr/lib/sysimage/rpm\n%_netsharedpath /sys:/proc:/dev:/run\n";

/**
 * Shell text: the database goes where the tree's own rpm will look for it: `/var/lib/rpm` where it is an older one.
 */
export const settleDatabase = `
settle_database() {
  plain usr/lib/sysimage/rpm && plain var/lib/rpm && [ -d "$into/usr/lib/sysimage/rpm" ] || return 0
  [ -x "$into/usr/bin/rpm" ] || return 0
  wanted=$(chroot "$into" /usr/bin/rpm --eval '%_dbpath' 2>/dev/null) || return 0
  [ "$wanted" = /var/lib/rpm ] || return 0
  rmdir "$into/var/lib/rpm" 2>/dev/null || [ ! -e "$into/var/lib/rpm" ] || return 0
  mkdir -p "$into/var/lib"
  mv "$into/usr/lib/sysimage/rpm" "$into/var/lib/rpm"
}
`;

/** Scripts of packages that failed, which dnf and zypper pass over: the packages are installed, and something of them may be amiss. */
export function scriptWarnings(outcomes: readonly Outcome[]): string[] {
  const said = outcomes.flatMap(({ stdout, stderr }) =>
    [stdout, stderr].map((bytes) => Buffer.from(bytes ?? []).toString("utf8")),
  );
  const failed = said.join("\n").matchAll(/(%\w+\([^()\s]+\) scriptlet failed, [^\r\n]*)/g);
  return [
    ...new Set(
      [...failed].map(
        ([, what = ""]) => `a package's script failed, and its package was installed all the same: ${what}`,
      ),
    ),
  ];
}

export const rpmRemedies: readonly (readonly [RegExp, string])[] = [
  [
    /GPG public keys|[Gg][Pp][Gg] (?:signature|check|key)|[Ss]ignature verification|is not signed|Public key for|unknown key|NOKEY|not trusted/,
    "Name the repository's key as gpgkey; gpgcheck and repo_gpgcheck say what has to be signed.",
  ],
  [
    /Unable to find a match|No provider of|No match for argument|not found in package names/,
    "Check the names of the packages and the repositories.",
  ],
  [/nothing provides|conflicting requests|Problem: /, "Add the repository that has what is missing."],
  [/There are no enabled repositories|No repositories defined/, "Say repos: …; the host has none that is enabled."],
];
