// `crun runs`: what the journals say, for people and as JSON.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { suggest } from "../../diagnostic/near.js";
import type { TargetHistory } from "../../engine/journal/history.js";
import { cleanJson, cleanLine } from "../../report/clean.js";
import { table } from "../../report/table.js";
import { readConfig } from "../config.js";
import { outputOf, textOf, type RawOptions } from "../read-options.js";
import { prune, type Keeping } from "./book.js";
import { stillGoesOn } from "./going-on.js";
import { keepingOf } from "./keeping.js";
import { defaultRunsDirectory, KEPT_RUNS, removeRun, runDirectory, runIds } from "./place.js";
import { readRun, type ReadRun, type RunState } from "./read.js";
import { liveWriter } from "./store.js";

/** Where no run is written down any more older ones may still lie. */
function placeOf(raw: RawOptions): Keeping {
  return (
    keepingOf(textOf(raw, "runs"), readConfig(undefined)) ?? { directory: defaultRunsDirectory(), keep: KEPT_RUNS }
  );
}

interface Row {
  readonly id: string;
  readonly state: RunState;
  /** ISO 8601. */
  readonly startedAt: string | undefined;
  readonly endedAt: string | undefined;
  readonly by: string | undefined;
  readonly playbooks: readonly string[];
  readonly targets: number;
  /** Why its journal cannot be read. */
  readonly problem: string | undefined;
}

function rowOf(directory: string, id: string): Row {
  try {
    const { state, history, run } = readRun(directory, id);
    const targets = new Set([...history.plays.values()].flatMap((play) => play.targets));
    return {
      id,
      state,
      startedAt: run.at,
      endedAt: history.endedAt,
      by: run.runner.by,
      playbooks: run.playbooks,
      targets: targets.size,
      problem: undefined,
    };
  } catch (error) {
    if (!(error instanceof CrunError)) throw error;
    const problem = error.diagnostics[0]?.summary ?? error.message;
    const none = { startedAt: undefined, endedAt: undefined, by: undefined, playbooks: [], targets: 0 };
    return { id, state: "unreadable", ...none, problem };
  }
}

/** Gives the exit status. */
export function runRunsList(raw: RawOptions): number {
  const { directory } = placeOf(raw);
  const rows = runIds(directory).map((id) => rowOf(directory, id));
  if (outputOf(raw) === "json") return printJson(rows);
  if (rows.length === 0) process.stdout.write(`no run is written down in ${directory}\n`);
  else
    process.stdout.write(
      table(
        ["RUN", "STARTED", "BY", "STATE", "TARGETS", "PLAYBOOK"],
        rows.map(({ id, startedAt, by, state, targets, playbooks }) => [
          id,
          timeOf(startedAt),
          by ?? "",
          state,
          String(targets),
          playbooks.join(" "),
        ]),
      ),
    );
  return 0;
}

/** Gives the exit status. Throws a CrunError where there is no such run. */
export function runRunsShow(id: string, raw: RawOptions): number {
  const { directory } = placeOf(raw);
  const read = readRun(directory, id);
  const told = toldOf(read);
  if (outputOf(raw) === "json") return printJson(told);
  const { run, history } = read;
  const options = Object.entries({
    limit: run.options["limit"],
    tags: run.options["tags"],
    "skip-tags": run.options["skipTags"],
  })
    .filter(([, value]) => value !== undefined && (!Array.isArray(value) || value.length > 0))
    .map(([name, value]) => ` --${name} ${String(value)}`);
  const lines = [
    `run ${id}: ${told.state}`,
    `crun play ${run.playbooks.join(" ")}${options.join("")} in ${run.directory}`,
    `by ${run.runner.by}, ${timeOf(run.at)}${history.endedAt === undefined ? "" : ` to ${timeOf(history.endedAt)}`}`,
    ...(run.extraNames.length > 0 ? [`values were given for ${run.extraNames.join(", ")}`] : []),
  ];
  for (const play of told.plays) {
    lines.push("", `PLAY ${play.title}${play.isTransaction ? " (transaction)" : ""}`);
    for (const one of play.targets) {
      const done =
        one.state === "done" && one.steps.length === 0
          ? "nothing had to be changed"
          : `${one.done} of ${Math.max(one.done, play.tasks)} tasks done`;
      lines.push(`  ${one.target}: ${one.state}, ${done}`);
      for (const title of one.doing) lines.push(`    was being done: ${title}`);
      if (one.failed)
        lines.push(
          `    ${one.failed.isLost ? "lost" : "failed"} in: ${one.failed.task}${one.failed.message ? `: ${one.failed.message}` : ""}`,
        );
      if (one.handlers.length > 0) lines.push(`    handlers that wait: ${one.handlers.join(", ")}`);
    }
  }
  if (told.canResume) lines.push("", `it goes on with: crun play --resume ${id}`);
  if (told.state === "elsewhere")
    lines.push("", `it was begun elsewhere; where it does not go on any more: crun play --resume ${id} --take-over`);
  process.stdout.write(`${lines.map(cleanLine).join("\n")}\n`);
  return 0;
}

