// Puts what inventory sources say together: entries, groups of groups, membership in order.

import { CrunError, type Place } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import { byRank, type GroupRank } from "./inventory.js";
import { checkNames, plainValueOf, placeOfVar } from "./layer.js";
import type { Language } from "./language.js";
import { memoByName } from "./memo.js";
import { Problems } from "./report.js";
import type { InventorySource, WrittenChild, WrittenGroup, WrittenVar } from "./source.js";

export interface GroupNode extends GroupRank {
  /** In the order in which they were named; all's have `ungrouped` first and then what is below nothing else. */
  readonly children: readonly string[];
  /** Entries named in the group itself. */
  readonly own: readonly string[];
  readonly vars: readonly WrittenVar[];
}

export interface GraphEntry {
  readonly vars: readonly WrittenVar[];
  /** The file that names it first. */
  readonly file: string | undefined;
}

export interface Graph {
  /** In the order in which they are first named. */
  readonly entries: ReadonlyMap<string, GraphEntry>;
  readonly groups: ReadonlyMap<string, GroupNode>;
  /** Members of a group: its own, then its children's, then theirs, as Ansible orders them. */
  readonly members: ReadonlyMap<string, readonly string[]>;
  /** Groups of an entry, ancestors too, without `all` and `ungrouped`, lowest precedence first. */
  readonly groupsOf: ReadonlyMap<string, readonly GroupNode[]>;
  /** A group's name and those of the groups above it, `all` too. */
  ancestors(group: string): ReadonlySet<string>;
}

interface Draft {
  readonly name: string;
  readonly children: Map<string, Place | undefined>;
  readonly own: Set<string>;
  readonly vars: WrittenVar[];
  depth: number;
  priority: number;
}

const PRIORITY = "ansible_group_priority";

/** Throws a CrunError for a cycle of groups, a group that nothing describes, a name that is no variable. */
export function buildGraph(sources: readonly InventorySource[], language: Language): Graph {
  const builder = new Builder(language);
  for (const source of sources) builder.add(source);
  builder.checkMentions(sources);
  return builder.finish();
}

class Builder {
  readonly #language: Language;
  readonly #entries = new Map<string, { vars: WrittenVar[]; readonly file: string | undefined }>();
  readonly #groups = new Map<string, Draft>();
  readonly #problems = new Problems();

  constructor(language: Language) {
    this.#language = language;
    this.#group("all").children.set("ungrouped", undefined);
    this.#group("ungrouped");
  }

