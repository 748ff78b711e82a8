// A tree's digest changes with every single thing that can change in a tree, and with nothing else.
import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describeDifferences, diffTrees, hashTree, lookAtTree } from "./hash.js";
import { findTool, requireOrSkip } from "./needs.js";
import { must } from "./process.js";
import { testScope } from "./scope.js";

describe("lab: looking at trees", function () {
  const scope = testScope();
  let tree: string;

  before(function () {
    requireOrSkip(this, { tools: ["getfattr"] });
  });

  beforeEach(() => {
    tree = scope.tempDir("hash");
    mkdirSync(join(tree, "etc"));
    writeFileSync(join(tree, "etc/motd"), "hello\n");
    symlinkSync("motd", join(tree, "etc/link"));
    for (const name of ["etc/motd", "etc", ""]) {
      utimesSync(join(tree, name), 1_000_000, 1_000_000);
    }
    lutimesSync(join(tree, "etc/link"), 1_000_000, 1_000_000);
  });

  it("is the same when nothing changed, and when things were only read", async () => {
    const before = await hashTree(tree);
    readFileSync(join(tree, "etc/motd"));
    assert.equal(await hashTree(tree), before);
  });

  const changes: Readonly<Record<string, (path: string) => void>> = {
    "a mode": (path) => chmodSync(join(path, "etc/motd"), 0o600),
    "a directory's sticky bit": (path) => chmodSync(join(path, "etc"), 0o1755),
    "an mtime by a millisecond": (path) => utimesSync(join(path, "etc/motd"), 1_000_000, 1_000_000.001),
    "a link's own mtime": (path) => lutimesSync(join(path, "etc/link"), 1_000_000, 1_000_001),
    "content of the same size with its time restored": (path) => {
      writeFileSync(join(path, "etc/motd"), "hellO\n");
      utimesSync(join(path, "etc/motd"), 1_000_000, 1_000_000);
    },
    "a name with its directory's time restored": (path) => {
      renameSync(join(path, "etc/motd"), join(path, "etc/motD"));
      utimesSync(join(path, "etc"), 1_000_000, 1_000_000);
    },
    "a link's target": (path) => {
      unlinkSync(join(path, "etc/link"));
      symlinkSync("motD", join(path, "etc/link"));
      lutimesSync(join(path, "etc/link"), 1_000_000, 1_000_000);
      utimesSync(join(path, "etc"), 1_000_000, 1_000_000);
    },
    "a hard link elsewhere": (path) => linkSync(join(path, "etc/motd"), join(scope.tempDir("link"), "motd")),
  };
  for (const [name, change] of Object.entries(changes)) {
    it(`sees ${name}`, async () => {
      const before = await hashTree(tree);
      change(tree);
      assert.notEqual(await hashTree(tree), before);
    });
  }

  it("sees an owner and an extended attribute", async function () {
    requireOrSkip(this, { root: true, tools: ["setfattr"] });
    const before = await hashTree(tree);
    chownSync(join(tree, "etc/motd"), 12, 34);
    const owned = await hashTree(tree);
    assert.notEqual(owned, before);
    await must([findTool("setfattr") ?? "setfattr", "-n", "user.note", "-v", "x", join(tree, "etc/motd")]);
    assert.notEqual(await hashTree(tree), owned);
    assert.notEqual(await hashTree(tree, { without: ["xattrs"] }), await hashTree(tree));
  });

  it("tells what differs between two trees, and passes over what is ignored", async () => {
    const other = join(scope.tempDir("other"), "tree");
    cpSync(tree, other, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    appendFileSync(join(other, "etc/motd"), "more\n");
    chmodSync(join(other, "etc/motd"), 0o600);
    writeFileSync(join(other, "etc/new.bak"), "");
    const without = ["mtime"] as const;
    const found = await diffTrees(tree, other, { without });
    assert.deepEqual(
      found.map((one) => `${one.path} ${one.field}`),
      ["/etc/motd mode", "/etc/motd content", "/etc/new.bak presence"],
    );
    assert.match(describeDifferences(found), /^\/etc\/motd: mode: 0644 -> 0600$/m);
    assert.deepEqual(await diffTrees(tree, other, { without, ignore: ["/etc/*.bak", "/etc/motd"] }), []);
  });

  it("compares two looks at one tree, before and after", async () => {
    const before = await lookAtTree(tree);
    chmodSync(join(tree, "etc"), 0o700);
    assert.deepEqual(await diffTrees(before, await lookAtTree(tree)), [
      { path: "/etc", field: "mode", left: "0755", right: "0700" },
    ]);
  });

  it("shows names that are no UTF-8 and hashes them apart", async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${tree}/a`), Buffer.from([0xff])]), "");
    const one = await hashTree(tree, { without: ["mtime"] });
    assert.ok((await lookAtTree(tree)).has("/a\\xff"));
    renameSync(
      Buffer.concat([Buffer.from(`${tree}/a`), Buffer.from([0xff])]),
      Buffer.concat([Buffer.from(`${tree}/a`), Buffer.from([0xfe])]),
    );
    assert.notEqual(await hashTree(tree, { without: ["mtime"] }), one);
  });
});
