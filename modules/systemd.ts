// Units of systemd: enabled, masked, started and stopped, and systemd told to read them anew.

import {
  bootOf,
  observeService,
  observeServiceMore,
  serviceNameProblem,
  type ServiceWish,
} from "../src/facts/service-look.js";
import { planService } from "../src/facts/service-plan.js";
import type { Change } from "../src/module/change.js";
import { defineModule, type Plan } from "../src/module/contract.js";
import type { ParamsOf, ParamSpecs } from "../src/module/param.js";

const params = {
  name: { type: "str", aliases: ["service", "unit"], doc: "The unit; `.service` where it has no suffix." },
  state: {
    type: "str",
    choices: ["reloaded", "restarted", "started", "stopped"],
    doc: "As in the module service: only in a tree that is booted.",
  },
  enabled: { type: "bool", doc: "Whether it starts with the system. Works in any tree." },
  masked: { type: "bool", doc: "Whether it is masked, so that nothing can start it. Works in any tree." },
  force: { type: "bool", doc: "Refused where true: a link that is in the way is named, and not replaced." },
  daemon_reload: {
    type: "bool",
    default: false,
    aliases: ["daemon-reload"],
    doc: "Have systemd read its units anew before. Nothing in a tree that is not booted.",
  },
  daemon_reexec: {
    type: "bool",
    default: false,
    aliases: ["daemon-reexec"],
    doc: "Have systemd start itself anew before. Nothing in a tree that is not booted.",
  },
  scope: {
    type: "str",
    choices: ["system", "user", "global"],
    default: "system",
    doc: "system alone in this version.",
  },
  no_block: { type: "bool", default: false, doc: "Do not wait until the unit has started or stopped." },
} as const satisfies ParamSpecs;

export default defineModule({
  name: "systemd",
  summary: "Enables, masks, starts and stops units of systemd",
  doc: "What the module service does for units, and masking, and reading units anew. Needs no systemctl in a tree that is not booted.",
  params,
  rules: {
    requiredOneOf: [["state", "enabled", "masked", "daemon_reload", "daemon_reexec"]],
    requiredBy: { state: ["name"], enabled: ["name"], masked: ["name"] },
  },
  returns: {
    name: "the unit",
    enabled: "whether it is enabled, where that was asked for",
    state: "started or stopped, where that was asked for",
    booted: "whether the tree is booted, so that services can run in it",
    status: "what systemctl show tells",
  },
  examples: [
    { title: "Masked, in any tree", yaml: "systemd:\n  name: systemd-resolved\n  masked: true" },
    {
      title: "Read units anew, and restart",
      yaml: "systemd:\n  name: nginx\n  daemon_reload: true\n  state: restarted",
    },
    { title: "A timer", yaml: "systemd:\n  name: fstrim.timer\n  enabled: true" },
  ],
  check(wanted) {
    if (wanted.scope !== "system") return `scope: ${wanted.scope} is not supported in this version`;
    if (wanted.force) return "force is not supported: remove the link that is in the way";
    if (wanted.masked && wanted.enabled) return "masked and enabled exclude each other";
    return wanted.name === undefined ? undefined : serviceNameProblem(wanted.name);
  },
  observe: (wanted) => observeService(wishOf(wanted)),
  observeMore: (wanted, seen, context) => observeServiceMore(wishOf(wanted), seen, context),
  plan(wanted, seen, context): Plan {
    const isBooted = bootOf(seen, context) === "systemd";
    const before = (["daemon_reload", "daemon_reexec"] as const)
      .filter((name) => isBooted && wanted[name])
      .map((name): Change => ({
        kind: "exec",
        exec: { argv: ["systemctl", name.replace("_", "-")] },
        isContained: true,
        isUncounted: true,
      }));
    if (wanted.name === undefined) return { changes: before, result: { name: null, status: {} } };
    const plan = planService(wishOf(wanted), seen, context);
    if (plan.refusal || before.length === 0) return plan;
    const { conclude } = plan;
    return {
      ...plan,
      changes: [...before, ...plan.changes],
      ...(conclude ? { conclude: (outcomes) => conclude(outcomes.slice(before.length)) } : {}),
    };
  },
});

function wishOf(wanted: ParamsOf<typeof params>): ServiceWish {
  const { name = "", state, enabled, masked, no_block: isAsynchronous } = wanted;
  return { name, state, enabled, masked, use: "systemd", isAsynchronous };
}