function toldOf({ id, state, history, run }: ReadRun) {
  const titleOf = (op: number): string => history.titleOf(op);
  return {
    id,
    state,
    startedAt: run.at,
    endedAt: history.endedAt,
    exitStatus: history.exitStatus,
    by: run.runner.by,
    directory: run.directory,
    playbooks: run.playbooks,
    options: run.options,
    extraVariables: run.extraNames,
    canResume: state === "failed" || state === "interrupted" || state === "killed",
    files: Object.fromEntries(history.files),
    plays: [...history.plays].map(([number, play]) => ({
      title: play.title,
      isTransaction: play.isTransaction,
      tasks: play.titles.length,
      targets: play.targets.map((name) => targetOf(history.targets.get(name), name, number, titleOf)),
    })),
  };
}

function targetOf(target: TargetHistory | undefined, name: string, play: number, titleOf: (op: number) => string) {
  const steps = (target?.entries ?? []).flatMap((one) => (one.kind === "step" && one.play === play ? [one] : []));
  const tasks = steps.filter(({ step }) => step.isHandler !== true && step.status !== "f");
  const failure = target?.failure;
  const doing = [...(target?.doing.values() ?? [])].filter((one) => one.play === play && one.index >= 0);
  return {
    target: name,
    state: target?.over.get(play) ?? (steps.length > 0 || doing.length > 0 ? "begun" : "not begun"),
    done: tasks.length,
    steps: steps.map(({ op, step }) => ({
      task: titleOf(op),
      status: words[step.status],
      isHandler: step.isHandler === true,
    })),
    doing: [...new Set(doing.map(({ op }) => titleOf(op)))],
    failed:
      failure?.play === play
        ? { task: titleOf(failure.op), isLost: failure.isLost, message: failure.message }
        : undefined,
    handlers: [...(target?.pending(titleOf).get(play) ?? [])],
  };
}

const words = { o: "ok", c: "changed", s: "skipped", f: "failed", u: "unreachable", p: "passed over" } as const;

/** Gives the exit status. Throws a CrunError where one of them is not there, or goes on; nothing is removed then. */
export function runRunsRemove(ids: readonly string[], raw: RawOptions): number {
  const { directory } = placeOf(raw);
  const known = runIds(directory);
  for (const id of ids) {
    if (!known.includes(id))
      throw new CrunError({
        severity: "error",
        summary: `there is no run ${JSON.stringify(id)} in ${directory}`,
        remedy: suggest(id, known) ?? "crun runs lists them.",
      });
    const writer = liveWriter(runDirectory(directory, id));
    if (writer)
      throw stillGoesOn(id, writer, {
        here: `Then crun runs rm ${id} removes it.`,
        elsewhere: `crun runs rm ${id} there removes it; where that machine is gone for good: rm -r ${runDirectory(directory, id)}`,
      });
  }
  for (const id of ids) removeRun(directory, id);
  return 0;
}

/** Gives the exit status. Throws a CrunError for a number that is none. */
export function runRunsPrune(raw: RawOptions): number {
  const { directory, keep } = placeOf(raw);
  const given = textOf(raw, "keep");
  const number = given === undefined ? keep : Number(given);
  if (!Number.isInteger(number) || number < 0)
    throw new CrunError({ severity: "error", summary: `--keep ${given ?? ""}: must be a whole number, 0 or more` });
  const gone = prune(directory, number);
  if (outputOf(raw) === "json") return printJson(gone);
  process.stdout.write(`${gone.length === 1 ? "1 run is" : `${gone.length} runs are`} forgotten\n`);
  return 0;
}

function printJson(value: unknown): number {
  process.stdout.write(`${cleanJson(JSON.stringify(value, undefined, 2))}\n`);
  return 0;
}

/** In this machine's time, to the second. */
function timeOf(at: string | undefined): string {
  if (at === undefined) return "";
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace("T", " ");
}
