// Gathers the target's facts anew, under Ansible's newer name.

import { defineModule } from "../src/module/contract.js";
import { gatherParams, gatherPlan, gatherProblem, gatherReturns } from "../src/module/gather.js";

export default defineModule({
  name: "gather_facts",
  summary: "Gather the target's facts anew",
  doc: "The same as setup.",
  params: {
    ...gatherParams,
    parallel: { type: "bool", doc: "Taken, without effect: targets are looked at side by side." },
  },
  effects: "target",
  neverChanges: true,
  returns: gatherReturns,
  check: gatherProblem,
  observe: () => ({}),
  plan: ({ filter }) => gatherPlan(filter),
  examples: [{ title: "Before something is decided by them", yaml: "gather_facts:\n" }],
});
