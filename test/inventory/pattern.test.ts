// Patterns stand for the targets that Ansible's would, with commas in the place of its colons.

import assert from "node:assert/strict";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import type { Inventory } from "../../src/inventory/inventory.js";
import { namesOf, Workshop } from "./workshop.js";

const text =
  "[web]\nn1:web1\nn1:web2\nn2:web3\n[db]\nn2:db1\n[staging]\nn1:web2\n[plain]\nsolo\nab1\nab2\nac1\n[nobody]\n[web-old]\n";

const cases: readonly (readonly [pattern: string, names: string])[] = [
  ["all", "n1:web1 n1:web2 n2:web3 n2:db1 solo ab1 ab2 ac1"],
  ["*", "n1:web1 n1:web2 n2:web3 n2:db1 solo ab1 ab2 ac1"],
  ["web,db", "n1:web1 n1:web2 n2:web3 n2:db1"],
  [" web , db ", "n1:web1 n1:web2 n2:web3 n2:db1"],
  ["web,!staging", "n1:web1 n2:web3"],
  ["!staging,web", "n1:web1 n2:web3"],
  ["web,&staging", "n1:web2"],
  ["&staging,web", "n1:web2"],
  ["&web", "n1:web1 n1:web2 n2:web3"],
  ["!web", "n2:db1 solo ab1 ab2 ac1"],
  ["web,!staging,&web", "n1:web1 n2:web3"],
  ["nobody", ""],
  ["nobody[0]", ""],
  ["n2:*", "n2:web3 n2:db1"],
  ["n*:web*", "n1:web1 n1:web2 n2:web3"],
  ["n?:web?", "n1:web1 n1:web2 n2:web3"],
  ["a[bc]1", "ab1 ac1"],
  ["a[!b]1", "ac1"],
  ["a[a-b]*", "ab1 ab2"],
  ["so*", "solo"],
  ["st*", "n1:web2"],
  ["web*", "n1:web1 n1:web2 n2:web3"],
  ["nothing*", ""],
  [String.raw`~^n\d+:db`, "n2:db1"],
  ["~n(1|2):web[12],db", "n1:web1 n1:web2 n2:db1"],
  ["~eb", ""],
  ["~.*eb1$", "n1:web1"],
  ["~st|so", "n1:web2 solo"],
  ["~(?i)SOLO", "solo"],
  ["web[0]", "n1:web1"],
  ["web[-1]", "n2:web3"],
  ["web[0:1]", "n1:web1 n1:web2"],
  ["web[1:]", "n1:web2 n2:web3"],
  ["web[0:0]", "n1:web1"],
  ["web[5:9]", ""],
  ["web[0],db[0]", "n1:web1 n2:db1"],
  ["web,!web[0]", "n1:web2 n2:web3"],
  ["local", "local"],
  ["local:/srv/x", "local:/srv/x"],
];

const wrong: readonly (readonly [pattern: string, message: RegExp])[] = [
  ["wbe", /knows no host, tree or group "wbe"[^]*Did you mean "web"\?/],
  ["web,!stagin", /Did you mean "staging"/],
  ["web,&stagin", /Did you mean "staging"/],
  ["n2:web33", /Did you mean "n2:web3"/],
  ["n1", /n1 is a host that has trees: write n1:\*/],
  ["web:db", /For several patterns write commas: web,db/],
  ["web:!staging", /write commas: web,!staging/],
  ["web:&staging", /write commas: web,&staging/],
  ["all:!db[0]", /write commas: all,!db\[0\]/],
  ["web[3]", /there are only 3 targets[^]*\[2\] or \[-1\]/],
  ["staging[1]", /there are only one target|only one target/],
  ["web[0-1]", /Write web\[0:1\]/],
  ["~(", /is no regular expression/],
  ["~(?>a)", /is no regular expression/],
  ["a[z-a]*", /runs backwards/],
  ["zzz", /crun inventory --graph/],
];

describe("patterns of targets", () => {
  const shop = new Workshop();
  let inventory: Inventory;
  beforeEach(async () => {
    inventory = await shop.load({ hosts: text });
  });

  for (const [pattern, names] of cases)
    it(`${pattern} stands for ${names || "nothing"}`, () => assert.equal(namesOf(inventory, pattern), names));

  for (const [pattern, message] of wrong)
    it(`${pattern} is refused with what to write`, () =>
      assert.throws(
        () => inventory.match(pattern),
        (error) => error instanceof CrunError && message.test(error.message),
      ));

  it("takes a host before a group of its name", async () => {
    const odd = await shop.load({ hosts: "[web]\na\n[x]\nweb\n" });
    assert.equal(namesOf(odd, "web,x"), "web");
  });

  it("matches ten thousand names one by one in no time", async () => {
    const many = await shop.load({ hosts: "n[1:10000]\n" });
    const begun = process.cpuUsage();
    assert.equal(many.match([...many.targets.keys()].join(",")).length, 10_000);
    const { user } = process.cpuUsage(begun);
    assert.ok(user < 1_000_000, `${user} µs`);
  });
});
