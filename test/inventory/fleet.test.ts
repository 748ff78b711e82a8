// Rules like `node1:web*`: which patterns may mean their trees, and what the inventory is once those were found.

import assert from "node:assert/strict";
import { askedRules, globsMeet, mayConcern } from "../../src/inventory/concern.js";
import type { LoadedInventory, TreeRule } from "../../src/inventory/inventory.js";
import { createScope } from "../../src/playbook/scope/scope.js";
import { Workshop } from "./workshop.js";

const rule = (name: string, ...groups: string[]): TreeRule => {
  const [host = "", glob = ""] = name.split(":");
  return { name, host, glob, groups };
};

describe("patterns and the trees that were not looked for yet", () => {
  const web = rule("node1:web*", "web", "prod");
  const table: readonly (readonly [string, boolean, string])[] = [
    ["all", true, "everything"],
    ["web", true, "its group"],
    ["prod", true, "a group above"],
    ["w*", true, "a glob of groups"],
    ["db", false, "another group"],
    ["node1", false, "the host's own root"],
    ["node1:*", true, "all trees of the host"],
    ["node1:web7", true, "a tree that may be there"],
    ["node1:db7", false, "a tree that the rule does not mean"],
    ["node1:*b*", true, "a glob that meets the rule's"],
    ["node1:d*", false, "a glob that does not"],
    ["node*:web1", true, "a glob of hosts"],
    ["node2:*", false, "another host"],
    ["~web\\d", true, "an expression: not worth finding out"],
    ["db,web", true, "one of several"],
    ["web[0]", true, "a slice"],
    ["all,!web", false, "without its group"],
    ["all,!node1:*", false, "without its host's trees"],
    ["all,!node1:web3", true, "without one of them"],
    ["!web", false, "everything without its group"],
    ["web,&prod", true, "what is in both"],
    ["web,&staging", false, "what is in a group that it is not in"],
  ];
  for (const [pattern, expected, why] of table)
    it(`${pattern} ${expected ? "may mean" : "cannot mean"} trees of ${web.name}: ${why}`, () =>
      assert.equal(mayConcern(pattern, web), expected));

  it("knows the trees of no group as ungrouped", () => {
    assert.equal(mayConcern("ungrouped", rule("n:*")), true);
    assert.equal(mayConcern("ungrouped", web), false);
  });

  it("finds whether some name fits two globs", () => {
    const meet = ["a* *b", "* x", "a?c a*", "web* *", "*a*b* xaxbx", "? ?", "*ab *b", "x* *y?z"];
    const miss = ["a* b*", "a? a", "*b *c", "abc ab", "a*b ?"];
    for (const one of meet) assert.ok(globsMeet(...(one.split(" ") as [string, string])), one);
    for (const one of miss) assert.ok(!globsMeet(...(one.split(" ") as [string, string])), one);
  });
});

describe("inventories with rules", () => {
  const workshop = new Workshop();
  const names = (inventory: LoadedInventory, pattern: string): string =>
    inventory
      .match(pattern)
      .map(({ name }) => name)
      .join(" ");
  const value = (inventory: LoadedInventory, target: string, name: string): unknown => {
    const scope = createScope(inventory.varsOf(target));
    return scope.has(name) ? scope.get(name) : undefined;
  };
  const hosts = `
[web]
node1:web9 own=explicit
node1:web* own=rule color=blue
node2:* color=red
node1:web1

[prod:children]
web
[prod:vars]
level=group
`;

  it("hold no target for a rule, and know its group and its trees all the same", async () => {
    const inventory = await workshop.load({ hosts });
    assert.equal(names(inventory, "web"), "node1:web9 node1:web1");
    assert.equal(names(inventory, "node1:web77"), "", "it may be found");
    assert.throws(() => inventory.match("node1:db1"), /knows no host, tree or group "node1:db1"/);
    assert.deepEqual(
      inventory.rules.map(({ name, groups }) => [name, groups]),
      [
        ["node1:web*", ["prod", "web"]],
        ["node2:*", ["prod", "web"]],
      ],
    );
  });

  it("take YAML and lists of names, too", async () => {
    const yaml = 'fleet:\n  hosts:\n    "node1:web*": {x: 1}\n    node2:*:\n';
    const inventory = await workshop.load({ "hosts.yml": yaml }, ["hosts.yml", "node3:*,"]);
    assert.deepEqual(
      inventory.rules.map(({ name }) => name),
      ["node1:web*", "node2:*", "node3:*"],
    );
  });

  it("put found trees in the rule's place, with its groups and variables beneath what explicit entries say", async () => {
    const before = await workshop.load({ hosts, "host_vars/node1:web2.yml": "own: file\n" });
    const inventory = before.withTrees(
      new Map([
        ["node1:web*", ["db1", "web1", "web2", "web9"]],
        ["node2:*", ["x"]],
      ]),
      [],
    );
    assert.equal(names(inventory, "web"), "node1:web9 node1:web1 node1:web2 node2:x");
    assert.equal(names(inventory, "prod"), names(inventory, "web"));
    assert.deepEqual(inventory.rules, []);
    assert.equal(value(inventory, "node1:web9", "own"), "explicit");
    assert.equal(value(inventory, "node1:web9", "color"), "blue");
    assert.equal(value(inventory, "node1:web1", "own"), "rule");
    assert.equal(value(inventory, "node1:web2", "own"), "file");
    assert.equal(value(inventory, "node2:x", "level"), "group");
    assert.throws(() => inventory.match("node1:web77"), /knows no/, "now it is known that there is none");
  });

  it("keep a rule of a host that could not be looked at as a target, which stands for its trees in patterns", async () => {
    const before = await workshop.load({ hosts });
    const inventory = before.withTrees(new Map([["node2:*", undefined]]), []);
    assert.equal(names(inventory, "web"), "node1:web9 node2:* node1:web1");
    assert.equal(names(inventory, "node2:x"), "node2:*");
    assert.equal(names(inventory, "node2:x*,node1:web9"), "node1:web9 node2:*");
    assert.equal(names(inventory, "node1:web1"), "node1:web1");
  });

  it("give a rule the variables that its trees will have", async () => {
    const inventory = await workshop.load({ hosts, "group_vars/web.yml": "crun_trees: /srv\n" });
    assert.equal(value(inventory, "node1:web*", "color"), "blue");
    assert.equal(value(inventory, "node1:web*", "crun_trees"), "/srv");
    assert.equal(value(inventory, "node1:web*", "level"), "group");
  });

  it("are asked for by a pattern where its host is known and nothing that is listed is meant", async () => {
    const inventory = await workshop.load({ hosts: "node1\nnode2:db1\nnode3:web*\n" });
    const asked = (pattern: string): string =>
      askedRules(pattern, inventory, inventory.rules)
        .map(({ name }) => name)
        .join(" ");
    assert.equal(asked("node1:*"), "node1:*");
    assert.equal(asked("node1:web*,node2:w*"), "node1:web* node2:w*");
    assert.equal(asked("node2:db*"), "", "it is listed");
    assert.equal(asked("node3:*"), "", "there is a rule for it");
    assert.equal(asked("node9:*"), "", "nobody knows that host");
    assert.equal(asked("node*:*"), "", "that is no one host");
    assert.equal(asked("local:*"), "local:*", "this machine is always known");
    assert.equal(asked("all,!node1:x*"), "");
  });
});
