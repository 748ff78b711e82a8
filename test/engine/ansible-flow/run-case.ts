// Runs a case by crun against trees in memory, and tells what came of it in the words of the recordings.

import assert from "node:assert/strict";
import { modules } from "../../../modules/index.js";
import { extraVars } from "../../../src/cli/extra-vars.js";
import type { Counts, TaskResultEvent } from "../../../src/engine/events.js";
import { loadInventory } from "../../../src/inventory/load.js";
import { language } from "../../../src/playbook/language.js";
import { loadPlaybook } from "../../../src/playbook/load/load.js";
import { StartGate } from "../../../src/playbook/start-at.js";
import type { Play } from "../../../src/playbook/play.js";
import { preflight } from "../../../src/playbook/preflight/preflight.js";
import { FakeTree, type FakeProgram } from "../fake-session.js";
import { runPlays, type Ran } from "../playbooks.js";
import { FLOW_FOLDER, type Case, type Recorded } from "./twin.js";

const order = ["ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored"] as const;

/** Counts that are not 0, in Ansible's order. */
function shownCounts(counts: Counts): string {
  return order.flatMap((key) => (counts[key] > 0 ? [`${key}=${counts[key]}`] : [])).join(" ");
}

/** The programs of ansible-flow/bin, and a connection that breaks. */
function programs(tree: FakeTree, state: Map<string, number>): (argv: readonly string[]) => FakeProgram | undefined {
  const count = (name: string): number => {
    const next = (state.get(name) ?? 0) + 1;
    state.set(name, next);
    return next;
  };
  return ([program = "", first = "", second = ""]) => {
    switch (program) {
      case "true":
        return {};
      case "false":
        return { status: 1 };
      case "count":
        return { stdout: `${count(first)}\n` };
      case "flaky": {
        const now = count(first);
        return { stdout: `${now}\n`, status: now >= Number(second) ? 0 : 1 };
      }
      case "leave":
        return { stdout: `leaves with ${first}\n`, status: Number(first) };
      case "drop":
        tree.breaksAfter = 0;
        return {};
    }
    return undefined;
  };
}

/** What each target did, as ansible-flow/record writes it. */
function shownResults({ events }: Ran): Record<string, string[]> {
  const results: Record<string, string[]> = {};
  const tell = (target: string, line: string): void => void (results[target] ??= []).push(line);
  for (const event of events) {
    if (event.event === "result") {
      if (event.module.startsWith("include_") && event.status !== "failed" && event.status !== "skipped") continue;
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

/** The value of a flag of the case. */
function flag({ flags }: Case, name: string): string | undefined {
  const at = flags.indexOf(name);
  return at < 0 ? undefined : flags[at + 1];
}

/** What crun makes of a case. */
export async function comeOf(one: Case): Promise<Omit<Recorded, "of">> {
  const ran = await runCase(one);
  const recap = Object.fromEntries(
    Object.entries(ran.targets).flatMap(([name, counts]) =>
      shownCounts(counts) === "" ? [] : [[name, shownCounts(counts)]],
    ),
  );
  return { results: shownResults(ran), recap, exit: ran.exitStatus };
}

async function runCase(one: Case): Promise<Ran> {
  const { plays, trees, options } = await setOf(one);
  return runPlays(plays, trees, options);
}

/** What a case is played with: fresh trees each time. */
export async function setOf(one: Case): Promise<{
  readonly plays: readonly Play[];
  readonly trees: Readonly<Record<string, FakeTree>>;
  readonly options: NonNullable<Parameters<typeof runPlays>[2]>;
}> {
  const inventory = await loadInventory([`${FLOW_FOLDER}hosts`], { language });
  const loaded = await loadPlaybook(one.file, { modules });
  const given = flag(one, "-e");
  const extra = extraVars(given === undefined ? [] : [given]);
  const layers = [extra, ...[...inventory.targets.keys()].flatMap((name) => inventory.varsOf(name))];
  const findings = await preflight([loaded], { layers, checkPattern: (pattern) => void inventory.match(pattern) });
  assert.deepEqual(
    findings
      .filter(({ severity }) => severity === "error")
      .map(({ summary, place }) => `${summary} ${place?.line ?? 0}`),
    [],
  );
  const state = new Map<string, number>();
  const trees: Record<string, FakeTree> = {};
  for (const name of ["a", "b", "c", "d", "e", "local", "localhost"]) {
    const tree = new FakeTree();
    tree.otherProgram = programs(tree, state);
    trees[name] = tree;
  }
  if (trees["e"]) trees["e"].breaksAfter = 0;
  const tags = flag(one, "--tags");
  const skip = flag(one, "--skip-tags");
  const start = flag(one, "--start-at-task");
  const limit = flag(one, "--limit");
  const options = {
    inventory,
    extraVars: [extra],
    limit: limit === undefined ? undefined : new Set(inventory.match(limit).map(({ name }) => name)),
    tags: { only: new Set(tags?.split(",")), skip: new Set(skip?.split(",")) },
    startAt: start === undefined ? undefined : new StartGate(start),
    forcesHandlers: one.flags.includes("--force-handlers"),
    isCheck: one.flags.includes("--check"),
    verbosity: 0,
  };
  return { plays: loaded.playbook.plays, trees, options };
}
