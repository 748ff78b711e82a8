// Waits for a time, or for the person at the terminal.

import { timeText } from "../src/module/command-result.js";
import { defineModule } from "../src/module/contract.js";

export default defineModule({
  name: "pause",
  summary: "Wait for a time or for an answer",
  doc: "Done once for all targets of the play. Without seconds and minutes it waits for Enter, and what was typed is `user_input`; where there is no terminal it goes on with a warning. Ctrl-C ends the run as everywhere.",
  params: {
    seconds: { type: "float", doc: "How long; parts of a second do not count." },
    minutes: { type: "float", doc: "How long; parts of a minute do not count." },
    prompt: { type: "str", doc: "What is shown to the person." },
    echo: { type: "bool", default: true, doc: "Show what is typed; false hides it in all output, too." },
  },
  rules: { mutuallyExclusive: [["seconds", "minutes"]] },
  runsOnce: true,
  effects: "target",
  neverChanges: true,
  returns: {
    user_input: "What was typed.",
    start: "When it began.",
    stop: "When it ended.",
    delta: "Seconds that it took.",
    echo: "Whether what was typed was shown.",
    stdout: "How long it took, in words.",
  },
  observe: () => ({}),
  plan: ({ seconds, minutes, prompt, echo }) => {
    const unit = seconds === undefined ? "minutes" : "seconds";
    const whole =
      seconds === undefined ? (minutes === undefined ? undefined : Math.trunc(minutes) * 60) : Math.trunc(seconds);
    const ms = whole === undefined ? undefined : Math.max(1, whole) * 1000;
    return {
      changes: [],
      effects: [{ kind: "pause", ms, prompt, isEchoed: echo }],
      concludeEffects: ([outcome]) => {
        if (!outcome) return {};
        const took = (outcome.endedAt.getTime() - outcome.startedAt.getTime()) / 1000;
        const shown = Math.round((unit === "minutes" ? took / 60 : took) * 100) / 100;
        const result = {
          rc: 0,
          stdout: `Paused for ${shown} ${unit}`,
          stderr: "",
          start: timeText(outcome.startedAt),
          stop: timeText(outcome.endedAt),
          delta: Math.trunc(took),
          echo,
          user_input: outcome.input ?? "",
        };
        const warning = "Not waiting for response to prompt as stdin is not interactive";
        return outcome.isUnattended ? { result, warnings: [warning] } : { result };
      },
    };
  },
  examples: [
    { title: "Let a service come up", yaml: "pause:\n  seconds: 5\n" },
    { title: "Ask before going on", yaml: "pause:\n  prompt: Type yes to go on\nregister: answer\n" },
  ],
});
