// Fails with a message.

import { defineModule } from "../src/module/contract.js";

export default defineModule({
  name: "fail",
  summary: "Fail with a message",
  params: { msg: { type: "raw", default: "Failed as requested from task", doc: "The message: text or any value." } },
  neverChanges: true,
  observe: () => ({}),
  plan: ({ msg }) => ({ changes: [], refusal: { message: textOf(msg), result: { msg } } }),
  examples: [
    {
      title: "Where it cannot go on",
      yaml: 'fail:\n  msg: No licence for {{target.name}}\nwhen: "!has(vars.licence)"\n',
    },
  ],
});

function textOf(message: unknown): string {
  return typeof message === "string" ? message : JSON.stringify(message);
}
