// Random plays of blocks, rescues, handlers and meta actions: free targets and targets in lockstep come to the same, and every play ends.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { comeOf } from "./ansible-flow/run-case.js";

type Node = Readonly<Record<string, unknown>>;

const when = fc.constantFrom<Node>({}, {}, { when: "n == 1" }, { when: "n == 2" }, { when: "n == 9" });
// One that runs once and fails ends the play: of free targets some may be through already where it stands in a rescue.
const once = { run_once: true, ignore_errors: true };
const keys = fc.constantFrom<Node>({}, {}, {}, once, { delegate_to: "c" }, { ignore_errors: true });
const notify = fc.constantFrom<Node>({}, {}, { notify: "first" }, { notify: ["last", "first"] }, { notify: "topic" });
const action = fc.constantFrom<Node>(
  { command: "true" },
  { command: "false", when: "n == 1" },
  { command: "false", when: "n == 2" },
  { command: "leave {{item}}", loop: [0, 1, 0] },
  { command: "leave {{item}}", loop: [0, 0] },
);
const task = fc
  .tuple(when, notify, keys, action)
  .map((parts): Node => Object.assign({}, ...parts.map((part) => ({ ...part }))) as Node);
// Not clear_host_errors: it clears what all have failed so far, and of free targets that depends on who is how far.
const meta = fc
  .tuple(fc.constantFrom("flush_handlers", "end_host", "noop"), when)
  .map(([word, condition]): Node => ({ meta: word, ...condition }));

const { list } = fc.letrec<{ node: Node; list: Node[]; block: Node }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { arbitrary: task, weight: 5 },
    { arbitrary: meta, weight: 1 },
    { arbitrary: tie("block"), weight: 3 },
  ),
  list: fc.array(tie("node"), { minLength: 1, maxLength: 3 }),
  block: fc
    .tuple(tie("list"), fc.option(tie("list")), fc.option(tie("list")), when)
    .map(([block, rescue, always, condition]): Node => ({
      block,
      ...(rescue ? { rescue } : {}),
      ...(always ? { always } : {}),
      ...condition,
    })),
}));

const play = fc
  .tuple(
    list,
    fc.constantFrom<Node>({}, { serial: 1 }, { serial: 2 }),
    fc.constantFrom<Node>({}, { force_handlers: true }, { any_errors_fatal: true }, { max_fail_percentage: 40 }),
    fc.boolean(),
  )
  .map(([tasks, batches, keywords, isFailing]): Node => ({
    hosts: "a,b,c,e",
    gather_facts: false,
    ...batches,
    ...keywords,
    tasks,
    handlers: [
      { name: "first", debug: { msg: "x" }, changed_when: true, notify: "topic" },
      { name: "last", command: isFailing ? "false" : "true" },
      { name: "listening", command: "true", listen: "topic" },
    ],
  }));

/** Gives each task its own name, in the order in which they are written. */
function named(node: unknown, next = { number: 1 }): unknown {
  if (Array.isArray(node)) return node.map((one) => named(one, next));
  if (typeof node !== "object" || node === null) return node;
  const inner = Object.entries(node).map(([key, value]) => [
    key,
    ["tasks", "block", "rescue", "always"].includes(key) ? named(value, next) : value,
  ]);
  const name = "command" in node && !("name" in node) ? { name: `t${next.number++}` } : {};
  return { ...name, ...(Object.fromEntries(inner) as Node) };
}

describe("flow, whatever is played", function () {
  this.timeout(120_000);
  let directory: string;
  before(() => (directory = mkdtempSync(join(tmpdir(), "crun-flow-law-"))));
  after(() => rmSync(directory, { recursive: true, force: true }));

  it("ends, and comes to the same for targets that go their own ways as in lockstep", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(play, { minLength: 1, maxLength: 2 }), async (plays) => {
        const file = join(directory, "site.yml");
        const text = JSON.stringify(named(plays), undefined, 1);
        writeFileSync(file, text);
        const one = { name: "law", target: "law", file, flags: [], text, twin: text, of: "" };
        const free = await comeOf(one);
        assert.deepEqual(await comeOf(one, "linear"), free);
        // Nobody is told of twice: as failed and as unreachable, or as more than one task at once.
        for (const [target, lines] of Object.entries(free.results))
          assert.ok(lines.filter((line) => line.endsWith("| unreachable")).length <= plays.length, target);
      }),
      { numRuns: 120 },
    );
  });
});
