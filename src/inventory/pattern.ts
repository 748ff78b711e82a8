// Patterns of targets: `web,db,!staging,&prod`, `node*:web*`, `~^node\d+:db`, `web[0:4]`, `all`.

import { CrunError, type Diagnostic } from "../diagnostic/diagnostic.js";
import { nearest } from "../diagnostic/near.js";
import { BadRegex, pythonRegex } from "../module/regex.js";

/** What patterns are matched against. */
export interface Names {
  /** In the order in which they were first named. */
  readonly targets: { has(name: string): boolean; keys(): Iterable<string>; readonly size: number };
  /** Members in inventory order; has `all`. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** Hosts that have trees in the inventory, without being targets themselves perhaps. */
  readonly hosts: ReadonlySet<string>;
  /** Names that exist without being listed (`local`); gives the target's name. */
  implicit(name: string): string | undefined;
  /** Whether a name that is unknown may come to be one: it stands for nothing yet. */
  mayCome(name: string): boolean;
}

/**
 * Names of the targets that a pattern stands for, in order, each once: first what is wanted, then what must also be (`&`), then what must not be
 * (`!`), wherever they stand. Throws a CrunError for a name that is unknown.
 */
export function matchPattern(pattern: string, names: Names): readonly string[] {
  const parts = splitPattern(pattern);
  const plain = parts.filter((part) => !/^[!&]/.test(part));
  const chosen = new Set<string>();
  const hasOthers = parts.length > 0;
  for (const part of plain.length > 0 || !hasOthers ? plain : ["all"])
    for (const name of matchPart(part, names)) chosen.add(name);
  for (const part of parts.filter((one) => one.startsWith("&"))) {
    const wanted = new Set(matchPart(part.slice(1), names));
    for (const name of chosen) if (!wanted.has(name)) chosen.delete(name);
  }
  for (const part of parts.filter((one) => one.startsWith("!"))) {
    for (const name of matchPart(part.slice(1), names)) chosen.delete(name);
  }
  return [...chosen];
}

/** Parts at commas outside brackets; a regular expression keeps its own. */
export function splitPattern(pattern: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = "";
  for (const character of pattern) {
    if ("[({".includes(character)) depth++;
    if ("])}".includes(character)) depth--;
    if (character === "," && depth <= 0) {
      parts.push(part.trim());
      part = "";
    } else part += character;
  }
  parts.push(part.trim());
  return parts.filter((one) => one !== "");
}

function matchPart(part: string, names: Names): readonly string[] {
  if (part.startsWith("~")) return matchExpression(part, names);
  if (names.targets.has(part)) return [part];
  // Ansible's union; no tree is called so.
  if (/:[!&]/.test(part)) throw new CrunError(unknownName(part, names));
  const slice = /^(.+)\[(?:(-?\d+)|(-?\d*)([:-])(-?\d*))\]$/.exec(part);
  if (slice?.[1] === undefined) return matchName(part, names);
  const [, base = "", position, from = "", separator, to = ""] = slice;
  if (separator === "-" && /^\d+$/.test(from)) {
    const remedy = `Write ${base}[${from}:${to}]: both ends belong to it.`;
    throw wrong(part, "a slice has a colon between its ends", remedy);
  }
  return sliceOf(part, matchName(base, names), position, from, to);
}

function sliceOf(
  part: string,
  all: readonly string[],
  position: string | undefined,
  from: string,
  to: string,
): readonly string[] {
  if (all.length === 0) return all;
  if (position !== undefined) {
    const one = all.at(Number(position));
    if (one !== undefined) return [one];
    const count = all.length === 1 ? "one target" : `${all.length} targets`;
    throw wrong(part, `there are only ${count}`, `The first is [0], the last [${all.length - 1}] or [-1].`);
  }
  // Both ends belong to an Ansible slice.
  const last = to === "" ? -1 : Number(to);
  return all.slice(from === "" ? 0 : Number(from), last === -1 ? undefined : last + 1);
}

