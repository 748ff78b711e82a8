// Inventories give the targets, groups and variables that Ansible's users expect.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { literalOf } from "../../src/inventory/ini.js";
import type { Inventory } from "../../src/inventory/inventory.js";
import type { Language } from "../../src/inventory/language.js";
import { loadInventory } from "../../src/inventory/load.js";
import { expandRanges } from "../../src/inventory/ranges.js";

/** A language whose values are what was written: inventories alone are at stake here. */
const plainLanguage: Language = {
  readYaml: () => assert.fail("no YAML in these cases"),
  placeOf: () => ({ file: "" }),
  compileNode: () => assert.fail("no YAML in these cases"),
  compileValue: (value, place) => ({ place, isStatic: true, names: new Set(), render: () => value }),
};

describe("inventory in INI form", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "crun-inventory-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function write(name: string, text: string): string {
    const file = join(directory, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }
  const load = (text: string): Inventory => loadInventory([write("hosts", text)], undefined, plainLanguage);
  const varsOf = (inventory: Inventory, name: string): Record<string, unknown> => {
    const vars: Record<string, unknown> = {};
    for (const layer of inventory.varsOf(name)) {
      for (const key of layer.names()) {
        const value = layer.get(key);
        if (value && "render" in value) vars[key] = value.place && value.isStatic ? literal(value) : undefined;
      }
    }
    return vars;
  };
  const literal = (value: { render(scope: never): unknown }): unknown => value.render(undefined as never);
  const names = (inventory: Inventory, pattern: string): string =>
    inventory
      .match(pattern)
      .map(({ name }) => name)
      .join(" ");

  it("takes a colon for the line between host and tree", () => {
    const inventory = load("node1:web[1:3]\nnode2\n");
    assert.deepEqual(
      [...inventory.targets.values()],
      [
        { name: "node1:web1", host: "node1", tree: "web1", groups: [] },
        { name: "node1:web2", host: "node1", tree: "web2", groups: [] },
        { name: "node1:web3", host: "node1", tree: "web3", groups: [] },
        { name: "node2", host: "node2", tree: undefined, groups: [] },
      ],
    );
  });

  it("puts groups of groups together, in inventory order, with all and ungrouped", () => {
    const inventory = load("solo\n[web]\nb\na\n[db]\nc\n[prod:children]\ndb\nweb\n");
    assert.deepEqual(inventory.groups.get("prod"), ["b", "a", "c"]);
    assert.deepEqual(inventory.groups.get("all"), ["solo", "b", "a", "c"]);
    assert.deepEqual(inventory.groups.get("ungrouped"), ["solo"]);
    assert.deepEqual(inventory.targets.get("c")?.groups, ["db", "prod"]);
  });

  it("lets deeper groups win over their parents, and the entry over all", () => {
    const inventory = load(
      "[web]\na x=host\n[prod:children]\nweb\n[all:vars]\nx=all\ny=all\nz=all\n[prod:vars]\ny=prod\nz=prod\n[web:vars]\nz=web\n",
    );
    assert.deepEqual(varsOf(inventory, "a"), { x: "host", y: "prod", z: "web" });
  });

  it("gives a host's variables, and its groups', to all its trees, and the tree's own on top", () => {
    const inventory = load(
      "node1 u=root p=1\n[rack]\nnode1\n[rack:vars]\nr=7\n[web]\nnode1:w p=2\n[web:vars]\ng=web\n",
    );
    assert.deepEqual(varsOf(inventory, "node1:w"), { r: 7, g: "web", u: "root", p: 2 });
  });

  it("keeps quotes, blanks and comments apart in a line of variables", () => {
    const inventory = load(`a x="b c" y='#d' z=e#f # comment\n; comment\n`);
    assert.deepEqual(varsOf(inventory, "a"), { x: "b c", y: "#d", z: "e#f" });
  });

  it("names line, column and remedy for what is wrong", () => {
    assert.throws(() => load("a\n[web:childen]\nb\n"), /hosts:2:1[^]*\[web:childen\][^]*Did you mean "children"/);
    assert.throws(() => load("a b\n"), /hosts:1:3[^]*NAME=VALUE/);
    assert.throws(() => load("a[5:1]\n"), /runs backwards/);
    assert.throws(() => load("[a:children]\nb\n[b:children]\na\n"), /a → b → a|b → a → b/);
    assert.throws(() => load("a my-var=1\n"), /"my-var" is no name for a variable[^]*my_var/);
    assert.throws(() => loadInventory([join(directory, "none")], undefined, plainLanguage), /no inventory .*none/);
  });

  it("takes names with a comma as an inventory", () => {
    assert.equal(names(loadInventory(["a,b:c,"], undefined, plainLanguage), "all"), "a b:c");
  });

  describe("patterns", () => {
    const text = "[web]\nn1:web1\nn1:web2\nn2:web3\n[db]\nn2:db1\n[staging]\nn1:web2\n[empty]\nplain\n[empty:vars]\n";
    const cases: [string, string][] = [
      ["all", "n1:web1 n1:web2 n2:web3 n2:db1 plain"],
      ["*", "n1:web1 n1:web2 n2:web3 n2:db1 plain"],
      ["web,db", "n1:web1 n1:web2 n2:web3 n2:db1"],
      ["web,!staging", "n1:web1 n2:web3"],
      ["!staging,web", "n1:web1 n2:web3"],
      ["web,&staging", "n1:web2"],
      ["n2:*", "n2:web3 n2:db1"],
      ["n*:web*", "n1:web1 n1:web2 n2:web3"],
      ["pl*", "plain"],
      [String.raw`~^n\d+:db`, "n2:db1"],
      ["~n(1|2):web[12],db", "n1:web1 n1:web2 n2:db1"],
      ["web[0]", "n1:web1"],
      ["web[-1]", "n2:web3"],
      ["web[0:1]", "n1:web1 n1:web2"],
      ["web[1:]", "n1:web2 n2:web3"],
      ["web[7]", ""],
      ["local:/srv/x", "local:/srv/x"],
      ["st*", "n1:web2"],
    ];
    for (const [pattern, wanted] of cases) {
      it(`${pattern} stands for ${wanted || "nothing"}`, () => assert.equal(names(load(text), pattern), wanted));
    }
    it("names the near one where a name is unknown", () =>
      assert.throws(() => load(text).match("wbe"), /Did you mean "web"/));
    it("says that a host has trees where it is no target itself", () =>
      assert.throws(() => load(text).match("n1"), /write n1:\*/));
  });
});

