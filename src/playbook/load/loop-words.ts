// What to write instead of Ansible's `with_*`.

import type { YamlNode } from "../yaml/yaml.js";

/** The `loop` that means the same as a `with_NAME`. */
export function loopFor(keyword: string, node: YamlNode): string {
  const name = keyword.slice("with_".length);
  const parts = node.kind === "list" ? node.items.map(expressionOf) : [expressionOf(node)];
  const [first = "x"] = parts;
  const all = parts.every((one) => one !== undefined) ? parts.join(" ") : "a b";
  switch (name) {
    case "items":
      if (node.kind === "list" && parts.length === 1 && first !== undefined)
        return `Write loop: "{{flatten ${first} 1}}" (with_items opens lists inside the list by one level; loop does not).`;
      return node.kind === "list" ? "Write loop: with the same list." : `Write loop: "{{${first}}}".`;
    case "list":
      return node.kind === "list" ? "Write loop: with the same list." : `Write loop: "{{${first}}}".`;
    case "dict":
      return `Write loop: "{{dict2items ${first}}}"; item.key and item.value stay.`;
    case "flattened":
      return `Write loop: "{{flatten ${parts.length > 1 ? `(concat ${all})` : first}}}".`;
    case "nested":
    case "cartesian":
      return `Write loop: "{{product ${all}}}"; item.[0], item.[1] stay.`;
    case "together":
      return `Write loop: "{{zip ${all}}}".`;
    case "subelements":
      return `Write loop: "{{subelements ${first} '${node.kind === "list" && node.items[1]?.kind === "scalar" ? node.items[1].text : "field"}'}}".`;
    case "indexed_items":
      return `Write loop: "{{${first}}}" with loop_control: {index_var: index}.`;
    case "sequence":
      return sequence(node);
    case "inventory_hostnames":
      return "Write loop: \"{{lookup groups 'NAME'}}\".";
    case "fileglob":
      return `Write loop: "{{fileglob ${textsOf(node) ?? '"files/*.conf"'}}}".`;
    case "lines":
      return `Write loop: "{{lines ${textsOf(node) ?? '"command"'}}}" (no shell runs it unless shell=true).`;
    case "first_found":
      return `Write "{{first_found ${textsOf(node) ?? "(array 'a' 'b')"}}}" where the path is wanted: it is no loop.`;
    case "vars":
      return `Write loop: ["{{lookup vars ${textsOf(node) ?? "NAME"}}}"].`;
    case "varnames":
      return `Write loop: "{{varnames ${textsOf(node) ?? "'^pattern'"}}}".`;
    case "random_choice":
      return "Write {{random list seed=inventory_hostname}} where the item is wanted: it is no loop.";
    case "filetree":
      return "Copy the directory (copy: src: directory/), or write the list out under loop:.";
    default:
      return "Write loop: with a list.";
  }
}

/** What stands between the braces of a template, or the name itself. */
function expressionOf(node: YamlNode): string | undefined {
  if (node.kind !== "scalar" || typeof node.value !== "string") return undefined;
  const match = /^\{\{\s*([\w.]+)\s*\}\}$/.exec(node.value) ?? /^([A-Za-z_][\w.]*)$/.exec(node.value);
  return match?.[1];
}

function sequence(node: YamlNode): string {
  const text = textsOf(node) ?? '"start=1 end=5"';
  return `Write loop: "{{sequence ${text}}}"; for numbers "{{range 1 6}}" (it stops before its end).`;
}

/** The texts of a list, or the one text, as arguments of a helper; undefined where they are no plain texts. */
function textsOf(node: YamlNode): string | undefined {
  const items = node.kind === "list" ? node.items : [node];
  const texts = items.map((one) =>
    one.kind === "scalar" && typeof one.value === "string" && !/["'{}]/.test(one.value) ? `'${one.value}'` : undefined,
  );
  return texts.some((one) => one === undefined) ? undefined : texts.join(" ");
}
