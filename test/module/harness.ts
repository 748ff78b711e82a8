// Runs modules against a model of a tree: fixtures as tables, and the law of idempotence on every one of them.

import { wholeReach } from "../../src/module/reach.js";
import assert from "node:assert/strict";
import { contentOf, digestOf } from "../../src/module/content.js";
import type { AnyModule, Context, LocalSource, Plan } from "../../src/module/contract.js";
import type { Effect } from "../../src/module/effect.js";
import { Model } from "../../src/module/model.js";
import { convertParams } from "../../src/module/params.js";
import type { Observation, Probe, Stat } from "../../src/module/probe.js";
import { planModule } from "../../src/module/run-plan.js";

/** What a path of a fixture's tree holds: a file's text, or more about it. Parents are made as needed (0755 root). */
export type Entry =
  | string
  | {
      readonly type?: "file" | "directory" | "link";
      readonly content?: string | Uint8Array;
      readonly target?: string;
      readonly mode?: number;
      readonly uid?: number;
      readonly gid?: number;
      readonly mtime?: number;
      readonly atime?: number;
    };

export type Tree = Readonly<Record<string, Entry>>;

/** What a program probed for answers, by its argv joined with spaces. */
export type Programs = Readonly<
  Record<string, { readonly status?: number; readonly stdout?: string; readonly stderr?: string }>
>;

export interface Fixture {
  /** The reason of the case. */
  readonly name: string;
  readonly tree?: Tree;
  /** Paths on the host (probes with `at: "host"`). */
  readonly host?: Tree;
  /** The file system that all lies on, as `btrfs`. */
  readonly fileSystem?: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly programs?: Programs;
  /** What answers at `ADDRESS PORT` says. */
  readonly ports?: Readonly<Record<string, string>>;
  /** A machine that runs from the tree. */
  readonly machine?: { readonly name: string; readonly cgroup?: string; readonly init?: string };
  readonly context?: Partial<Context>;
  readonly expect: {
    readonly changed?: boolean;
    /** Kinds of the changes, in order. */
    readonly kinds?: readonly string[];
    /** Keys that the result must have, with these values. */
    readonly result?: Readonly<Record<string, unknown>>;
    readonly message?: string | RegExp;
    readonly refusal?: RegExp;
    /** It waits: milliseconds until it looks again. */
    readonly again?: number;
    /** Problems that the check of params must find. */
    readonly problem?: RegExp;
    readonly warning?: RegExp;
    /** Paths afterwards; undefined: absent. */
    readonly after?: Readonly<Record<string, Entry | undefined>>;
    /** What is done to the run. */
    readonly effects?: readonly Effect[];
    /** argv of the exec changes, in order. */
    readonly argv?: readonly (readonly string[])[];
  };
  /** Changes each time by its nature (a command, touch): the law is not asked of it. Say why. */
  readonly isNeverConverged?: string;
  /** A run that breaks off between its changes leaves what the next one does not bring to the same end. Say why that is so. */
  readonly isOtherBrokenOff?: string;
}

/** A model that holds exactly this tree. */
export function modelOf(tree: Tree = {}, host: Tree = {}, fileSystem?: string): Model {
  const model = Model.empty(fileSystem);
  for (const [at, entries] of [
    ["tree", tree],
    ["host", host],
  ] as const) {
    for (const [path, entry] of Object.entries(entries)) addEntry(model, at, path, entry);
  }
  return model;
}

function addEntry(model: Model, at: "tree" | "host", path: string, entry: Entry): void {
  const parts = path.split("/").filter(Boolean);
  for (let depth = 1; depth < parts.length; depth++) {
    const parent = `/${parts.slice(0, depth).join("/")}`;
    if (!statAt(model, parent, at))
      model.predict([{ kind: "makeDirectory", at, path: parent, mode: 0o755, uid: 0, gid: 0, expect: {} }]);
  }
  const item = typeof entry === "string" ? { content: entry } : entry;
  const type = item.type ?? (item.target === undefined ? "file" : "link");
  const owner = { uid: item.uid ?? 0, gid: item.gid ?? 0 };
  if (type === "directory")
    model.predict([{ kind: "makeDirectory", at, path, mode: item.mode ?? 0o755, ...owner, expect: {} }]);
  else if (type === "link")
    model.predict([{ kind: "makeLink", at, path, target: item.target ?? "", ...owner, expect: {} }]);
  else
    model.predict([
      {
        kind: "writeFile",
        at,
        path,
        content: contentOf(item.content ?? ""),
        mode: item.mode ?? 0o644,
        ...owner,
        expect: {},
      },
    ]);
  const time = (seconds: number | undefined) => (seconds === undefined ? {} : { seconds, nanoseconds: 0 });
  if (item.mtime !== undefined || item.atime !== undefined) {
    model.predict([
      {
        kind: "setAttributes",
        at,
        path,
        expect: {},
        ...(item.mtime === undefined ? {} : { mtime: { seconds: 0, nanoseconds: 0, ...time(item.mtime) } }),
        ...(item.atime === undefined ? {} : { atime: { seconds: 0, nanoseconds: 0, ...time(item.atime) } }),
      },
    ]);
  }
}

