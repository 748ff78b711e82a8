// Differences between trees, as pure data: each kind of thing, what is shared with a clone, what has to be hashed.

import assert from "node:assert/strict";
import fc from "fast-check";
import { differences, settledBefore, withDigests } from "../../src/tree/difference/compare.js";
import { contentDiff } from "../../src/tree/difference/content-diff.js";
import { differenceData, differenceLine, summaryOf } from "../../src/tree/difference/difference-text.js";
import type { TreeEntry } from "../../src/tree/difference/entry.js";

const at = (seconds: number, nanoseconds = 0): TreeEntry["ctime"] => ({ seconds, nanoseconds });

function entry(path: string, fields: Partial<TreeEntry> = {}): TreeEntry {
  return {
    path,
    type: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 3,
    rdev: 0,
    target: "",
    inode: 7,
    mtime: at(100),
    ctime: at(100),
    xattrs: "",
    ...fields,
  };
}

function lines(before: readonly TreeEntry[], after: readonly TreeEntry[]): string[] {
  return differences(before, after).differences.map(differenceLine);
}

describe("what differs between trees", () => {
  it("tells what came, what went and what is another, in order of the paths", () => {
    const before = [entry("/b"), entry("/c", { size: 1 }), entry("/d", { type: "link", target: "x", mode: 0o777 })];
    const after = [
      entry("/a", { type: "directory", mode: 0o755 }),
      entry("/c", { size: 2, mode: 0o600, uid: 33 }),
      entry("/d", { type: "link", target: "y", mode: 0o777 }),
    ];
    assert.deepEqual(lines(before, after), [
      "+ /a  directory, 0755, owner 0:0",
      "- /b  file, 0644, owner 0:0, 3 bytes",
      "~ /c  content (1 → 2 bytes), mode 0644 → 0600, owner 0:0 → 33:0",
      "~ /d  target x → y",
    ]);
    assert.equal(summaryOf(differences(before, after).differences), "1 added, 1 removed, 2 changed");
  });

  it("tells a thing of another type, and a device with other numbers", () => {
    const before = [entry("/a", { sha256: "1" }), entry("/n", { type: "char", rdev: 0x103 })];
    const after = [entry("/a", { type: "link", target: "/etc/shadow" }), entry("/n", { type: "char", rdev: 0x0801 })];
    assert.deepEqual(lines(before, after), ["~ /a  file → link", "~ /n  device 1:3 → 8:1"]);
  });

  it("leaves open what only digests can tell, and nothing once they are there", () => {
    const before = [entry("/a"), entry("/b"), entry("/empty", { size: 0 })];
    const after = [entry("/a", { inode: 8 }), entry("/b", { inode: 9 }), entry("/empty", { size: 0 })];
    const first = differences(before, after);
    assert.deepEqual([first.differences, first.undecided], [[], ["/a", "/b"]]);
    const old = withDigests(
      before,
      new Map([
        ["/a", { sha256: "1" }],
        ["/b", { sha256: "2" }],
      ]),
    );
    const now = withDigests(
      after,
      new Map([
        ["/a", { sha256: "1" }],
        ["/b", { sha256: "3" }],
      ]),
    );
    const second = differences(old, now);
    assert.deepEqual(second.undecided, []);
    assert.deepEqual(second.differences.map(differenceLine), ["~ /b  content (3 bytes)"]);
  });

  it("takes a clone's file for the same where nothing touched it since, and hashes what was touched later", () => {
    const sharedUntil = at(200);
    const early = entry("/a");
    const late = entry("/b", { ctime: at(250) });
    const { undecided } = differences([early, late], [early, late], { sharedUntil });
    assert.deepEqual(undecided, ["/b"], "two clones may give the same inode at the same moment to different files");
    assert.deepEqual(
      differences([early], [early]).undecided,
      ["/a"],
      "of trees that share nothing, nothing is believed",
    );
  });

  it("believes what was touched before the latest touch", () => {
    assert.deepEqual(
      settledBefore([entry("/a"), entry("/b", { ctime: at(90, 5) }), entry("/c", { ctime: at(100, 7) })]),
      {
        seconds: 100,
        nanoseconds: 7,
      },
    );
  });

  it("passes over what is excluded, and looks at times only where they count", () => {
    const before = [entry("/var/cache/x", { sha256: "1" }), entry("/etc/a.bak", { sha256: "1" })];
    const after = [entry("/var/cache/y"), entry("/var/cachet"), entry("/etc/a.bak", { sha256: "1", mtime: at(5) })];
    const found = differences(before, after, { exclude: ["/var/cache/", "/etc/*.bak"], withTimes: true }).differences;
    assert.deepEqual(
      found.map(({ path }) => path),
      ["/var/cachet"],
    );
    const timed = differences([before[1] ?? entry("/")], [after[2] ?? entry("/")], { withTimes: true }).differences;
    assert.deepEqual(timed.map(differenceLine), ["~ /etc/a.bak  mtime 1970-01-01T00:01:40Z → 1970-01-01T00:00:05Z"]);
  });

  it("shows a time that no calendar has as its seconds: a tree's owner may set any", () => {
    const before = [entry("/a", { sha256: "1", mtime: at(0) })];
    for (const seconds of [2 ** 62, -(2 ** 62)]) {
      const found = differences(before, [entry("/a", { sha256: "1", mtime: at(seconds) })], {
        withTimes: true,
      }).differences;
      assert.deepEqual(found.map(differenceLine), [`~ /a  mtime 1970-01-01T00:00:00Z → ${seconds} s`]);
    }
  });

  it("tells other attributes (ACLs, capabilities) of files and directories, and asks where they are not known", () => {
    const known = [entry("/a", { sha256: "1" }), entry("/d", { type: "directory" })];
    const other = [entry("/a", { sha256: "1", xattrs: "9" }), entry("/d", { type: "directory", xattrs: "8" })];
    assert.deepEqual(lines(known, other), ["~ /a  extended attributes", "~ /d  extended attributes"]);
    const { xattrs: _, ...unknown } = entry("/d", { type: "directory" });
    assert.deepEqual(differences([unknown], [unknown]).undecided, ["/d"]);
  });

  it("has a shape for programs", () => {
    const [one] = differences([entry("/a", { sha256: "1" })], [entry("/a", { sha256: "2", mode: 0o600 })]).differences;
    assert.ok(one);
    assert.deepEqual(differenceData(one), {
      path: "/a",
      kind: "changed",
      fields: ["content", "mode"],
      before: { type: "file", mode: "0644", uid: 0, gid: 0, size: 3, sha256: "1" },
      after: { type: "file", mode: "0600", uid: 0, gid: 0, size: 3, sha256: "2" },
    });
  });

  it("is empty exactly for equal trees, and turns around with them (random trees)", () => {
    const node = fc.record({
      path: fc.constantFrom("/a", "/a/b", "/c", "/d e", "/\udc80"),
      type: fc.constantFrom("file", "directory", "link", "fifo"),
      mode: fc.constantFrom(0o644, 0o755),
      uid: fc.constantFrom(0, 33),
      target: fc.constantFrom("", "x"),
      sha256: fc.constantFrom("1", "2"),
    });
    const tree = fc
      .uniqueArray(node, { selector: ({ path }) => path })
      .map((nodes) => nodes.map(({ path, ...fields }) => entry(path, fields as Partial<TreeEntry>)));
    fc.assert(
      fc.property(tree, tree, (one, other) => {
        assert.deepEqual(differences(one, [...one].reverse()).differences, []);
        const there = differences(one, other).differences;
        const back = differences(other, one).differences;
        const turned = { added: "removed", removed: "added", changed: "changed" } as const;
        assert.deepEqual(
          back.map(({ path, kind, fields }) => [path, turned[kind], fields]),
          there.map(({ path, kind, fields }) => [path, kind, fields]),
        );
      }),
    );
  });
});

