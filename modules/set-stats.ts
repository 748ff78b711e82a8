// Collects figures that are shown when the run ends.

import { defineModule } from "../src/module/contract.js";

export default defineModule({
  name: "set_stats",
  summary: "Collect figures that are shown when the run ends",
  doc: "They stand beneath the recap, and in its event with --output json: those of the run, or with per_host those of each target. Numbers and texts are added to what is there, lists joined, maps merged; a value of another kind leaves it as it was.",
  params: {
    data: { type: "raw", required: true, doc: "A map of names and figures." },
    per_host: { type: "bool", default: false, doc: "For the target, not for the run." },
    aggregate: { type: "bool", default: true, doc: "Add to what is there; false puts the new in its place." },
  },
  effects: "variables",
  neverChanges: true,
  returns: { ansible_stats: "What was collected: data, per_host, aggregate." },
  check: ({ data }) => (typeof data === "string" || isMap(data) ? undefined : notMap),
  observe: () => ({}),
  plan: ({ data, per_host, aggregate }) => {
    if (!isMap(data)) return { changes: [], refusal: { message: notMap } };
    const odd = Object.keys(data).find((name) => !/^[A-Za-z_]\w*$/.test(name));
    if (odd !== undefined) {
      const message =
        `The variable name '${odd}' is not valid. Variables must start with a letter or underscore character, ` +
        "and contain only letters, numbers and underscores.";
      return { changes: [], refusal: { message } };
    }
    return {
      changes: [],
      effects: [{ kind: "addStats", data, isPerTarget: per_host, isAdded: aggregate }],
      result: { ansible_stats: { data, per_host, aggregate } },
    };
  },
  examples: [
    { title: "Count what was renewed", yaml: "set_stats:\n  data:\n    renewed: 1\n" },
    {
      title: "A figure for each target",
      yaml: 'set_stats:\n  data:\n    kernel: "{{facts.kernel}}"\n  per_host: true\n',
    },
  ],
});

const notMap = "The 'data' option needs to be a dictionary/hash";

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