/** What the model has at a path (the link itself, not its target). */
export function statAt(model: Model, path: string, at: "tree" | "host" = "tree"): Stat | undefined {
  const answer = model.answer({ kind: "stat", path, at });
  return answer.kind === "known" && answer.observation.kind === "stat" ? answer.observation.stat : undefined;
}

/** A file's text in the model, undefined where there is none. */
export function textAt(model: Model, path: string, at: "tree" | "host" = "tree"): string | undefined {
  const answer = model.answer({ kind: "read", path, at });
  if (answer.kind !== "known" || answer.observation.kind !== "read" || !answer.observation.content) return undefined;
  return Buffer.from(answer.observation.content).toString("utf8");
}

/** A source file of the controller for `context.sources`. */
export function localFile(path: string, text: string | Uint8Array, mode = 0o644): LocalSource {
  const content = contentOf(text);
  const bytes = content.bytes ?? new Uint8Array();
  return { kind: "file", path, mode, content, sha1: digestOf("sha1", bytes), md5: digestOf("md5", bytes) };
}

/** A context like the engine's, with fixed time and pid. */
export function contextOf(parts: Partial<Context> = {}): Context {
  return {
    target: {
      name: "local:web1",
      host: "local",
      tree: "web1",
      path: "/var/lib/machines/web1",
      entry: "auto",
      trees: "/var/lib/machines",
    },
    startedAt: new Date("2026-01-02T03:04:05Z"),
    pid: 4711,
    becomeUser: undefined,
    environment: {},
    sources: {},
    extra: {},
    elapsedMs: 0,
    verbosity: 0,
    architecture: "x86_64",
    reach: wholeReach,
    job: () => undefined,
    ...parts,
  };
}

/** Answers probes from the model, programs and machine from the fixture. Throws where the module asks for a program the fixture does not know. */
export function answerer(
  model: Model,
  fixture: Pick<Fixture, "programs" | "machine" | "ports">,
): (probe: Probe) => Observation {
  return (probe) => {
    if (probe.kind === "exec") {
      const argv = probe.exec.argv.join(" ");
      const program = fixture.programs?.[argv];
      assert.ok(program, `the fixture has no answer for the program: ${argv}`);
      const exit = { kind: "exited", value: program.status ?? 0, wallMs: 1, cpuMs: 1 } as const;
      return {
        kind: "exec",
        exit,
        stdout: Buffer.from(program.stdout ?? ""),
        stderr: Buffer.from(program.stderr ?? ""),
      };
    }
    if (probe.kind === "machine") {
      const { machine } = fixture;
      const running = machine && {
        leader: 100,
        cgroup: "/machine.slice/x.service",
        uidShift: 0,
        init: "systemd",
        hasPrivateUsers: false,
        ...machine,
      };
      return { kind: "machine", machine: running };
    }
    if (probe.kind === "connect") {
      const said = fixture.ports?.[`${probe.host} ${probe.port}`];
      return { kind: "connect", isOpen: said !== undefined, errno: 111, data: Buffer.from(said ?? "", "latin1") };
    }
    const answer = model.answer(probe);
    assert.equal(answer.kind, "known", `the model cannot answer ${probe.kind} ${probe.path}`);
    return answer.kind === "known" ? answer.observation : assert.fail();
  };
}

/** Checks params and plans once. */
export function planFixture(
  module: AnyModule,
  fixture: Fixture,
  model: Model,
): { readonly problems: string[]; readonly plan: Plan | undefined } {
  const { params, extra, problems } = convertParams(module, fixture.params);
  if (problems.length > 0)
    return { problems: problems.map((one) => [one.message, one.remedy].filter(Boolean).join(" ")), plan: undefined };
  const context = contextOf({ extra, ...fixture.context });
  return { problems: [], plan: planModule(module, params, context, answerer(model, fixture)) };
}

/** Defines the tests of a module's fixtures: each case, and that a second run finds nothing to do. */
export function testFixtures(module: AnyModule, fixtures: readonly Fixture[]): void {
  describe(`module ${module.name}`, () => {
    for (const fixture of fixtures) {
      it(fixture.name, () => checkFixture(module, fixture));
    }
  });
}

