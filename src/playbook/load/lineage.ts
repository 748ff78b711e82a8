// What tasks take over from their blocks, roles and plays.

import type { Renderable, VarLayer } from "../../module/value.js";
import { conditionsOf } from "../condition/condition.js";
import { NOTHING_EARLY, type EarlyValues } from "./early.js";
import type { Findings } from "./findings.js";
import { ANSIBLE_MODULES } from "./keywords.js";
import { allowNode } from "./allow.js";
import { limitsNode } from "./limits.js";
import { suggest } from "../../diagnostic/near.js";
import type { Inherited } from "../play.js";
import { staticValue, templateOf } from "../template/template.js";
import { checkMethod, localByConnection } from "./reach.js";
import { booleanTemplate, plainBoolean, plainNumber, secondsOf, varsOf, wordList } from "./vars.js";
import { placeOf, type YamlMap, type YamlNode } from "../yaml/yaml.js";

export interface Lineage extends Omit<Inherited, "place"> {
  readonly notify: readonly Renderable[];
  /** Arguments by module that tasks have unless they say otherwise. */
  readonly moduleDefaults: ReadonlyMap<string, YamlMap>;
  /** What keywords are rendered with that are needed before a target is at hand. */
  readonly early: EarlyValues;
  /** Directories of the roles around, the innermost first. */
  readonly rolePaths: readonly string[];
  /** Parameters of the role around. */
  readonly roleParams: readonly VarLayer[];
}

/** What a node keeps of its lineage. */
export function passedOn({
  notify: _notify,
  moduleDefaults: _defaults,
  early: _early,
  rolePaths: _rolePaths,
  roleParams: _roleParams,
  ...inherited
}: Lineage): Omit<Inherited, "place"> {
  return inherited;
}

export const NO_LINEAGE: Lineage = {
  tags: new Set(),
  when: [],
  vars: [],
  environment: [],
  limits: [],
  allow: undefined,
  become: undefined,
  becomeUser: undefined,
  ignoreErrors: undefined,
  ignoreUnreachable: undefined,
  checkMode: undefined,
  diff: undefined,
  noLog: undefined,
  anyErrorsFatal: false,
  throttle: undefined,
  timeoutSeconds: undefined,
  throttlePerHost: undefined,
  runOnce: false,
  delegateTo: undefined,
  delegateFacts: false,
  role: undefined,
  searchDirectories: [],
  notify: [],
  moduleDefaults: new Map(),
  early: NOTHING_EARLY,
  rolePaths: [],
  roleParams: [],
};

/** The lineage with what a block, task, role or play says of its own. `varsOrigin`: how its vars are called; undefined: they are not taken. */
export function inherit(from: Lineage, map: YamlMap, varsOrigin: string | undefined, findings: Findings): Lineage {
  const own: { -readonly [K in keyof Lineage]: Lineage[K] } = { ...from };
  const take = (keyword: string, use: (node: YamlNode) => void): void => {
    const entry = map.entries.get(keyword);
    if (entry) use(entry.value);
  };
  const flag = (node: YamlNode, keyword: string): Renderable | undefined =>
    booleanTemplate(node, keyword, findings, (value) => staticValue(value, placeOf(node)));
  take("become_method", (node) => checkMethod(node, findings));
  // A play's own is how its hosts are reached.
  if (varsOrigin !== undefined)
    take("connection", (node) => (own.delegateTo = localByConnection(node, findings) ?? from.delegateTo));
  take("when", (node) => (own.when = [...from.when, ...(findings.try(() => conditionsOf(node, "when")) ?? [])]));
  if (varsOrigin !== undefined) take("vars", (node) => (own.vars = [...from.vars, varsOf(node, varsOrigin, findings)]));
  /** The node where it is no template, else what it gives already. */
  const early = (keyword: string, use: (node: YamlNode) => void): void =>
    take(keyword, (node) => {
      const settled = own.early.settled(node, keyword, own, findings);
      if (settled) use(settled);
    });
  early("tags", (node) => (own.tags = new Set([...from.tags, ...wordList(node, "tags", findings)])));
  take("environment", (node) => (own.environment = [...from.environment, ...environmentOf(node, findings)]));
  take("limits", (node) => (own.limits = [...from.limits, ...[limitsNode(node, findings) ?? []].flat()]));
  take("allow", (node) => (own.allow = allowNode(node, findings) ?? from.allow));
  take("become", (node) => (own.become = flag(node, "become") ?? from.become));
  take("become_user", (node) => (own.becomeUser = findings.try(() => templateOf(node)) ?? from.becomeUser));
  take("ignore_errors", (node) => (own.ignoreErrors = flag(node, "ignore_errors") ?? from.ignoreErrors));
  take(
    "ignore_unreachable",
    (node) => (own.ignoreUnreachable = flag(node, "ignore_unreachable") ?? from.ignoreUnreachable),
  );
  take("check_mode", (node) => (own.checkMode = flag(node, "check_mode") ?? from.checkMode));
  take("diff", (node) => (own.diff = flag(node, "diff") ?? from.diff));
  take("no_log", (node) => (own.noLog = flag(node, "no_log") ?? from.noLog));
  early(
    "any_errors_fatal",
    (node) => (own.anyErrorsFatal = plainBoolean(node, "any_errors_fatal", findings) ?? from.anyErrorsFatal),
  );
  early("throttle", (node) => (own.throttle = throttleOf(node, "throttle", findings) ?? from.throttle));
  early(
    "throttle_per_host",
    (node) => (own.throttlePerHost = throttleOf(node, "throttle_per_host", findings) ?? from.throttlePerHost),
  );
  take("timeout", (node) => (own.timeoutSeconds = secondsOf(node, "timeout", findings) ?? from.timeoutSeconds));
  early("run_once", (node) => (own.runOnce = plainBoolean(node, "run_once", findings) ?? from.runOnce));
  take("delegate_to", (node) => (own.delegateTo = findings.try(() => templateOf(node)) ?? from.delegateTo));
  early(
    "delegate_facts",
    (node) => (own.delegateFacts = plainBoolean(node, "delegate_facts", findings) ?? from.delegateFacts),
  );
  take("notify", (node) => (own.notify = namesOf(node, findings)));
  take("module_defaults", (node) => (own.moduleDefaults = defaultsOf(node, from.moduleDefaults, findings)));
  return own;
}

