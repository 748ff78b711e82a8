// Tells whether a target can be reached and looked at.

import { defineModule } from "../src/module/contract.js";

export default defineModule({
  name: "ping",
  summary: "Tell whether a target can be reached",
  doc: "Connects and looks at the tree's root. Sends no ICMP packets.",
  params: {
    data: { type: "str", default: "pong", doc: "What comes back in `ping`; `crash` fails, to try error handling." },
  },
  neverChanges: true,
  returns: { ping: "The data." },
  observe: () => ({ root: { kind: "stat", path: "/" } }),
  plan: ({ data }) =>
    data === "crash" ? { changes: [], refusal: { message: "boom" } } : { changes: [], result: { ping: data } },
  examples: [{ title: "Whether all can be reached", yaml: "ping:\n" }],
});
