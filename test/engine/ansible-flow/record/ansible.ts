// Plays with ansible-playbook and tells what came of it: counts, exit status and what each host did in order.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ansible } from "../../../lab/ansible.js";
import { FLOW_FOLDER, type Recorded } from "../twin.js";

interface Line {
  readonly host: string;
  readonly task: string;
  readonly status: string;
  readonly item?: string;
  readonly delegate?: string;
  readonly msg?: unknown;
  readonly recap?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Whether the ansible-playbook that is installed is of ansible-core 2.14. */
export async function isAnsible214(): Promise<boolean> {
  return (await ansible("ansible-playbook", ["--version"])).stdout.includes("[core 2.14");
}

/** Runs `ansible-playbook ARGS` in a folder, which keeps what it writes. Programs of ../bin are in PATH. `more` is added to the environment. */
export async function playWithAnsible(
  folder: string,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<Omit<Recorded, "of"> & { readonly output: string }> {
  const state = join(folder, ".state");
  mkdirSync(state, { recursive: true });
  const lines = join(folder, ".lines");
  writeFileSync(lines, "");
  const env = {
    ...process.env,
    PATH: `${join(FLOW_FOLDER, "bin")}:${process.env["PATH"] ?? ""}`,
    FLOW_LINES: lines,
    FLOW_STATE: state,
    ANSIBLE_CALLBACK_PLUGINS: join(FLOW_FOLDER, "record"),
    ANSIBLE_CALLBACKS_ENABLED: "flow_lines",
    ANSIBLE_GATHERING: "explicit",
    ANSIBLE_PYTHON_INTERPRETER: "/usr/bin/python3",
    ANSIBLE_RETRY_FILES_ENABLED: "0",
    ANSIBLE_NOCOLOR: "1",
    ANSIBLE_PIPELINING: "1",
    ANSIBLE_TIMEOUT: "5",
    ANSIBLE_LOCALHOST_WARNING: "0",
    ...more,
  };
  const { status: exit, stdout, stderr } = await ansible("ansible-playbook", args, { cwd: folder, env });
  const output = `${stdout}${stderr}`;
  const told = readFileSync(lines, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
  const results: Record<string, string[]> = {};
  let recap: Record<string, string> = {};
  for (const line of told) {
    if (line.recap) recap = shownRecap(line.recap);
    else (results[line.host] ??= []).push(shown(line));
  }
  return { exit: exit ?? -1, recap, results, output };
}

/** Counts that are not 0. */
function shownRecap(recap: NonNullable<Line["recap"]>): Record<string, string> {
  const cells = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .flatMap(([key, count]) => (count > 0 ? [`${key}=${count}`] : []))
      .join(" ");
  return Object.fromEntries(Object.entries(recap).map(([host, counts]) => [host, cells(counts)]));
}

/** A line of `results`. */
function shown({ task, status, item, delegate, msg }: Line): string {
  const which = item === undefined ? "" : ` (item=${item})`;
  const where = delegate === undefined ? "" : ` -> ${delegate}`;
  const what = msg === undefined ? "" : ` | ${typeof msg === "string" ? msg : JSON.stringify(msg)}`;
  return `${task}${which}${where} | ${status}${what}`;
}
