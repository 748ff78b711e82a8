// Laws over random plays: a transaction leaves what a plain play leaves, or nothing; a rehearsal tells what a plain play changes, and leaves nothing.

import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { diffTrees, hashTree } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { brief, Workplace } from "./cli.js";
import { crunPath } from "./crun-tasks.js";
import { eventsIn, treeYard } from "./tree-fixtures.js";

type Node = Readonly<Record<string, unknown>>;

/** Small worlds collide: few paths, each a file, a directory or a link at times. */
const path = fc.constantFrom("/etc/motd", "/etc/a", "/etc/a/b", "/srv/data/1", "/srv/data", "/srv/x");
const notify = fc.constantFrom<Node>({}, {}, { notify: "touch" }, { notify: "stumble" });
const when = fc.constantFrom<Node>({}, {}, {}, { when: 'inventory_hostname == "one"' }, { when: "n == 2" });
const action = fc.oneof(
  fc.tuple(path, fc.constantFrom("1", "22", "old\n")).map(([dest, content]): Node => ({ copy: { dest, content } })),
  fc
    .tuple(path, fc.constantFrom("directory", "absent", "touch"), fc.constantFrom({}, { mode: "0750" }))
    .map(([at, state, mode]): Node => ({ file: { path: at, state, ...mode } })),
  fc.constant<Node>({ file: { path: "/etc/link", state: "link", src: "/etc/motd", force: true } }),
  fc.constant<Node>({ fail: { msg: "no" }, when: "n == 1" }),
  fc.constant<Node>({ fail: { msg: "no" }, ignore_errors: true }),
  fc.constant<Node>({ copy: { dest: "/etc/from-{{inventory_hostname}}", content: "x" }, delegate_to: "two" }),
);
const task = fc.tuple(when, notify, action).map(([one, two, three]): Node => ({ ...one, ...two, ...three }));
const list = fc.array(task, { minLength: 1, maxLength: 3 });
const block = fc.tuple(list, fc.option(list), fc.option(list)).map(([inner, rescue, always]): Node => ({
  block: inner,
  ...(rescue ? { rescue } : {}),
  ...(always ? { always } : {}),
}));
const play = fc.array(fc.oneof(task, task, block), { minLength: 1, maxLength: 4 }).map((tasks): Node => ({
  hosts: "all",
  gather_facts: false,
  tasks,
  handlers: [
    { name: "touch", file: { path: "/etc/touched", state: "touch" } },
    { name: "stumble", fail: { msg: "no" }, when: "n == 1" },
  ],
}));

describe("plays on clones, whatever is played", function () {
  this.timeout(180_000);
  const scope = testScope();
  before(function () {
    requireOrSkip(this, { root: true, paths: [crunPath] });
  });

  it("leave and tell what a plain play does, or nothing", async () => {
    const yard = await treeYard(scope, "directory");
    const names = ["one", "two"] as const;
    for (const name of [...names, "plain-one", "plain-two", "pristine"]) await yard.tree(name);
    const at = (name: string): string => join(yard.directory, name);
    const inventory = (prefix: string): string =>
      names.map((name, index) => `${name} n=${index + 1} crun_host=local crun_path=${at(prefix + name)}\n`).join("");
    const work = new Workplace(scope, { hosts: inventory(""), twins: inventory("plain-") });
    const without = ["mtime", "links"] as const;
    const look = (name: string): Promise<string> => hashTree(at(name), { without });
    const refill = async (name: string): Promise<void> => {
      await must(["rm", "-rf", at(name)]);
      await must(["cp", "--archive", "--no-target-directory", at("pristine"), at(name)]);
    };
    await fc.assert(
      fc.asyncProperty(play, async (one) => {
        work.write("site.yml", JSON.stringify([one], undefined, 1));
        for (const name of names) await Promise.all([refill(name), refill(`plain-${name}`)]);
        const before = await hashTree(at("pristine"));
        const rehearsed = await work.play(["-i", "hosts", "--rehearse", "site.yml"]);
        for (const name of names)
          assert.equal(await hashTree(at(name)), before, "a rehearsal leaves the tree as it was");
        const plain = await work.play(["-i", "twins", "site.yml"]);
        const atomic = await work.play(["-i", "hosts", "--atomic", "site.yml"]);
        const told = `${JSON.stringify(one)}\n${brief(plain)}\n${brief(atomic)}`;
        assert.deepEqual([rehearsed.status, atomic.status], [plain.status, plain.status], told);
        assert.deepEqual([rehearsed.recap, atomic.recap], [plain.recap, plain.recap], told);
        for (const name of names) {
          const isWell = plain.recap[name]?.failed === 0;
          assert.equal(await look(name), await look(isWell ? `plain-${name}` : "pristine"), told);
          const changed = await diffTrees(at("pristine"), at(`plain-${name}`), { without });
          const event = eventsIn(rehearsed.stdout, "rehearsal").find(({ target }) => target === name);
          const found = (event?.["differences"] ?? []) as readonly { readonly path: string }[];
          assert.deepEqual(
            found.map((row) => row.path),
            [...new Set(changed.map((row) => row.path))].sort(),
            told,
          );
        }
        assert.deepEqual(yard.kept("making"), []);
      }),
      { numRuns: 12 },
    );
  });
});
