// A saved plan for people and for programs: target by target, task by task, with differences.

import { formatPlace } from "../diagnostic/diagnostic.js";
import type { ReadPlan } from "../plan/plan-file.js";
import type { End, PlannedStep, SavedPlan } from "../plan/saved-plan.js";
import { clean, cleanJson, cleanLine } from "./clean.js";
import type { Paint } from "./paint.js";
import { unifiedDiff } from "./unified-diff.js";

/** The whole plan as text, its last line the summary. */
export function planText({ plan, crun }: ReadPlan, paint: Paint): string {
  const lines = headLines(plan, crun);
  const byTarget = new Map<string, PlannedStep[]>();
  for (const step of plan.steps) {
    const known = byTarget.get(step.target);
    if (known) known.push(step);
    else byTarget.set(step.target, [step]);
  }
  for (const { name, end } of plan.targets) {
    const steps = byTarget.get(name) ?? [];
    lines.push("", paint.heading(cleanLine(name)));
    let play = -1;
    for (const step of steps) {
      if (step.play !== play) lines.push(paint.faint(`  play ${cleanLine(plan.plays[step.play]?.title ?? "")}`));
      play = step.play;
      lines.push(...stepLines(step, paint));
    }
    if (steps.length === 0 && end.kind === "complete") lines.push(paint.status.ok("  nothing to change"));
    lines.push(...endLines(end, paint));
  }
  lines.push("", summaryLine(plan));
  return `${lines.join("\n")}\n`;
}

function headLines({ made, targets }: SavedPlan, crun: string): string[] {
  const { limit, tags, skipTags, startAtTask, inventory } = made;
  const choices = [
    inventory.length === 0 ? "" : `inventory ${inventory.join(" ")}`,
    limit === undefined ? "" : `limit ${limit}`,
    tags.length === 0 ? "" : `tags ${tags.join(",")}`,
    skipTags.length === 0 ? "" : `without tags ${skipTags.join(",")}`,
    startAtTask === undefined ? "" : `from the task “${startAtTask}” on`,
  ].filter((one) => one !== "");
  return [
    `made ${made.at.replace("T", " ").replace(/\.\d+Z$/, " UTC")} by ${made.by} with crun ${crun}`,
    ...made.playbooks.map(({ path, sha256 }) => `playbook ${path} (sha256 ${sha256.slice(0, 12)})`),
    ...(choices.length === 0 ? [] : [choices.join("; ")]),
    count(targets.length, "target"),
  ].map(cleanLine);
}

function stepLines(step: PlannedStep, paint: Paint): string[] {
  const title = step.item === undefined ? step.task : `${step.task} (${step.item})`;
  const marks = [
    step.isHandler ? "handler" : "",
    step.venue === step.target ? "" : `on ${step.venue}`,
    step.isIgnored ? "errors ignored" : "",
  ].filter((one) => one !== "");
  const head = `${cleanLine(title)}${marks.length === 0 ? "" : ` [${cleanLine(marks.join(", "))}]`}`;
  const lines = [
    `  ${paint.status.changed(head)} ${paint.faint(`${step.module} at ${cleanLine(formatPlace(step.place))}`)}`,
  ];
  for (const text of step.texts) lines.push(`    ${cleanLine(text)}`);
  if (step.pauseMs !== undefined) lines.push(`    wait ${step.pauseMs / 1000} s`);
  for (const condition of conditionsOf(step)) lines.push(`    ${cleanLine(condition)}`);
  for (const diff of step.diffs) {
    const text = unifiedDiff(diff, paint).replace(/\n$/, "");
    if (text !== "") lines.push(...text.split("\n").map((line) => `    ${line}`));
  }
  return lines;
}

/** How a command's end is judged when it has run. */
function conditionsOf({ judge, changes }: PlannedStep): string[] {
  if (!changes.some(({ kind }) => kind === "exec")) return [];
  const { failedWhen, changedWhen, until } = judge ?? {};
  return [
    ...(until ? [`tried up to ${until.tries} times until ${until.conditions.join(" and ")}`] : []),
    ...(failedWhen ? [`fails when ${failedWhen.join(" and ")}`] : []),
    ...(changedWhen ? [`counts as changed when ${changedWhen.join(" and ")}`] : []),
  ];
}

function endLines(end: End, paint: Paint): string[] {
  switch (end.kind) {
    case "complete":
      return [];
    case "open":
      return [
        paint.status["may change"](`  ends before “${cleanLine(end.task)}”: ${clean(end.why)}`),
        paint.faint(`    at ${cleanLine(formatPlace(end.place))}; crun apply --partial goes this far`),
      ];
    case "failed":
      return [paint.status.failed(`  “${cleanLine(end.task)}” would fail: ${clean(end.why)}; nothing is planned`)];
    case "unreachable":
      return [paint.status.unreachable(`  was unreachable: ${clean(end.why)}; nothing is planned`)];
  }
}

function summaryLine({ steps, targets }: SavedPlan): string {
  const changes = steps.reduce((sum, step) => sum + step.changes.length, 0);
  const tasks = count(steps.length, "task");
  const open = targets.filter(({ end }) => end.kind !== "complete").length;
  const rest = open === 0 ? "" : `; not whole: ${count(open, "target")}`;
  return `${count(changes, "change")} in ${tasks} on ${count(new Set(steps.map((one) => one.target)).size, "target")}${rest}`;
}

/** A line for the plan, one for each step, one for all targets. Contents are not shown. */
export function planJson({ plan, crun, protocol }: ReadPlan): string {
  const lines: unknown[] = [
    { event: "plan", crun, protocol, ...plan.made },
    ...plan.steps.map(({ judge, texts, changes, ...step }) => ({
      event: "step",
      ...step,
      play: plan.plays[step.play]?.title ?? "",
      changes: changes.map((change, index) => ({
        kind: change.kind,
        ...(change.kind === "exec" || step.isHidden ? {} : { path: change.path }),
        text: texts[index],
      })),
      ...(judge?.failedWhen ? { failedWhen: judge.failedWhen } : {}),
      ...(judge?.changedWhen ? { changedWhen: judge.changedWhen } : {}),
    })),
    {
      event: "planned",
      targets: Object.fromEntries(
        plan.targets.map(({ name, end }) => [name, { changes: changesOf(plan, name), ...end }]),
      ),
    },
  ];
  return lines.map((line) => `${cleanJson(JSON.stringify(line))}\n`).join("");
}

function changesOf({ steps }: SavedPlan, target: string): number {
  return steps.reduce((sum, step) => sum + (step.target === target ? step.changes.length : 0), 0);
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}
