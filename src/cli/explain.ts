// `crun inventory --explain VAR TARGET`: which line of which level gives a variable its value, and what it beats.

import { readFileSync } from "node:fs";
import { CrunError, formatPlace, type Diagnostic, type Place } from "../diagnostic/diagnostic.js";
import { inventoryMagic } from "../engine/magic.js";
import { magicLayer } from "../engine/variables.js";
import type { Inventory, Target } from "../inventory/inventory.js";
import { PendingVariable, type VarLayer } from "../module/value.js";
import type { Play } from "../playbook/play.js";
import { MAGIC_NAMES } from "../playbook/preflight/undefined.js";
import { isEncrypted } from "../vault/format.js";
import { remedyForName } from "../playbook/scope/near-names.js";
import { createScope } from "../playbook/scope/scope.js";
import type { PlayedVariables } from "./played-variables.js";

/** Where one level defines the variable. */
interface Definition {
  readonly level: string;
  readonly place: Place | undefined;
}

export interface Explainer {
  readonly inventory: Inventory;
  /** One layer for each -e. */
  readonly extra: readonly VarLayer[];
  /** Plays of the playbook; empty: none was given. */
  readonly plays: readonly PlayedVariables[];
}

/** The explanation as text; throws a CrunError where no source defines the variable. */
export function explain(name: string, target: Target, explainer: Explainer): string {
  const { inventory, extra, plays } = explainer;
  if (MAGIC_NAMES.has(name))
    throw new CrunError({
      severity: "error",
      summary: `${name} is a magic variable: crun itself gives it its value, for each target and task`,
    });
  const mine = plays.filter(({ targets }) => targets.has(target.name));
  const layers = inventory.varsOf(target.name);
  const sections =
    mine.length > 0
      ? mine.map((played) => sectionOf(name, target, explainer, played))
      : [sectionOf(name, target, explainer, undefined)];
  if (sections.every((one) => one === undefined)) {
    const known = [...layers, ...extra, ...mine.flatMap((one) => one.layersFor(target, layers, extra))];
    throw new CrunError(undefinedVariable(name, target, explainer, known));
  }
  const lines = sections.flatMap((section) => section ?? []);
  if (plays.length > 0 && mine.length === 0) lines.push(`No play of the playbook takes ${target.name}.`);
  return `${lines.join("\n")}\n`;
}

function sectionOf(
  name: string,
  target: Target,
  { inventory, extra }: Explainer,
  played: PlayedVariables | undefined,
): string[] | undefined {
  const own = inventory.varsOf(target.name);
  const layers = played ? played.layersFor(target, own, extra) : [...own, ...extra];
  const found = layers.flatMap((layer): Definition[] => {
    const definition = layer.get(name);
    if (definition === undefined) return [];
    const place = layer.placeOf?.(name) ?? ("render" in definition ? definition.place : undefined);
    return [{ level: layer.origin, place }];
  });
  const later = played?.laterDefinitions(name) ?? [];
  if (found.length === 0 && later.length === 0) return undefined;
  const [first, ...beaten] = found.toReversed();
  const value = first ? valueText(name, target, inventory, layers) : "is not defined before the play";
  return [
    ...(played ? [playTitle(played.play)] : []),
    `${target.name}: ${name} ${value}`,
    ...(first ? definitionLines("from", first) : []),
    ...beaten.flatMap((one) => definitionLines("beats", one)),
    ...later.flatMap((one) => definitionLines(one.isStronger ? "may be set anew by" : "may be hidden by", one)),
  ];
}

function playTitle({ name, place }: Play): string {
  return `In the play ${JSON.stringify(name)} (${formatPlace(place)}):`;
}

function definitionLines(word: string, { level, place }: Definition): string[] {
  const line = place?.line === undefined ? undefined : sourceLine(place.file, place.line);
  return [
    `  ${word} ${level}${place ? `, ${formatPlace(place)}` : ""}`,
    ...(line === undefined ? [] : [`    ${place?.line} | ${line}`]),
  ];
}

function sourceLine(file: string, line: number): string | undefined {
  try {
    const text = readFileSync(file, "utf8");
    return isEncrypted(text) ? undefined : text.split(/\r\n|\n|\r/)[line - 1];
  } catch {
    // It is no file: the command line, the output of a program.
    return undefined;
  }
}

function valueText(name: string, target: Target, inventory: Inventory, layers: readonly VarLayer[]): string {
  const magic = magicLayer({ ...inventoryMagic(target), groups: () => Object.fromEntries(inventory.groups) });
  try {
    return `= ${JSON.stringify(createScope([...layers, magic]).get(name), undefined, 2)}`;
  } catch (error) {
    if (error instanceof PendingVariable) return `is known only in the run: it needs ${error.variable}`;
    if (!(error instanceof CrunError)) throw error;
    const [first] = error.diagnostics;
    return `cannot be rendered here: ${first?.summary ?? error.message}`;
  }
}

function undefinedVariable(
  name: string,
  target: Target,
  { inventory }: Explainer,
  known: readonly VarLayer[],
): Diagnostic {
  const remedy = remedyForName(name, new Set(known.flatMap((layer) => [...layer.names()])));
  const others = [...inventory.targets.keys()].filter((one) =>
    inventory.varsOf(one).some((layer) => layer.get(name) !== undefined),
  );
  const shown = `${others.slice(0, 5).join(", ")}${others.length > 5 ? `, … (${others.length})` : ""}`;
  return {
    severity: "error",
    summary: `no source defines ${JSON.stringify(name)} for ${target.name}`,
    detail: others.length > 0 ? `It is defined for ${shown}.` : undefined,
    remedy: remedy ?? `See what there is: crun inventory --host ${target.name}`,
  };
}
