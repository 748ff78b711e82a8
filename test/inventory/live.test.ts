// What tasks add to an inventory is there as if its files had said it, and costs no copy of it.

import assert from "node:assert/strict";
import { LiveInventory } from "../../src/inventory/live.js";
import { createScope } from "../../src/playbook/scope/scope.js";
import { Workshop } from "./workshop.js";

describe("an inventory that grows", () => {
  const shop = new Workshop();
  const live = async (files: Readonly<Record<string, string>>): Promise<LiveInventory> =>
    new LiveInventory(await shop.load(files));
  const names = (inventory: LiveInventory, pattern: string): string =>
    inventory
      .match(pattern)
      .map(({ name }) => name)
      .join(" ");
  const value = (inventory: LiveInventory, target: string, name: string): unknown => {
    const scope = createScope(inventory.varsOf(target));
    return scope.has(name) ? scope.get(name) : undefined;
  };

  it("finds a new target by name, group, glob and in all, behind those of the files", async () => {
    const inventory = await live({ hosts: "[web]\nn:a\nn:b\n" });
    assert.equal(inventory.addTarget("n:c", ["web", "fresh"], { x: 1 }), true);
    assert.equal(names(inventory, "all"), "n:a n:b n:c");
    assert.equal(names(inventory, "web"), "n:a n:b n:c");
    assert.equal(names(inventory, "fresh"), "n:c");
    assert.equal(names(inventory, "n:*,!web"), "");
    assert.deepEqual(inventory.targets.get("n:c"), { name: "n:c", host: "n", tree: "c", groups: ["fresh", "web"] });
    assert.equal(value(inventory, "n:c", "x"), 1);
  });

  it("tells whether an addition changed anything", async () => {
    const inventory = await live({ hosts: "[web]\nn:a\n" });
    assert.equal(inventory.addTarget("n:a", ["web"], {}), false);
    assert.equal(inventory.addTarget("n:a", ["web"], { x: [1] }), true);
    assert.equal(inventory.addTarget("n:a", ["web"], { x: [1] }), false);
    assert.equal(inventory.addTarget("n:a", ["web", "more"], { x: [1] }), true);
    assert.equal(inventory.addToGroup("n:a", "more", ["all"]), false);
    assert.equal(inventory.addToGroup("n:a", "more", ["above"]), true);
  });

  it("gives a target the variables of the groups that it comes into, by their depth, beneath its own", async () => {
    const inventory = await live({
      hosts: "[web]\nn:a own=target\n[prod:children]\nweb\n[prod:vars]\ndepth=1\n[web:vars]\ndepth=2\n",
      "group_vars/made.yml": "own: group\nmade: yes it is\nover: made\n",
      "group_vars/above.yml": "over: above\nonly_above: true\n",
    });
    inventory.addTarget("n:b", ["web"], { over: "own" });
    assert.equal(value(inventory, "n:b", "depth"), 2);
    assert.deepEqual(inventory.targets.get("n:b")?.groups, ["prod", "web"]);
    assert.equal(names(inventory, "prod"), "n:a n:b");
    inventory.addToGroup("n:a", "made", ["above"]);
    inventory.addToGroup("n:b", "made", []);
    assert.equal(value(inventory, "n:a", "made"), "yes it is");
    assert.equal(value(inventory, "n:a", "own"), "target");
    assert.equal(value(inventory, "n:a", "over"), "made");
    assert.equal(value(inventory, "n:a", "only_above"), true);
    assert.equal(value(inventory, "n:b", "over"), "own");
    assert.equal(names(inventory, "above"), "n:a n:b");
  });

  it("takes targets out of ungrouped once they have a group", async () => {
    const inventory = await live({ hosts: "n:a\nn:b\n" });
    inventory.addTarget("n:c", [], {});
    assert.equal(names(inventory, "ungrouped"), "n:a n:b n:c");
    inventory.addToGroup("n:b", "g", []);
    assert.equal(names(inventory, "ungrouped"), "n:a n:c");
  });

  it("keeps the members of a group in the inventory's order, whoever came first", async () => {
    const inventory = await live({ hosts: "n:a\nn:b\nn:c\n" });
    for (const name of ["n:c", "n:a", "n:b"]) inventory.addToGroup(name, "g", []);
    assert.deepEqual(inventory.groups.get("g"), ["n:a", "n:b", "n:c"]);
  });

  it("never changes a list of members that was given out", async () => {
    const inventory = await live({ hosts: "[web]\nn:a\n" });
    const before = inventory.groups.get("web");
    inventory.addTarget("n:b", ["web"], {});
    const between = inventory.groups.get("web");
    inventory.addTarget("n:c", ["web"], {});
    assert.deepEqual([before?.length, between?.length, inventory.groups.get("web")?.length], [1, 2, 3]);
  });

  it("refuses a circle of groups and names that are none", async () => {
    const inventory = await live({ hosts: "[web]\nn:a\n[prod:children]\nweb\n" });
    assert.throws(() => inventory.addToGroup("n:a", "prod", ["web"]), /"prod" cannot be beneath "web"/);
    assert.throws(() => inventory.addToGroup("n:a", "g", ["g"]), /"g" cannot be beneath "g"/);
    assert.throws(() => inventory.addTarget("n:b", ["a b"], {}), /"a b" is no name for a group/);
  });

  it("says what was added again to an inventory that was read anew, but for targets that are gone", async () => {
    const inventory = await live({ hosts: "n:a\nn:b\n" });
    inventory.addTarget("n:new", ["g"], { x: 1 });
    inventory.addToGroup("n:a", "by", []);
    inventory.addToGroup("n:b", "by", []);
    inventory.replace(await shop.load({ hosts: "n:b\nn:more\n" }));
    assert.equal(names(inventory, "all"), "n:b n:more n:new");
    assert.equal(names(inventory, "by"), "n:b");
    assert.equal(value(inventory, "n:new", "x"), 1);
  });

  it("adds a thousand targets to ten thousand without copying them each time", async () => {
    const hosts = Array.from({ length: 10_000 }, (_, index) => `n${index}`).join("\n");
    const inventory = await live({ hosts: `[web]\n${hosts}\n` });
    const time = (from: number, count: number): number => {
      const began = process.cpuUsage();
      for (let index = from; index < from + count; index++) inventory.addTarget(`x${index}`, ["web"], { index });
      const { user, system } = process.cpuUsage(began);
      return user + system;
    };
    time(0, 1);
    const first = Math.max(time(1, 1000), 1000);
    assert.ok(time(1001, 2000) < 20 * first, "the cost of an addition grows with the inventory");
    assert.equal(inventory.groups.get("web")?.length, 13_001);
  });
});
