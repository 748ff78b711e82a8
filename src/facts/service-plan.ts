// What has to be done so that a service is enabled, masked, running or not, as a task wants it.

import type { Change, Outcome } from "../module/change.js";
import { outputText } from "../module/command-result.js";
import type { Conclusion, Context, Plan, Refusal } from "../module/contract.js";
import { bootOf, scriptName, unitsOf, type ServiceSeen, type ServiceUnits, type ServiceWish } from "./service-look.js";
import { isSysvEnabled, parseLsbHeader, toggleSysv } from "./sysv.js";
import {
  configDirectory,
  disableUnits,
  enableUnits,
  isEnabled,
  isInstallable,
  unitName,
  UnitProblem,
  type UnitFile,
} from "./systemd-units.js";

/** The plan of a task on a service. */
export function planService(wanted: ServiceWish, seen: ServiceSeen, context: Context): Plan {
  try {
    return planAll(wanted, seen, context);
  } catch (error) {
    if (!(error instanceof UnitProblem)) throw error;
    return refuse({ message: error.message, ...(error.remedy === undefined ? {} : { remedy: error.remedy }) });
  }
}

function refuse(refusal: Refusal): Plan {
  return { changes: [], refusal };
}

function planAll(wanted: ServiceWish, seen: ServiceSeen, context: Context): Plan {
  const units = unitsOf(wanted, seen);
  const boot = bootOf(seen, context);
  const status = parseShow(outputText(seen.show[0]?.stdout));
  const isLoaded = status["LoadState"] !== undefined && status["LoadState"] !== "not-found";
  const mask = planMask(wanted, seen);
  if (!units.unit && seen.script.content === undefined && !isLoaded && wanted.masked === undefined) {
    return refuse({
      message: `Could not find the requested service ${wanted.name}: host`,
      remedy: "Install what brings it, or look at its name: the tree has no such unit file or init script.",
    });
  }
  const enabling = wanted.enabled === undefined ? undefined : planEnabled(wanted, wanted.enabled, units, seen);
  const running = wanted.state === undefined ? undefined : planState(wanted, seen, status, boot);
  if (running && "message" in running) return refuse(running);
  const links = [...mask, ...(enabling?.changes ?? [])];
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
    booted: boot !== undefined,
    status,
  };
  const warnings = enabling?.warnings ?? [];
  if (actions.length === 0 && reload.length === 0) return { changes, result, warnings };
  return { changes, result, warnings, conclude: (outcomes) => conclude(wanted, changes, outcomes) };
}

/** The link to /dev/null that masks a unit, as `systemctl mask` makes it. */
function planMask(wanted: ServiceWish, seen: ServiceSeen): Change[] {
  if (wanted.masked === undefined) return [];
  const path = `${configDirectory}/${unitName(wanted.name)}`;
  const there = seen.config.entries.find((entry) => entry.name === unitName(wanted.name))?.stat;
  const isMasked = there?.type === "link" && there.target === "/dev/null";
  if (wanted.masked === isMasked) return [];
  if (!wanted.masked) return [{ kind: "remove", path, expect: { type: "link", target: "/dev/null" } }];
  if (there)
    throw new UnitProblem(`${wanted.name} cannot be masked: ${path} is there already`, "Remove that file first.");
  return [{ kind: "makeLink", path, target: "/dev/null", uid: 0, gid: 0, expect: { type: "absent" } }];
}

/** Links of unit files and of init scripts; both where a service has both, as systemctl does. */
function planEnabled(
  wanted: ServiceWish,
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

function planScript(wanted: ServiceWish, isWanted: boolean, seen: ServiceSeen): Change[] {
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
  wanted: ServiceWish,
  seen: ServiceSeen,
  status: Readonly<Record<string, string>>,
  boot: ReturnType<typeof bootOf>,
): { readonly changes: readonly Change[] } | Refusal {
  const { name, state } = wanted;
  if (boot === undefined) {
    return {
      message: `The tree is not booted, so ${name} cannot be ${state ?? "started"}`,
      remedy:
        "Boot it as a machine first; enabled: true alone makes the service start when it boots. In a handler: register the task that enables it, and write when: NAME.booted.",
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
  const words = (wanted.arguments ?? "").split(/\s+/).filter(Boolean);
  const call = (verb: string): Change => ({
    kind: "exec",
    exec: {
      argv: script
        ? [`/etc/init.d/${scriptName(wanted)}`, verb, ...words]
        : ["systemctl", ...(wanted.isAsynchronous ? ["--no-block"] : []), verb, unitName(name)],
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

function actionFor(state: ServiceWish["state"], runs: boolean, isStopping: boolean): string | undefined {
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

function conclude(wanted: ServiceWish, changes: readonly Change[], outcomes: readonly Outcome[]): Conclusion {
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
