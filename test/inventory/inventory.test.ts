// Inventories give the targets, groups and order that Ansible's users expect, in whatever form they are written.

import assert from "node:assert/strict";
import { loadInventory } from "../../src/inventory/load.js";
import { expandRanges } from "../../src/inventory/ranges.js";
import { language } from "../../src/playbook/language.js";
import { namesOf, valuesOf, Workshop } from "./workshop.js";

describe("inventory in INI form", () => {
  const shop = new Workshop();
  const load = (text: string) => shop.load({ hosts: text });

  it("takes a colon for the line between host and tree", async () => {
    const inventory = await load("node1:web[1:3]\nnode2\n");
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

  it("orders members as Ansible does: a group's own, then its children's, in the order of the children", async () => {
    const inventory = await load("solo\n[web]\nb\na\n[db]\nc\n[prod:children]\ndb\nweb\n");
    assert.deepEqual(inventory.groups.get("prod"), ["c", "b", "a"]);
    assert.deepEqual(inventory.groups.get("all"), ["solo", "c", "b", "a"]);
    assert.deepEqual([...inventory.targets.keys()], ["solo", "b", "a", "c"]);
    assert.deepEqual(inventory.groups.get("ungrouped"), ["solo"]);
    assert.deepEqual(inventory.targets.get("c")?.groups, ["db", "prod"]);
  });

  it("lets a host that any group names be no longer ungrouped", async () => {
    const inventory = await load("a\nb\n[web]\na\n[ungrouped:vars]\nlonely=1\n");
    assert.deepEqual(inventory.groups.get("ungrouped"), ["b"]);
    assert.deepEqual(valuesOf(inventory, "a"), {});
    assert.deepEqual(valuesOf(inventory, "b"), { lonely: 1 });
  });

  it("takes children and variables before the group itself, in one file or another", async () => {
    const early = "[prod:children]\nweb\n[web:vars]\nx=1\n[web]\na\n";
    assert.deepEqual(valuesOf(await load(early), "a"), { x: 1 });
    const files = { one: "[prod:children]\nweb\n[web:vars]\nx=1\n", two: "[web]\na\n" };
    const apart = await shop.load(files, ["one", "two"]);
    assert.deepEqual(apart.groups.get("prod"), ["a"]);
    assert.deepEqual(valuesOf(apart, "a"), { x: 1 });
  });

  it("keeps quotes, blanks and comments apart in a line of variables, as a shell does", async () => {
    const inventory = await load(
      String.raw`a x="b c" y='#d' z=e#f # comment` +
        "\n; comment\n" +
        String.raw`b x=b\ c y="a\"b" z='"5"' w="'5'" v=[1,2]` +
        "\n",
    );
    assert.deepEqual(valuesOf(inventory, "a"), { x: "b c", y: "#d", z: "e" });
    assert.deepEqual(valuesOf(inventory, "b"), { x: "b c", y: 'a"b', z: "5", w: "5", v: [1, 2] });
  });

  it("takes the whole rest of a line in [GROUP:vars], comments behind text too", async () => {
    const inventory = await load(
      "[web]\na\n[web:vars]\ntext = two words # kept\nnumber=5 # dropped\nempty=\nlist=[1, 2]\nmap={'a': 1}\n",
    );
    assert.deepEqual(valuesOf(inventory, "a"), {
      text: "two words # kept",
      number: 5,
      empty: "",
      list: [1, 2],
      map: { a: 1 },
    });
  });

  it("reads files with a byte order mark, with carriage returns, without a last newline, and empty ones", async () => {
    assert.equal(namesOf(await load("\uFEFF[web]\r\na x=1\r\nb\r\n"), "web"), "a b");
    assert.deepEqual(valuesOf(await load("\uFEFF[web]\r\na x=1\r\n"), "a"), { x: 1 });
    assert.equal(namesOf(await load("a"), "all"), "a");
    assert.equal((await load("")).targets.size, 0);
    assert.equal((await load("# nothing\n\n")).targets.size, 0);
  });

  it("reads groups nested 3000 deep", async () => {
    const levels = Array.from({ length: 3000 }, (_, index) => `[g${index}:children]\ng${index + 1}\n`);
    const inventory = await load(`${levels.join("")}[g3000]\na\n`);
    assert.equal(inventory.targets.get("a")?.groups.length, 3001);
  });

  it("takes names with a comma as an inventory, ranges too", async () => {
    const inventory = await loadInventory(["a,b:c,n[1:2]"], { language });
    assert.equal(namesOf(inventory, "all"), "a b:c n1 n2");
  });
});

describe("inventory in YAML form", () => {
  const shop = new Workshop();

  it("reads groups, children, hosts with ranges, variables with their types, and words alone", async () => {
    const text = `
all:
  vars: {top: 1}
  hosts:
    solo:
  children:
    web:
      hosts:
        node[1:2]:web[a:b]:
          port: 80
          ratio: 1.5
          big: 12345678901234567890
          on: yes
          flag: true
          none:
          list: [1, {a: b}]
          day: 2024-01-01
      vars: {x: "{{port}}"}
    prod:
      children: web
    lone:
      hosts: node9
`;
    const inventory = await shop.load({ "hosts.yml": text }, ["hosts.yml"]);
    assert.equal(namesOf(inventory, "web"), "node1:weba node1:webb node2:weba node2:webb");
    assert.equal(namesOf(inventory, "all"), "solo node1:weba node1:webb node2:weba node2:webb node9");
    assert.deepEqual(inventory.targets.get("node1:weba")?.groups, ["prod", "web"]);
    assert.deepEqual(valuesOf(inventory, "node2:webb"), {
      top: 1,
      x: 80,
      port: 80,
      ratio: 1.5,
      big: "12345678901234567890",
      on: "yes",
      flag: true,
      none: null,
      list: [1, { a: "b" }],
      day: "2024-01-01",
    });
  });

  it("knows YAML by its first line where the file has no extension", async () => {
    for (const text of [
      "all:\n  hosts:\n    a:\n",
      "---\nall:\n  hosts: {a: }\n",
      '{"all": {"hosts": {"a": null}}}',
      '# x\n\n"all":\n  hosts: a\n',
    ])
      assert.equal(namesOf(await shop.load({ hosts: text }), "all"), "a", text);
  });

  it("reads .json as YAML form, and what an inventory program printed", async () => {
    const yamlForm = '{\n\t"web": {\n\t\t"hosts": {"a": {"x": 1}}\n\t}\n}\n';
    assert.deepEqual(valuesOf(await shop.load({ "h.json": yamlForm }, ["h.json"]), "a"), { x: 1 });
    const printed =
      '{"_meta": {"hostvars": {"a": {"x": 1}}}, "all": {"children": ["web"]}, "web": {"hosts": ["a", "b"]}}';
    const inventory = await shop.load({ "h.json": printed }, ["h.json"]);
    assert.equal(namesOf(inventory, "web"), "a b");
    assert.deepEqual(valuesOf(inventory, "a"), { x: 1 });
  });
});

describe("several sources", () => {
  const shop = new Workshop();

  it("lets the later of several -i win, and keeps what only the earlier says", async () => {
    const files = { one: "[web]\na x=1 y=1\n[web:vars]\nv=1\nw=1\n", two: "[web]\na x=2\nb\n[web:vars]\nv=2\n" };
    const inventory = await shop.load(files, ["one", "two"]);
    assert.deepEqual(valuesOf(inventory, "a"), { v: 2, w: 1, x: 2, y: 1 });
    assert.deepEqual(valuesOf(await shop.load(files, ["two", "one"]), "a"), { v: 1, w: 1, x: 1, y: 1 });
  });

  it("reads a directory in the order of names, without what is no inventory, directories in it too", async () => {
    const files = {
      "inv/10-a": "a x=1\n",
      "inv/20-b.yml": "all: {hosts: {a: {x: 2}, b: }}\n",
      "inv/30-c.ini": "c\n",
      "inv/more/d": "d\n",
      "inv/.hidden": "[broken\n",
      ...Object.fromEntries(
        ["pyc", "pyo", "swp", "bak", "rpm", "md", "txt", "rst", "orig", "cfg", "retry"].map((end) => [
          `inv/x.${end}`,
          "[broken\n",
        ]),
      ),
      "inv/x~": "[broken\n",
      "inv/group_vars/all": "g: 1\n",
      "inv/more/group_vars/all": "g: 2\n",
      "inv/host_vars/a.yml": "h: 1\n",
    };
    const inventory = await shop.load(files, ["inv"]);
    assert.equal(namesOf(inventory, "all"), "a b c d");
    assert.deepEqual(valuesOf(inventory, "a"), { g: 1, x: 2, h: 1 });
  });

  it("says where an entry is first named", async () => {
    const inventory = await shop.load({ "one/h": "a\n", "two/h": "a\nb\n" }, ["one/h", "two/h"]);
    const where = (name: string): unknown[] =>
      inventory.varsOf(name).flatMap((layer) => {
        const found = layer.get("inventory_dir");
        return found && "render" in found && found.isStatic ? [found.place?.file] : [];
      });
    assert.deepEqual(where("a"), [shop.path("one/h")]);
    assert.deepEqual(where("b"), [shop.path("two/h")]);
  });

  it("warns of a host that bears a group's name", async () => {
    await shop.load({ hosts: "[web]\na\n[db]\nweb\n" });
    assert.match(shop.warnings.map(({ summary }) => summary).join(), /"web" is the name of a group and of a host/);
  });
});

describe("ranges of names", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["a", ["a"]],
    ["a[1:3]", ["a1", "a2", "a3"]],
    ["a[:2]", ["a0", "a1", "a2"]],
    ["a[01:03]", ["a01", "a02", "a03"]],
    ["a[08:12:2]x", ["a08x", "a10x", "a12x"]],
    ["a[1:10:4]", ["a1", "a5", "a9"]],
    ["[a:c]", ["a", "b", "c"]],
    ["[a:g:3]", ["a", "d", "g"]],
    ["[y:B]", ["y", "z", "A", "B"]],
    ["n[1:2]:t[a:b]", ["n1:ta", "n1:tb", "n2:ta", "n2:tb"]],
  ];
  for (const [name, wanted] of cases)
    it(`${name} stands for ${wanted.join(" ")}`, () => assert.deepEqual(expandRanges(name), wanted));

  const bad: readonly (readonly [string, RegExp])[] = [
    ["a[3:1]", /runs backwards/],
    ["a[1]", /needs the form/],
    ["a[1-3]", /needs the form/],
    ["a[1:3:0]", /step/],
    ["a[1:3:x]", /step/],
    ["a[1:b]", /numbers or single letters/],
    ["a[01:100]", /as many digits/],
    ["a[1:]", /has no end/],
    ["a[1:9999999]", /more than a million/],
    ["a[1:2000]b[1:2000]", /more than a million/],
    ["a[1:3", /closing bracket/],
  ];
  for (const [name, problem] of bad)
    it(`refuses ${name}`, () => {
      const found = expandRanges(name);
      assert.ok("problem" in found);
      assert.match(found.problem, problem);
    });
});