describe("contents that are shown", () => {
  const side = (text: string): { readonly bytes: Uint8Array } => ({ bytes: Buffer.from(text) });

  it("shows text, describes what is none or too large", () => {
    assert.deepEqual(contentDiff("/a", side("x\n"), side("y\n")), { title: "/a", before: "x\n", after: "y\n" });
    assert.equal(contentDiff("/a", side("\0"), side("y"))?.before, "(binary content)\n");
    assert.equal(contentDiff("/a", undefined, { bytes: undefined })?.after, "(large content)\n");
    assert.equal(contentDiff("/a", { bytes: undefined }, { bytes: undefined }), undefined);
  });

  it("keeps hashes of passwords and private keys to itself", () => {
    for (const path of ["/etc/shadow", "/etc/gshadow-", "/etc/ssh/ssh_host_ed25519_key", "/home/x/.ssh/id_rsa"])
      assert.deepEqual(contentDiff(path, side("root:$y$a"), side("root:$y$b")), {
        title: path,
        before: "(secret content)\n",
        after: "(secret content, changed)\n",
      });
    const key = side("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n");
    assert.equal(contentDiff("/srv/key", undefined, key)?.after, "(secret content, changed)\n");
    assert.ok(contentDiff("/etc/ssh/ssh_host_ed25519_key.pub", side("a"), side("b"))?.after === "b");
  });
});
