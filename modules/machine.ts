// Machines of a host: systemd-nspawn's, with their settings and limits, started, stopped, enabled, removed.

import { wantedLimits } from "../src/facts/cgroup-params.js";
import { defineModule } from "../src/module/contract.js";
import { checkAbsolute } from "../src/module/tree-path.js";
import {
  machineMoreProbes,
  machinePlace,
  machineProbes,
  type MachineMoreProbes,
  type MachineProbes,
  type MachineSeen,
} from "../src/tree/machine/look.js";
import { machineParams } from "../src/tree/machine/params.js";
import { planMachine } from "../src/tree/machine/plan.js";
import { settingsOf } from "../src/tree/machine/settings.js";
import { machineNameProblem } from "../src/tree/machine/unit.js";

export default defineModule({
  name: "machine",
  summary: "Set up, start, stop and remove machines that run from trees",
  takesRoot: "machines are set up and started by root",
  doc:
    "A machine is systemd-nspawn@NAME.service of the target's host. Its settings are /etc/systemd/nspawn/NAME.nspawn, as a whole; they are left as they are where a task says nothing of them. Its limits, " +
    "and where its tree is if that is not /var/lib/machines/NAME, are a drop-in of its unit, 50-crun.conf. Later tasks of the play act in the machine as it runs. docs/MACHINES.md has the rest.",
  actsOn: "host",
  effects: "target",
  params: machineParams,
  rules: { mutuallyExclusive: [["bridge", "zone"]] },
  returns: {
    name: "the machine",
    unit: "its unit on the host",
    path: "its tree",
    state: "running, stopped or absent",
    enabled: "whether it starts with the host",
    restart_needed: "whether it runs with other settings than those of its file",
    system_state: "what its systemd says of itself, where it was waited for (running, degraded)",
  },
  examples: [
    { title: "Runs, and starts with the host", yaml: "machine:\n  state: started\n  enabled: true\n" },
    {
      title: "With limits, a port, and a directory of the host",
      yaml: "machine:\n  state: started\n  memory_max: 512M\n  cpu_max: 50%\n  pids_max: 200\n  ports: [8080:80]\n  bind_ro: [/srv/www]\n",
    },
    {
      title: "Several in one network of their own",
      yaml: "machine:\n  state: started\n  zone: web\n  private_users: pick\n  private_users_ownership: map\n",
    },
    { title: "Restarted by a handler", yaml: "machine:\n  state: restarted\n" },
    { title: "Stopped and forgotten; the tree stays", yaml: "machine:\n  state: absent\n" },
    {
      title: "A setting that has no param of its own",
      yaml: "machine:\n  settings:\n    Exec:\n      OOMScoreAdjust: 500\n",
    },
  ],
  check: (wish) => {
    const limits = wantedLimits(wish);
    if ("problem" in limits) return limits.problem;
    const settings = settingsOf(wish);
    if ("problem" in settings) return settings.problem;
    if (wish.wait_timeout < 0) return "wait_timeout is in seconds from 0 on";
    return (wish.name === undefined ? undefined : machineNameProblem(wish.name)) ?? checkAbsolute("path", wish.path);
  },
  observe: (wish, context): MachineProbes | Record<never, never> => {
    const place = machinePlace(wish, context);
    return "problem" in place ? {} : machineProbes(wish, place);
  },
  observeMore: (wish, seen, context): MachineMoreProbes | Record<never, never> => {
    const place = machinePlace(wish, context);
    return "problem" in place || !("show" in seen) ? {} : machineMoreProbes(wish, place, seen, context);
  },
  plan: (wish, seen, context) => {
    const place = machinePlace(wish, context);
    if ("problem" in place) {
      const remedy = "Add name: … to the task, or play it on HOST:TREE.";
      return { changes: [], refusal: { message: place.problem, remedy } };
    }
    if (!isSeen(seen)) throw new Error("the machine was not looked at");
    return planMachine(wish, place, seen, context);
  },
});

function isSeen(seen: object): seen is MachineSeen {
  return "show" in seen && "inside" in seen;
}
