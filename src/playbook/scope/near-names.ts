// What to say about a variable that is not there.

import { suggest } from "../../diagnostic/near.js";

/** The name that was probably meant: a near one, or the fact that Ansible has under that name. */
export function remedyForName(name: string, candidates: Iterable<string>): string | undefined {
  if (name === "item") return "item is set in a task that has a loop.";
  if (name === "ansible_delegated_vars") return "Write hostvars: the delegate's variables are there under its name.";
  const near = name === "ansible_facts" ? undefined : suggest(name, candidates);
  if (near !== undefined || !name.startsWith("ansible_")) return near;
  const fact = name === "ansible_facts" ? "os_family" : name.slice("ansible_".length);
  return `Facts are in facts${name === "ansible_facts" ? ", as" : ": write"} facts.${fact}; \`crun facts TARGET\` shows all that there are.`;
}
