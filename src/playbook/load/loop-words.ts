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
    case "first_found":
    case "filetree":
    case "lines":
      return `Looking for files in a loop is not supported yet: write the list out under loop:.`;
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
  const text = node.kind === "scalar" ? node.text : "";
  const start = /start=(\d+)/.exec(text)?.[1] ?? "1";
  const end = /end=(\d+)/.exec(text)?.[1] ?? /count=(\d+)/.exec(text)?.[1];
  const step = /stride=(\d+)/.exec(text)?.[1];
  return `Write loop: "{{range ${start} ${end === undefined ? "END+1" : Number(end) + 1}${step === undefined ? "" : ` ${step}`}}}" (range stops before its end).`;
}
