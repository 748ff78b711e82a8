// Programs that make trees on a host, and what they say when they fail.

import type { ExecChange, Outcome } from "../module/change.js";
import type { Refusal } from "../module/contract.js";
import { reasonOf } from "../module/failure-text.js";
import type { ExecSpec } from "../module/probe.js";

/** Lines of a program's last words that a message shows. */
const shownLines = 6;
const shownLength = 600;

const container = [
  "unshare",
  "--mount",
  "--pid",
  "--fork",
  "--kill-child",
  "--mount-proc",
  "--propagation",
  "private",
  "--",
];

/**
 * A program in mount and PID namespaces of its own: when it ends, by whatever death, nothing that it started runs on and nothing that it mounted
 * stays. It sees the host's files.
 */
export function containedProgram(exec: ExecSpec): ExecChange {
  return hostProgram({ ...exec, argv: [...container, ...exec.argv] });
}

/** The program that a change runs, without what contains it. */
export function programName({ exec: { argv } }: ExecChange): string {
  const isContained = container.every((word, index) => argv[index] === word);
  const rest = argv.slice(isContained ? container.length : 0);
  const own = rest[0] === "flock" ? rest.slice(2) : rest;
  // A script tells by its $0 for what it stands.
  const name = own[0] === "sh" && own[1] === "-c" ? own[3] : own[0];
  return name ?? "a program";
}

/** A program on the host itself, as whom the helper is. It changes nothing but what the plan says. */
export function programOnHost(exec: ExecSpec): ExecChange {
  return { kind: "exec", exec: { directory: "/", ...exec }, isContained: true };
}

/** A program on the host itself, as root. It changes nothing but what the plan says. */
export function hostProgram(exec: ExecSpec): ExecChange {
  return { kind: "exec", exec: { user: "root", directory: "/", ...exec }, isContained: true };
}

/** Why a program failed, in its own words; undefined: it did not. */
export function programRefusal(what: string, outcome: Outcome | undefined, remedy?: string): Refusal | undefined {
  const { exit, failure } = outcome ?? {};
  if (failure) return { message: `${what}: ${reasonOf(failure)}`, ...(remedy ? { remedy } : {}) };
  if (!exit || (exit.kind === "exited" && exit.value === 0)) return undefined;
  const how =
    exit.kind === "exited"
      ? `ended with ${exit.value}`
      : exit.kind === "signaled"
        ? `was killed by signal ${exit.value}`
        : exit.kind === "timed-out"
          ? "took longer than its time limit"
          : exit.kind === "cancelled"
            ? "was stopped"
            : `could not be started: ${exit.failure ? reasonOf(exit.failure) : "for no known reason"}`;
  const words = lastWords(outcome);
  return { message: `${what} ${how}${words === "" ? "" : `: ${words}`}`, ...(remedy ? { remedy } : {}) };
}

/** The last lines that a program said: of its errors, or of its output where there are none. */
export function lastWords(outcome: Outcome | undefined): string {
  const text = (bytes: Uint8Array | undefined): string =>
    Buffer.from(bytes ?? [])
      .toString("utf8")
      .trim();
  const said = text(outcome?.stderr) || text(outcome?.stdout);
  const lines = said.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  return lines.slice(-shownLines).join("\n").slice(-shownLength);
}
