// Services: enabled and disabled by links, in any tree; started and stopped in a tree that is booted.

import {
  bootOf,
  observeService,
  observeServiceMore,
  scriptName,
  unitsOf,
  type ServiceSeen,
  type ServiceUnits,
} from "../src/facts/service-look.js";
import { isSysvEnabled, parseLsbHeader, toggleSysv } from "../src/facts/sysv.js";
import {
  disableUnits,
  enableUnits,
  isEnabled,
  isInstallable,
  unitName,
  UnitProblem,
  type UnitFile,
} from "../src/facts/systemd-units.js";
import type { Change, Outcome } from "../src/module/change.js";
import { outputText } from "../src/module/command-result.js";
import { defineModule, type Conclusion, type Context, type Plan, type Refusal } from "../src/module/contract.js";
import type { ParamsOf, ParamSpecs } from "../src/module/param.js";

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

type Params = ParamsOf<typeof params>;

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
    if (/[*?[]/.test(wanted.name)) return `service takes no patterns, found in ${wanted.name}`;
    if (/[/\s]/.test(wanted.name) || wanted.name.startsWith("-") || wanted.name === "")
      return `${JSON.stringify(wanted.name)} is no service's name`;
    if (!/^(ansible\.builtin\.)?(auto|systemd|sysvinit|service)$/.test(wanted.use))
      return `service cannot use ${wanted.use}: it knows systemd and init scripts`;
    return undefined;
  },
  observe: (wanted) => observeService(wanted),
  observeMore: (wanted, seen, context) => observeServiceMore(wanted, seen, context),
  plan(wanted, seen, context): Plan {
    try {
      return planService(wanted, seen, context);
    } catch (error) {
      if (!(error instanceof UnitProblem)) throw error;
      return refuse({ message: error.message, ...(error.remedy === undefined ? {} : { remedy: error.remedy }) });
    }
  },
});

function refuse(refusal: Refusal): Plan {
  return { changes: [], refusal };
}

function planService(wanted: Params, seen: ServiceSeen, context: Context): Plan {
  const units = unitsOf(wanted, seen);
  const boot = bootOf(seen, context);
  const status = parseShow(outputText(seen.show[0]?.stdout));
  const isLoaded = status["LoadState"] !== undefined && status["LoadState"] !== "not-found";
  if (!units.unit && seen.script.content === undefined && !isLoaded) {
    return refuse({
      message: `Could not find the requested service ${wanted.name}: host`,
      remedy: "Install what brings it, or look at its name: the tree has no such unit file or init script.",
    });
  }
  const enabling = wanted.enabled === undefined ? undefined : planEnabled(wanted, wanted.enabled, units, seen);
  const running = wanted.state === undefined ? undefined : planState(wanted, seen, status, boot);
  if (running && "message" in running) return refuse(running);
  const links = enabling?.changes ?? [];
  const reload: Change[] =
    boot === "systemd" && links.length > 0
      ? [{ kind: "exec", exec: { argv: ["systemctl", "daemon-reload"] }, isContained: true, isUncounted: true }]
      : [];
  const actions = running?.changes ?? [];
  const changes = [...links, ...reload, ...actions];
  const result = {
    name: wanted.name,
    ...(wanted.enabled === undefined ? {} : { enabled: wanted.enabled }),
    ...(wanted.state === undefined ? {} : { state: wanted.state === "stopped" ? "stopped" : "started" }),
    status,
  };
  const warnings = enabling?.warnings ?? [];
  if (actions.length === 0 && reload.length === 0) return { changes, result, warnings };
  return { changes, result, warnings, conclude: (outcomes) => conclude(wanted, changes, outcomes) };
}

/** Links of unit files and of init scripts; both where a service has both, as systemctl does. */
function planEnabled(
  wanted: Params,
  isWanted: boolean,
  units: ServiceUnits,
  seen: ServiceSeen,
): { readonly changes: Change[]; readonly warnings: string[] } {
  const { unit } = units;
  const { entries } = seen.config;
  const native = unit && planUnit(isWanted, units, seen);
  const hasScript = seen.script.content !== undefined;
  const isOn = unit ? isEnabled(unit.name, entries) : isSysvEnabled(seen.rc.paths);
  const isScriptOff = hasScript && isSysvEnabled(seen.rc.paths) !== isWanted;
  const script =
    hasScript && (unit === undefined ? isScriptOff : isOn !== isWanted && isScriptOff)
      ? planScript(wanted, isWanted, seen)
      : [];
  return { changes: [...(native?.changes ?? []), ...script], warnings: native?.warnings ?? [] };
}

function planUnit(
  isWanted: boolean,
  units: ServiceUnits,
  seen: ServiceSeen,
): { readonly changes: Change[]; readonly warnings: string[] } {
  const { unit, also, unknown } = units;
  const { entries } = seen.config;
  if (!unit || unit.kind === "alias") return { changes: [], warnings: [] };
  if (unit.kind === "masked") {
    if (!isWanted) return { changes: [], warnings: [] };
    throw new UnitProblem(`${unit.name} is masked by ${unit.path}`, "Remove that file first.");
  }
  if (isEnabled(unit.name, entries) === isWanted) return { changes: [], warnings: [] };
  const found = [unit, ...also].filter((one): one is Extract<UnitFile, { kind: "found" }> => one.kind === "found");
  if (!isWanted)
    return {
      changes: disableUnits([...new Set([...found.map((one) => one.name), ...unknown])], entries),
      warnings: [],
    };
  if (!isInstallable(unit.install)) {
    return {
      changes: [],
      warnings: [`${unit.name} has no [Install] section: other units start it, it cannot be enabled`],
    };
  }
  const warnings = unknown.map(
    (one) => `${one} is to be enabled with ${unit.name}, but only by way of another unit: enable it by its name too`,
  );
  return { changes: enableUnits(found, entries), warnings };
}

