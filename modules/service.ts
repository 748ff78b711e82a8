// Services: enabled and disabled by links, in any tree; started and stopped in a tree that is booted.

import { observeService, observeServiceMore, serviceNameProblem } from "../src/facts/service-look.js";
import { planService } from "../src/facts/service-plan.js";
import { defineModule } from "../src/module/contract.js";
import type { ParamSpecs } from "../src/module/param.js";

const params = {
  name: {
    type: "str",
    required: true,
    doc: "The service; any unit with its suffix (`apt-daily.timer`), an instance of a template (`getty@tty1`), or an init script.",
  },
  state: {
    type: "str",
    choices: ["reloaded", "restarted", "started", "stopped"],
    doc: "started and stopped only do what is needed; restarted and reloaded always act, and start what does not run. Only in a tree that is booted.",
  },
  enabled: { type: "bool", doc: "Whether it starts with the system. Works in any tree." },
  sleep: { type: "int", doc: "With init scripts: seconds between stop and start of a restart." },
  pattern: {
    type: "str",
    doc: "Taken for Ansible's sake: systemd, or the script's own status, tells whether it runs.",
  },
  runlevel: {
    type: "str",
    default: "default",
    doc: "Taken for Ansible's sake: means nothing on Linux without OpenRC.",
  },
  arguments: {
    type: "str",
    default: "",
    aliases: ["args"],
    doc: "With init scripts: more arguments, split at blanks.",
  },
  use: { type: "str", default: "auto", doc: "auto, systemd, sysvinit or service." },
} as const satisfies ParamSpecs;

export default defineModule({
  name: "service",
  summary: "Enables, disables, starts and stops services",
  doc:
    "Enabling edits links in the tree, as `systemctl --root=TREE enable` and `update-rc.d` do, without running either: it works in trees that are not booted and have neither. " +
    "Starting needs a tree that is booted (a machine that runs, or the host itself); elsewhere it is refused, since it would be the host's service manager that answers.",
  params,
  rules: { requiredOneOf: [["state", "enabled"]] },
  returns: {
    name: "the service",
    enabled: "whether it is enabled, where that was asked for",
    state: "started or stopped, where that was asked for",
    booted: "whether the tree is booted, so that services can run in it",
    status: "what systemctl show tells",
  },
  examples: [
    { title: "Enabled, in any tree", yaml: "service:\n  name: nginx\n  enabled: true" },
    {
      title: "Enabled and running, in a booted tree",
      yaml: "service:\n  name: nginx\n  enabled: true\n  state: started",
    },
    { title: "Restarted by a handler", yaml: "service:\n  name: nginx\n  state: restarted" },
    { title: "A timer that does not start", yaml: "service:\n  name: apt-daily.timer\n  enabled: false" },
  ],
  check(wanted) {
    if (/^(ansible\.builtin\.)?(auto|systemd|sysvinit|service)$/.test(wanted.use))
      return serviceNameProblem(wanted.name);
    return `service cannot use ${wanted.use}: it knows systemd and init scripts`;
  },
  observe: (wanted) => observeService(wanted),
  observeMore: (wanted, seen, context) => observeServiceMore(wanted, seen, context),
  plan: (wanted, seen, context) => planService(wanted, seen, context),
});
