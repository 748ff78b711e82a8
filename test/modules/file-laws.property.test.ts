// The law of idempotence for random wishes on random trees: what was planned and done needs no second plan.

import assert from "node:assert/strict";
import fc from "fast-check";
import blockinfile from "../../modules/blockinfile.js";
import copy from "../../modules/copy.js";
import file from "../../modules/file.js";
import lineinfile from "../../modules/lineinfile.js";
import type { AnyModule } from "../../src/module/contract.js";
import type { Entry, Tree } from "../module/harness.js";
import { modelOf, planFixture } from "../module/harness.js";

const name = fc.constantFrom("a", "b", "c");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join("/")}`);
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({
    content: fc.constantFrom("", "x\n", "y"),
    mode: fc.constantFrom(0o644, 0o600, 0o755),
    uid: fc.constantFrom(0, 1),
  }),
  fc.record({ type: fc.constant("directory" as const), mode: fc.constantFrom(0o755, 0o700) }),
  fc.record({ target: fc.oneof(path, fc.constantFrom("a", "b", "../a", "..")) }),
);

/** A tree in which no entry has another that is no directory above it. */
const tree: fc.Arbitrary<Tree> = fc.array(fc.tuple(path, entry), { maxLength: 5 }).map((pairs) => {
  const kept = new Map<string, Entry>();
  for (const [at, one] of pairs) {
    const isFree = [...kept.keys()].every(
      (other) => other !== at && !at.startsWith(`${other}/`) && !other.startsWith(`${at}/`),
    );
    if (isFree) kept.set(at, one);
  }
  return Object.fromEntries(kept);
});

const attributes = fc.record(
  {
    mode: fc.constantFrom("0644", "0700", "u=rwX,go=rX", "a+x", "go-w"),
    owner: fc.constantFrom("0", "1", "7"),
    group: fc.constantFrom("0", "2"),
  },
  { requiredKeys: [] },
);

const fileWish = fc
  .record(
    {
      path,
      state: fc.constantFrom("absent", "directory", "file", "hard", "link"),
      src: path,
      recurse: fc.boolean(),
      force: fc.boolean(),
      follow: fc.boolean(),
      attributes,
    },
    { requiredKeys: ["path", "attributes"] },
  )
  .map(({ attributes: more, src, ...wish }) => {
    const isLink = wish.state === "link" || wish.state === "hard";
    return {
      ...wish,
      ...(wish.state === "directory" ? {} : { recurse: false }),
      ...(isLink && src !== undefined ? { src } : {}),
      ...more,
    };
  });

const copyWish = fc
  .record({
    content: fc.constantFrom("", "x\n", "z"),
    dest: path,
    follow: fc.boolean(),
    force: fc.boolean(),
    attributes,
  })
  .map(({ attributes: more, ...wish }) => ({ ...wish, ...more }));

const line = fc.constantFrom("a=1", "a=2", "b=1", "", "# a");
const text = fc
  .tuple(fc.array(line, { maxLength: 6 }), fc.boolean())
  .map(([lines, hasEnd]) => lines.join("\n") + (hasEnd && lines.length > 0 ? "\n" : ""));
const where = fc.constantFrom(
  {},
  { insertafter: "^a" },
  { insertbefore: "^a" },
  { insertafter: "EOF" },
  { insertbefore: "BOF" },
  { insertafter: "^b", firstmatch: true },
);
/** Wishes whose line their own pattern matches: others mean something new in each run, in Ansible too. */
const lineWish = fc
  .tuple(line, fc.constantFrom({}, { regexp: "" }, { search_string: "" }), where, fc.boolean())
  .map(([wanted, pattern, place, isAbsent]) => {
    const key = wanted.split("=")[0] ?? "";
    const match =
      "regexp" in pattern ? { regexp: `^${key}` } : "search_string" in pattern ? { search_string: key } : {};
    return isAbsent ? { state: "absent", line: wanted, ...match } : { line: wanted, ...match, ...place };
  });

const blockWish = fc.record({
  block: fc.constantFrom("", "x", "x\n", "x\ny\n\n", "dos\r\n"),
  state: fc.constantFrom("present", "absent"),
  insertafter: fc.constantFrom("^a", "EOF", "nothing"),
});

function holds(module: AnyModule, given: Tree, params: Readonly<Record<string, unknown>>): void {
  const model = modelOf(given);
  const first = planFixture(module, { name: "", expect: {}, params }, model);
  if (first.problems.length > 0 || !first.plan || first.plan.refusal) return;
  model.predict(first.plan.changes);
  const again = planFixture(module, { name: "", expect: {}, params }, model).plan;
  assert.equal(again?.refusal?.message, undefined);
  assert.deepEqual(again?.changes, []);
}

describe("the law of idempotence", () => {
  it("holds for file", () =>
    fc.assert(
      fc.property(tree, fileWish, (given, wish) => {
        // A wish may change the way to its own path or source, where that leads through a link.
        const ways = [wish.path, `${wish.src ?? ""}/`];
        const isOnTheWay = Object.entries(given).some(
          ([at, one]) =>
            typeof one !== "string" && one.target !== undefined && ways.some((way) => way.startsWith(`${at}/`)),
        );
        if (!isOnTheWay) holds(file, given, wish);
      }),
      { numRuns: 1000 },
    ));
  it("holds for copy", () =>
    fc.assert(
      fc.property(tree, copyWish, (given, wish) => holds(copy, given, wish)),
      { numRuns: 600 },
    ));
  it("holds for lineinfile where the line matches its own pattern", () =>
    fc.assert(
      fc.property(text, lineWish, (given, wish) => holds(lineinfile, { "/f": given }, { path: "/f", ...wish })),
      { numRuns: 1000 },
    ));
  it("holds for blockinfile", () =>
    fc.assert(
      fc.property(text, blockWish, (given, wish) => holds(blockinfile, { "/f": given }, { path: "/f", ...wish })),
      { numRuns: 600 },
    ));
  it("holds for copy within the tree", () =>
    fc.assert(
      fc.property(tree, path, path, fc.boolean(), fc.boolean(), (given, from, to, hasSlash, isFollowed) => {
        if (to === from || to.startsWith(`${from}/`) || from.startsWith(`${to}/`)) return;
        const resolved = { src: hasSlash ? `${from}/` : from, dest: to, remote_src: true, local_follow: isFollowed };
        if (Object.values(given).some((one) => typeof one !== "string" && one.target !== undefined)) return;
        holds(copy, given, resolved);
      }),
      { numRuns: 600 },
    ));
});
