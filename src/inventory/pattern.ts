// Patterns of targets: `web,db,!staging,&prod`, `node*:web*`, `~^node\d+:db`, `web[0:4]`, `all`.

import { CrunError } from "../diagnostic/diagnostic.js";
import { nearest } from "../diagnostic/near.js";

/** What patterns are matched against. All names in inventory order. */
export interface Names {
  readonly targets: readonly string[];
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** Hosts that have trees in the inventory, without being targets themselves perhaps. */
  readonly hosts: ReadonlySet<string>;
  /** Names that exist without being listed (`local`); gives the target's name. */
  implicit(name: string): string | undefined;
  /** Whether a name that is unknown may come to be one: it stands for nothing yet. */
  mayCome(name: string): boolean;
}

/** Names of the targets that a pattern stands for, in order, each once. Throws a CrunError for a name that is unknown. */
export function matchPattern(pattern: string, names: Names): readonly string[] {
  const parts = splitPattern(pattern);
  const plain = parts.filter((part) => !/^[!&]/.test(part));
  const chosen = new Set<string>();
  for (const part of plain.length > 0 ? plain : ["all"]) for (const name of matchPart(part, names)) chosen.add(name);
  for (const part of parts.filter((one) => one.startsWith("&"))) {
    const wanted = new Set(matchPart(part.slice(1), names));
    for (const name of chosen) if (!wanted.has(name)) chosen.delete(name);
  }
  for (const part of parts.filter((one) => one.startsWith("!"))) {
    for (const name of matchPart(part.slice(1), names)) chosen.delete(name);
  }
  return [...chosen];
}

/** The parts of a pattern: at commas outside brackets; a regular expression keeps its own. */
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
  const slice = /^(.+)\[(-?\d+)?(:)?(-?\d+)?\]$/.exec(part);
  if (slice?.[1] !== undefined && (slice[2] !== undefined || slice[3] !== undefined)) {
    const all = matchName(slice[1], names);
    const first = slice[2] === undefined ? 0 : Number(slice[2]);
    if (slice[3] === undefined) {
      const one = all.at(first);
      return one === undefined ? [] : [one];
    }
    // Both ends belong to an Ansible slice.
    const last = slice[4] === undefined ? -1 : Number(slice[4]);
    return all.slice(first, last === -1 ? undefined : last + 1);
  }
  return matchName(part, names);
}

function matchExpression(part: string, names: Names): readonly string[] {
  let expression: RegExp;
  try {
    expression = new RegExp(part.slice(1));
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new CrunError({ severity: "error", summary: `the pattern ${part} is no regular expression`, detail });
  }
  const groups = [...names.groups.keys()].filter((name) => expression.test(name));
  const members = groups.flatMap((name) => names.groups.get(name) ?? []);
  return [...members, ...names.targets.filter((name) => expression.test(name))];
}

function matchName(name: string, names: Names): readonly string[] {
  if (name === "all" || name === "*") return names.targets;
  const group = names.groups.get(name);
  if (group) return group;
  if (names.targets.includes(name)) return [name];
  if (/[*?]/.test(name)) {
    const glob = globExpression(name);
    const groups = [...names.groups.keys()].filter((one) => glob.test(one));
    return [...groups.flatMap((one) => names.groups.get(one) ?? []), ...names.targets.filter((one) => glob.test(one))];
  }
  const implicit = names.implicit(name);
  if (implicit !== undefined) return [implicit];
  if (names.mayCome(name)) return [];
  throw new CrunError(unknownName(name, names));
}

/** `*` and `?` do not cross the colon between host and tree; `HOST:*` is all trees of the host. */
export function globExpression(glob: string): RegExp {
  const source = glob.replace(/[*?]|[^*?]+/g, (part) => {
    if (part === "*") return "[^:]*";
    return part === "?" ? "[^:]" : part.replace(/[.+^${}()|\\]/g, "\\$&");
  });
  return new RegExp(`^${source}$`);
}

function unknownName(name: string, names: Names) {
  const summary = `the inventory knows no host, tree or group ${JSON.stringify(name)}`;
  if (names.hosts.has(name)) {
    const remedy = `${name} is a host that has trees: write ${name}:* for them, or add ${name} itself to the inventory.`;
    return { severity: "error", summary, remedy } as const;
  }
  const near = nearest(name, [...names.groups.keys(), ...names.targets]);
  const remedy =
    near === undefined ? "See what there is: crun inventory --graph" : `Did you mean ${JSON.stringify(near)}?`;
  return { severity: "error", summary, remedy } as const;
}
