// Waits until the target's host can be reached again.

import { defineModule } from "../src/module/contract.js";

export default defineModule({
  name: "wait_for_connection",
  summary: "Wait until the host can be reached",
  doc: "Looks at the tree; where that fails it gives the connection up and connects anew, again and again, until the host answers: after a reboot, or for a host that was only just started.",
  params: {
    timeout: { type: "int", default: 600, doc: "Seconds after which it fails." },
    delay: { type: "int", default: 0, doc: "Seconds before the first attempt." },
    sleep: { type: "int", default: 1, doc: "Seconds between attempts." },
    connect_timeout: { type: "int", default: 5, doc: "Taken; one attempt lasts as long as --connect-timeout says." },
  },
  effects: "target",
  neverChanges: true,
  returns: { elapsed: "Seconds that it took." },
  check: ({ timeout, delay, sleep }) =>
    Math.min(timeout, delay, sleep) < 0 ? "timeout, delay and sleep are seconds from 0 on" : undefined,
  observe: () => ({}),
  plan: ({ timeout, delay, sleep }) => ({
    changes: [],
    effects: [{ kind: "reconnect", delayMs: delay * 1000, sleepMs: sleep * 1000, timeoutMs: timeout * 1000 }],
    concludeEffects: ([outcome]) => {
      if (!outcome) return {};
      const elapsed = Math.trunc((outcome.endedAt.getTime() - outcome.startedAt.getTime()) / 1000);
      const refusal = outcome.failure === undefined ? {} : { refusal: { message: outcome.failure } };
      return { result: { elapsed }, ...refusal };
    },
  }),
  examples: [{ title: "After a reboot", yaml: "wait_for_connection:\n  delay: 5\n  timeout: 300\n" }],
});