/** How many at once. 0 lifts what was said further out. */
function throttleOf(node: YamlNode, keyword: string, findings: Findings): number | undefined {
  const number = plainNumber(node, keyword, findings);
  if (number === undefined || (Number.isInteger(number) && number >= 0)) return number;
  findings.at(node, `${keyword} must be a whole number of targets`, { remedy: "0 is no bound, 1 is one at a time." });
  return undefined;
}

/** Names of handlers: text or a list. */
export function namesOf(node: YamlNode, findings: Findings): Renderable[] {
  const items = node.kind === "list" ? node.items : [node];
  return items.flatMap((item) => {
    if (item.kind !== "scalar") {
      findings.at(item, "notify takes the name of a handler or a list of names");
      return [];
    }
    if (item.value === null) return [];
    const template = findings.try(() => templateOf(item));
    return template ? [template] : [];
  });
}

const ENVIRONMENT_REMEDY = { remedy: "Write a line NAME: value for each." };

/** Nothing, or a template that gives it. */
function mayBeMap(node: YamlNode): boolean {
  return node.kind === "scalar" && (node.value === null || node.text === "" || node.text.includes("{{"));
}

function environmentOf(node: YamlNode, findings: Findings): Renderable[] {
  const isRight =
    node.kind === "map" ||
    (node.kind === "list" && node.items.every((one) => one.kind === "map" || mayBeMap(one))) ||
    mayBeMap(node);
  if (!isRight) {
    findings.at(node, "environment must be a map of names and values", ENVIRONMENT_REMEDY);
    return [];
  }
  if (node.kind === "scalar" && (node.value === null || node.value === "")) return [];
  const template = findings.try(() => templateOf(node));
  return template ? [template] : [];
}

function defaultsOf(
  node: YamlNode,
  from: ReadonlyMap<string, YamlMap>,
  findings: Findings,
): ReadonlyMap<string, YamlMap> {
  const result = new Map(from);
  const maps = node.kind === "list" ? node.items : [node];
  for (const map of maps) {
    if (map.kind !== "map") {
      findings.at(map, "module_defaults must be a map of modules and their arguments");
      continue;
    }
    for (const { key, keyNode, value } of map.entries.values()) {
      if (key.startsWith("group/"))
        findings.at(keyNode, "crun's modules form no groups for module_defaults", {
          remedy: "Name the modules one by one.",
        });
      else if (value.kind === "map") result.set(shortName(key), value);
      else findings.at(value, "the defaults of a module must be a map of arguments");
    }
  }
  return result;
}

/** Reports names in `module_defaults` that no module has, here or in Ansible. */
export function checkModuleDefaults(map: YamlMap, modules: readonly string[], findings: Findings): void {
  const node = map.entries.get("module_defaults")?.value;
  for (const one of node?.kind === "list" ? node.items : node ? [node] : []) {
    if (one.kind !== "map") continue;
    for (const { key, keyNode } of one.entries.values()) {
      const name = shortName(key);
      if (name.includes(".") || name.includes("/") || modules.includes(name) || ANSIBLE_MODULES.has(name)) continue;
      findings.at(keyNode, `module_defaults: there is no module ${JSON.stringify(key)}`, {
        remedy: suggest(name, modules),
      });
    }
  }
}

/** `ansible.builtin.copy` is copy. */
export function shortName(module: string): string {
  return module.replace(/^ansible\.(builtin|legacy)\./, "");
}

/** Layers that a loaded role or file lays under what its tasks have of their own. */
export function withVars(from: Lineage, layers: readonly VarLayer[]): Lineage {
  return layers.length === 0 ? from : { ...from, vars: [...from.vars, ...layers] };
}
