// Fails where a condition does not hold.

import { defineModule } from "../src/module/contract.js";

export default defineModule({
  name: "assert",
  summary: "Fail where a condition does not hold",
  params: {
    that: { type: "condition", required: true, doc: "A CEL condition, or a list of which all must hold." },
    fail_msg: { type: "raw", aliases: ["msg"], doc: "The message of the failure." },
    success_msg: { type: "raw", doc: "The message where all hold." },
    quiet: { type: "bool", default: false, doc: "Leave the assertions out of the result." },
  },
  returns: { assertion: "The first condition that does not hold.", evaluated_to: "false" },
  neverChanges: true,
  observe: () => ({}),
  plan: ({ that, fail_msg, success_msg, quiet }) => {
    for (const { text, value, error } of that) {
      if (error !== undefined) return { changes: [], refusal: { message: error } };
      if (typeof value !== "boolean") {
        return {
          changes: [],
          refusal: { message: `the condition ${text} gave ${JSON.stringify(value)}, not true or false` },
        };
      }
      if (!value) {
        const result = quiet ? {} : { assertion: text, evaluated_to: false };
        return { changes: [], refusal: { message: messageOf(fail_msg) ?? "Assertion failed", result } };
      }
    }
    return { changes: [], message: messageOf(success_msg) ?? "All assertions passed" };
  },
  examples: [
    {
      title: "Before anything is changed",
      yaml: 'assert:\n  that:\n    - facts.os == "debian"\n    - facts.memory_mb >= 512\n  fail_msg: Needs Debian and 512 MB.\n',
    },
  ],
});

/** A message may be text or a list of lines. */
function messageOf(message: unknown): string | undefined {
  if (message === undefined || message === null) return undefined;
  return Array.isArray(message) ? message.map(String).join("\n") : String(message);
}
