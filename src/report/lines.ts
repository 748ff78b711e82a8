// What the reports for people say of each event, as lines.

import { formatDiagnostic, formatPlace, type Diagnostic, placeLines } from "../diagnostic/diagnostic.js";
import type { Counts, EngineEvent, RunStats, TaskResultEvent } from "../engine/events.js";
import { clean, cleanLine } from "./clean.js";
import type { Paint } from "./paint.js";
import { unifiedDiff } from "./unified-diff.js";
import { trimEndOf } from "../module/trim.js";

export interface LineOptions {
  readonly paint: Paint;
  /** -D. */
  readonly showsDiffs: boolean;
  /** How many -v: 1 shows ok and skipped and results, 2 items and durations. */
  readonly verbosity: number;
}

const statusWidth = 11;

/** The lines of one event, without a newline at the end; undefined: nothing to say. */
export function linesOf(event: EngineEvent, options: LineOptions): string | undefined {
  const { paint } = options;
  switch (event.event) {
    case "play":
      return `\n${paint.heading(`PLAY ${cleanLine(event.play)}`)} ${paint.faint(`(${count(event.targets.length, "target")})`)}`;
    case "item":
      return itemLines(event.of, options);
    case "result":
      return resultLines(event, options);
    case "unreachable":
      return [
        statusLine("unreachable", whereOf(event), event.message, paint),
        ...event.diagnostics.flatMap((one) =>
          one.summary === event.message
            ? [one.detail, one.remedy].flatMap((text) => (text === undefined ? [] : [indent(clean(text))]))
            : [indent(diagnosticText(one))],
        ),
      ].join("\n");
    case "warning":
      return paint.warning(diagnosticText(event.diagnostic));
    case "notice":
      return clean(event.message);
    case "recap":
      return [
        recapLines(event.targets, event.durationMs, paint),
        ...(event.stats ? statsLines(event.stats, paint) : []),
      ].join("\n");
    case "run":
      return event.isCheck ? paint.faint("check mode: nothing will be changed") : undefined;
    case "transaction":
      return transactionLines(event, paint);
    case "rehearsal":
      return rehearsalLines(event, options);
    case "output":
    case "start":
      return undefined;
  }
}

const transactionStatus = { swapped: "changed", unchanged: "ok", discarded: "failed", failed: "failed" } as const;

function transactionLines(event: Extract<EngineEvent, { event: "transaction" }>, paint: Paint): string {
  const { outcome, target, message, remedy } = event;
  const colour = paint.status[transactionStatus[outcome]];
  const line = `${colour(outcome.padEnd(statusWidth))} ${cleanLine(target)}  ${clean(message)}`;
  return remedy === undefined ? line : `${line}\n${indent(clean(remedy))}`;
}

/** What was changed, name by name, with differences of contents under theirs. */
function rehearsalLines(event: Extract<EngineEvent, { event: "rehearsal" }>, { paint }: LineOptions): string {
  const diffs = new Map(event.diffs.map((one) => [one.title, one]));
  const rows = event.lines.flatMap((line, index) => {
    const diff = diffs.get(String(event.differences[index]?.["path"]));
    const painter = line.startsWith("+") ? paint.added : line.startsWith("-") ? paint.removed : paint.status.changed;
    const text = diff ? unifiedDiff(diff, paint).replace(/\n$/, "") : "";
    return [indent(painter(cleanLine(line))), ...(text === "" ? [] : [indent(text, 4)])];
  });
  const head = `${paint.heading(`REHEARSAL ${cleanLine(event.target)}`)} ${paint.faint(`(${event.summary}; the tree itself is as it was)`)}`;
  return [`\n${head}`, ...rows].join("\n");
}

function statusLine(status: keyof Paint["status"], target: string, text: string, paint: Paint): string {
  return `${paint.status[status](status.padEnd(statusWidth))} ${cleanLine(target)}  ${cleanLine(text)}`;
}

/** The target, and where it had the task done. */
function whereOf({ target, delegate }: { readonly target: string; readonly delegate?: string }): string {
  return delegate === undefined ? target : `${target} -> ${delegate}`;
}

function statusOf(event: TaskResultEvent): keyof Paint["status"] {
  if (event.status === "failed" && event.isRescued) return "rescued";
  if (event.status === "failed" && event.isIgnored) return "ignored";
  return event.mayChange && (event.status === "changed" || event.status === "ok") ? "may change" : event.status;
}

function itemLines(event: TaskResultEvent, options: LineOptions): string | undefined {
  const isTold =
    event.status === "failed" || event.status === "changed" || options.verbosity > 1 || event.module === "debug";
  if (!isTold) return undefined;
  return resultLines(event, options);
}

function resultLines(event: TaskResultEvent, options: LineOptions): string | undefined {
  const { paint, verbosity } = options;
  const status = statusOf(event);
  const isQuiet = (status === "ok" || status === "skipped") && verbosity === 0;
  if (isQuiet && event.module !== "debug" && event.warnings.length === 0) return undefined;
  const isHiddenLoop = event.item === undefined && Array.isArray(event.result["results"]) && event.module === "debug";
  if (isHiddenLoop || (event.module === "debug" && event.status === "skipped" && verbosity === 0)) return undefined;
  const name = event.item === undefined ? event.task : `${event.task} (${event.item})`;
  const lines = [statusLine(status, whereOf(event), name, paint)];
  if (event.status === "failed") lines.push(...failureLines(event, paint));
  else if (event.module === "debug") lines.push(...debugLines(event));
  else if (verbosity > 0) lines.push(indent(clean(resultText(event.result))));
  for (const warning of event.warnings) lines.push(indent(paint.warning(`warning: ${clean(warning)}`)));
  if (options.showsDiffs) {
    for (const diff of event.diffs) {
      const text = unifiedDiff(diff, paint);
      if (text !== "") lines.push(text.replace(/\n$/, ""));
    }
  }
  return lines.join("\n");
}

