// group_vars and host_vars: which files count for whom, in which order, beside inventories and the playbook.

import assert from "node:assert/strict";
import { valuesOf, Workshop } from "./workshop.js";

type Files = Readonly<Record<string, string>>;

describe("group_vars and host_vars", () => {
  const shop = new Workshop();
  const hosts = "[web]\nnode1:blue\nnode1\n[prod:children]\nweb\n";
  const load = async (files: Files, target = "node1:blue") => valuesOf(await shop.load({ hosts, ...files }), target);

  for (const name of ["web", "web.yml", "web.yaml", "web.json"])
    it(`read group_vars/${name}`, async () => {
      assert.deepEqual(await load({ [`group_vars/${name}`]: '{"x": [1, {"y": null}]}' }), { x: [1, { y: null }] });
    });

  it("read a directory by name, directories in it where they stand, and nothing hidden or of another kind", async () => {
    const files = {
      "group_vars/web/10.yml": "a: 1\nb: 1\nc: 1\n",
      "group_vars/web/20/x.yaml": "b: 2\nc: 2\n",
      "group_vars/web/30": "c: 3\n",
      "group_vars/web/.hidden.yml": "a: hidden\n",
      "group_vars/web/backup.yml~": "a: backup\n",
      "group_vars/web/notes.txt": "a: notes\n",
      "group_vars/web/dir.yml/x.yml": "a: in a directory with an extension\n",
    };
    assert.deepEqual(await load(files), { a: 1, b: 2, c: 3 });
  });

  it("count only the first of NAME, NAME.yml, NAME.yaml, NAME.json, as in Ansible, and say so", async () => {
    const files = {
      "group_vars/web/main.yml": "x: 1\n",
      "group_vars/web.yml": "x: 2\ny: 2\n",
      "group_vars/web.json": "{}",
    };
    assert.deepEqual(await load(files), { x: 1 });
    assert.deepEqual(
      shop.warnings.map(({ summary }) => summary.replaceAll(shop.path("/"), "")),
      [
        "group_vars/web.yml is not read: group_vars/web comes first",
        "group_vars/web.json is not read: group_vars/web comes first",
      ],
    );
  });

  it("take empty files, comments alone and files with a byte order mark and carriage returns", async () => {
    assert.deepEqual(await load({ "group_vars/web.yml": "" }), {});
    assert.deepEqual(await load({ "group_vars/web.yml": "# nothing\n---\n" }), {});
    assert.deepEqual(await load({ "group_vars/web.yml": "\uFEFFx: 1\r\ny: a\r\n" }), { x: 1, y: "a" });
  });

  it("give a host's variables, and its groups', to all its trees, and the tree's own on top", async () => {
    const files = {
      hosts:
        "node1 a=host b=host c=host d=host\n[rack]\nnode1\n[web]\nnode1:blue c=tree d=tree\n[rack:vars]\na=rack\nr=rack\ng=rack\n",
      "group_vars/web": "g: web\n",
      "host_vars/node1.yml": "b: host file\nd: host file\n",
      "host_vars/node1:blue.yml": "d: tree file\n",
    };
    assert.deepEqual(valuesOf(await shop.load(files), "node1:blue"), {
      r: "rack",
      g: "web",
      a: "host",
      b: "host file",
      c: "tree",
      d: "tree file",
    });
  });

  it("let the later inventory's file of a parent win over an earlier one's of a child, as in Ansible", async () => {
    const files = {
      "one/h": hosts,
      "two/h": hosts,
      "one/group_vars/web.yml": "x: child in one\n",
      "two/group_vars/prod.yml": "x: parent in two\n",
    };
    assert.deepEqual(valuesOf(await shop.load(files, ["one/h", "two/h"]), "node1"), { x: "parent in two" });
    assert.deepEqual(valuesOf(await shop.load(files, ["two/h", "one/h"]), "node1"), { x: "child in one" });
  });

  it("let those beside the playbook win, also where the playbook lies beside the first of two inventories", async () => {
    const files = { "a/h": hosts, "b/h": hosts, "a/group_vars/web": "x: a\n", "b/group_vars/web": "x: b\n" };
    const x = async (sources: readonly string[], playbook?: string): Promise<unknown> =>
      valuesOf(await shop.load(files, sources, playbook === undefined ? {} : { playbook }), "node1")["x"];
    assert.equal(await x(["a/h", "b/h"]), "b");
    assert.equal(await x(["a/h", "b/h"], "a"), "a");
    assert.equal(await x(["a/h", "b/h"], "b"), "b");
    assert.equal(await x(["b/h"], "a"), "a");
  });

  it("belong to the directory that is given, not to those in it", async () => {
    const files = {
      "inv/h": "a\n",
      "inv/sub/h": "b\n",
      "inv/sub/group_vars/all": "x: 1\n",
      "inv/group_vars/all": "y: 1\n",
    };
    assert.deepEqual(valuesOf(await shop.load(files, ["inv"]), "b"), { y: 1 });
  });

  it("that are for nobody, where a near name has none, are warned of", async () => {
    const files = {
      hosts: "[web]\nnode1\nnode2\n[frontend]\nnode1\n[db]\n",
      "group_vars/wbe.yml": "x: 1\n",
      "group_vars/fronted.yml": "x: 1\n",
      "group_vars/other.yml": "x: 1\n",
      "group_vars/web.yml": "x: 1\n",
      "host_vars/ndoe1.yml": "x: 1\n",
      "host_vars/node3.yml": "x: 1\n",
    };
    await shop.load(files);
    assert.deepEqual(
      shop.warnings.map(({ summary, remedy }) => `${summary.replace(shop.path("/"), "")} ${remedy}`),
      [
        'group_vars/fronted is for no group of this inventory Did you mean "frontend"?',
        'host_vars/ndoe1 is for no host of this inventory Did you mean "node1"?',
      ],
    );
  });

  it("say for each value which level and which line it comes from", async () => {
    const files = {
      hosts: "[web]\na x=1\n[web:vars]\ny=1\n",
      "group_vars/all.yml": "---\nz: 1\n",
      "host_vars/a/main.yml": "# deep\nw:\n  - 1\n",
    };
    const inventory = await shop.load(files);
    const places = inventory.varsOf("a").flatMap((layer) =>
      [...layer.names()].map((name) => {
        const { file = "", line } = layer.placeOf?.(name) ?? {};
        return `${layer.origin}: ${name} at ${file.replace(shop.path("/"), "")}:${line ?? ""}`;
      }),
    );
    assert.deepEqual(
      places.filter((one) => !one.startsWith("inventory source")),
      [
        "inventory group web: y at hosts:4",
        "inventory group_vars/all: z at group_vars/all.yml:2",
        "inventory entry a: x at hosts:2",
        "inventory host_vars/a: w at host_vars/a/main.yml:2",
      ],
    );
  });
});