function checkFixture(module: AnyModule, fixture: Fixture): void {
  const { expect } = fixture;
  const model = modelOf(fixture.tree, fixture.host, fixture.fileSystem);
  const { problems, plan } = planFixture(module, fixture, model);
  if (expect.problem) {
    assert.match(problems.join("\n"), expect.problem);
    return;
  }
  assert.deepEqual(problems, []);
  assert.ok(plan);
  assert.equal(plan.again?.afterMs, expect.again);
  if (expect.refusal) {
    assert.match(`${plan.refusal?.message ?? ""} ${plan.refusal?.remedy ?? ""}`, expect.refusal);
    return;
  }
  assert.equal(plan.refusal?.message, undefined);
  if (expect.changed !== undefined)
    assert.equal(plan.changes.length > 0, expect.changed, JSON.stringify(plan.changes.map(({ kind }) => kind)));
  if (expect.kinds)
    assert.deepEqual(
      plan.changes.map(({ kind }) => kind),
      expect.kinds,
    );
  if (expect.argv)
    assert.deepEqual(
      plan.changes.flatMap((one) => (one.kind === "exec" ? [one.exec.argv] : [])),
      expect.argv,
    );
  if (expect.effects) assert.deepEqual(plan.effects, expect.effects);
  for (const [key, value] of Object.entries(expect.result ?? {}))
    assert.deepEqual(plan.result?.[key], value, `result.${key}`);
  if (expect.message !== undefined) {
    if (typeof expect.message === "string") assert.equal(plan.message, expect.message);
    else assert.match(plan.message ?? "", expect.message);
  }
  if (expect.warning) assert.match((plan.warnings ?? []).join("\n"), expect.warning);
  model.predict(plan.changes);
  for (const [path, entry] of Object.entries(expect.after ?? {})) checkEntry(model, path, entry);
  if (fixture.isNeverConverged !== undefined) return;
  const again = planFixture(module, fixture, model).plan;
  assert.deepEqual(again?.changes, [], "a second run must find nothing to do");
  const isKnown = plan.changes.every(({ kind }) => isFileChange(kind));
  if (isKnown && fixture.isOtherBrokenOff === undefined) checkBrokenOff(module, fixture, plan, model);
}

/** The model knows all that they do. */
function isFileChange(kind: string): boolean {
  return /^(?:writeFile|makeDirectory|makeLink|hardLink|remove|setAttributes|copyFile|rename|lock|unlock)$/.test(kind);
}

/** A run may end after any change: the next one comes to the same end. `whole`: the model after all changes. */
function checkBrokenOff(module: AnyModule, fixture: Fixture, { changes }: Plan, whole: Model): void {
  for (let count = 1; count < changes.length; count++) {
    const model = modelOf(fixture.tree, fixture.host, fixture.fileSystem);
    model.predict(changes.slice(0, count));
    const done = changes.slice(0, count).map((one) => `${one.kind} ${"path" in one ? one.path : ""}`);
    const next = planFixture(module, fixture, model).plan;
    assert.equal(next?.refusal?.message, undefined, `broken off after ${done.join(", ")}`);
    model.predict(next?.changes ?? []);
    assert.deepEqual(contentsOf(model), contentsOf(whole), `broken off after ${done.join(", ")}`);
  }
}

/** All that is in a model, times aside. */
function contentsOf(model: Model): string[] {
  return (["tree", "host"] as const).flatMap((at) => {
    const answer = model.answer({ kind: "list", at, path: "/", depth: 0, algorithms: ["sha256"] });
    if (answer.kind !== "known" || answer.observation.kind !== "list") return [];
    return answer.observation.entries.map(({ name, stat, digests }) => {
      const { type, mode, uid, gid, target } = stat;
      return `${at} ${name}: ${type} ${mode.toString(8)} ${uid}:${gid} ${target} ${digests.sha256 ?? ""}`;
    });
  });
}

/** Asserts what the model has at a path. */
export function checkEntry(model: Model, path: string, entry: Entry | undefined): void {
  const stat = statAt(model, path);
  if (entry === undefined) {
    assert.equal(stat, undefined, `${path} must be absent`);
    return;
  }
  assert.ok(stat, `${path} must be there`);
  const item = typeof entry === "string" ? { content: entry } : entry;
  if (item.type) assert.equal(stat.type, item.type, path);
  if (item.content !== undefined) assert.equal(textAt(model, path), Buffer.from(item.content).toString("utf8"), path);
  if (item.target !== undefined) assert.equal(stat.target, item.target, path);
  if (item.mode !== undefined) assert.equal(stat.mode.toString(8), item.mode.toString(8), path);
  if (item.uid !== undefined) assert.equal(stat.uid, item.uid, path);
  if (item.gid !== undefined) assert.equal(stat.gid, item.gid, path);
  if (item.mtime !== undefined) assert.equal(stat.mtime.seconds, item.mtime, path);
  if (item.atime !== undefined) assert.equal(stat.atime.seconds, item.atime, path);
}