/** Module and place, the message, what the command said, what to do. */
function failureLines(event: TaskResultEvent, paint: Paint): string[] {
  const { result } = event;
  const lines = [indent(paint.faint(`${event.module} at ${formatPlace(event.place)}`))];
  const message = event.message ?? (typeof result["msg"] === "string" ? result["msg"] : "");
  const rc = typeof result["rc"] === "number" ? ` (exit status ${result["rc"]})` : "";
  if (message !== "") lines.push(indent(clean(`${message}${message === "non-zero return code" ? rc : ""}`)));
  for (const stream of ["stdout", "stderr"] as const) {
    const text = result[stream];
    if (typeof text === "string" && text.trim() !== "" && !isQuoted(text, message))
      lines.push(indent(`${stream}:`), indent(clean(lastLines(text)), 4));
  }
  for (const diagnostic of event.diagnostics ?? []) {
    if (diagnostic.summary !== message) lines.push(indent(diagnosticText(diagnostic)));
    else {
      // The task's own line stands above already.
      const isElsewhere = diagnostic.place?.file !== event.place.file || diagnostic.place.line !== event.place.line;
      if (isElsewhere) lines.push(...placeLines(diagnostic).map((line) => indent(clean(line))));
      if (diagnostic.detail) lines.push(indent(clean(diagnostic.detail)));
    }
  }
  if (event.remedy) lines.push(indent(clean(event.remedy)));
  return lines;
}

/** Shorter lines than this may stand in a message by chance. */
const shortestQuote = 12;

/** Whether a message tells already what counts of what the program said. */
function isQuoted(text: string, message: string): boolean {
  if (message.includes(text.trim())) return true;
  return text.split("\n").some((line) => line.trim().length >= shortestQuote && message.includes(line.trim()));
}

/** Keys of a result that say how it went, not what it is. */
const aboutTheRun = new Set(["changed", "failed", "skipped", "ansible_loop_var", "ansible_index_var"]);

function debugLines(event: TaskResultEvent): string[] {
  const { ansible_loop_var: item, ansible_index_var: index } = event.result;
  const all = Object.entries(event.result).filter(([key]) => !aboutTheRun.has(key));
  // What the loop adds is in the line above; `var: item` shows it itself.
  const own = all.filter(([key]) => key !== "item" && key !== item && key !== index);
  const entries = own.length > 0 ? own : all;
  const [only] = entries;
  if (entries.length === 1 && only?.[0] === "msg") return [indent(clean(valueText(only[1])))];
  return entries.map(([key, value]) => indent(clean(`${key}: ${valueText(value)}`)));
}

function valueText(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value, undefined, 2) ?? "");
}

function resultText(result: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(result) ?? "";
}

const mostLines = 40;

function lastLines(text: string): string {
  const lines = trimEndOf(text, "\n").split("\n");
  return lines.length > mostLines
    ? [`… (${lines.length - mostLines} lines before)`, ...lines.slice(-mostLines)].join("\n")
    : lines.join("\n");
}

function indent(text: string, by = 2): string {
  if (!text.includes("\n")) return " ".repeat(by) + text;
  return text
    .split("\n")
    .map((line) => " ".repeat(by) + line)
    .join("\n");
}

function diagnosticText(diagnostic: Diagnostic): string {
  return clean(formatDiagnostic(diagnostic));
}

/** Ansible's line for each target, so that scripts can read it. */
export function recapLines(targets: Readonly<Record<string, Counts>>, durationMs: number, paint: Paint): string {
  const names = Object.keys(targets);
  const width = Math.max(0, ...names.map((name) => cleanLine(name).length));
  const rows = names.map((name) => {
    const counts = targets[name];
    if (!counts) return name;
    const cell = (key: keyof Counts, painter?: (text: string) => string): string => {
      const text = `${key}=${counts[key]}`.padEnd(key.length + 5);
      return counts[key] > 0 && painter ? painter(text) : text;
    };
    const { status } = paint;
    const cells = [
      cell("ok", status.ok),
      cell("changed", status.changed),
      cell("unreachable", status.unreachable),
      cell("failed", status.failed),
      cell("skipped", status.skipped),
      cell("rescued", status.rescued),
      cell("ignored", status.ignored),
    ];
    const worst =
      counts.failed + counts.unreachable > 0 ? status.failed : counts.changed > 0 ? status.changed : status.ok;
    return `${worst(cleanLine(name).padEnd(width))} : ${cells.join(" ")}`.trimEnd();
  });
  const seconds = `${(durationMs / 1000).toFixed(durationMs < 9950 ? 2 : 0)} s`;
  return [`\n${paint.heading("RECAP")} ${paint.faint(`(${count(names.length, "target")}, ${seconds})`)}`, ...rows].join(
    "\n",
  );
}

/** What set_stats collected: of each target, then of the run. */
function statsLines({ run, targets }: RunStats, paint: Paint): string[] {
  const line = (name: string, figures: unknown): string => `${cleanLine(name)}: ${cleanLine(JSON.stringify(figures))}`;
  return [
    `\n${paint.heading("STATS")}`,
    ...Object.keys(targets)
      .sort()
      .map((name) => line(name, targets[name])),
    ...(Object.keys(run).length > 0 ? [line("run", run)] : []),
  ];
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}
