// Values that are needed before a target is at hand: rendered while the playbook is read, with what is known then.

import type { VarLayer } from "../../module/value.js";
import { createScope } from "../scope/scope.js";
import { templateOf } from "../template/template.js";
import type { YamlNode, YamlScalar } from "../yaml/yaml.js";
import type { Findings } from "./findings.js";
import { isTemplateText } from "./vars.js";

/** Names that mean something only on a target. */
const OF_TARGETS: ReadonlySet<string> = new Set(
  "facts inventory_hostname inventory_hostname_short target group_names groups hostvars item play_targets".split(" "),
);

/** What lies around a keyword: a role's defaults are the weakest, its variables stronger than the play's. */
interface Around {
  readonly vars: readonly VarLayer[];
  readonly role?: { readonly defaults: readonly VarLayer[] } | undefined;
}

/** Variables of a play, its files and the command line. */
export class EarlyValues {
  readonly #below: () => readonly VarLayer[];
  readonly #above: readonly VarLayer[];
  /** Names that `vars_prompt` asks for, when the playbook was read. */
  readonly #asked: () => ReadonlySet<string>;

  constructor(
    below: () => readonly VarLayer[],
    above: readonly VarLayer[],
    asked: () => ReadonlySet<string> = () => new Set(),
  ) {
    this.#below = below;
    this.#above = above;
    this.#asked = asked;
  }

  #value(node: YamlNode, keyword: string, own: Around, findings: Findings, instead: string | undefined): unknown {
    const template = findings.try(() => templateOf(node));
    if (!template) return undefined;
    if (template.isStatic) return template.render(createScope([]));
    const scope = createScope([
      ...(own.role?.defaults ?? []),
      ...this.#below(),
      ...own.vars.filter((layer) => layer.rank === "role variable"),
      ...own.vars.filter((layer) => layer.rank !== "role variable"),
      ...this.#above,
    ]);
    const missing = [...template.names].find((name) => !scope.has(name));
    if (missing !== undefined) {
      findings.at(
        node,
        `${keyword} is needed before any target is at hand, and ${JSON.stringify(missing)} is not known then`,
        {
          detail: this.#asked().has(missing)
            ? "vars_prompt asks for it when the playbook has been read."
            : "Variables of the play (vars, vars_files) and of the command line (-e) are known.",
          remedy: OF_TARGETS.has(missing)
            ? `Write ${instead ?? "it out: it differs from target to target"}.`
            : `Write ${instead ?? "it out"}, or give it with -e ${missing}=….`,
        },
      );
      return undefined;
    }
    return findings.try(() => template.render(scope));
  }

  /** The node, its templates replaced by what they give; undefined, and reported, where that is not known yet. `instead`: what could wait for it. */
  settled(node: YamlNode, keyword: string, own: Around, findings: Findings, instead?: string): YamlNode | undefined {
    if (node.kind === "list") {
      const items = node.items.map((one) => this.settled(one, keyword, own, findings, instead));
      return { ...node, items: items.filter((one) => one !== undefined) };
    }
    if (node.kind !== "scalar" || !isTemplateText(node)) return node;
    const value = this.#value(node, keyword, own, findings, instead);
    return value === undefined ? undefined : nodeOf(value, node);
  }
}

/** A scalar or list that holds what was rendered, in the template's place. */
function nodeOf(value: unknown, at: YamlScalar): YamlNode {
  if (Array.isArray(value)) return { ...at, kind: "list", items: value.map((one) => nodeOf(one, at)) };
  const plain = typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
  return { ...at, value: plain, text: plain === null ? "" : String(plain), isUnsafe: true };
}

/** Before a play is at hand nothing is known. */
export const NOTHING_EARLY = new EarlyValues(() => [], []);
