// What a run's events say, in the words of the recordings.

import type { Counts, EngineEvent, TaskResultEvent } from "../../../src/engine/events.js";

const order = ["ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored"] as const;

/** Counts that are not 0, in Ansible's order; targets without any are left out. */
export function shownRecap(targets: Readonly<Record<string, Counts>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(targets).flatMap(([name, counts]) =>
      shownCounts(counts) === "" ? [] : [[name, shownCounts(counts)]],
    ),
  );
}

function shownCounts(counts: Counts): string {
  return order.flatMap((key) => (counts[key] > 0 ? [`${key}=${counts[key]}`] : [])).join(" ");
}

/** What each target did, as record/ansible.ts tells it. */
export function shownResults(events: readonly EngineEvent[]): Record<string, string[]> {
  const results: Record<string, string[]> = {};
  const tell = (target: string, line: string): void => void (results[target] ??= []).push(line);
  for (const event of events) {
    if (event.event === "result") {
      if (/^include_(?:tasks|role)$/.test(event.module) && event.status !== "failed" && event.status !== "skipped")
        continue;
      tell(event.target, shown(event, false));
    } else if (event.event === "item") tell(event.of.target, shown(event.of, true));
    else if (event.event === "unreachable") {
      const where = event.delegate === undefined ? "" : ` -> ${event.delegate}`;
      tell(event.target, `${event.task ?? ""}${where} | unreachable`);
    }
  }
  return results;
}

function shown({ task, item, delegate, status, isIgnored, module, result }: TaskResultEvent, isItem: boolean): string {
  const which = item === undefined ? "" : ` (item=${item})`;
  const where = delegate === undefined ? "" : ` -> ${delegate}`;
  const word = status === "failed" && isIgnored && !isItem ? "ignored" : status;
  const isTold = module === "debug" && !isItem && (word === "ok" || word === "changed") && !("results" in result);
  const msg = isTold ? result["msg"] : undefined;
  const what = msg === undefined ? "" : ` | ${typeof msg === "string" ? msg : JSON.stringify(msg)}`;
  return `${task}${which}${where} | ${word}${what}`;
}
