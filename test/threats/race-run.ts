// Runs a race: the real helper does its operations while a program swaps names beneath it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch } from "node:process";
import { join } from "node:path";
import { childStream } from "../../src/connection/child-stream.js";
import { openHostSession } from "../../src/target/host-session.js";
import type { HostSession } from "../../src/target/session.js";
import { repositoryRoot } from "../lab/process.js";
import type { Scene } from "./oracle.js";
import { tellsOfHost, type Race } from "./races.js";

/** What came of a race. Operations: probes and changes that were tried. */
export interface Raced {
  readonly operations: number;
  readonly swaps: number;
  readonly done: number;
  readonly conflicts: number;
  readonly failures: number;
  readonly escapes: number;
}

/** The built helper, spoken to directly. `prefix`: what starts it, as `[without, "openat2"]`. */
export async function helperSession(prefix: readonly string[], environment: NodeJS.ProcessEnv): Promise<HostSession> {
  const helper = join(repositoryRoot(), "native/build", `crun-helper-${arch === "arm64" ? "aarch64" : "x86_64"}`);
  const [program = helper, ...rest] = [...prefix, helper];
  const child = spawn(program, rest, { stdio: ["pipe", "pipe", "pipe"], env: environment });
  return await openHostSession("local", { ...childStream(child, "this machine"), noise: new Uint8Array() }, 10_000);
}

/** Requests that are on their way at once. */
const inFlight = 64;
/** On a busy machine the one or the other may have to wait for its turn. */
const waitMs = 15_000;
const fewestSwaps = 100;
/** On a busy machine, whose processor the racer takes: an operation needs one where nothing else runs. */
export const OPERATION_MS = 40;

/** Swaps until `operations` were tried. */
export async function runRace(
  race: Race,
  place: Scene,
  session: HostSession,
  racer: { readonly program: string; readonly count: string },
  { operations, owner }: { readonly operations: number; readonly owner: number },
): Promise<Raced> {
  const tells = tellsOfHost(place);
  const child = spawn(racer.program, [racer.count, ...race.swap(place)], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...place.environment },
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const tree = session.openTree(place.tree, { entry: "unshare", isHostRoot: false });
  const told = { operations: 0, done: 0, conflicts: 0, failures: 0, escapes: 0 };
  const once = async (index: number): Promise<void> => {
    const operation = race.operation(index, owner);
    const answers = "probes" in operation ? await tree.observe(operation.probes) : await tree.apply(operation.changes);
    for (const answer of answers) {
      told.operations++;
      if (answer.failure?.code === "conflict") told.conflicts++;
      else if (answer.failure) told.failures++;
      else told.done++;
      if ("kind" in answer && tells(answer)) told.escapes++;
    }
  };
  try {
    const swaps = (): number => Number(readFileSync(racer.count).readBigUInt64LE());
    const isEnough = (): boolean => told.operations >= operations && told.done > 0 && swaps() > fewestSwaps;
    const end = Date.now() + waitMs + operations * OPERATION_MS;
    for (let index = 0; !isEnough() && Date.now() < end; index += inFlight) {
      await Promise.all(Array.from({ length: inFlight }, (_, offset) => once(index + offset)));
    }
    await tree.close();
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
  return { ...told, swaps: Number(readFileSync(racer.count).readBigUInt64LE()) };
}

/** The line that the end of a test run shows. */
export function figureOf(race: Race, way: string, raced: Raced): string {
  const { operations, swaps, done, conflicts, failures, escapes } = raced;
  return `figure: race "${race.name}" (${way}): ${operations} operations, ${swaps} swaps, ${done} done, ${conflicts} conflicts, ${failures} failed, ${escapes} escapes`;
}

/** A race in which nothing was swapped, or nothing could be done, has shown nothing; nor has one that was asked for more. */
export function assertWon(raced: Raced, fewest = 1): void {
  assert.equal(raced.escapes, 0);
  assert.ok(raced.operations >= fewest, `${raced.operations} operations, not ${fewest}: the machine was too busy`);
  assert.ok(raced.done > 0 && raced.swaps > fewestSwaps, JSON.stringify(raced));
}