/** Matches at the beginning of names, as in Ansible; takes Python's spelling. */
function matchExpression(part: string, names: Names): readonly string[] {
  try {
    const { regex } = pythonRegex(part.slice(1));
    return withGroups(names, (name) => regex.exec(name)?.index === 0);
  } catch (error) {
    if (!(error instanceof BadRegex)) throw error;
    throw new CrunError({
      severity: "error",
      summary: `the pattern ${part} is no regular expression`,
      detail: error.message,
    });
  }
}

/** Members of the groups whose names match, then the targets whose own names do. */
function withGroups(names: Names, test: (name: string) => boolean): readonly string[] {
  const found: string[] = [];
  for (const [group, members] of names.groups) if (test(group)) for (const name of members) found.push(name);
  for (const name of names.targets.keys()) if (test(name)) found.push(name);
  return found;
}

function matchName(name: string, names: Names): readonly string[] {
  if (name === "all" || name === "*") return names.groups.get("all") ?? [];
  // As in Ansible the entry is meant where a group bears the same name.
  if (names.targets.has(name)) return [name];
  const group = names.groups.get(name);
  if (group) return group;
  if (/[*?[]/.test(name)) {
    const glob = globExpression(name);
    return withGroups(names, (one) => glob.test(one));
  }
  const implicit = names.implicit(name);
  if (implicit !== undefined) return [implicit];
  if (names.mayCome(name)) return [];
  throw new CrunError(unknownName(name, names));
}

/**
 * `*` and `?` do not cross the colon between host and tree, so `HOST:*` is all trees of the host and `web*` no tree; `[abc]` and `[!abc]` are one
 * character.
 */
export function globExpression(glob: string): RegExp {
  const source = glob.replace(/\*|\?|\[(!?)(\]?[^\]]*)\]|[^*?[]+|\[/g, (part, not?: string, set?: string) => {
    if (part === "*") return "[^:]*";
    if (part === "?") return "[^:]";
    if (set !== undefined) return `[${not === "!" ? "^:" : ""}${set.replace(/[\\\][^]/g, "\\$&")}]`;
    return part.replace(/[.+^${}()|\\[\]/]/g, "\\$&");
  });
  try {
    return new RegExp(`^${source}$`);
  } catch {
    // Nothing else of a glob can be wrong.
    throw wrong(glob, "a range of characters in [ ] runs backwards", "Write it as [a-z].");
  }
}

function wrong(pattern: string, problem: string, remedy: string): CrunError {
  return new CrunError({ severity: "error", summary: `the pattern ${pattern}: ${problem}`, remedy });
}

function unknownName(name: string, names: Names): Diagnostic {
  const summary = `the inventory knows no host, tree or group ${JSON.stringify(name)}`;
  return { severity: "error", summary, remedy: remedyFor(name, names) };
}

function remedyFor(name: string, names: Names): string {
  if (names.hosts.has(name))
    return `${name} is a host that has trees: write ${name}:* for them, or add ${name} itself to the inventory.`;
  const union = asCommas(name, names);
  if (union !== undefined) return `A colon separates host and tree. For several patterns write commas: ${union}`;
  const near = nearest(name, [...names.groups.keys(), ...names.targets.keys(), ...names.hosts]);
  if (near !== undefined) return `Did you mean ${JSON.stringify(near)}?`;
  if (names.targets.size === 0)
    return "The inventory has no targets: give one with -i FILE, or names with a comma, as -i web1,";
  return "See what there is: crun inventory --graph";
}

/** Ansible's `web:db:!old` with commas, where its parts are patterns of this inventory. */
function asCommas(name: string, names: Names): string | undefined {
  const parts = name.split(":");
  if (parts.length < 2) return undefined;
  const isKnown = (part: string): boolean => {
    const bare = part.replace(/^[!&]/, "").replace(/\[[^\]]*\]$/, "");
    return bare === "all" || names.groups.has(bare) || names.targets.has(bare) || /[*?~]/.test(bare);
  };
  const isUnion = parts.some((part) => /^[!&]/.test(part)) || parts.every(isKnown);
  return isUnion ? parts.join(",") : undefined;
}
