// Checks variables against an argument spec.

import { checkArguments } from "../src/module/argument-spec.js";
import { defineModule } from "../src/module/contract.js";

const rule = "Rules over several options, as in the specs of modules.";

export default defineModule({
  name: "validate_argument_spec",
  summary: "Check variables against an argument spec",
  doc: "Roles with meta/argument_specs.yml are checked by themselves, before their first task. Every option of the spec is looked up among the variables; provided_arguments go first.",
  params: {
    argument_spec: {
      type: "dict",
      required: true,
      doc: "Options by name: type, required, choices, elements, options, …",
    },
    provided_arguments: { type: "dict", doc: "Values that go before the variables of the same names." },
    validate_args_context: { type: "dict", doc: "Whose arguments they are; it is in the result." },
    mutually_exclusive: { type: "raw", doc: rule },
    required_together: { type: "raw", doc: rule },
    required_one_of: { type: "raw", doc: rule },
    required_if: { type: "raw", doc: rule },
    required_by: { type: "raw", doc: rule },
  },
  returns: {
    argument_errors: "What is wrong, one sentence each.",
    argument_spec_data: "The spec, where something is wrong.",
    validate_args_context: "As it was given.",
  },
  neverChanges: true,
  observe: () => ({}),
  plan: ({ argument_spec, provided_arguments = {}, validate_args_context = {}, ...rules }) => {
    const problems = checkArguments(argument_spec, rules, provided_arguments);
    if (problems.length === 0) {
      const msg = "The arg spec validation passed";
      return { changes: [], message: msg, result: { validate_args_context, msg } };
    }
    const errors = problems.map(({ message }) => message);
    const message = `Validation of arguments failed:\n${errors.join("\n")}`;
    const result = { argument_errors: errors, argument_spec_data: argument_spec, validate_args_context, msg: message };
    return { changes: [], refusal: { message, result } };
  },
  examples: [
    {
      title: "Variables that a task file needs",
      yaml: "validate_argument_spec:\n  argument_spec:\n    port:\n      type: int\n      required: true\n    mode:\n      choices: [fast, safe]\n  provided_arguments:\n    port: 80\n",
    },
  ],
});
