// Makes plans of plays on fake trees and applies them, through the bytes of a plan's file.

import type { EngineEvent, TaskResultEvent } from "../../src/engine/events.js";
import { Masker } from "../../src/engine/task/masker.js";
import { Application, type ApplyOptions } from "../../src/plan/apply.js";
import { decodePlan, encodePlan } from "../../src/plan/plan-file.js";
import { PlanRecorder } from "../../src/plan/plan-recorder.js";
import type { Made, SavedPlan } from "../../src/plan/saved-plan.js";
import type { Location } from "../../src/engine/target-state.js";
import type { Play } from "../../src/playbook/play.js";
import { FakeHost, type FakeTree } from "../engine/fake-session.js";
import { runPlays } from "../engine/playbooks.js";

type Trees = Readonly<Record<string, FakeTree>>;

export const made: Made = {
  at: "2026-11-29T18:30:00.000Z",
  by: "root@controller",
  playbooks: [{ path: "/srv/site.yml", sha256: "0".repeat(64) }],
  inventory: ["/srv/hosts"],
  tags: [],
  skipTags: [],
};

export interface Planned {
  readonly plan: SavedPlan;
  readonly exitStatus: number;
  readonly warnings: readonly string[];
}

/** Fake trees lie at `/NAME`. */
function hostsOf(
  trees: Trees,
): Pick<ApplyOptions, "openHost"> & { readonly locate: (one: { name: string }) => Location } {
  const own = (host: string): Trees =>
    Object.fromEntries(
      Object.entries(trees).flatMap(([name, tree]) => (name.split(":")[0] === host ? [[`/${name}`, tree]] : [])),
    );
  return {
    openHost: (host) => Promise.resolve(new FakeHost(host, own(host))),
    locate: ({ name }) => ({ path: `/${name}`, entry: "auto", isHostRoot: !name.includes(":"), trees: "/" }),
  };
}

/** The bytes of a plan's file. */
export function bytesOf(plan: SavedPlan, version = "1.2.3"): Buffer {
  return Buffer.from([...encodePlan(plan, version)].join(""));
}

/** The plan, as it is read again from its file. */
export async function planned(
  plays: readonly Play[],
  trees: Trees,
  options: Parameters<typeof runPlays>[2] = {},
): Promise<Planned> {
  const masker = new Masker();
  const recorder = new PlanRecorder(masker);
  await runPlays(plays, trees, {
    masker,
    ...hostsOf(trees),
    ...options,
    isCheck: true,
    recorder,
    onEvent: (event) => recorder.note(event),
  });
  const { plan } = decodePlan("p", bytesOf(recorder.finish(made)));
  const { exitStatus } = recorder;
  return { plan, exitStatus, warnings: recorder.warnings().map(({ summary }) => summary) };
}

export interface Applied {
  readonly events: readonly EngineEvent[];
  readonly results: readonly TaskResultEvent[];
  /** `target task status`. */
  readonly lines: readonly string[];
  readonly exitStatus: number;
}

/** Applies a plan to trees by target name. */
export async function applied(
  plan: SavedPlan,
  trees: Trees,
  options: Partial<ApplyOptions> & { readonly onEvent?: (event: EngineEvent, application: Application) => void } = {},
): Promise<Applied> {
  const { onEvent, ...rest } = options;
  const events: EngineEvent[] = [];
  const application: Application = new Application({
    plan,
    file: "p",
    targets: plan.targets.map(({ name }) => name),
    ...hostsOf(trees),
    sink: (event) => {
      events.push(event);
      onEvent?.(event, application);
    },
    isCheck: false,
    isDiff: false,
    holding: { holder: { by: "tester", pid: 1, command: "crun apply p" }, timeoutMs: 0 },
    masker: new Masker(),
    forks: 20,
    ...rest,
  });
  const exitStatus = await application.run();
  const results = events.filter((event) => event.event === "result");
  return { events, results, lines: results.map((one) => `${one.target} ${one.task} ${one.status}`), exitStatus };
}
