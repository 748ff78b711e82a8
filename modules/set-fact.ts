// Sets variables of the target from here on.

import { defineModule } from "../src/module/contract.js";

export default defineModule({
  name: "set_fact",
  summary: "Set variables of the target from here on",
  doc: "Every key but cacheable is a variable. They hold for the rest of the run and are stronger than the play's variables.",
  params: { cacheable: { type: "bool", default: false, doc: "Accepted; crun keeps no facts between runs." } },
  hasOpenParams: true,
  returns: { ansible_facts: "What was set." },
  neverChanges: true,
  observe: () => ({}),
  plan: (_params, _seen, { extra }) => {
    const names = Object.keys(extra);
    const odd = names.find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
    if (names.length === 0) return { changes: [], refusal: { message: "set_fact has no variable to set" } };
    if (odd !== undefined) {
      return {
        changes: [],
        refusal: {
          message: `${JSON.stringify(odd)} is no name for a variable`,
          remedy: "Letters, digits and _ make a name.",
        },
      };
    }
    return { changes: [], facts: extra, result: { ansible_facts: extra } };
  },
  examples: [{ title: "A value to be used later", yaml: 'set_fact:\n  site_url: "https://{{inventory_hostname}}/"\n' }],
});
