// Fails where a condition does not hold.

import { defineModule, type Plan } from "../src/module/contract.js";

export default defineModule({
  name: "assert",
  summary: "Fail where a condition does not hold",
  params: {
    that: { type: "condition", required: true, doc: "A CEL condition, or a list of which all must hold." },
    fail_msg: { type: "raw", aliases: ["msg"], doc: "The message of the failure: text, or a list of lines." },
    success_msg: { type: "raw", doc: "The message where all hold: text, or a list of lines." },
    quiet: { type: "bool", default: false, doc: "Accepted; a result is one line anyway." },
  },
  returns: { assertion: "The first condition that does not hold.", evaluated_to: "false" },
  neverChanges: true,
  check: ({ fail_msg, success_msg }) => problemOf("fail_msg or msg", fail_msg) ?? problemOf("success_msg", success_msg),
  observe: () => ({}),
  plan: ({ that, fail_msg, success_msg }) => {
    const problem = problemOf("fail_msg or msg", fail_msg) ?? problemOf("success_msg", success_msg);
    if (problem) return { changes: [], refusal: { message: problem } };
    for (const { text, value, error } of that) {
      if (error !== undefined) return { changes: [], refusal: { message: error } };
      if (typeof value !== "boolean") {
        return {
          changes: [],
          refusal: { message: `the condition ${text} gave ${JSON.stringify(value)}, not true or false` },
        };
      }
      if (!value) {
        const result = { assertion: text, evaluated_to: false, msg: fail_msg ?? "Assertion failed" };
        const remedy = `This does not hold: ${text}`;
        return { changes: [], refusal: { message: textOf(result.msg), remedy, result } };
      }
    }
    return passed(success_msg ?? "All assertions passed");
  },
  examples: [
    {
      title: "Before anything is changed",
      yaml: 'assert:\n  that:\n    - facts.os == "debian"\n    - facts.memory_mb >= 512\n  fail_msg: Needs Debian and 512 MB.\n',
    },
  ],
});

function passed(msg: unknown): Plan {
  return { changes: [], message: textOf(msg), result: { msg } };
}

/** A list is shown as lines; it is registered as it is. */
function textOf(message: unknown): string {
  return Array.isArray(message) ? message.join("\n") : String(message);
}

function problemOf(name: string, message: unknown): string | undefined {
  if (message === undefined || message === null || typeof message === "string") return undefined;
  if (!Array.isArray(message)) return `Incorrect type for ${name}, expected a string or list and got ${typeof message}`;
  return message.every((one) => typeof one === "string")
    ? undefined
    : `Type of one of the elements in ${name} list is not string type`;
}
