// What only a simulation can tell: upgrades of everything, build dependencies, what is needed no more.

import { outputText } from "../module/command-result.js";
import type { Refusal } from "../module/contract.js";
import { errorLines, remedyFor } from "./apt-command.js";
import { common, installOptions, nothingDone, somethingDone, type Steps } from "./apt-jobs.js";
import type { AptSeen } from "./apt-look.js";
import type { AptWish } from "./apt-params.js";

/** Upgrades everything, where a simulation finds something to upgrade. */
export function upgradeSteps(wish: AptWish, seen: AptSeen, mode: "safe" | "dist", isDue: boolean): Steps {
  const simulation = simulationOf(seen);
  if (!isDue && simulation.failure) return { jobs: [], refusal: simulation.failure };
  if (!isDue && nothingDone.test(simulation.stdout)) return { jobs: [] };
  const command = mode === "dist" ? ["dist-upgrade"] : ["upgrade", "--with-new-pkgs"];
  const options = [
    ...common(wish),
    ...(wish.autoremove ? ["--auto-remove"] : []),
    ...(wish.fail_on_autoremove ? ["--no-remove"] : []),
  ];
  const release = wish.default_release === undefined ? [] : ["-t", wish.default_release];
  return {
    jobs: [{ argv: ["apt-get", ...command, ...options, ...release], hasDone: somethingDone }],
    ...simulatedDiff(simulation.stdout),
  };
}

/** Packages before and after, from the lines of a simulation. */
function simulatedDiff(stdout: string): { readonly before: string[]; readonly after: string[] } {
  const before: string[] = [];
  const after: string[] = [];
  for (const line of stdout.split("\n")) {
    const install = /^Inst (\S+)(?: \[([^\]]+)\])? \((\S+)/.exec(line);
    const remove = /^(?:Remv|Purg) (\S+) \[([^\]]+)\]/.exec(line);
    if (install?.[2] !== undefined) before.push(`${install[1] ?? ""} ${install[2]}`);
    if (install) after.push(`${install[1] ?? ""} ${install[3] ?? ""}`);
    if (remove) before.push(`${remove[1] ?? ""} ${remove[2] ?? ""}`);
  }
  return { before, after };
}

/** Installs what is needed to build packages. */
export function buildSteps(wish: AptWish, seen: AptSeen, isDue: boolean): Steps {
  const simulation = simulationOf(seen);
  if (!isDue && simulation.failure) return { jobs: [], refusal: simulation.failure };
  if (!isDue && nothingDone.test(simulation.stdout)) return { jobs: [] };
  const names = (wish.package ?? []).map((name) => name.trim());
  return {
    jobs: [{ argv: ["apt-get", "build-dep", ...installOptions(wish), "--", ...names], hasDone: somethingDone }],
    ...simulatedDiff(simulation.stdout),
  };
}

/** autoremove and autoclean, where there is something to remove. */
export function cleanupSteps(wish: AptWish, seen: AptSeen): Steps {
  if (!wish.autoclean && !wish.autoremove) return { jobs: [] };
  const simulation = simulationOf(seen);
  if (simulation.failure) return { jobs: [], refusal: simulation.failure };
  const isNeeded = wish.autoclean ? /^Del /m.test(simulation.stdout) : /^(Remv|Purg) /m.test(simulation.stdout);
  if (!isNeeded) return { jobs: [] };
  const operation = wish.autoclean ? "autoclean" : "autoremove";
  return {
    jobs: [{ argv: ["apt-get", operation, ...common(wish), ...(wish.purge ? ["--purge"] : [])] }],
    ...simulatedDiff(simulation.stdout),
  };
}

function simulationOf(seen: AptSeen): { readonly stdout: string; readonly failure: Refusal | undefined } {
  const first = seen.simulations[0];
  const stdout = outputText(first?.stdout);
  const stderr = outputText(first?.stderr);
  if (!first || (first.exit.kind === "exited" && first.exit.value === 0)) return { stdout, failure: undefined };
  const remedy = remedyFor(stderr);
  return {
    stdout,
    failure: {
      message: errorLines(stderr) || first.failure?.message || "apt-get failed",
      ...(remedy === undefined ? {} : { remedy }),
    },
  };
}
