// The names of trees that transactions have kept: which are whole, which go, and in what order a swap happens.

import assert from "node:assert/strict";
import type { ListObservation, Stat } from "../../src/module/probe.js";
import { directory } from "../../src/tree/backends/directory.js";
import { oldTrees, parseInfo, trimmed, writeInfo, type OldInfo } from "../../src/tree/old.js";
import { treePlace } from "../../src/tree/place.js";
import { exchanged, placed, swappedBack, type StandInSeen } from "../../src/tree/stand-in.js";

const place = treePlace("/var/lib/machines/web");
const backend = directory();
const stat = (type: Stat["type"]): Stat => ({ type }) as Stat;
const listing = (names: Readonly<Record<string, Stat["type"]>>): ListObservation => ({
  kind: "list",
  real: place.old,
  stat: stat("directory"),
  isTruncated: false,
  entries: Object.entries(names).map(([name, type]) => ({ name, stat: stat(type), digests: {} })),
});
const info: OldInfo = {
  version: 1,
  replacedAt: "2026-01-02T03:04:05.000Z",
  run: "r-1",
  why: "transaction",
  play: "site",
};

describe("old trees", () => {
  const names = {
    "web.2": "directory",
    "web.2.json": "file",
    "web.10": "directory",
    "web.10.json": "file",
    "web.3": "directory",
    "web.11.json.new": "file",
    // Of a tree called web.7, and what is nobody's.
    "web.7.1": "directory",
    "web.7.1.json": "file",
    "web.x": "directory",
    "web.04": "directory",
    "webs.5": "directory",
  } as const;
  const found = oldTrees(listing(names), place);

  it("are those with a tree and a note, the latest first", () => {
    assert.deepEqual(
      found.map(({ number, isThere, isNoted }) => [number, isThere, isNoted]),
      [
        [11, false, false],
        [10, true, true],
        [3, true, false],
        [2, true, true],
      ],
    );
  });

  it("go from the oldest on, with all that killed runs have left", () => {
    const gone = (keep: number): string[] =>
      trimmed(found, keep, backend, place).map((change) => ("path" in change ? change.path.replace(/.*\//, "") : ""));
    assert.deepEqual(gone(2), ["web.11.json.new", "web.3"]);
    assert.deepEqual(gone(1), ["web.11.json.new", "web.3", "web.2.json", "web.2"]);
    assert.deepEqual(gone(0), ["web.11.json.new", "web.10.json", "web.10", "web.3", "web.2.json", "web.2"]);
  });

  it("have notes that are read as they were written, and nothing else is taken for one", () => {
    const change = writeInfo("/x", info);
    assert.ok(change.kind === "writeFile" && change.content.bytes);
    assert.deepEqual(parseInfo(Buffer.from(change.content.bytes).toString("utf8")), info);
    for (const text of ["", "{", "[]", "null", '{"version":2}', JSON.stringify({ ...info, why: "magic" })])
      assert.equal(parseInfo(text), undefined, text);
    assert.equal(parseInfo(JSON.stringify({ ...info, record: { version: 9 } }))?.record, undefined);
  });

  it("get their number before the exchange and their note after it, so that whoever is killed leaves one whole tree under the name", () => {
    const seen = { backend, old: found } as unknown as StandInSeen;
    const steps = [...placed(seen, place, `${place.making}/web.m-1`, info), ...exchanged(seen, place, 12)];
    const shown = steps.map((change) =>
      change.kind === "rename"
        ? `${change.path} ${change.onTaken} ${change.to}`
        : `${change.kind} ${"path" in change ? change.path : ""}`,
    );
    const keep = "/var/lib/machines/.crun";
    assert.deepEqual(shown, [
      `writeFile ${keep}/old/web.12.json.new`,
      `${keep}/making/web.m-1 refuse ${keep}/old/web.12`,
      `${keep}/old/web.12 exchange /var/lib/machines/web`,
      `${keep}/old/web.12.json.new replace ${keep}/old/web.12.json`,
    ]);
    assert.deepEqual(
      swappedBack(seen, place, 12).map((change) => change.kind),
      ["rename", "remove", "remove"],
    );
  });
});
