// Adds a target to the inventory for the rest of the run.

import { defineModule } from "../src/module/contract.js";
import { groupNameProblem, namesOf, targetNameProblem } from "../src/module/target-name.js";

export default defineModule({
  name: "add_host",
  summary: "Add a target to the inventory for the rest of the run",
  doc: "Later plays and tasks find it in `hosts`, `groups`, `hostvars` and `delegate_to`. Every other key is a variable of the target (`crun_host`, `crun_path`, …), as strong as what an inventory says of it. Done once for all targets of the play. A name that is there already gets the groups and variables besides its own.",
  params: {
    name: {
      type: "str",
      required: true,
      aliases: ["hostname", "host"],
      doc: "`HOST:TREE`, `HOST` or a short name with crun_path.",
    },
    groups: {
      type: "raw",
      aliases: ["group", "groupname"],
      doc: "Groups to be in, a list or text with commas; those that are not there are made.",
    },
  },
  hasOpenParams: true,
  runsOnce: true,
  effects: "run",
  returns: { add_host: "What was added: host_name, groups, host_vars." },
  check: ({ name, groups }) =>
    targetNameProblem(name) ??
    namesOf(groups)
      .map(groupNameProblem)
      .find((one) => one !== undefined),
  observe: () => ({}),
  plan: ({ name, groups: given }, _seen, { extra }) => {
    const groups = namesOf(given);
    const problem =
      targetNameProblem(name) ??
      groups.map(groupNameProblem).find((one) => one !== undefined) ??
      Object.keys(extra)
        .filter((key) => !/^[A-Za-z_]\w*$/.test(key))
        .map((key) => `${JSON.stringify(key)} is no name for a variable`)[0];
    if (problem !== undefined) return { changes: [], refusal: { message: problem } };
    return {
      changes: [],
      effects: [{ kind: "addHost", name, groups, vars: extra }],
      result: { add_host: { host_name: name, groups, host_vars: extra } },
    };
  },
  examples: [
    {
      title: "A tree that a task has just made",
      yaml: "add_host:\n  name: node1:web9\n  groups: [web]\n  http_port: 8080\n",
    },
    {
      title: "A host that no inventory names",
      yaml: "add_host:\n  name: spare\n  crun_host: 192.0.2.10\n  crun_port: 2222\n",
    },
  ],
});
