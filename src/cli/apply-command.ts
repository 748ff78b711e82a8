// `crun apply`: a saved plan, carried out on targets of the inventory as it is now.

import { CrunError, type Diagnostic } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import type { Masker } from "../engine/task/masker.js";
import type { Target } from "../inventory/inventory.js";
import { Application } from "../plan/apply.js";
import { readPlan, type ReadPlan } from "../plan/plan-file.js";
import type { PlannedTarget, PlannedVenue, SavedPlan } from "../plan/saved-plan.js";
import { ConnectionPool } from "../target/connect.js";
import type { TreeLocation } from "../target/address.js";
import { PROTOCOL_VERSION } from "../wire/messages.js";
import { findFleet } from "./fleet.js";
import { holdingOf } from "./holding.js";
import { interruptible } from "./interruption.js";
import { withMasker } from "./masked-errors.js";
import type { ApplyOptions } from "./options.js";
import { PlanVault } from "./plan-vault.js";
import { terminalPrompt } from "./prompt.js";
import { reportFor } from "./reporting.js";
import { setUp, type Setup } from "./setup.js";
import { version } from "./version.js";

/** Gives the exit status: 0, 2 failed or refused, 3 only a part was planned, 4 unreachable. Throws a CrunError. */
export async function runApply(file: string, options: ApplyOptions): Promise<number> {
  return withMasker((masker) => apply(file, options, masker));
}

async function apply(file: string, options: ApplyOptions, masker: Masker): Promise<number> {
  const sealed = new PlanVault(file, options.vault, masker);
  const read = await readPlan(file, sealed.unsealer);
  checkVersion(file, read);
  const { plan } = read;
  const reach = { ...options, inventory: inventoryOf(options, plan) };
  const setup = await setUp(reach, masker, plan.made.playbooks[0]?.path, sealed.vault);
  const pool = new ConnectionPool(terminalPrompt(masker));
  try {
    return await applyWith(pool, { file, plan, options, setup, masker });
  } finally {
    await pool.close();
  }
}

interface Wish {
  readonly file: string;
  readonly plan: SavedPlan;
  readonly options: ApplyOptions;
  readonly setup: Setup;
  readonly masker: Masker;
}

async function applyWith(pool: ConnectionPool, { file, plan, options, setup, masker }: Wish): Promise<number> {
  const lost = await findFleet(setup, pool, { patterns: patternsOf(plan, setup), limit: options.limit });
  for (const error of lost.values()) throw error;
  const targets = chosenTargets(plan, options, setup);
  if (!options.isPartial) checkWhole(file, targets);
  const locations = locationsOf(plan, targets, setup);
  const application = new Application({
    plan,
    file,
    targets: targets.map(({ name }) => name),
    openHost: (host) => pool.get(setup.addressOf(host)),
    locate: ({ name }) => locations.get(name) ?? missing(name),
    // What moved is always shown.
    sink: await reportFor({ ...options, isDiff: true }),
    holding: holdingOf(setup, options, `crun apply ${file}`),
    isCheck: options.isCheck,
    isDiff: options.isDiff,
    masker,
    forks: setup.forks,
  });
  for (const { name, end } of targets) {
    if (end.kind !== "complete") application.tell({ event: "warning", diagnostic: leftOut(name, end) });
  }
  const status = await interruptible(application, pool, () => application.run());
  return status === 0 && targets.some(({ end }) => end.kind !== "complete") ? 3 : status;
}

/** Trees that a rule of the inventory or a pattern brought when the plan was made are looked for again. */
function patternsOf({ venues }: SavedPlan, { inventory }: Setup): string[] {
  const unknown = venues.filter(({ name, host }) => name !== host && !inventory.targets.has(name));
  return unknown.flatMap(({ name, host }) => [name, ...(name.startsWith(`${host}:`) ? [`${host}:*`] : [])]);
}

/** -i, or what $CRUN_INVENTORY says, or the inventory that the plan was made with. */
function inventoryOf({ inventory }: ApplyOptions, { made }: SavedPlan): readonly string[] {
  return inventory.length > 0 || process.env["CRUN_INVENTORY"] ? inventory : made.inventory;
}