function planScript(wanted: Params, isWanted: boolean, seen: ServiceSeen): Change[] {
  const name = scriptName(wanted);
  const header = parseLsbHeader(outputText(seen.script.content));
  const changes = toggleSysv(name, header, seen.rc.paths, new Set(seen.rcDirectories.paths), isWanted);
  if (!changes)
    throw new UnitProblem(
      `/etc/init.d/${name} names no run levels to start in (Default-Start)`,
      "Give the script an LSB header.",
    );
  if (!seen.insserv.stat) return changes;
  // With insserv the numbers of all scripts' links depend on each other: its own tool has to sort them.
  const run = (...args: readonly string[]): Change => ({
    kind: "exec",
    exec: { argv: ["update-rc.d", name, ...args] },
    assumes: changes,
    isContained: true,
  });
  return [run("defaults"), run(isWanted ? "enable" : "disable")];
}

/** What has to be done for the state, or why it cannot be. */
function planState(
  wanted: Params,
  seen: ServiceSeen,
  status: Readonly<Record<string, string>>,
  boot: ReturnType<typeof bootOf>,
): { readonly changes: readonly Change[] } | Refusal {
  const { name, state } = wanted;
  if (boot === undefined) {
    return {
      message: `The tree is not booted, so ${name} cannot be ${state ?? "started"}`,
      remedy:
        "Boot it as a machine (systemd-nspawn -b) first; enabled: true alone makes the service start when it boots.",
    };
  }
  const script = seen.status[0];
  if (script === undefined && seen.show[0] === undefined) {
    return {
      message: `Nothing in the tree can tell whether ${name} runs: it has neither systemd nor an init script of that name`,
    };
  }
  if (status["LoadError"] !== undefined && status["LoadError"] !== "" && status["LoadState"] !== "masked") {
    return { message: `Error loading unit file '${name}': ${status["LoadError"]}`, remedy: "Repair the unit file." };
  }
  if (script === undefined && status["ActiveState"] === undefined) {
    const words = outputText(seen.show[0]?.stderr).trim() || "systemctl gave no answer";
    return { message: `The state of ${name} is not known: ${words}` };
  }
  const active = status["ActiveState"] ?? "";
  const runs = script
    ? script.exit.kind === "exited" && script.exit.value === 0
    : active === "active" || active === "activating" || active === "reloading";
  const action = actionFor(state, runs, active === "deactivating");
  if (action === undefined) return { changes: [] };
  const words = wanted.arguments.split(/\s+/).filter(Boolean);
  const call = (verb: string): Change => ({
    kind: "exec",
    exec: {
      argv: script ? [`/etc/init.d/${scriptName(wanted)}`, verb, ...words] : ["systemctl", verb, unitName(name)],
    },
  });
  if (script && action === "restart" && wanted.sleep !== undefined) {
    return {
      changes: [
        call("stop"),
        { kind: "exec", exec: { argv: ["sleep", String(wanted.sleep)] }, isContained: true },
        call("start"),
      ],
    };
  }
  return { changes: [call(action)] };
}

function actionFor(state: Params["state"], runs: boolean, isStopping: boolean): string | undefined {
  if (state === "started") return runs ? undefined : "start";
  if (state === "stopped") return runs || isStopping ? "stop" : undefined;
  if (!runs) return "start";
  return state === "restarted" ? "restart" : "reload";
}

/** `Key=value` lines of systemctl show. */
function parseShow(text: string): Record<string, string> {
  const pairs = text.split("\n").flatMap((line): [string, string][] => {
    const at = line.indexOf("=");
    return at > 0 && /^[A-Za-z0-9]+$/.test(line.slice(0, at)) ? [[line.slice(0, at), line.slice(at + 1)]] : [];
  });
  return Object.fromEntries(pairs);
}

function conclude(wanted: Params, changes: readonly Change[], outcomes: readonly Outcome[]): Conclusion {
  const at = outcomes.findIndex(
    (one) =>
      one.failure !== undefined || (one.exit !== undefined && (one.exit.kind !== "exited" || one.exit.value !== 0)),
  );
  const change = changes[at];
  const outcome = outcomes[at];
  if (change?.kind !== "exec" || !outcome?.exit) return {};
  const words =
    outputText(outcome.stderr).trim() ||
    outputText(outcome.stdout).trim() ||
    outcome.exit.failure?.message ||
    `ended with ${outcome.exit.kind} ${outcome.exit.value}`;
  const verb = change.exec.argv[1] ?? "start";
  return {
    refusal: {
      message: `Unable to ${verb} service ${wanted.name}: ${words}`,
      remedy: `Look at its journal: journalctl -u ${unitName(wanted.name)}`,
      result: { rc: outcome.exit.value },
    },
  };
}
