// What setup and gather_facts have in common: the facts anew, filtered for the result.

import type { Plan } from "./contract.js";
import type { ParamSpecs } from "./param.js";

export const gatherParams = {
  filter: {
    type: "list",
    elements: "str",
    doc: "Which facts the result holds: names, with shell wildcards. The variable facts always has all.",
  },
  gather_subset: { type: "list", elements: "str", doc: "Taken, without effect: all facts come in one look." },
  gather_timeout: { type: "int", doc: "Taken, without effect." },
  fact_path: { type: "path", doc: "Refused: no programs of a tree are run for its facts." },
} as const satisfies ParamSpecs;

export const gatherReturns = { ansible_facts: "The facts, as they stand in the variable facts." };

export function gatherProblem({ fact_path }: { readonly fact_path: string | undefined }): string | undefined {
  return fact_path === undefined ? undefined : "fact_path: facts by programs or files of the tree are not taken";
}

export function gatherPlan(filters: readonly string[] | undefined): Plan {
  const patterns = (filters ?? []).filter((one) => one !== "").map(patternOf);
  return {
    changes: [],
    effects: [{ kind: "gatherFacts" }],
    concludeEffects: ([outcome]) => {
      const facts = Object.entries(outcome?.values ?? {});
      const shown = patterns.length === 0 ? facts : facts.filter(([name]) => patterns.some((one) => one.test(name)));
      return { result: { ansible_facts: Object.fromEntries(shown) } };
    },
  };
}

/** Facts may be named as Ansible's, `ansible_hostname`. */
function patternOf(filter: string): RegExp {
  const source = filter
    .replace(/^ansible_/, "")
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`);
}
