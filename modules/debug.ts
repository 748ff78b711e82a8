// Prints a message or a variable.

import { defineModule } from "../src/module/contract.js";

export default defineModule({
  name: "debug",
  summary: "Print a message or a variable",
  params: {
    msg: { type: "raw", doc: "What to print; text or any value. Without msg and var: Hello world!" },
    var: { type: "expression", doc: "A variable or an expression whose value is printed." },
    verbosity: { type: "int", default: 0, doc: "Print only where the run has at least this many -v." },
  },
  rules: { mutuallyExclusive: [["msg", "var"]] },
  returns: { msg: "The message; with var, the value stands under the expression's text." },
  neverChanges: true,
  neverFails: true,
  observe: () => ({}),
  plan: (params, _seen, context) => {
    const { msg, var: expression, verbosity } = params;
    if (verbosity > context.verbosity) {
      return { changes: [], isSkipped: true, result: { skipped_reason: "Verbosity threshold not met." } };
    }
    if (!expression) return { changes: [], result: { msg: msg === undefined ? "Hello world!" : msg } };
    const { text, value, error } = expression;
    if (error === undefined) return { changes: [], result: { [text]: value } };
    const why = context.verbosity > 0 ? `: ${error}` : "";
    return { changes: [], result: { [text]: `VARIABLE IS NOT DEFINED!${why}` } };
  },
  examples: [
    { title: "A message", yaml: 'debug:\n  msg: "{{target.name}} runs {{facts.os}}"\n' },
    { title: "A value", yaml: "debug:\n  var: groups\n" },
  ],
});
