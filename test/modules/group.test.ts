// Groups: fixtures, and the scenarios of Ansible's integration target `group`, one by one.

import assert from "node:assert/strict";
import fc from "fast-check";
import group from "../../modules/group.js";
import { modelOf, planFixture, textAt, testFixtures, type Tree } from "../module/harness.js";
import { defineGroupScenarios } from "./account-scenarios.js";
import { debianAccounts, runSteps } from "./steps.js";

testFixtures(group, [
  {
    name: "finds nothing to do where the group is as wanted (converged)",
    tree: debianAccounts,
    params: { name: "adm", gid: 4 },
    expect: { changed: false, result: { name: "adm", state: "present", gid: 4, system: false } },
  },
  {
    name: "adds the line at the end and leaves odd lines, comments and NIS lines alone (partial)",
    tree: { ...debianAccounts, "/etc/group": "root:x:0:\n# comment\nodd line\n\nbad:x:abc:\n+:::" },
    params: { name: "deploy" },
    expect: {
      kinds: ["lock", "copyFile", "writeFile", "copyFile", "writeFile", "unlock"],
      result: { gid: 1000 },
      after: {
        "/etc/group": "root:x:0:\n# comment\nodd line\n\nbad:x:abc:\ndeploy:x:1000:\n+:::\n",
        "/etc/group-": "root:x:0:\n# comment\nodd line\n\nbad:x:abc:\n+:::",
        "/etc/gshadow-": { mode: 0o640, gid: 42 },
      },
    },
  },
  {
    name: "keeps bytes that are no UTF-8 as they are",
    tree: { ...debianAccounts, "/etc/group": { content: Buffer.from("caf\xe9:x:7:\n", "latin1") } },
    params: { name: "deploy" },
    expect: {
      changed: true,
      after: { "/etc/group": { content: Buffer.from("caf\xe9:x:7:\ndeploy:x:1000:\n", "latin1") } },
    },
  },
  {
    name: "refuses an id that another group has, and names that group (error)",
    tree: debianAccounts,
    params: { name: "deploy", gid: 4 },
    expect: { refusal: /GID '4' already exists with group 'adm'.*non_unique/ },
  },
  {
    name: "refuses a name that would break the file",
    tree: debianAccounts,
    params: { name: "a:b" },
    expect: { refusal: /cannot be a group's name/ },
  },
  {
    name: "works in a tree that has nothing but an empty /etc",
    tree: { "/etc": { type: "directory" } },
    params: { name: "deploy" },
    expect: {
      kinds: ["lock", "writeFile", "unlock"],
      after: { "/etc/group": { content: "deploy:x:1000:\n", mode: 0o644 }, "/etc/gshadow": undefined },
    },
  },
  {
    name: "counts system ids down from below the lowest that is used, as groupadd -r does",
    tree: { ...debianAccounts, "/etc/group": "root:x:0:\na:x:998:\nb:x:997:\n" },
    params: { name: "metrics", system: true },
    expect: { result: { gid: 996, system: true } },
  },
  {
    name: "gives the first system id where none is used",
    tree: debianAccounts,
    params: { name: "metrics", system: true },
    expect: { result: { gid: 999 } },
  },
  {
    name: "changes the primary group of users with the group's id, as groupmod does",
    tree: { ...debianAccounts, "/etc/passwd": "ann:x:1000:29::/home/ann:/bin/sh\nbob:x:1001:4::/home/bob:/bin/sh\n" },
    params: { name: "audio", gid: 2900 },
    expect: { after: { "/etc/passwd": "ann:x:1000:2900::/home/ann:/bin/sh\nbob:x:1001:4::/home/bob:/bin/sh\n" } },
  },
  {
    name: "says what is wrong where /etc/group is no file",
    tree: { "/etc/group": { type: "directory" } },
    params: { name: "deploy" },
    expect: { refusal: /\/etc\/group is no regular file but a directory/ },
  },
]);

describe("Ansible's integration target group", () => defineGroupScenarios(runSteps));

describe("law of the module group", () => {
  const name = fc.constantFrom("adm", "deploy", "users", "a", "b");
  const line = fc.oneof(
    fc.constantFrom("# x", "", "odd", "+:::", "-a:::", "bad:x:y:", "caf\u00e9:x:5:root"),
    fc.record({ name, gid: fc.nat({ max: 1100 }) }).map((one) => `${one.name}:x:${one.gid}:root,ann`),
  );
  const wanted = fc.record(
    {
      name,
      gid: fc.option(fc.nat({ max: 1100 }), { nil: undefined }),
      state: fc.constantFrom("present", "absent"),
      system: fc.boolean(),
      local: fc.boolean(),
      force: fc.boolean(),
      non_unique: fc.boolean(),
    },
    { requiredKeys: ["name"] },
  );

  it("a second run finds nothing to do, and other lines are kept byte for byte", () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), wanted, fc.boolean(), (lines, params, hasGshadow) => {
        const unique = lines.filter(
          (one, index) => one === "" || lines.findIndex((other) => other.split(":")[0] === one.split(":")[0]) === index,
        );
        const tree: Tree = {
          "/etc/group": `${unique.join("\n")}\n`,
          ...(hasGshadow ? { "/etc/gshadow": "adm:*::\n" } : {}),
          "/etc/passwd": "ann:x:1:5::/:\n",
        };
        const model = modelOf(tree);
        const given = Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
        const { plan } = planFixture(group, { name: "law", params: given, expect: {} }, model);
        if (!plan || plan.refusal) return;
        model.predict(plan.changes);
        assert.deepEqual(planFixture(group, { name: "law", params: given, expect: {} }, model).plan?.changes, []);
        const after = (textAt(model, "/etc/group") ?? "").split("\n");
        for (const one of unique) if (!one.startsWith(`${params.name}:`)) assert.ok(after.includes(one), one);
      }),
    );
  });
});
