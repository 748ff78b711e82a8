// `crun show`: what a saved plan would do, read from its file alone.

import { readPlan } from "../plan/plan-file.js";
import { paintOf } from "../report/paint.js";
import { planJson, planText } from "../report/show-plan.js";

/** Prints; gives the exit status. Throws a CrunError for a file that is no whole plan. */
export function runShow(file: string, output: "auto" | "plain" | "json"): number {
  const read = readPlan(file);
  const isTerminal = process.stdout.isTTY === true && process.env["TERM"] !== "dumb" && !process.env["NO_COLOR"];
  const text = output === "json" ? planJson(read) : planText(read, paintOf(isTerminal && output === "auto"));
  process.stdout.write(text);
  return 0;
}
