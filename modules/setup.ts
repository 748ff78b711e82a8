// Gathers the target's facts anew.

import { defineModule } from "../src/module/contract.js";
import { gatherParams, gatherPlan, gatherProblem, gatherReturns } from "../src/module/gather.js";

export default defineModule({
  name: "setup",
  summary: "Gather the target's facts anew",
  doc: "Facts come by themselves where a play reads them; this looks again, after tasks that changed what they tell.",
  params: gatherParams,
  effects: "target",
  neverChanges: true,
  returns: gatherReturns,
  check: gatherProblem,
  observe: () => ({}),
  plan: ({ filter }) => gatherPlan(filter),
  examples: [{ title: "After users were made", yaml: "setup:\n  filter: users\n" }],
});
