// Fixtures of include_vars, setup and gather_facts: which files, in which order, and what is refused.

import assert from "node:assert/strict";
import gatherFacts from "../../modules/gather-facts.js";
import includeVars from "../../modules/include-vars.js";
import setup from "../../modules/setup.js";
import type { LocalSource } from "../../src/module/contract.js";
import { localFile, modelOf, planFixture, testFixtures } from "../module/harness.js";

function directory(...names: string[]): LocalSource {
  const entries = names.map((name) => ({
    name,
    kind: name.endsWith("/") ? ("directory" as const) : ("file" as const),
    mode: 0o644,
  }));
  return { kind: "directory", path: "/p/vars/d", mode: 0o755, entries };
}

const files = (...paths: string[]) =>
  ({ kind: "includeVars", paths: paths.map((one) => `/p/vars/d/${one}`), under: undefined }) as const;
const all = directory("z.yml", "a/b.yml", "a/", "a/c/x.json", "a/a.yaml", "a/c/", "readme");
const known = { ignore_unknown_extensions: true };

testFixtures(includeVars, [
  {
    name: "takes a file as free text or by name",
    params: { file: "x.yml", name: "x" },
    context: { sources: { file: localFile("/p/vars/x.yml", "a: 1\n") } },
    expect: { changed: false, effects: [{ kind: "includeVars", paths: ["/p/vars/x.yml"], under: "x" }] },
  },
  {
    name: "goes through a directory's own files first, then through those beneath it, by name",
    params: { dir: "d", ...known },
    context: { sources: { dir: all } },
    expect: { effects: [files("z.yml", "a/a.yaml", "a/b.yml", "a/c/x.json")] },
  },
  {
    name: "goes down no further than depth",
    params: { dir: "d", depth: 2, ...known },
    context: { sources: { dir: all } },
    expect: { effects: [files("z.yml", "a/a.yaml", "a/b.yml")] },
  },
  {
    name: "fails at a file whose ending it does not know",
    params: { dir: "d" },
    context: { sources: { dir: all } },
    expect: { refusal: /^\/p\/vars\/d\/readme does not have a valid extension: yaml, yml, json / },
  },
  {
    name: "takes files without an ending where that is said",
    params: { dir: "d", extensions: ["", "json"], ...known },
    context: { sources: { dir: all } },
    expect: { effects: [files("readme", "a/c/x.json")] },
  },
  {
    name: "takes only names that match, and none that is to be ignored",
    params: { dir: "d", files_matching: "^[ab]", ignore_files: ["b.yml"] },
    context: { sources: { dir: all } },
    expect: { effects: [files("a/a.yaml")] },
  },
  {
    name: "wants a directory where it says dir",
    params: { dir: "d" },
    context: { sources: { dir: localFile("/p/d", "") } },
    expect: { refusal: /^\/p\/d is not a directory Write file:/ },
  },
  {
    name: "wants a file where it says file",
    params: { file: "d" },
    context: { sources: { file: all } },
    expect: { refusal: /is a directory Write dir:/ },
  },
  { name: "needs a file or a directory", params: {}, expect: { problem: /file, dir/ } },
  { name: "takes one of them", params: { file: "a", dir: "b" }, expect: { problem: /exclude each other/ } },
  {
    name: "takes filters for a directory only",
    params: { file: "a", depth: 1 },
    expect: { problem: /mixing file only/ },
  },
  { name: "refuses to merge maps", params: { file: "a", hash_behaviour: "merge" }, expect: { problem: /combine a b/ } },
  { name: "takes a name for a variable", params: { file: "a", name: "a-b" }, expect: { problem: /"a-b" is no name/ } },
  {
    name: "takes expressions",
    params: { dir: "a", files_matching: "(" },
    expect: { problem: /no regular expression/ },
  },
]);

for (const module of [setup, gatherFacts]) {
  testFixtures(module, [
    { name: "looks anew", params: {}, expect: { changed: false, effects: [{ kind: "gatherFacts" }] } },
    { name: "runs no facts of the tree's own", params: { fact_path: "/etc/facts" }, expect: { problem: /fact_path/ } },
  ]);
}

describe("facts that setup shows", () => {
  const values = { hostname: "h", os: "debian", os_version: "12" };
  const shown = (filter: readonly string[] | undefined): unknown => {
    const { plan } = planFixture(setup, { name: "", params: { filter }, expect: {} }, modelOf());
    const now = new Date(0);
    return plan?.concludeEffects?.([{ startedAt: now, endedAt: now, values }]).result?.["ansible_facts"];
  };

  it("are all without a filter, and those of a name, of Ansible's name, or of a pattern", () => {
    assert.deepEqual(shown(undefined), values);
    assert.deepEqual(shown(["hostname"]), { hostname: "h" });
    assert.deepEqual(shown(["ansible_os"]), { os: "debian" });
    assert.deepEqual(shown(["os*", "none"]), { os: "debian", os_version: "12" });
  });
});