describe("values of an INI inventory", () => {
  const cases: [string, unknown][] = [
    ["5", 5],
    ["0644", "0644"],
    ["1.5", 1.5],
    ["True", true],
    ["None", null],
    ["yes", "yes"],
    ["'a b'", "a b"],
    ["[1, 'a', True]", [1, "a", true]],
    ["{'a': None}", { a: null }],
    ["{{ x }}", "{{ x }}"],
    ["[web]x", "[web]x"],
    ["12345678901234567890", "12345678901234567890"],
  ];
  for (const [text, value] of cases)
    it(`${text} is ${JSON.stringify(value)}`, () => assert.deepEqual(literalOf(text), value));
});

describe("ranges of names", () => {
  const cases: [string, readonly string[]][] = [
    ["a", ["a"]],
    ["a[1:3]", ["a1", "a2", "a3"]],
    ["a[01:03]", ["a01", "a02", "a03"]],
    ["a[08:12:2]x", ["a08x", "a10x", "a12x"]],
    ["[a:c]", ["a", "b", "c"]],
    ["n[1:2]:t[a:b]", ["n1:ta", "n1:tb", "n2:ta", "n2:tb"]],
  ];
  for (const [name, wanted] of cases)
    it(`${name} stands for ${wanted.join(" ")}`, () => assert.deepEqual(expandRanges(name), wanted));
});
