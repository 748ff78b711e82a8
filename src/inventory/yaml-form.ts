// Reads an inventory in YAML form into entries, groups and variables, with their places.

import type { Place } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import type { Language, YamlEntry, YamlNode, YamlScalar } from "./language.js";
import { problemOfEntry, problemOfGroup } from "./names.js";
import { expandRanges } from "./ranges.js";
import { Problems } from "./report.js";
import { emptySource, groupIn, type InventorySource, type WrittenGroup, type WrittenVar } from "./source.js";

const groupKeys = ["hosts", "children", "vars"];
const mapHints: Readonly<Record<string, string>> = {
  hosts: "Write each name with a colon after it: NAME:",
  children: "Write each group with a colon after it: NAME:",
  vars: "Write NAME: VALUE lines.",
};

/** What a map, or a word alone where Ansible takes one, has under its keys. */
type Members = Iterable<{ readonly key: string; readonly keyNode: YamlScalar; readonly value: YamlNode | undefined }>;

/** Throws a CrunError with all that is wrong in the file. Values of variables are nodes, for `language.compileNode`. */
export function readYamlInventory(root: YamlNode, file: string, language: Language): InventorySource {
  return new YamlReader(file, language).read(root);
}

class YamlReader {
  readonly #source: InventorySource;
  readonly #language: Language;
  readonly #problems = new Problems();

  constructor(file: string, language: Language) {
    this.#source = emptySource(file);
    this.#language = language;
  }

  read(root: YamlNode): InventorySource {
    if (root.kind !== "map") {
      this.#report(root, "an inventory is a map of groups", "Begin with a group: all:");
    } else if (root.entries.has("plugin")) {
      const entry = root.entries.get("plugin");
      this.#report(
        entry?.keyNode ?? root,
        "this configures a plugin of Ansible; crun has no inventory plugins",
        "Give crun a program that prints the inventory as JSON: an executable file that runs `ansible-inventory --list`.",
      );
    } else for (const entry of root.entries.values()) this.#group(entry.key, entry.keyNode, entry.value);
    this.#problems.throwAny();
    return this.#source;
  }

  #report(node: YamlNode, summary: string, remedy?: string): void {
    this.#problems.add(summary, this.#language.placeOf(node), remedy);
  }

  #group(name: string, key: YamlScalar, node: YamlNode | undefined): void {
    const wrong = problemOfGroup(name);
    if (wrong) this.#report(key, wrong.problem, wrong.remedy);
    const place = (): Place => this.#language.placeOf(key);
    const group = groupIn(this.#source, name, place);
    group.isDescribed = true;
    if (node === undefined || isNothing(node)) return;
    if (node.kind !== "map") {
      this.#report(node, `the group ${name} must be a map with hosts, children or vars`, "Put its hosts under hosts:");
      return;
    }
    for (const entry of node.entries.values()) this.#section(name, group, entry);
  }

  #section(name: string, group: WrittenGroup, { key, keyNode, value }: YamlEntry): void {
    if (!groupKeys.includes(key)) {
      const near = suggest(key, groupKeys);
      const isGroup = value.kind === "map" && [...value.entries.keys()].some((one) => groupKeys.includes(one));
      this.#report(
        keyNode,
        `the group ${name} has an unknown key ${JSON.stringify(key)}`,
        near ?? (isGroup ? "Groups of a group stand under children:" : "It takes hosts, children and vars."),
      );
      return;
    }
    if (isNothing(value)) return;
    if (key === "vars") {
      if (value.kind === "map") group.vars.push(...varsOf(value));
      else this.#report(value, `vars of the group ${name} must be a map`, mapHints["vars"]);
      return;
    }
    const members = membersOf(value);
    if (!members) {
      this.#report(value, `${key} of the group ${name} must be a map`, mapHints[key]);
      return;
    }
    for (const one of members) {
      if (key === "hosts") this.#entries(name, one.key, one.keyNode, one.value);
      else {
        group.children.push({ name: one.key, place: this.#language.placeOf(one.keyNode), mustExist: false });
        this.#group(one.key, one.keyNode, one.value);
      }
    }
  }

  #entries(group: string, name: string, key: YamlScalar, node: YamlNode | undefined): void {
    const names = expandRanges(name);
    const wrong = "problem" in names ? names : names.map(problemOfEntry).find((one) => one !== undefined);
    if ("problem" in names || wrong) {
      if (wrong) this.#report(key, wrong.problem, wrong.remedy);
      return;
    }
    if (node !== undefined && !isNothing(node) && node.kind !== "map") {
      this.#report(node, `what is under ${name} must be a map of variables`, "Write NAME: VALUE lines.");
      return;
    }
    const vars = node?.kind === "map" ? varsOf(node) : [];
    for (const one of names) this.#source.entries.push({ name: one, group, vars });
  }
}

/** A word alone stands for a map with it as the only key, as in Ansible. */
function membersOf(node: YamlNode): Members | undefined {
  if (node.kind === "map") return node.entries.values();
  if (node.kind === "scalar" && typeof node.value === "string")
    return [{ key: node.text, keyNode: node, value: undefined }];
  return undefined;
}

function varsOf(node: YamlNode & { readonly kind: "map" }): WrittenVar[] {
  return Array.from(node.entries.values(), ({ key, keyNode, value }) => ({
    kind: "node",
    name: key,
    key: keyNode,
    node: value,
  }));
}

function isNothing(node: YamlNode): boolean {
  return node.kind === "scalar" && node.value === null;
}
