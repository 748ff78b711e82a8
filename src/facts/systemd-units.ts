// Unit files of systemd: where they lie, what their [Install] sections say, and the links that enable them.

import { posix } from "node:path";
import type { Change } from "../module/change.js";
import type { ListEntry } from "../module/probe.js";

export const configDirectory = "/etc/systemd/system";

/** Where unit files lie, the one that wins first. On merged /usr the last two are the same. */
export const unitDirectories = [
  configDirectory,
  "/usr/local/lib/systemd/system",
  "/lib/systemd/system",
  "/usr/lib/systemd/system",
] as const;

/** The [Install] section, specifiers not spelt out yet. */
export interface InstallSection {
  readonly wantedBy: readonly string[];
  readonly requiredBy: readonly string[];
  readonly upheldBy: readonly string[];
  readonly also: readonly string[];
  readonly alias: readonly string[];
  readonly defaultInstance: string | undefined;
}

/** A unit as it was found. `path` is what links to it lead to. */
export type UnitFile =
  | { readonly kind: "found"; readonly name: string; readonly path: string; readonly install: InstallSection }
  | { readonly kind: "alias"; readonly name: string; readonly of: string }
  | { readonly kind: "masked"; readonly name: string; readonly path: string };

/** Why a unit cannot be enabled. */
export class UnitProblem extends Error {
  readonly remedy: string | undefined;
  constructor(message: string, remedy?: string) {
    super(message);
    this.name = "UnitProblem";
    this.remedy = remedy;
  }
}

/** With `.service` where the name has no suffix of a unit. */
export function unitName(name: string): string {
  return /\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/.test(name)
    ? name
    : `${name}.service`;
}

/** The template of an instance (`getty@.service` of `getty@tty1.service`), undefined for others. */
export function templateOf(name: string): string | undefined {
  const parts = /^([^@]+@)(.+)(\.[a-z]+)$/.exec(name);
  return parts ? `${parts[1] ?? ""}${parts[3] ?? ""}` : undefined;
}

function isTemplate(name: string): boolean {
  return /^[^@]+@\.[a-z]+$/.test(name);
}

