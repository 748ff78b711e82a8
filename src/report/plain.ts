// Plain text, where there is no terminal: lines as things happen.

import type { EventSink } from "../engine/events.js";
import { cleanLine } from "./clean.js";
import { linesOf, type LineOptions } from "./lines.js";

/** Writes each event's lines. With -v the output of running commands is shown as it comes. */
export function plainReport(options: LineOptions, write: (text: string) => void): EventSink {
  const partial = new Map<string, string>();
  return (event) => {
    if (event.event === "output") {
      if (options.verbosity === 0) return;
      const key = `${event.target}\0${event.stream}`;
      const lines = ((partial.get(key) ?? "") + Buffer.from(event.data).toString("utf8")).split("\n");
      partial.set(key, lines.pop() ?? "");
      for (const line of lines) write(`${options.paint.faint(`${cleanLine(event.target)} | ${cleanLine(line)}`)}\n`);
      return;
    }
    const text = linesOf(event, options);
    if (text !== undefined) write(`${text}\n`);
  };
}