  #group(name: string): Draft {
    let group = this.#groups.get(name);
    if (!group) {
      group = { name, children: new Map(), own: new Set(), vars: [], depth: 0, priority: 1 };
      this.#groups.set(name, group);
    }
    return group;
  }

  add(source: InventorySource): void {
    for (const [name, written] of source.groups) this.#addGroup(name, written);
    const checked = new Set<readonly WrittenVar[]>();
    for (const { name, group, vars } of source.entries) {
      if (vars.length > 0 && !checked.has(vars)) {
        checkNames(vars, this.#language, this.#problems);
        checked.add(vars);
      }
      const known = this.#entries.get(name);
      if (!known) this.#entries.set(name, { vars: [...vars], file: source.file });
      else if (vars.length > 0) known.vars.push(...vars);
      this.#group(group).own.add(name);
    }
  }

  #addGroup(name: string, written: WrittenGroup): void {
    checkNames(written.vars, this.#language, this.#problems);
    const group = this.#group(name);
    for (const child of written.children) {
      this.#group(child.name);
      if (!group.children.has(child.name)) group.children.set(child.name, child.place);
    }
    for (const one of written.vars) {
      if (one.name !== PRIORITY) group.vars.push(one);
      else group.priority = this.#priorityOf(one);
    }
  }

  #priorityOf(one: WrittenVar): number {
    const value = plainValueOf(one);
    const number = typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
    if (typeof number === "number" && Number.isInteger(number)) return number;
    const problem = `${PRIORITY} must be a whole number, not ${JSON.stringify(value)}`;
    this.#problems.add(problem, placeOfVar(one, this.#language), "Without it the priority is 1; the higher wins.");
    return 1;
  }

  /** Groups that INI files name as children, or give variables, must be described somewhere. */
  checkMentions(sources: readonly InventorySource[]): void {
    const described = new Set(["all", "ungrouped"]);
    for (const { groups } of sources) for (const [name, group] of groups) if (group.isDescribed) described.add(name);
    for (const { groups } of sources) {
      for (const [name, group] of groups) {
        for (const child of group.children) this.#checkChild(name, child, described);
        if (group.isDescribed || described.has(name)) continue;
        const remedy = this.#remedyFor(name, described) ?? `Add the group: [${name}]`;
        this.#problems.add(
          `variables of a group that is nowhere described: ${JSON.stringify(name)}`,
          group.place,
          remedy,
        );
      }
    }
    this.#problems.throwAny();
  }

  #checkChild(parent: string, child: WrittenChild, described: ReadonlySet<string>): void {
    const { name, place } = child;
    if (name === "all")
      this.#problems.add(
        `${parent} cannot contain "all", which contains every group`,
        place,
        "Take it out of its children.",
      );
    if (!child.mustExist || described.has(name)) return;
    this.#problems.add(
      `the group ${parent} contains ${JSON.stringify(name)}, which no group is called`,
      place,
      this.#remedyFor(name, described) ?? `Add the group: [${name}]`,
    );
  }

  #remedyFor(name: string, described: ReadonlySet<string>): string | undefined {
    if (this.#entries.has(name)) return `${name} is a host: it belongs under [GROUP], not under [GROUP:children].`;
    return suggest(name, described);
  }

  finish(): Graph {
    const groups = this.#groups;
    const below = new Set<string>();
    for (const group of groups.values())
      if (group.name !== "all") for (const child of group.children.keys()) below.add(child);
    const all = this.#group("all");
    for (const name of groups.keys()) if (name !== "all" && !below.has(name)) all.children.set(name, undefined);
    this.#setDepths();
    const ancestors = this.#ancestors();
    const groupsOf = this.#groupsOf(ancestors);
    const ungrouped = this.#group("ungrouped");
    ungrouped.own.clear();
    for (const [name, own] of groupsOf) if (own.length === 0) ungrouped.own.add(name);
    const members = new Map([...groups.values()].map((group) => [group.name, this.#membersOf(group)]));
    return {
      entries: this.#entries,
      groups: new Map([...groups].map(([name, one]) => [name, finished(one)])),
      members,
      groupsOf,
      ancestors,
    };
  }

  /** The groups above each, with a stack of its own: groups may be nested deeper than calls can be. */
  #ancestors(): (name: string) => ReadonlySet<string> {
    const parents = new Map<string, string[]>();
    for (const { name, children } of this.#groups.values()) {
      for (const child of children.keys()) {
        const known = parents.get(child);
        if (known) known.push(name);
        else parents.set(child, [name]);
      }
    }
    return memoByName((name: string): ReadonlySet<string> => {
      const all = new Set([name]);
      for (const one of all) for (const parent of parents.get(one) ?? []) all.add(parent);
      return all;
    });
  }

  #groupsOf(lineage: (name: string) => ReadonlySet<string>): Map<string, readonly GroupNode[]> {
    const nodes = memoByName((name: string) => finished(this.#group(name)));
    const names = new Map<string, Set<string>>([...this.#entries.keys()].map((name) => [name, new Set<string>()]));
    for (const { name: group, own } of this.#groups.values()) {
      const ancestors = [...lineage(group)].filter((one) => one !== "all" && one !== "ungrouped");
      for (const name of own) for (const one of ancestors) names.get(name)?.add(one);
    }
    // Entries of the same groups share one list.
    const lists = new Map<string, readonly GroupNode[]>();
    return new Map(
      [...names].map(([name, set]) => {
        const key = [...set].join("\n");
        let list = lists.get(key);
        if (!list) {
          list = [...set].map(nodes).sort(byRank);
          lists.set(key, list);
        }
        return [name, list];
      }),
    );
  }

  /** Breadth first, as Ansible walks: a group's own entries before those of its children. */
  #membersOf(group: Draft): readonly string[] {
    const found = new Set<string>();
    const seen = new Set([group.name]);
    let level = [group];
    while (level.length > 0) {
      const next: Draft[] = [];
      for (const one of level) {
        for (const name of one.own) found.add(name);
        for (const child of one.children.keys()) {
          if (seen.has(child)) continue;
          seen.add(child);
          next.push(this.#group(child));
        }
      }
      level = next;
    }
    if (group.name === "all") for (const name of this.#entries.keys()) found.add(name);
    return [...found];
  }

  /** Longest way from `all`. Throws a CrunError for a circle. */
  #setDepths(): void {
    const state = new Map<string, "open" | "done">();
    const order: Draft[] = [];
    for (const root of ["all", ...this.#groups.keys()]) this.#visit(root, state, order);
    for (const group of order.reverse())
      for (const child of group.children.keys()) {
        const draft = this.#group(child);
        draft.depth = Math.max(draft.depth, group.depth + 1);
      }
  }

  /** Depth first with a stack of its own: groups may be nested deeper than calls can be. Leaves children before their parents in `order`. */
  #visit(root: string, state: Map<string, "open" | "done">, order: Draft[]): void {
    if (state.has(root)) return;
    const path: { readonly group: Draft; readonly rest: Iterator<[string, Place | undefined]> }[] = [];
    const open = (name: string): void => {
      const group = this.#group(name);
      state.set(name, "open");
      path.push({ group, rest: group.children.entries() });
    };
    open(root);
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const next = top.rest.next();
      if (next.done === true) {
        state.set(top.group.name, "done");
        order.push(top.group);
        path.pop();
        continue;
      }
      const [child, place] = next.value;
      const known = state.get(child);
      if (known === "open") {
        const names = path.map(({ group }) => group.name);
        throw cycle([...names.slice(names.indexOf(child)), child], place);
      }
      if (known === undefined) open(child);
    }
  }
}

function finished({ name, children, own, vars, depth, priority }: Draft): GroupNode {
  return { name, children: [...children.keys()], own: name === "all" ? [] : [...own], vars, depth, priority };
}

function cycle(names: readonly string[], place: Place | undefined): CrunError {
  return new CrunError({
    severity: "error",
    summary: `groups contain each other: ${names.join(" → ")}`,
    place,
    remedy: "Take one of them out of the other's children.",
  });
}
