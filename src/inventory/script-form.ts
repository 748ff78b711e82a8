// Reads what an inventory program prints (`--list`): JSON with groups as lists or maps, and `_meta.hostvars`.

import type { Place } from "../diagnostic/diagnostic.js";
import { problemOfEntry, problemOfGroup } from "./names.js";
import { Problems } from "./report.js";
import { emptySource, groupIn, type InventorySource, type WrittenVar } from "./source.js";

export interface ScriptInventory {
  readonly source: InventorySource;
  /** Names of all hosts that it lists. */
  readonly hosts: readonly string[];
  /** Undefined: each host's variables are to be asked for. */
  readonly hostvars: Readonly<Record<string, unknown>> | undefined;
}

type JsonMap = Readonly<Record<string, unknown>>;

export function isMap(value: unknown): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `place` stands for all of it. Throws a CrunError with all that is wrong. */
export function readScriptInventory(data: unknown, file: string, place: Place): ScriptInventory {
  const source = emptySource(file);
  const problems = new Problems();
  const hosts = new Set<string>();
  const report = (summary: string, remedy?: string): void => problems.add(summary, place, remedy);
  if (!isMap(data)) {
    report(`an inventory is a map of groups, not ${kindOf(data)}`, 'Print {"GROUP": {"hosts": ["NAME"]}}.');
    problems.throwAny();
    return { source, hosts: [], hostvars: {} };
  }
  const meta = data["_meta"];
  const hostvars = isMap(meta) ? meta["hostvars"] : undefined;
  if (meta !== undefined && !isMap(meta)) report(`_meta must be a map, not ${kindOf(meta)}`);
  if (hostvars !== undefined && !isMap(hostvars)) report(`_meta.hostvars must be a map, not ${kindOf(hostvars)}`);
  for (const [name, value] of Object.entries(data)) if (name !== "_meta") readGroup(name, value);
  problems.throwAny();
  return { source, hosts: [...hosts], hostvars: isMap(hostvars) ? hostvars : undefined };

  function readGroup(name: string, value: unknown): void {
    const wrong = problemOfGroup(name);
    if (wrong) report(wrong.problem, wrong.remedy);
    const group = groupIn(source, name, () => place);
    group.isDescribed = true;
    if (value === null) return;
    if (!isMap(value)) {
      readHosts(name, value);
      return;
    }
    const isGroup = ["hosts", "vars", "children"].some((key) => Object.hasOwn(value, key));
    if (!isGroup) {
      // As in Ansible: a map without these keys is a host of that name with its variables.
      if (Object.keys(value).length > 0) {
        readHosts(name, [name]);
        group.vars.push(...varsOf(value, name));
      }
      return;
    }
    const { hosts: members, vars, children } = value;
    if (members !== undefined && members !== null) readHosts(name, members);
    if (isMap(vars)) group.vars.push(...varsOf(vars, name));
    else if (vars !== undefined && vars !== null)
      report(`vars of the group ${name} must be a map, not ${kindOf(vars)}`);
    if (children === undefined || children === null) return;
    if (!Array.isArray(children)) {
      report(`children of the group ${name} must be a list of groups, not ${kindOf(children)}`);
      return;
    }
    for (const child of children as readonly unknown[]) {
      if (typeof child !== "string") report(`a child of the group ${name} must be a name, not ${kindOf(child)}`);
      else {
        const bad = problemOfGroup(child);
        if (bad) report(bad.problem, bad.remedy);
        group.children.push({ name: child, place, mustExist: false });
        groupIn(source, child, () => place).isDescribed = true;
      }
    }
  }

  function readHosts(group: string, members: unknown): void {
    if (!Array.isArray(members)) {
      report(`hosts of the group ${group} must be a list of names, not ${kindOf(members)}`);
      return;
    }
    for (const host of members as readonly unknown[]) {
      if (typeof host !== "string") {
        report(`a host of the group ${group} must be a name, not ${kindOf(host)}`);
        continue;
      }
      const wrong = problemOfEntry(host);
      if (wrong) report(`in the group ${group}: ${wrong.problem}`, wrong.remedy);
      hosts.add(host);
      source.entries.push({ name: host, group, vars: [] });
    }
  }

  function varsOf(vars: JsonMap, group: string): WrittenVar[] {
    return Object.entries(vars).map(([name, value]) => ({
      kind: "plain",
      name,
      value,
      place: { file: `${place.file} (group ${group})` },
    }));
  }
}

/** The source with the variables of each host. `given` holds them by name; what is no map is refused. */
export function withHostvars(
  read: ScriptInventory,
  given: Readonly<Record<string, unknown>>,
  file: string,
): InventorySource {
  const problems = new Problems();
  const varsByHost = new Map<string, WrittenVar[]>();
  for (const host of read.hosts) {
    const vars = Object.hasOwn(given, host) ? given[host] : undefined;
    const place = { file: `${file} (host ${host})` };
    if (vars === undefined || vars === null) continue;
    if (!isMap(vars)) problems.add(`the variables of ${host} must be a map, not ${kindOf(vars)}`, place);
    else
      varsByHost.set(
        host,
        Object.entries(vars).map(([name, value]) => ({ kind: "plain", name, value, place })),
      );
  }
  problems.throwAny();
  const told = new Set<string>();
  const entries = read.source.entries.map((entry) => {
    const vars = told.has(entry.name) ? undefined : varsByHost.get(entry.name);
    told.add(entry.name);
    return vars ? { ...entry, vars } : entry;
  });
  return { ...read.source, entries };
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
