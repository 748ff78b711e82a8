// /var/lib/dpkg/status: which packages a Debian tree has.

import { paragraphsOf } from "../module/content.js";

export const statusPath = "/var/lib/dpkg/status";

/** A package as dpkg knows it. `state` is the third word of Status (`installed`, `config-files`, …), `want` the first (`hold`, …). */
export interface DpkgPackage {
  readonly name: string;
  readonly architecture: string;
  readonly version: string;
  readonly want: string;
  readonly state: string;
  readonly provides: readonly string[];
  readonly hasConffiles: boolean;
  /** The paragraph, for predictions. */
  readonly text: string;
}

/** Fields of a control paragraph by lower-case name; continuation lines are kept, joined by newlines. */
export function parseParagraph(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  let last = "";
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (/^[ \t]/.test(line) && last !== "") fields.set(last, `${fields.get(last) ?? ""}\n${line.trim()}`);
    else if (colon > 0) {
      last = line.slice(0, colon).toLowerCase();
      fields.set(last, line.slice(colon + 1).trim());
    }
  }
  return fields;
}

/** The packages of what was read of the status file. */
export function parseStatus(content: Uint8Array | undefined): readonly DpkgPackage[] {
  return paragraphsOf(Buffer.from(content ?? []).toString("utf8")).flatMap((text): DpkgPackage[] => {
    const fields = parseParagraph(text);
    const name = fields.get("package");
    const [want = "", , state = ""] = (fields.get("status") ?? "").split(/\s+/);
    if (name === undefined) return [];
    const provides = (fields.get("provides") ?? "").split(",").flatMap((one) => /^\s*([^\s(:]+)/.exec(one)?.[1] ?? []);
    return [
      {
        name,
        architecture: fields.get("architecture") ?? "",
        version: fields.get("version") ?? "",
        want,
        state,
        provides,
        hasConffiles: fields.has("conffiles"),
        text,
      },
    ];
  });
}

/** Whether all of the package is there. Pending triggers do not count against it, as for apt. */
export function isInstalled(one: DpkgPackage): boolean {
  return one.state === "installed" || one.state === "triggers-pending" || one.state === "triggers-awaited";
}

/**
 * Needles that find the paragraphs of packages by name, and of those that provide them as the first (mostly the only) of their names.
 * `deeply`: also those that merely mention the name after a blank, for names that were found in no other way.
 */
export function statusNeedles(names: readonly string[], deeply = false): string[] {
  return names.flatMap((name) => [
    `\nPackage: ${name}\n`,
    ...(deeply ? [` ${name}`] : [`\nProvides: ${name}\n`, `\nProvides: ${name},`, `\nProvides: ${name} (`]),
  ]);
}

/** `name`, `name:arch`. `any` and `native` as architecture are the tree's own. */
export function splitArchitecture(name: string): { readonly name: string; readonly architecture: string | undefined } {
  const [base = "", architecture] = name.split(":", 2);
  const isOwn =
    architecture === undefined || architecture === "any" || architecture === "native" || architecture === "all";
  return { name: base, architecture: isOwn ? undefined : architecture };
}

/** The packages of the status file that answer to a name: the package itself, in the architecture that is asked for or the tree's own. */
export function findPackage(
  packages: readonly DpkgPackage[],
  full: string,
  native: string | undefined,
): DpkgPackage | undefined {
  const { name, architecture = native } = splitArchitecture(full);
  const named = packages.filter((one) => one.name === name);
  return architecture === undefined
    ? named[0]
    : named.find((one) => one.architecture === architecture || one.architecture === "all");
}

/** An installed package that provides the name. */
export function findProvider(packages: readonly DpkgPackage[], full: string): DpkgPackage | undefined {
  const { name } = splitArchitecture(full);
  return packages.find((one) => isInstalled(one) && one.provides.includes(name));
}

/** The tree's own architecture: dpkg's. */
export function nativeArchitecture(packages: readonly DpkgPackage[]): string | undefined {
  return packages.find((one) => one.name === "dpkg" && one.architecture !== "all")?.architecture;
}
