// Which values of a file that was encrypted as a whole are secret.

import type { YamlNode } from "./yaml.js";

/** Of plays and tasks: what these keys hold is structure, not content. */
const structure = new Set(
  (
    "name hosts roles role import_playbook import_tasks include_tasks import_role include_role when until changed_when failed_when that tags " +
    "notify listen register loop_control strategy serial order gather_facts become become_user delegate_to"
  ).split(" "),
);
/** Shorter words of plays and tasks (states, modes, kinds) are no secrets. */
const shortest = 8;

/** Of a map (variables, an inventory) every value; of a list (plays, tasks) the longer texts that are not structure. */
export function secretsOf(root: YamlNode): (string | number)[] {
  const found: (string | number)[] = [];
  const isPlays = root.kind === "list";
  const walk = (node: YamlNode, isVariable: boolean): void => {
    if (node.kind === "list") for (const item of node.items) walk(item, isVariable);
    else if (node.kind === "map") {
      for (const { key, value } of node.entries.values())
        if (isVariable || !structure.has(key)) walk(value, isVariable || key === "vars" || key === "set_fact");
    } else if (typeof node.value === "string" || typeof node.value === "number") {
      if (!node.isEncrypted && (isVariable || node.text.length >= shortest)) found.push(node.value);
    }
  };
  walk(root, !isPlays);
  return found;
}
