// The module tree: what is made, under which name, and when nothing is.

import assert from "node:assert/strict";
import tree from "../../modules/tree.js";
import { recipeHash } from "../../src/tree/recipe.js";
import { recordText } from "../../src/tree/record.js";
import { contextOf, modelOf, planFixture, testFixtures } from "../module/harness.js";

const trees = { "/var/lib/machines": { type: "directory" } } as const;
const kept = {
  ...trees,
  "/var/lib/machines/.crun": { type: "directory" },
  "/var/lib/machines/.crun/making": { type: "directory" },
} as const;
const scratch = { source: "scratch", params: {} };
const ofBase = { source: "clone", params: { base: "base", reset_identity: true } };
const record = (recipe: typeof scratch | typeof ofBase): string =>
  recordText({
    version: 1,
    backend: "directory",
    recipe,
    recipeHash: recipeHash(recipe),
    madeAt: "2026-01-01T00:00:00.000Z",
    run: "x-1",
  });
const onHost = { target: { ...contextOf().target, name: "node1", host: "node1", tree: undefined, path: "/" } };
const making = "/var/lib/machines/.crun/making/web1.mjwaid1k-3mv";

testFixtures(tree, [
  {
    name: "makes the target's tree under another name, and gives it its own when it is whole (partial)",
    tree: trees,
    params: { scratch: true },
    expect: {
      kinds: ["makeDirectory", "makeDirectory", "lock", "makeDirectory", "writeFile", "rename"],
      result: { path: "/var/lib/machines/web1", backend: "directory", source: "scratch", recipe_changed: false },
      after: {
        "/var/lib/machines/web1": { type: "directory", mode: 0o755 },
        "/var/lib/machines/.crun": { type: "directory", mode: 0o700 },
        [making]: undefined,
      },
    },
  },
  {
    name: "finds nothing to do where the record has the recipe's hash (converged)",
    tree: {
      ...kept,
      "/var/lib/machines/web1": { type: "directory" },
      "/var/lib/machines/.crun/web1.json": record(scratch),
    },
    params: { scratch: true },
    expect: { changed: false, result: { recipe_changed: false } },
  },
  {
    name: "tells of a recipe that has changed, with what differs, and leaves the tree",
    tree: {
      ...kept,
      "/var/lib/machines/web1": { type: "directory" },
      "/var/lib/machines/.crun/web1.json": record(ofBase),
    },
    params: { clone: "other" },
    expect: {
      changed: false,
      result: { recipe_changed: true },
      warning: /recipe has changed since it was made \(base: "base" → "other"\); recreate: true/,
    },
  },
  {
    name: "tells of a tree that is stored otherwise than is asked for",
    tree: {
      ...kept,
      "/var/lib/machines/web1": { type: "directory" },
      "/var/lib/machines/.crun/web1.json": record(scratch),
    },
    params: { scratch: true, backend: "btrfs" },
    expect: {
      changed: false,
      result: { backend: "directory" },
      warning: /it is stored as directory; recreate: true makes it anew as btrfs/,
    },
  },
  {
    name: "makes it anew where that is asked for: exchanged when it is whole, the record after that",
    tree: {
      ...kept,
      "/var/lib/machines/web1": { type: "directory" },
      "/var/lib/machines/.crun/web1.json": record(ofBase),
    },
    params: { scratch: true, recreate: true },
    expect: { kinds: ["lock", "makeDirectory", "rename", "writeFile", "remove"] },
    isNeverConverged: "the model has no exchange of directories",
  },
  {
    name: "takes away what a killed run has left, of this tree alone",
    tree: {
      ...kept,
      [`/var/lib/machines/.crun/making/web1.abc-12`]: { type: "directory" },
      [`/var/lib/machines/.crun/making/web1.1.abc-12`]: { type: "directory" },
      [`/var/lib/machines/.crun/making/web10.abc-12`]: { type: "directory" },
    },
    params: { scratch: true },
    expect: {
      kinds: ["lock", "remove", "makeDirectory", "writeFile", "rename"],
      after: {
        "/var/lib/machines/.crun/making/web1.abc-12": undefined,
        "/var/lib/machines/.crun/making/web1.1.abc-12": { type: "directory" },
        "/var/lib/machines/.crun/making/web10.abc-12": { type: "directory" },
      },
    },
  },
  {
    name: "clones another tree of the host, which gets a machine id of its own",
    tree: { ...kept, "/var/lib/machines/base/etc/machine-id": "0123456789abcdef0123456789abcdef\n" },
    params: { clone: "base" },
    expect: {
      kinds: ["lock", "exec", "writeFile", "writeFile", "rename"],
      after: { [making]: undefined, "/var/lib/machines/web1": { type: "directory" } },
      result: { source: "clone" },
    },
  },
  {
    name: "takes an absolute path, and keeps what it remembers beside that",
    tree: { "/srv/t": { type: "directory" } },
    context: onHost,
    params: { name: "/srv/t/a", scratch: true },
    expect: {
      after: { "/srv/t/a": { type: "directory" }, "/srv/t/.crun": { type: "directory", mode: 0o700 } },
    },
  },
  {
    name: "refuses a base that is not there (error)",
    tree: kept,
    params: { clone: "bass" },
    expect: { refusal: /there is no tree bass to clone: \/var\/lib\/machines\/bass is not there.*Make the base first/ },
  },
  {
    name: "refuses a name that a directory has which crun did not make",
    tree: { ...kept, "/var/lib/machines/web1": { type: "directory" } },
    params: { scratch: true },
    expect: { refusal: /web1 is taken: a directory is there that crun did not make.*adopt: true/ },
  },
  {
    name: "takes such a directory for what the recipe makes where that is said",
    tree: { ...kept, "/var/lib/machines/web1/keep": "me" },
    params: { scratch: true, adopt: true },
    expect: { kinds: ["lock", "writeFile"], after: { "/var/lib/machines/web1/keep": "me" } },
  },
  {
    name: "refuses a name that a file has",
    tree: { ...kept, "/var/lib/machines/web1": "no tree" },
    params: { scratch: true },
    expect: { refusal: /web1 is taken: it is a file, no directory/ },
  },
  {
    name: "refuses a directory for trees that is not there",
    tree: { "/var/lib": { type: "directory" } },
    params: { scratch: true },
    expect: { refusal: /\/var\/lib\/machines, where the tree is to lie, is not there/ },
  },
  {
    name: "needs a name where the target is a host's own root",
    tree: kept,
    context: onHost,
    params: { scratch: true },
    expect: { refusal: /node1 is a host's own root, and no tree is named/ },
  },
  {
    name: "refuses a record that it cannot read",
    tree: {
      ...kept,
      "/var/lib/machines/web1": { type: "directory" },
      "/var/lib/machines/.crun/web1.json": "{",
    },
    params: { scratch: true },
    expect: { refusal: /web1\.json cannot be read: it is no JSON/ },
  },
  {
    name: "removes a tree out of the way at once, then with all beneath",
    tree: {
      ...kept,
      "/var/lib/machines/web1/etc/hosts": "x",
      "/var/lib/machines/.crun/web1.json": record(scratch),
    },
    params: { state: "absent" },
    expect: {
      kinds: ["lock", "rename", "remove", "remove"],
      after: { "/var/lib/machines/web1": undefined, "/var/lib/machines/.crun/web1.json": undefined },
    },
  },
  {
    name: "removes what is left of a removal that was broken off, of a tree without a record",
    tree: { ...kept, "/var/lib/machines/.crun/making/web1.gone/etc/hosts": "x" },
    params: { state: "absent" },
    expect: { kinds: ["lock", "remove"], after: { "/var/lib/machines/.crun/making/web1.gone": undefined } },
  },
  {
    name: "has nothing to remove where nothing is",
    tree: kept,
    params: { state: "absent" },
    expect: { changed: false },
  },
  {
    name: "does not remove a tree that a machine runs from",
    tree: {
      ...kept,
      "/var/lib/machines/web1": { type: "directory" },
      "/run/systemd/machines/web1": "# Do not parse.\nNAME=web1\nROOT=/var/lib/machines/web1\n",
    },
    params: { state: "absent" },
    expect: { refusal: /the machine web1 runs from \/var\/lib\/machines\/web1/ },
  },
  {
    name: "wants to be told what the tree is made from",
    params: { name: "a" },
    expect: { problem: /one of clone, .*scratch.* says what the tree is made from/ },
  },
  {
    name: "is made from one thing",
    params: { clone: "a", scratch: true },
    expect: { problem: /clone and scratch exclude each other/ },
  },
  {
    name: "knows a source's params, and suggests the near one",
    params: { clone: { bse: "x" } },
    expect: { problem: /tree\.clone has no parameter "bse" Did you mean "base"\?/ },
  },
  ...["../x", "a/b", ".crun", "", "/", "/srv/../etc"].map((name) => ({
    name: `refuses ${JSON.stringify(name)} as the name of a tree`,
    params: { name, scratch: true },
    expect: { problem: /is no (name|path) for a tree|holds no slash|no tree/ },
  })),
]);

describe("a recipe", () => {
  it("has the same hash whatever the order of its keys, and another one for another value", () => {
    const one = recipeHash({ source: "x", params: { a: 1, b: { c: [1, 2], d: "e" } } });
    assert.equal(recipeHash({ params: { b: { d: "e", c: [1, 2] }, a: 1 }, source: "x" }), one);
    assert.notEqual(recipeHash({ source: "x", params: { a: 1, b: { c: [2, 1], d: "e" } } }), one);
  });
});

describe("a tree that could not be made whole", () => {
  it("is taken away, and the program's own last words say why", () => {
    const model = modelOf({ ...kept, "/var/lib/machines/base": { type: "directory" } });
    const { plan } = planFixture(tree, { name: "", params: { clone: "base" }, expect: {} }, model);
    assert.deepEqual(
      plan?.onFailure?.map((one) => [one.kind, "path" in one ? one.path : ""]),
      [["remove", making]],
    );
    const exit = { kind: "exited", value: 1, wallMs: 1, cpuMs: 1 } as const;
    const stderr = Buffer.from("cp: error writing 'x': No space left on device\n");
    const conclusion = plan?.conclude?.([{}, { exit, stdout: Buffer.alloc(0), stderr }]);
    assert.equal(conclusion?.refusal?.message, "cp ended with 1: cp: error writing 'x': No space left on device");
  });
});
