// Records what ansible-playbook makes of the cases that have no fresh recording, or whose names hold one of the words given:
// npm run compile && node build/test/engine/ansible-flow/record/record.js [WORD…]    (FLOW_SHOW=1 shows its output)

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cases, FLOW_FOLDER, recordedOf, twinOf, type Case, type Recorded } from "../twin.js";

const version = "core 2.14";

interface Line {
  readonly host: string;
  readonly task: string;
  readonly status: string;
  readonly item?: string;
  readonly delegate?: string;
  readonly msg?: unknown;
}

interface Run {
  readonly exit: number;
  readonly stdout: string;
}

function run(argv: readonly string[], cwd: string, environment: Readonly<Record<string, string>>): Promise<Run> {
  const [program = "", ...rest] = argv;
  return new Promise((resolve) => {
    const child = execFile(
      program,
      rest,
      { cwd, env: { ...process.env, ...environment }, timeout: 120_000 },
      (error, stdout, stderr) => {
        resolve({ exit: child.exitCode ?? -1, stdout: `${stdout}${stderr}` });
        void error;
      },
    );
  });
}

/** A line of `results`. */
function shown({ task, status, item, delegate, msg }: Line): string {
  const which = item === undefined ? "" : ` (item=${item})`;
  const where = delegate === undefined ? "" : ` -> ${delegate}`;
  const what = msg === undefined ? "" : ` | ${typeof msg === "string" ? msg : JSON.stringify(msg)}`;
  return `${task}${which}${where} | ${status}${what}`;
}

async function record(one: Case): Promise<Recorded> {
  const folder = mkdtempSync(join(tmpdir(), "crun-flow-"));
  try {
    cpSync(dirname(one.file), folder, { recursive: true });
    translateAll(folder);
    const state = join(folder, ".state");
    mkdirSync(state);
    const lines = join(folder, ".lines");
    writeFileSync(lines, "");
    writeFileSync(join(folder, ".case.yml"), one.twin);
    const inventories = ["-i", join(FLOW_FOLDER, "hosts"), "-i", join(FLOW_FOLDER, "record/connections")];
    const { exit, stdout } = await run(["ansible-playbook", ...inventories, ...one.flags, ".case.yml"], folder, {
      PATH: `${join(FLOW_FOLDER, "bin")}:${process.env["PATH"] ?? ""}`,
      FLOW_LINES: lines,
      FLOW_STATE: state,
      ANSIBLE_CALLBACK_PLUGINS: join(FLOW_FOLDER, "record"),
      ANSIBLE_CALLBACKS_ENABLED: "flow_lines",
      ANSIBLE_GATHERING: "explicit",
      ANSIBLE_PYTHON_INTERPRETER: "/usr/bin/python3",
      ANSIBLE_RETRY_FILES_ENABLED: "0",
      ANSIBLE_NOCOLOR: "1",
      ANSIBLE_TIMEOUT: "5",
      ANSIBLE_LOCALHOST_WARNING: "0",
    });
    const told = readFileSync(lines, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Line & { readonly recap?: Readonly<Record<string, Record<string, number>>> });
    const results: Record<string, string[]> = {};
    let recap: Record<string, string> = {};
    for (const line of told) {
      if (line.recap) {
        recap = Object.fromEntries(
          Object.entries(line.recap).map(([host, counts]) => [
            host,
            Object.entries(counts)
              .flatMap(([key, count]) => (count > 0 ? [`${key}=${count}`] : []))
              .join(" "),
          ]),
        );
      } else (results[line.host] ??= []).push(shown(line));
    }
    if (process.env["FLOW_SHOW"]) console.log(stdout);
    else if (Object.keys(recap).length === 0) console.log(`${one.name}: no recap\n${stdout.slice(0, 2000)}`);
    return { of: one.of, exit, recap, results };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Files that a case includes are in two dialects, too. */
function translateAll(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, name);
    if (name.endsWith(".yml")) writeFileSync(path, twinOf(readFileSync(path, "utf8")));
  }
}

async function recordAll(wanted: readonly string[]): Promise<void> {
  const chosen = cases().filter(
    ({ name, target, of }) =>
      wanted.some((part) => name.includes(part)) ||
      (wanted.length === 0 && recordedOf(target)[name.slice(target.length + 1)]?.of !== of),
  );
  const fresh = new Map<string, Recorded>();
  const queue = [...chosen];
  const worker = async (): Promise<void> => {
    for (let one = queue.shift(); one; one = queue.shift()) fresh.set(one.name, await record(one));
  };
  await Promise.all([worker(), worker()]);
  for (const target of new Set(cases().map((one) => one.target))) {
    const before = recordedOf(target);
    const names = cases().flatMap((one) => (one.target === target ? [one.name] : []));
    const entries = names.flatMap((name) => {
      const short = name.slice(target.length + 1);
      const entry = fresh.get(name) ?? before[short];
      return entry ? [[short, entry] as const] : [];
    });
    if (names.some((name) => fresh.has(name)) || entries.length !== Object.keys(before).length)
      writeFileSync(
        join(FLOW_FOLDER, target, "recorded.json"),
        `${JSON.stringify(Object.fromEntries(entries), null, 1)}\n`,
      );
  }
  console.log(`recorded ${[...fresh.keys()].join(" ") || "nothing: all is fresh"}`);
}

const { stdout } = await run(["ansible-playbook", "--version"], ".", {});
if (!stdout.includes(version)) {
  console.error(`ansible-playbook [${version}] is needed`);
  process.exitCode = 1;
} else await recordAll(process.argv.slice(2));
