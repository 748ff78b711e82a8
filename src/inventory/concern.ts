// Which trees that were not looked for yet a pattern may stand for, told from names alone.

import type { Inventory, TreeRule } from "./inventory.js";
import { globExpression, splitPattern } from "./pattern.js";
import { ruleOf } from "./rules.js";

/** False only where no tree of the rule can be meant, whatever its name. */
export function mayConcern(pattern: string, rule: TreeRule): boolean {
  const parts = splitPattern(pattern);
  const plain = parts.filter((part) => !/^[!&]/.test(part));
  const wanted = plain.length > 0 ? plain : ["all"];
  return (
    wanted.some((part) => mayBe(part, rule)) &&
    parts.every((part) => !part.startsWith("&") || mayBe(part.slice(1), rule)) &&
    !parts.some((part) => part.startsWith("!") && isAll(part.slice(1), rule))
  );
}

/** Names that a pattern matched, and those of lost rules that it may have meant. */
export function withLost(matched: readonly string[], pattern: string, lost: readonly TreeRule[]): readonly string[] {
  const more = lost.filter((rule) => !matched.includes(rule.name) && mayConcern(pattern, rule));
  return more.length === 0 ? matched : [...matched, ...more.map(({ name }) => name)];
}

function mayBe(part: string, rule: TreeRule): boolean {
  const bare = part.replace(/(.)\[[-\d:]+\]$/, "$1");
  // What an expression matches is not worth finding out.
  if (isAll(bare, rule) || bare.startsWith("~")) return true;
  if (/[*?[]/.test(bare) && rule.groups.some((group) => globExpression(bare).test(group))) return true;
  const colon = bare.indexOf(":");
  if (colon < 0 || !globExpression(bare.slice(0, colon)).test(rule.host)) return false;
  return globsMeet(bare.slice(colon + 1), rule.glob);
}

/** Whether a part surely stands for all trees of the rule. */
function isAll(part: string, rule: TreeRule): boolean {
  if (part === "all" || part === "*" || part === rule.name || part === `${rule.host}:*`) return true;
  return rule.groups.includes(part) || (part === "ungrouped" && rule.groups.length === 0);
}

/** Whether some name fits both; a set in brackets counts as any character. */
export function globsMeet(one: string, other: string): boolean {
  const [a, b] = [one, other].map((glob) => glob.replace(/\[[^\]]*\]/g, "?"));
  let reached = new Set([0]);
  const left = a ?? "";
  const right = b ?? "";
  /** Positions in `right` that can stand beside a position in `left`; a star passes over anything. */
  const pastStars = (positions: ReadonlySet<number>): Set<number> => {
    const all = new Set(positions);
    for (const at of all) if (right[at] === "*") all.add(at + 1);
    return all;
  };
  reached = pastStars(reached);
  for (const character of left) {
    const next = new Set<number>();
    for (const at of reached) {
      const here = right[at];
      if (character === "*") {
        for (let to = at; to <= right.length; to++) next.add(to);
      } else if (here === "*") next.add(at);
      else if (here !== undefined && (here === character || here === "?" || character === "?")) next.add(at + 1);
    }
    reached = pastStars(next);
    if (reached.size === 0) return false;
  }
  return reached.has(right.length);
}

/** Parts like `node1:web*` of a pattern whose host is known, and that stand for nothing that is listed or has a rule. */
export function askedRules(pattern: string, inventory: Inventory, rules: readonly TreeRule[]): TreeRule[] {
  return splitPattern(pattern).flatMap((part) => {
    const name = part.replace(/^&/, "");
    const rule = ruleOf(name);
    if (!rule || /[*?[\]!~]/.test(rule.host) || rule.host === "") return [];
    if (rules.some((known) => known.host === rule.host && mayBe(name, known))) return [];
    const targets = [...inventory.targets.values()];
    const isKnown =
      rule.host === "local" ||
      targets.some(({ host }) => host === rule.host) ||
      rules.some((one) => one.host === rule.host);
    const expression = globExpression(name);
    if (!isKnown || targets.some((target) => expression.test(target.name))) return [];
    return [{ name, ...rule, groups: [] }];
  });
}
