// Which report fits: a live view on a terminal, plain lines elsewhere, JSON where it is asked for.

import type { EventSink } from "../engine/events.js";
import { gather } from "../report/gather.js";
import { jsonReport } from "../report/json.js";
import { paintOf } from "../report/paint.js";
import { plainReport } from "../report/plain.js";

/** What `--output`, the terminal and NO_COLOR make of it. */
export async function reportFor(options: {
  readonly output: "auto" | "plain" | "json";
  readonly isDiff: boolean;
  readonly verbosity: number;
}): Promise<EventSink> {
  const { write, flush } = gather((text) => void process.stdout.write(text));
  // The last words of a run that breaks off are the ones that matter.
  process.once("exit", flush);
  const toTheEnd =
    (sink: EventSink): EventSink =>
    (event) => {
      sink(event);
      if (event.event === "recap") flush();
    };
  if (options.output === "json") return toTheEnd(jsonReport(write));
  // A terminal that has no width (0 columns) cannot be redrawn.
  const isTerminal = process.stdout.isTTY === true && process.stdout.columns > 0 && process.env["TERM"] !== "dumb";
  const paint = paintOf(isTerminal && !process.env["NO_COLOR"]);
  const lines = { paint, showsDiffs: options.isDiff, verbosity: options.verbosity };
  if (!isTerminal || options.output === "plain") return toTheEnd(plainReport(lines, write));
  const { terminalReport } = await import("../report/terminal.js");
  return terminalReport(lines, process.stdout);
}
