// The view on a terminal: results above, and below them what is at work right now. The only importer of ora.

import ora from "ora";
import type { EngineEvent, EventSink } from "../engine/events.js";
import { cleanLine } from "./clean.js";
import { linesOf, type LineOptions } from "./lines.js";

const mostLines = 6;

/** Results go to `stream` as lines; live progress is drawn beneath them and gone at the end. */
export function terminalReport(options: LineOptions, stream: NodeJS.WriteStream): EventSink {
  const spinner = ora({ stream, discardStdin: false, hideCursor: true });
  const working = new Map<string, { readonly task: string; output: string }>();
  let done = 0;
  let total = 0;
  const draw = (): void => {
    if (working.size === 0) {
      if (spinner.isSpinning) spinner.stop();
      return;
    }
    spinner.text = progressText(working, done, total, stream.columns || 80);
    if (!spinner.isSpinning) spinner.start();
  };
  const print = (text: string): void => {
    if (spinner.isSpinning) spinner.clear();
    stream.write(`${text}\n`);
  };
  return (event) => {
    follow(event);
    const text = linesOf(event, options);
    if (text !== undefined) print(text);
    if (event.event === "recap") {
      working.clear();
      spinner.stop();
    } else draw();
  };

  function follow(event: EngineEvent): void {
    if (event.event === "run") total = event.targets;
    else if (event.event === "start") working.set(event.target, { task: event.task, output: "" });
    else if (event.event === "result" || event.event === "unreachable") {
      if (working.delete(event.target)) done++;
    } else if (event.event === "output") {
      const work = working.get(event.target);
      const line = Buffer.from(event.data).toString("utf8").trimEnd().split("\n").at(-1);
      if (work && line) work.output = line;
    }
  }
}

function progressText(
  working: ReadonlyMap<string, { readonly task: string; readonly output: string }>,
  done: number,
  total: number,
  columns: number,
): string {
  const rows = [...working].slice(0, mostLines).map(([target, { task, output }]) => {
    const row = `${cleanLine(target)}  ${cleanLine(task)}${output === "" ? "" : ` · ${cleanLine(output)}`}`;
    return row.length > columns - 4 ? `${row.slice(0, columns - 5)}…` : row;
  });
  const rest = working.size - rows.length;
  const more = rest > 0 ? [`and ${rest} more`] : [];
  return (
    [...rows, ...more].join("\n  ") +
    (total > 1 ? `\n  ${working.size} of ${total} targets at work, ${done} tasks done` : "")
  );
}
