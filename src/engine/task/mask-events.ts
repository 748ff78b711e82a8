// The last place that events pass: whatever they carry, secrets are hidden in it.

import type { EngineEvent, EventSink, TaskResultEvent } from "../events.js";
import type { Masker, StreamMasker } from "./masker.js";

type OutputEvent = Extract<EngineEvent, { event: "output" }>;

/** A sink that hides secrets and passes on. What a command's output holds back is shown before the task's result. */
export function maskedSink(masker: Masker, sink: EventSink): EventSink {
  const streams = new Map<string, { readonly masker: StreamMasker; last: OutputEvent }>();
  const output = (event: OutputEvent): void => {
    const key = `${event.target}\0${event.stream}`;
    let stream = streams.get(key);
    if (!stream) {
      if (masker.isEmpty) return sink(event);
      streams.set(key, (stream = { masker: masker.stream(), last: event }));
    }
    stream.last = event;
    const data = stream.masker.push(event.data);
    if (data.length > 0) sink({ ...event, data });
  };
  const endOutput = (target: string): void => {
    for (const kind of ["stdout", "stderr"]) {
      const stream = streams.get(`${target}\0${kind}`);
      const rest = stream?.masker.end();
      if (stream && rest && rest.length > 0) sink({ ...stream.last, data: rest });
    }
  };
  return (event) => {
    if (event.event === "output") return output(event);
    if (masker.isEmpty) return sink(event);
    if (event.event === "item") endOutput(event.of.target);
    else if (event.event === "result" || event.event === "unreachable") endOutput(event.target);
    sink(masked(masker, event));
  };
}

function masked(masker: Masker, event: Exclude<EngineEvent, OutputEvent>): EngineEvent {
  switch (event.event) {
    case "result":
      return result(masker, event);
    case "item":
      return { ...event, of: result(masker, event.of) };
    case "play":
      return { ...event, play: masker.text(event.play) };
    case "start":
      return { ...event, play: masker.text(event.play), task: masker.text(event.task) };
    case "unreachable":
      return {
        ...event,
        ...(event.task === undefined ? {} : { task: masker.text(event.task) }),
        message: masker.text(event.message),
        diagnostics: event.diagnostics.map((one) => masker.diagnostic(one)),
      };
    case "notice":
      return { ...event, message: masker.text(event.message) };
    case "warning":
      return { ...event, diagnostic: masker.diagnostic(event.diagnostic) };
    case "transaction":
      return {
        ...event,
        message: masker.text(event.message),
        ...(event.remedy === undefined ? {} : { remedy: masker.text(event.remedy) }),
      };
    case "rehearsal":
      return {
        ...event,
        lines: event.lines.map((line) => masker.text(line)),
        differences: masker.map(event.differences),
        diffs: event.diffs.map((one) => masker.map(one)),
      };
    case "recap":
      return event.stats ? { ...event, stats: masker.map(event.stats) } : event;
    case "run":
      return event;
  }
}

function result(masker: Masker, event: TaskResultEvent): TaskResultEvent {
  const { item, message, remedy, diagnostics } = event;
  return {
    ...event,
    play: masker.text(event.play),
    task: masker.text(event.task),
    result: masker.map(event.result),
    diffs: event.diffs.map((one) => masker.map(one)),
    warnings: event.warnings.map((one) => masker.text(one)),
    ...(item === undefined ? {} : { item: masker.text(item) }),
    ...(message === undefined ? {} : { message: masker.text(message) }),
    ...(remedy === undefined ? {} : { remedy: masker.text(remedy) }),
    ...(diagnostics === undefined ? {} : { diagnostics: diagnostics.map((one) => masker.diagnostic(one)) }),
  };
}
