// Runs a case by crun against trees in memory, and tells what came of it in the words of the recordings.

import assert from "node:assert/strict";
import { dirname } from "node:path";
import { modules } from "../../../modules/index.js";
import { extraVars } from "../../../src/cli/extra-vars.js";
import { LiveLimit } from "../../../src/cli/limit.js";
import type { MayCome } from "../../../src/inventory/inventory.js";
import { LiveInventory } from "../../../src/inventory/live.js";
import { includedVars } from "../../../src/playbook/load/included-vars.js";
import { loadInventory } from "../../../src/inventory/load.js";
import { language } from "../../../src/playbook/language.js";
import { loadPlaybook } from "../../../src/playbook/load/load.js";
import { StartGate } from "../../../src/playbook/start-at.js";
import type { Play } from "../../../src/playbook/play.js";
import { preflight } from "../../../src/playbook/preflight/preflight.js";
import { FakeTree, type FakeProgram } from "../fake-session.js";
import { runPlays, type Ran } from "../playbooks.js";
import { shownRecap, shownResults } from "./tell.js";
import { FLOW_FOLDER, type Case, type Recorded } from "./twin.js";

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

/** The value of a flag of the case. */
function flag({ flags }: Case, name: string): string | undefined {
  const at = flags.indexOf(name);
  return at < 0 ? undefined : flags[at + 1];
}

/** What crun makes of a case; with a strategy all plays take that. */
export async function comeOf(one: Case, strategy?: "linear"): Promise<Omit<Recorded, "of">> {
  const ran = await runCase(one, strategy);
  return { results: shownResults(ran.events), recap: shownRecap(ran.targets), exit: ran.exitStatus };
}

async function runCase(one: Case, strategy: "linear" | undefined): Promise<Ran> {
  const { plays, trees, options } = await setOf(one);
  return runPlays(strategy ? plays.map((play) => ({ ...play, strategy })) : plays, trees, options);
}

/** What a case is played with: fresh trees each time. */
export async function setOf(one: Case): Promise<{
  readonly plays: readonly Play[];
  readonly trees: Readonly<Record<string, FakeTree>>;
  readonly options: NonNullable<Parameters<typeof runPlays>[2]>;
}> {
  const load = (): ReturnType<typeof loadInventory> =>
    loadInventory([`${FLOW_FOLDER}hosts`], { language, playbookDirectory: dirname(one.file) });
  const inventory = new LiveInventory(await load());
  const loaded = await loadPlaybook(one.file, { modules });
  const given = flag(one, "-e");
  const extra = extraVars(given === undefined ? [] : [given]);
  const layers = [
    extra,
    ...inventory.base.layersToCome(),
    ...[...inventory.targets.keys()].flatMap((name) => inventory.varsOf(name)),
  ];
  const checkPattern = (pattern: string, mayCome: MayCome): void => {
    inventory.match(pattern, mayCome);
    inventory.mayCome = mayCome;
  };
  const findings = await preflight([loaded], { layers, checkPattern });
  assert.deepEqual(
    findings
      .filter(({ severity }) => severity === "error")
      .map(({ summary, place }) => `${summary} ${place?.line ?? 0}`),
    [],
  );
  const state = new Map<string, number>();
  const trees: Record<string, FakeTree> = {};
  for (const name of ["a", "b", "c", "d", "e", "f", "local", "localhost"]) {
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
    limit: limit === undefined ? undefined : new LiveLimit(limit, inventory),
    readVars: includedVars,
    refreshInventory: async () => inventory.replace(await load()),
    tags: { only: new Set(tags?.split(",")), skip: new Set(skip?.split(",")) },
    startAt: start === undefined ? undefined : new StartGate(start),
    forcesHandlers: one.flags.includes("--force-handlers"),
    isCheck: one.flags.includes("--check"),
    verbosity: 0,
  };
  return { plays: loaded.playbook.plays, trees, options };
}