/** What a change means, and what a plan rests on, may differ from version to version. */
function checkVersion(file: string, { crun, protocol }: ReadPlan): void {
  if (crun === version && protocol === PROTOCOL_VERSION) return;
  throw new CrunError({
    severity: "error",
    summary: `the plan ${file} was made by crun ${crun} (protocol ${protocol}); this is crun ${version} (protocol ${PROTOCOL_VERSION})`,
    remedy: "Plan again, or apply it with that version.",
  });
}

function chosenTargets(plan: SavedPlan, { limit }: ApplyOptions, setup: Setup): readonly PlannedTarget[] {
  if (limit === undefined) return plan.targets;
  const wanted = new Set(setup.inventory.match(limit).map(({ name }) => name));
  const chosen = plan.targets.filter(({ name }) => wanted.has(name));
  if (chosen.length > 0) return chosen;
  throw new CrunError({
    severity: "error",
    summary: `--limit ${limit}: no target of the plan is left`,
    remedy: `It is for ${plan.targets.map(({ name }) => name).join(", ")}.`,
  });
}

/** A plan that ends early is applied only by whoever says so. */
function checkWhole(file: string, targets: readonly PlannedTarget[]): void {
  const parts = targets.flatMap(({ name, end }) => (end.kind === "complete" ? [] : [`${name}: ${whyOf(end)}`]));
  if (parts.length === 0) return;
  throw new CrunError({
    severity: "error",
    summary: `the plan ${file} does not go to the end for ${parts.length === 1 ? "a target" : `${parts.length} targets`}; nothing was done`,
    detail: parts.join("\n"),
    remedy: "crun apply --partial does what is planned; -l keeps to other targets.",
  });
}

function whyOf(end: Exclude<PlannedTarget["end"], { kind: "complete" }>): string {
  switch (end.kind) {
    case "open":
      return `ends before “${end.task}”: ${end.why}`;
    case "failed":
      return `“${end.task}” would fail: ${end.why}; nothing of it is in the plan`;
    case "unreachable":
      return `was unreachable: ${end.why}; nothing of it is in the plan`;
  }
}

function leftOut(name: string, end: Exclude<PlannedTarget["end"], { kind: "complete" }>): Diagnostic {
  const place = end.kind === "open" ? { place: end.place } : {};
  return {
    severity: "warning",
    summary: `the plan of ${name} ${whyOf(end)}`,
    ...place,
    remedy: "Plan again, or run the play, for the rest.",
  };
}

/** Where the trees lie now; they must lie where they lay. Throws a CrunError that names all that do not. */
function locationsOf(
  plan: SavedPlan,
  targets: readonly PlannedTarget[],
  setup: Setup,
): ReadonlyMap<string, TreeLocation> {
  const chosen = new Set(targets.map(({ name }) => name));
  const acting = new Set(plan.steps.flatMap((step) => (chosen.has(step.target) ? [step.venue] : [])));
  const locations = new Map<string, TreeLocation>();
  const findings: Diagnostic[] = [];
  for (const venue of plan.venues) {
    if (!acting.has(venue.name)) continue;
    const target = targetOf(venue, setup);
    if (!target) {
      const summary = `the plan is for ${venue.name}, which the inventory does not have`;
      const remedy =
        suggest(venue.name, setup.inventory.targets.keys()) ?? "Give the inventory that it was made with (-i).";
      findings.push({ severity: "error", summary, remedy });
      continue;
    }
    const location = setup.locate(target);
    if (location.path !== venue.path || target.host !== venue.host) {
      findings.push({
        severity: "error",
        summary: `${venue.name} lies at ${target.host}:${location.path} now; the plan was made for ${venue.host}:${venue.path}`,
        remedy: "Plan again, or correct the inventory.",
      });
    }
    locations.set(venue.name, location);
  }
  if (findings.length > 0) throw new CrunError(findings);
  return locations;
}

/** A host's own root need not be a target of the inventory. */
function targetOf({ name, host }: PlannedVenue, { inventory }: Setup): Target | undefined {
  const known = inventory.targets.get(name);
  if (known || name !== host) return known;
  const hosts = new Set([...inventory.targets.values()].map((one) => one.host));
  return hosts.has(host) || host === "local" ? { name, host, tree: undefined, groups: [] } : undefined;
}

function missing(name: string): never {
  throw new TypeError(`${name} was not located`);
}
