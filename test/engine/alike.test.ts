// Plans that trees which look alike share: shared where nothing of a tree's own was read, and only there.

import assert from "node:assert/strict";
import { defineModule, type AnyModule, type Plan } from "../../src/module/contract.js";
import { statOf } from "../../src/module/model-node.js";
import { seenFrom } from "../../src/module/run-plan.js";
import type { Stat, StatObservation, StatProbe } from "../../src/module/probe.js";
import { SharedPlans } from "../../src/engine/look/alike.js";
import { TaskContext, type Prepared } from "../../src/engine/task/prepared.js";

const probe: StatProbe = { kind: "stat", path: "/etc/motd" };
const args = { params: {}, extra: {} };
const target = {
  name: "local:a",
  host: "local",
  tree: "a",
  path: "/trees/a",
  entry: "auto",
  trees: "/var/lib/machines",
};

function preparedOn(name: string): Prepared {
  const base = { target: { ...target, name }, architecture: () => "x86_64", ground: "tree" as const };
  const context = new TaskContext(base, 0, { becomeUser: undefined, environment: {} }, {}, {});
  return {
    args,
    context,
    probes: { self: probe },
    becomeUser: undefined,
    environment: undefined,
    limits: undefined,
    allow: undefined,
    look: undefined,
  };
}

function moduleThat(plan: (stat: Stat | undefined, name: () => string) => Plan): AnyModule {
  return defineModule({
    name: "test",
    summary: "a module of this test",
    params: {},
    examples: [],
    observe: () => ({ self: probe }),
    plan: (_, seen, context) => plan(seen.self.stat, () => context.target.name),
  });
}

function lookOf(stat: Partial<Stat>): StatObservation {
  return { kind: "stat", real: "/etc/motd", stat: { ...statOf("file"), ...stat } };
}

/** Plans on trees that look so, in order; tells for each whether it took another's plan. `isOfMany`: it is known that more trees come. */
function share(module: AnyModule, looks: readonly Partial<Stat>[], isOfMany?: boolean): boolean[] {
  const plans = new SharedPlans();
  return looks.map((stat, index) => {
    const prepared = preparedOn(`local:${index}`);
    const first = seenFrom(prepared.probes, () => lookOf(stat));
    const found = plans.find(prepared, first);
    const fresh = module.plan({}, first, prepared.context);
    if (found) assert.deepEqual(found.plan, fresh, "the plan that was shared is not the one that would have been made");
    else plans.note(module, prepared, { first, more: undefined, second: undefined }, fresh, isOfMany);
    return found !== undefined;
  });
}

const time = (seconds: number) => ({ seconds, nanoseconds: 0 });

describe("plans that trees which look alike share", () => {
  it("are made once, checked once, and then taken: inodes and times differ from tree to tree and are not read", () => {
    const module = moduleThat((stat) => ({ changes: [], result: { mode: stat?.mode } }));
    const looks = [1, 2, 3, 4].map((inode) => ({ inode, device: inode, mtime: time(inode) }));
    assert.deepEqual(share(module, looks), [false, false, true, true]);
  });

  it("are checked at once where more trees come, and only there where it is probable that they are like the first", () => {
    const module = moduleThat((stat) => ({ changes: [], result: { mode: stat?.mode } }));
    const looks = [1, 2, 3].map((inode) => ({ inode, device: inode, mtime: time(inode) }));
    assert.deepEqual(share(module, looks, true), [false, true, true]);
    assert.deepEqual(share(module, [{ mode: 0o600 }, {}, {}, {}], true), [false, false, false, true]);
  });

  it("are checked at once and yet taken only where what was read is the same", () => {
    const ageing = moduleThat((stat) => ({ changes: [], result: { age: stat?.mtime.seconds } }));
    const looks = [1, 1, 2, 1].map((seconds) => ({ mtime: time(seconds) }));
    assert.deepEqual(share(ageing, looks, true), [false, true, false, true]);
    const whole = moduleThat((stat) => ({ changes: [], result: { stat } }));
    const named = moduleThat((_, name) => ({ changes: [], result: { name: name() } }));
    for (const module of [whole, named]) assert.deepEqual(share(module, [{}, {}, {}], true), [false, false, false]);
  });

  it("are not taken by a tree that looks different", () => {
    const module = moduleThat((stat) => ({ changes: [], result: { mode: stat?.mode, uid: stat?.uid } }));
    assert.deepEqual(share(module, [{}, {}, { mode: 0o600 }, { uid: 7 }, {}]), [false, false, false, false, true]);
  });

  it("are taken only where a time that was read is the same", () => {
    const module = moduleThat((stat) => ({ changes: [], result: { age: stat?.mtime.seconds } }));
    const looks = [1, 1, 2, 1].map((seconds) => ({ mtime: time(seconds) }));
    assert.deepEqual(share(module, looks), [false, false, false, true]);
  });

  it("are made for each tree where a stat as a whole is part of them", () => {
    const module = moduleThat((stat) => ({ changes: [], result: { stat } }));
    assert.deepEqual(share(module, [{ inode: 1 }, { inode: 2 }, { inode: 3 }]), [false, false, false]);
  });

  it("are made for each tree where its name was asked for", () => {
    const module = moduleThat((_, name) => ({ changes: [], result: { name: name() } }));
    assert.deepEqual(share(module, [{}, {}, {}]), [false, false, false]);
  });

  it("are never plans that change or refuse something", () => {
    const changing = moduleThat(() => ({ changes: [{ kind: "remove", path: "/etc/motd", expect: {} }] }));
    const refusing = moduleThat(() => ({ changes: [], refusal: { message: "no" } }));
    for (const module of [changing, refusing]) assert.deepEqual(share(module, [{}, {}, {}]), [false, false, false]);
  });
});
