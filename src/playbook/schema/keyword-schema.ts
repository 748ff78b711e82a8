// What each keyword of plays, blocks, tasks, roles and includes takes, as JSON Schema with a line of help.

import { callGroups, capabilityNames } from "../../facts/allowances.js";
import { limitNames } from "../../facts/cgroup-limits.js";
import { limitParams } from "../../facts/cgroup-params.js";
import { orTemplate, refer, template, type JsonSchema } from "./json-schema.js";

const text = (description: string): JsonSchema => ({ type: ["string", "number"], description });
const yes = (description: string): JsonSchema => refer("boolean", description);
const number = (description: string, type: "number" | "integer" = "number"): JsonSchema => ({
  ...orTemplate({ anyOf: [{ type }, { type: "string", pattern: "^[0-9.]+$" }] }),
  description,
});
const texts = (description: string): JsonSchema => refer("texts", description);
const condition = (description: string): JsonSchema => refer("condition", description);
const map = (description: string): JsonSchema => ({ ...orTemplate({ type: "object" }), description });
const tasks = (description: string): JsonSchema => ({
  anyOf: [{ $ref: "#/definitions/tasks" }, { type: "null" }],
  description,
});

/** By keyword. A keyword that crun takes and that is not here is a mistake that a test finds. */
export const keywordSchemas: Readonly<Record<string, JsonSchema>> = {
  name: text("What is shown while it runs."),
  vars: refer("variables", "Variables for what lies here."),
  tags: texts("Words by which -t and --skip-tags choose."),
  become: yes("Become another user."),
  become_user: text("The user to become; default root."),
  become_method: text("How to become another user on the host: sudo, su, doas, none."),
  become_exe: text("The program that become_method runs."),
  become_flags: text("Flags for it."),
  environment: { anyOf: [{ type: "object" }, { type: "array" }, template], description: "Variables for its programs." },
  limits: {
    anyOf: [
      {
        type: "object",
        properties: Object.fromEntries(limitNames.map((name) => [name, text(limitParams[name].doc)])),
        additionalProperties: false,
      },
      template,
    ],
    description: "What its programs may use at most, in a cgroup of their own.",
  },
  allow: {
    anyOf: [
      {
        type: "array",
        items: {
          anyOf: [{ enum: [...capabilityNames, ...callGroups] }, { type: "string", pattern: "^/dev/" }, template],
        },
      },
      { type: "string" },
    ],
    description: "What its programs may have beyond the entry's default: capabilities, system calls, devices.",
  },
  ignore_errors: yes("Go on after a failure."),
  ignore_unreachable: yes("Go on where the host is not reached."),
  check_mode: yes("Only foretell (true), or act in check mode, too (false)."),
  diff: yes("Show differences."),
  no_log: yes("Show nothing of arguments and result."),
  any_errors_fatal: yes("A failure on one target ends the play on all."),
  throttle: { type: ["integer", "string"], description: "At most so many targets at once; 0: any number." },
  throttle_per_host: {
    type: ["integer", "string"],
    description: "At most so many targets of one physical host at once; 0: any number.",
  },
  run_once: yes("On the first target only, with the result for all."),
  module_defaults: { anyOf: [{ type: "object" }, { type: "array" }, template], description: "Arguments by module." },
  collections: { type: ["array", "string"], description: "Taken, without effect." },
  connection: text("How the host is reached."),
  port: number("Port of sshd.", "integer"),
  remote_user: text("The login's name."),
  timeout: number("Seconds after which the task fails."),
  debugger: text("Not supported."),
  delegate_to: text("Act there instead: a target, `host` (the tree's own host) or `local`."),
  delegate_facts: yes("Facts that are set belong to the target that it is delegated to."),
  when: condition("CEL; where it does not hold nothing is done."),
  notify: texts("Handlers to run where something changed."),
  block: tasks("Tasks that belong together."),
  rescue: tasks("What to do after a failure in the block."),
  always: tasks("What to do in any case."),
  args: map("More arguments of the module."),
  register: { type: "string", description: "The variable that gets the result." },
  loop: {
    anyOf: [{ type: "array" }, template],
    description: 'A list (or "{{expression}}" that gives one): once for each item.',
  },
  loop_control: {
    type: "object",
    properties: {
      loop_var: { type: "string", description: "The item's variable; default item." },
      index_var: { type: "string", description: "A variable for the item's number, from 0." },
      label: { description: "What is shown of the item." },
      pause: number("Seconds between items."),
      extended: yes("Gives `loop` and `ansible_loop`: index, first, last, …"),
      extended_allitems: yes("Whether ansible_loop has allitems."),
    },
    additionalProperties: false,
    description: "How the loop goes.",
  },
  until: condition("CEL; tried again until it holds."),
  retries: number("How often until tries again; default 3.", "integer"),
  delay: number("Seconds between tries; default 5."),
  changed_when: condition("CEL; decides whether something changed."),
  failed_when: condition("CEL; decides whether it failed."),
  listen: texts("Names by which a handler is notified, too."),
  async: number("Seconds that the task may take in the background.", "integer"),
  poll: number("Seconds between looks at it; 0: it is left to itself.", "integer"),
  hosts: { type: ["string", "array"], description: "Pattern of targets: web,db,!staging,&prod." },
  tasks: tasks("What to do."),
  pre_tasks: tasks("What to do before roles."),
  post_tasks: tasks("What to do after tasks and their handlers."),
  handlers: tasks("What to do at the end, where it was notified."),
  roles: {
    anyOf: [{ type: "array", items: { $ref: "#/definitions/role" } }, { type: "null" }],
    description: "Roles, in order.",
  },
  role: { type: "string", description: "The role's name." },
  vars_files: {
    type: ["array", "string", "null"],
    description: "Files of variables; a list in it: the first that exists.",
  },
  vars_prompt: {
    anyOf: [{ type: "array", items: { type: "object", required: ["name"] } }, { type: "object" }, { type: "null" }],
    description: "Variables to ask for before the run.",
  },
  gather_facts: yes("true: at once; false: never. Without it where something reads them."),
  gather_subset: { description: "Taken, without effect." },
  gather_timeout: { description: "Taken, without effect." },
  fact_path: { description: "Not supported." },
  force_handlers: yes("Handlers run on targets that failed, too."),
  max_fail_percentage: number("More failures than this end the play."),
  order: {
    enum: ["inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle"],
    description: "Order of targets.",
  },
  serial: {
    anyOf: [{ type: ["integer", "string"] }, { type: "array", items: { type: ["integer", "string"] } }],
    description: 'Targets at a time: 2, "30%", [1, "50%"].',
  },
  strategy: {
    type: "string",
    description: "free: each target at its own pace; linear: task by task.",
  },
  track: texts("What is kept of the trees before and after a run that changes them: snapshot, etckeeper."),
  transaction: {
    anyOf: [
      { type: ["boolean", "string"], enum: [true, false, "refuse", "restart"] },
      {
        type: "object",
        properties: {
          running: { enum: ["refuse", "restart"], description: "What is done where a machine runs from the tree." },
          keep: { type: "integer", minimum: 0, description: "Replaced trees that are kept; default 1." },
        },
        additionalProperties: false,
      },
      { type: "string", pattern: "^\\{\\{" },
    ],
    description: "The play acts in clones of its trees, which are swapped in where all went well.",
  },
  import_playbook: { type: "string", description: "Another playbook whose plays stand here." },
};
