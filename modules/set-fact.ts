// Sets variables of the target from here on.

import { defineModule } from "../src/module/contract.js";

export default defineModule({
  name: "set_fact",
  summary: "Set variables of the target from here on",
  doc: "Every key but cacheable is a variable; a name may be a template. The texts yes, no, true and false become booleans, as in Ansible. They hold for the rest of the run and are stronger than the play's variables.",
  params: { cacheable: { type: "bool", default: false, doc: "Accepted; crun keeps no facts between runs." } },
  hasOpenParams: true,
  setsVariables: true,
  returns: { ansible_facts: "What was set." },
  neverChanges: true,
  neverFails: true,
  observe: () => ({}),
  plan: (_params, _seen, { extra }) => {
    const facts = Object.fromEntries(Object.entries(extra).map(([name, value]) => [name, booleanOr(value)]));
    const names = Object.keys(facts);
    const odd = names.find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
    if (names.length === 0) {
      const message = "No key/value pairs provided, at least one is required for this action to succeed";
      return { changes: [], refusal: { message, remedy: "Write the variables as a map beneath set_fact." } };
    }
    if (odd !== undefined) {
      const message =
        `The variable name '${odd}' is not valid. Variables must start with a letter or underscore character, ` +
        "and contain only letters, numbers and underscores.";
      return { changes: [], refusal: { message } };
    }
    return { changes: [], facts, result: { ansible_facts: facts } };
  },
  examples: [{ title: "A value to be used later", yaml: 'set_fact:\n  site_url: "https://{{inventory_hostname}}/"\n' }],
});

/** Ansible's words for true and false, written as text. */
function booleanOr(value: unknown): unknown {
  const word = typeof value === "string" ? value.toLowerCase() : "";
  if (word === "yes" || word === "true") return true;
  return word === "no" || word === "false" ? false : value;
}
