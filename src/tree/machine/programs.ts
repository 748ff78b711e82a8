// Programs of the host that start, stop and tell of machines.

import type { Change, Outcome } from "../../module/change.js";
import type { Conclusion, Plan } from "../../module/contract.js";
import { hostProgram, programRefusal } from "../program.js";

/** Whether it worked shows at the next look, where the machine's journal can be quoted. */
export function starting(verb: "start" | "restart", unit: string): Change[] {
  return [{ ...hostProgram({ argv: ["systemctl", verb, "--", unit] }), okStatuses: "any" }];
}

/** Asks its init to end it, which takes up to the unit's time (90 s); or kills all of it. */
export function stopping(
  isForced: boolean,
  { name, unit }: { readonly name: string; readonly unit: string },
): Change[] {
  const stop = [hostProgram({ argv: ["systemctl", "stop", "--", unit] }), forgotten(name)];
  if (!isForced) return stop;
  const kill = hostProgram({ argv: ["systemctl", "kill", "--signal=KILL", "--", unit] });
  return [{ ...kill, okStatuses: "any" }, ...stop, forgetting(unit)];
}

const waiting = 'for try in 0 1 2 3 4 5 6 7 8 9; do [ -e "$1" ] || exit 0; sleep "0.$try"; done';

/** machined takes a moment longer to forget a machine than its unit takes to end, and until then its tree counts as in use. */
function forgotten(name: string): Change {
  const wait = hostProgram({ argv: ["sh", "-c", waiting, "sh", `/run/systemd/machines/${name}`] });
  return { ...wait, okStatuses: "any", isUncounted: true };
}

/** What systemd remembers of its failure. */
export function forgetting(unit: string): Change {
  const reset = hostProgram({ argv: ["systemctl", "reset-failed", "--", unit] });
  return { ...reset, okStatuses: "any", isUncounted: true };
}

export function reloading(): Change {
  return { ...hostProgram({ argv: ["systemctl", "daemon-reload"] }), isUncounted: true };
}

/** The plan, whose failing programs are told of in their own words. */
export function withWords(plan: Plan): Plan {
  const { changes } = plan;
  if (!changes.some(({ kind }) => kind === "exec")) return plan;
  return { ...plan, conclude: (outcomes) => conclude(changes, outcomes) };
}

function conclude(changes: readonly Change[], outcomes: readonly Outcome[]): Conclusion {
  for (const [index, change] of changes.entries()) {
    const outcome = outcomes[index];
    if (change.kind !== "exec" || (change.okStatuses === "any" && outcome?.exit?.kind === "exited")) continue;
    const refusal = programRefusal(change.exec.argv.join(" "), outcome);
    if (refusal) return { refusal };
  }
  return {};
}
