// `crun show`: what a saved plan would do, read from its file alone.

import { readPlan } from "../plan/plan-file.js";
import { withMasker } from "./masked-errors.js";
import { PlanVault } from "./plan-vault.js";
import type { VaultFlags } from "./vault-keys.js";
import { paintOf } from "../report/paint.js";
import { planJson, planText } from "../report/show-plan.js";

/** Prints; gives the exit status. Rejects with a CrunError for a file that is no whole plan. */
export async function runShow(file: string, keys: VaultFlags, output: "auto" | "plain" | "json"): Promise<number> {
  const read = await withMasker((masker) => readPlan(file, new PlanVault(file, keys, masker).unsealer));
  const isTerminal = process.stdout.isTTY === true && process.env["TERM"] !== "dumb" && !process.env["NO_COLOR"];
  const text = output === "json" ? planJson(read) : planText(read, paintOf(isTerminal && output === "auto"));
  process.stdout.write(text);
  return 0;
}
