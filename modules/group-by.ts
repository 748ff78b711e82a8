// Puts the target into a group that is named by its variables.

import { defineModule } from "../src/module/contract.js";
import { groupNameProblem, namesOf } from "../src/module/target-name.js";

export default defineModule({
  name: "group_by",
  summary: "Put targets into groups by their variables",
  doc: "The group holds for the rest of the run, in `hosts` of later plays as in `groups` and `group_names`; its group_vars hold from the next task on. Blanks in names become dashes, as in Ansible.",
  params: {
    key: { type: "str", required: true, doc: "The group's name; mostly a template." },
    parents: { type: "raw", default: "all", doc: "Groups that it lies beneath, a list or one name." },
  },
  effects: "run",
  returns: { add_group: "The group.", parent_groups: "The groups above it." },
  observe: () => ({}),
  plan: ({ key, parents }) => {
    const named = (name: string): string => name.replaceAll(" ", "-");
    const group = named(key);
    const above = (Array.isArray(parents) ? parents.map(String) : namesOf(parents)).map(named);
    const problem = [group, ...above].map(groupNameProblem).find((one) => one !== undefined);
    if (problem !== undefined) return { changes: [], refusal: { message: problem } };
    return {
      changes: [],
      effects: [{ kind: "addToGroup", group, parents: above }],
      result: { add_group: group, parent_groups: above },
    };
  },
  examples: [
    { title: "A group for each distribution", yaml: 'group_by:\n  key: "os_{{facts.os}}"\n' },
    {
      title: "Beneath another group",
      yaml: 'group_by:\n  key: "{{facts.os}}-{{facts.os_version}}"\n  parents: "{{facts.os}}"\n',
    },
  ],
});
