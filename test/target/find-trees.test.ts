// What a host says of its directory of trees is bounded, and only names that can be trees' names are taken.

import assert from "node:assert/strict";
import { CrunError, formatDiagnostic } from "../../src/diagnostic/diagnostic.js";
import type { FileType, ListObservation, Probe } from "../../src/module/probe.js";
import { findTrees, mostTrees } from "../../src/target/find-trees.js";
import type { HostSession } from "../../src/target/session.js";
import { fakeInfo } from "../engine/fake-session.js";

const time = { seconds: 0, nanoseconds: 0 };
const stat = (type: FileType): NonNullable<ListObservation["stat"]> => ({
  type,
  mode: 0o755,
  uid: 0,
  gid: 0,
  links: 1,
  size: 0,
  device: 1,
  inode: 1,
  rdev: 0,
  blocks: 0,
  blockSize: 512,
  atime: time,
  mtime: time,
  ctime: time,
  target: "",
});

/** A host whose directory holds these; each a directory unless its name ends in `|TYPE`. */
function host(entries: readonly string[] | undefined, more: Partial<ListObservation> = {}): HostSession {
  const observation: ListObservation = {
    kind: "list",
    real: "/trees",
    stat: entries && stat("directory"),
    isTruncated: false,
    entries: (entries ?? []).map((one) => {
      const [name = "", type = "directory"] = one.split("|");
      return { name, stat: stat(type as FileType), digests: {} };
    }),
    ...more,
  };
  const refuse = (): never => assert.fail("it only looks");
  return {
    host: "node1",
    info: fakeInfo,
    openTree: (path) => {
      assert.equal(path, "/");
      return {
        observe: ([probe]: readonly Probe[]) => {
          assert.deepEqual(probe, { kind: "list", path: "/trees", depth: 1, limit: mostTrees + 1 });
          return Promise.resolve([observation]);
        },
        apply: refuse,
        hold: refuse,
        exec: refuse,
        start: refuse,
        close: () => Promise.resolve(),
      };
    },
    close: () => Promise.resolve(),
  };
}

const refusal = async (session: HostSession): Promise<string> => {
  try {
    await findTrees(session, "/trees");
  } catch (error) {
    assert.ok(error instanceof CrunError);
    assert.equal(error.exitStatus, 4);
    return error.message;
  }
  return assert.fail("it was taken");
};

describe("looking for trees", () => {
  it("takes directories by name, and neither files, links nor what begins with a dot", async () => {
    const session = host([
      "web2",
      "web1",
      "x.raw|file",
      "l|link",
      ".#web1.lck|file",
      ".hidden",
      "f|fifo",
      "a@1_b+c-d.e",
    ]);
    assert.deepEqual(await findTrees(session, "/trees"), { names: ["a@1_b+c-d.e", "web1", "web2"], warnings: [] });
  });

  it("leaves out names that are none, shows a few of them and no escape code", async () => {
    const odd = ["a:b", "x\ny", "-rf", "\u001b[2Jz", "a b", "{{x}}", "$(id)", "w".repeat(300)];
    const { names, warnings } = await findTrees(host(["ok", ...odd]), "/trees");
    assert.deepEqual(names, ["ok"]);
    const said = warnings.map((one) => formatDiagnostic(one)).join("\n");
    assert.match(said, /^warning: node1: \/trees: no trees, for their names: "a:b", "x\\x0ay", "-rf" and 5 more\n/);
    assert.ok(!said.includes("\u001b"));
  });

  it("takes as many as a host can have, and refuses ten thousand by name", async () => {
    const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `t${index}`);
    assert.equal((await findTrees(host(many(mostTrees)), "/trees")).names.length, mostTrees);
    assert.match(await refusal(host(many(10_000))), /node1: \/trees has more than 4096 entries/);
    assert.match(await refusal(host(["a"], { isTruncated: true })), /more than 4096 entries/);
  });

  it("says what is wrong with the directory", async () => {
    const failure = {
      errno: 13,
      code: "system",
      step: "open",
      path: "/trees",
      message: "Permission denied\u001b[2J",
    } as const;
    const said = await refusal(host([], { failure }));
    assert.match(said, /node1: \/trees cannot be listed: open \/trees: Permission denied\\x1b/);
    assert.match(said, /Set crun_trees to a directory that the login can read, or become root/);
    assert.match(await refusal(host([], { stat: stat("file") })), /\/trees is no directory/);
  });

  it("warns where there is no such directory: it has no trees", async () => {
    const { names, warnings } = await findTrees(host(undefined), "/trees");
    assert.deepEqual(names, []);
    assert.match(warnings[0]?.summary ?? "", /node1: \/trees is not there, so it has no trees/);
  });
});
