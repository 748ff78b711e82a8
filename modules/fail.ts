// Fails with a message.

import { defineModule } from "../src/module/contract.js";

export default defineModule({
  name: "fail",
  summary: "Fail with a message",
  params: { msg: { type: "str", default: "Failed as requested from task", doc: "The message." } },
  neverChanges: true,
  observe: () => ({}),
  plan: ({ msg }) => ({ changes: [], refusal: { message: msg } }),
  examples: [
    {
      title: "Where it cannot go on",
      yaml: 'fail:\n  msg: No licence for {{target.name}}\nwhen: "!has(vars.licence)"\n',
    },
  ],
});
