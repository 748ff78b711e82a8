// Whether a machine that was started is up, and what is said of one that does not come up.

import { lastWords } from "../program.js";
import { outputText } from "../../module/command-result.js";
import type { Context, Refusal } from "../../module/contract.js";
import { runs, saysReady, type MachineSeen, type UnitState } from "./look.js";
import type { MachineWish } from "./params.js";

/** Later looks are further apart. */
function nextLook(elapsedMs: number): { readonly afterMs: number } {
  return { afterMs: Math.min(3000, Math.max(500, Math.round(elapsedMs / 8))) };
}

export interface Waiting {
  readonly changes: readonly [];
  readonly warnings: readonly string[];
  readonly again?: { readonly afterMs: number };
  readonly result?: Readonly<Record<string, unknown>>;
}

/** Not over (`again`), over, or given up. */
export function planWait(
  wish: MachineWish,
  unitName: string,
  seen: MachineSeen,
  unit: UnitState,
  { elapsedMs }: Context,
): Waiting | { readonly refusal: Refusal } {
  const done = { changes: [], warnings: [] } as const;
  const { activeState } = unit;
  if (!runs(unit) && activeState !== "deactivating") {
    const how = activeState === "failed" ? `has failed (${unit.result || "no reason is known"})` : "has ended at once";
    return { refusal: told(`${unitName} does not come up: it ${how}`, seen) };
  }
  const inside = outputText(seen.inside[0]?.stdout).trim();
  const needsNoWord = !wish.wait || wish.boot === false;
  if (activeState === "active" && (needsNoWord || isInitUp(inside, unit, seen))) {
    const told = `${unitName} is up, but units in it have failed (systemctl --failed there tells which)`;
    return {
      ...done,
      warnings: inside === "degraded" ? [told] : [],
      result: { system_state: inside === "" ? null : inside },
    };
  }
  if (inside === "maintenance")
    return { refusal: told(`${unitName} does not come up: its systemd waits for maintenance`, seen, stays) };
  if (elapsedMs < wish.wait_timeout * 1000) return { ...done, again: nextLook(elapsedMs) };
  const said = inside === "" ? "" : ` (it says: ${inside})`;
  const how = activeState === "active" ? `its init has not said that it is up${said}` : `it is ${activeState}`;
  return { refusal: told(`${unitName} is not up after ${wish.wait_timeout} s: ${how}`, seen, stays) };
}

const stays =
  "It goes on running. Look into it (crun machine log, crun machine shell), or give it more time (wait_timeout).";

/** Its bus answers, or its systemd has told systemd-nspawn so; another init counts as up once it runs. */
function isInitUp(inside: string, unit: UnitState, { init }: MachineSeen): boolean {
  if (inside === "running" || inside === "degraded" || saysReady(unit)) return true;
  const program = init[0]?.stat?.target;
  // Before it is executed the process is still of systemd-nspawn.
  return program !== undefined && program !== "" && !/\/systemd(?:-nspawn)?(?: \(deleted\))?$/.test(program);
}

/** With the last words of its journal. */
function told(
  message: string,
  seen: MachineSeen,
  remedy = "See the tree's init and its settings; crun machine log shows more.",
): Refusal {
  // oxlint-disable-next-line no-control-regex -- colours of its console
  const words = lastWords(seen.journal[0]).replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "");
  return { message: words === "" ? message : `${message}. The last lines of its journal:\n${words}`, remedy };
}