/** The sections of a unit file and its drop-ins, one after the other. */
export function parseInstall(texts: readonly string[]): InstallSection {
  const values = new Map<string, string[]>();
  for (const text of texts) {
    let section = "";
    for (const line of text.replace(/\\\r?\n(?:[ \t]*[#;].*\n)*/g, " ").split(/\r?\n/)) {
      const trimmed = line.trim();
      if (trimmed === "" || /^[#;]/.test(trimmed)) continue;
      if (trimmed.startsWith("[")) section = trimmed;
      const at = trimmed.indexOf("=");
      if (section !== "[Install]" || at < 1) continue;
      const key = trimmed.slice(0, at).trim();
      const words = (trimmed.slice(at + 1).match(/"[^"]*"|'[^']*'|\S+/g) ?? []).map((word) =>
        word.replace(/^(["'])(.*)\1$/, "$2"),
      );
      // An empty assignment takes back what stood before.
      values.set(key, words.length === 0 ? [] : [...(values.get(key) ?? []), ...words]);
    }
  }
  const list = (key: string): readonly string[] => values.get(key) ?? [];
  return {
    wantedBy: list("WantedBy"),
    requiredBy: list("RequiredBy"),
    upheldBy: list("UpheldBy"),
    also: list("Also"),
    alias: list("Alias"),
    defaultInstance: list("DefaultInstance").at(-1),
  };
}

/** Whether there is anything that enabling would do. */
export function isInstallable(install: InstallSection): boolean {
  return [install.wantedBy, install.requiredBy, install.upheldBy, install.alias, install.also].some(
    (one) => one.length > 0,
  );
}

/** `%n %N %p %i %j %%` in a name of an [Install] section; others are refused by name. */
export function expandSpecifiers(text: string, unit: string): string {
  const suffix = posix.extname(unit);
  const bare = unit.slice(0, unit.length - suffix.length);
  const [prefix = "", instance = ""] = bare.split("@", 2);
  const known: Readonly<Record<string, string>> = {
    n: unit,
    N: bare,
    p: prefix,
    i: instance,
    I: instance.replaceAll("-", "/"),
    j: prefix.split("-").at(-1) ?? prefix,
    "%": "%",
  };
  return text.replace(/%(.)/g, (_, letter: string) => {
    const value = known[letter];
    if (value === undefined)
      throw new UnitProblem(
        `${unit} is installed by the specifier %${letter}, which crun does not know`,
        "Enable it with the module command: systemctl enable.",
      );
    return value;
  });
}

interface Link {
  readonly path: string;
  readonly target: string;
  readonly isAlias: boolean;
}

/** The links that enabling a unit makes. */
function linksOf(unit: Extract<UnitFile, { kind: "found" }>): Link[] {
  const { install, path } = unit;
  const hasUsers = install.wantedBy.length + install.requiredBy.length + install.upheldBy.length > 0;
  if (isTemplate(unit.name) && install.defaultInstance === undefined && hasUsers) {
    throw new UnitProblem(`${unit.name} is a template`, `Name an instance, as ${unit.name.replace("@.", "@NAME.")}.`);
  }
  const name =
    isTemplate(unit.name) && install.defaultInstance !== undefined
      ? unit.name.replace("@.", `@${install.defaultInstance}.`)
      : unit.name;
  const beneath = (units: readonly string[], kind: string): Link[] =>
    units.map((one) => ({
      path: `${configDirectory}/${expandSpecifiers(one, name)}.${kind}/${name}`,
      target: path,
      isAlias: false,
    }));
  return [
    ...install.alias.map((one) => ({
      path: `${configDirectory}/${expandSpecifiers(one, name)}`,
      target: path,
      isAlias: true,
    })),
    ...beneath(install.wantedBy, "wants"),
    ...beneath(install.requiredBy, "requires"),
    ...beneath(install.upheldBy, "upholds"),
  ];
}

/** What lies in the configuration directory, two levels deep. */
export type ConfigEntries = readonly ListEntry[];

function dependencyLinks(entries: ConfigEntries): readonly ListEntry[] {
  return entries.filter(
    (entry) => entry.stat.type === "link" && /^[^/]+\.(wants|requires|upholds)\/[^/]+$/.test(entry.name),
  );
}

function isNamed(link: string, unit: string): boolean {
  const name = posix.basename(link);
  return name === unit || (isTemplate(unit) && templateOf(name) === unit);
}

/** Whether a link of the configuration enables the unit: as a wanted one, or by an alias. */
export function isEnabled(unit: string, entries: ConfigEntries): boolean {
  if (dependencyLinks(entries).some((entry) => isNamed(entry.name, unit))) return true;
  return aliasLinks(unit, entries).length > 0;
}

/** Links in the directory itself that lead to the unit under another name. */
function aliasLinks(unit: string, entries: ConfigEntries): readonly ListEntry[] {
  return entries.filter(
    (entry) =>
      entry.stat.type === "link" &&
      !entry.name.includes("/") &&
      entry.name !== unit &&
      posix.basename(entry.stat.target) === unit,
  );
}

/** The links to make so that the units are enabled, as `systemctl --root=TREE enable` makes them. Throws UnitProblem. */
export function enableUnits(units: readonly Extract<UnitFile, { kind: "found" }>[], entries: ConfigEntries): Change[] {
  const known = new Map(entries.map((entry) => [`${configDirectory}/${entry.name}`, entry.stat]));
  const changes: Change[] = [];
  for (const link of units.flatMap(linksOf)) {
    const there = known.get(link.path);
    if (there?.type === "link" && posix.basename(there.target) === posix.basename(link.target)) continue;
    if (there && (link.isAlias || there.type !== "link")) {
      throw new UnitProblem(
        `${link.path} already exists${there.type === "link" ? ` and is a link to ${there.target}` : ""}`,
        "Remove it, or take the alias away.",
      );
    }
    const directory = posix.dirname(link.path);
    if (directory !== configDirectory && !known.has(directory)) {
      changes.push({ kind: "makeDirectory", path: directory, mode: 0o755, uid: 0, gid: 0, expect: { type: "absent" } });
      known.set(directory, { ...emptyStat, type: "directory" });
    }
    const expect = there ? ({ type: "link", target: there.target } as const) : ({ type: "absent" } as const);
    changes.push({ kind: "makeLink", path: link.path, target: link.target, uid: 0, gid: 0, expect });
    known.set(link.path, { ...emptyStat, target: link.target });
  }
  return changes;
}

const never = { seconds: 0, nanoseconds: 0 };
const emptyStat: ListEntry["stat"] = {
  type: "link",
  mode: 0o777,
  uid: 0,
  gid: 0,
  links: 1,
  size: 0,
  device: 0,
  inode: 0,
  rdev: 0,
  blocks: 0,
  blockSize: 4096,
  atime: never,
  mtime: never,
  ctime: never,
  target: "",
};

/** The links to remove so that the units are not enabled, with directories that are empty then. */
export function disableUnits(units: readonly string[], entries: ConfigEntries): Change[] {
  const gone = new Set<ListEntry>();
  for (const unit of units) {
    for (const entry of dependencyLinks(entries)) if (isNamed(entry.name, unit)) gone.add(entry);
    for (const entry of aliasLinks(unit, entries)) gone.add(entry);
    // A unit file that lies elsewhere and was linked here by systemctl link or enable.
    for (const entry of entries)
      if (entry.name === unit && entry.stat.type === "link" && posix.basename(entry.stat.target) === unit)
        gone.add(entry);
  }
  const removals = [...gone].map((entry): Change => ({
    kind: "remove",
    path: `${configDirectory}/${entry.name}`,
    expect: { type: "link", target: entry.stat.target },
  }));
  const directories = new Set(
    [...gone].flatMap((entry) => (entry.name.includes("/") ? [posix.dirname(entry.name)] : [])),
  );
  const emptied = [...directories].filter(
    (directory) => !entries.some((entry) => posix.dirname(entry.name) === directory && !gone.has(entry)),
  );
  return [
    ...removals,
    ...emptied.map((directory): Change => ({
      kind: "remove",
      path: `${configDirectory}/${directory}`,
      expect: { type: "directory" },
    })),
  ];
}

/** Whether links of this tree lead to /usr/lib rather than to /lib, where both are the same directory. */
export function prefersUsr(entries: ConfigEntries): boolean {
  const count = (prefix: string): number => entries.filter((entry) => entry.stat.target.startsWith(prefix)).length;
  return count("/usr/lib/systemd/system/") > count("/lib/systemd/system/");
}
