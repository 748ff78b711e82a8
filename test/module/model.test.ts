// The model answers as the tree would after the planned changes.

import assert from "node:assert/strict";
import { contentOf } from "../../src/module/content.js";
import { statOf } from "../../src/module/model-node.js";
import { Model } from "../../src/module/model.js";
import { modelOf, statAt, textAt } from "./harness.js";

describe("model of a tree", () => {
  it("asks for what it has not seen, and answers it once it was told", () => {
    const model = new Model();
    const probe = { kind: "stat", path: "/etc/hosts" } as const;
    assert.deepEqual(model.answer(probe), { kind: "ask", probe });
    model.remember(probe, { kind: "stat", real: "/etc/hosts", stat: statOf("file", { size: 3 }) });
    const answer = model.answer(probe);
    assert.ok(answer.kind === "known" && answer.isCertain && answer.observation.kind === "stat");
    assert.equal(answer.observation.stat?.size, 3);
  });

  it("knows that a directory made by an earlier task is empty but for what is planned in it", () => {
    const model = new Model();
    model.predict([{ kind: "makeDirectory", path: "/srv/app", mode: 0o750, expect: {} }]);
    model.predict([{ kind: "writeFile", path: "/srv/app/a", content: contentOf("x"), expect: {} }]);
    assert.equal(statAt(model, "/srv/app")?.mode, 0o750);
    assert.equal(textAt(model, "/srv/app/a"), "x");
    const answer = model.answer({ kind: "stat", path: "/srv/app/b" });
    assert.ok(answer.kind === "known" && answer.isCertain && answer.observation.kind === "stat");
    assert.equal(answer.observation.stat, undefined);
    assert.deepEqual(model.answer({ kind: "stat", path: "/srv/other" }).kind, "ask");
  });

  it("sees a planned file through another name that a link of the tree gives it", () => {
    const model = new Model();
    const probe = { kind: "read", path: "/var/run/pid" } as const;
    model.remember(probe, {
      kind: "read",
      real: "/run/pid",
      stat: undefined,
      sha256: undefined,
      content: undefined,
      isTooLarge: false,
    });
    model.predict([{ kind: "writeFile", path: "/var/run/pid", content: contentOf("1"), follow: true, expect: {} }]);
    assert.equal(textAt(model, "/run/pid"), "1");
    assert.equal(textAt(model, "/var/run/pid"), "1");
  });

  it("knows what it changes the attributes of where that was seen through a link alone", () => {
    const model = new Model();
    const stat = statOf("directory", { mode: 0o755 });
    model.remember({ kind: "stat", path: "/var/run", follow: true }, { kind: "stat", real: "/run", stat });
    model.predict([{ kind: "setAttributes", path: "/run", uid: 7, expect: {} }]);
    const answer = model.answer({ kind: "stat", path: "/var/run", follow: true });
    assert.ok(answer.kind === "known" && answer.observation.kind === "stat");
    assert.deepEqual(answer.observation.stat, { ...stat, uid: 7 });
    assert.equal(model.answer({ kind: "stat", path: "/run/pid" }).kind, "ask", "a directory stays one");
  });

  it("asks beneath the target of a planned link", () => {
    const model = new Model();
    model.predict([{ kind: "makeLink", path: "/opt/current", target: "releases/2", expect: {} }]);
    const answer = model.answer({ kind: "read", path: "/opt/current/conf" });
    assert.ok(answer.kind === "ask" && answer.probe.kind === "read");
    assert.equal(answer.probe.path, "/opt/releases/2/conf");
  });

  it("is not certain of anything after a command of unknown effect but of what the command assumes", () => {
    const model = new Model();
    const probe = { kind: "read", path: "/etc/x" } as const;
    model.remember(probe, {
      kind: "read",
      real: "/etc/x",
      stat: undefined,
      sha256: undefined,
      content: undefined,
      isTooLarge: false,
    });
    const assumes = [{ kind: "writeFile", path: "/etc/made", content: contentOf(""), expect: {} } as const];
    model.predict([{ kind: "exec", exec: { argv: ["/bin/x"] }, assumes }]);
    const before = model.answer(probe);
    assert.ok(before.kind === "known" && !before.isCertain);
    const assumed = model.answer({ kind: "stat", path: "/etc/made" });
    assert.ok(assumed.kind === "known" && assumed.isCertain);
  });

  it("keeps the tree's content where only attributes are planned", () => {
    const model = new Model();
    const probe = { kind: "read", path: "/etc/x" } as const;
    const content = Buffer.from("old");
    model.remember(probe, {
      kind: "read",
      real: "/etc/x",
      stat: statOf("file", { mode: 0o600 }),
      sha256: "ab",
      content,
      isTooLarge: false,
    });
    model.predict([{ kind: "setAttributes", path: "/etc/x", mode: 0o640, expect: {} }]);
    const answer = model.answer(probe);
    assert.ok(answer.kind === "known" && answer.observation.kind === "read");
    assert.equal(answer.observation.stat?.mode, 0o640);
    assert.deepEqual(answer.observation.content, content);
  });

  it("amends paragraphs that an exec assumes and selects by needles", () => {
    const model = new Model();
    const probe = {
      kind: "read",
      path: "/var/lib/dpkg/status",
      needles: ["\nPackage: a\n", "\nPackage: b\n"],
    } as const;
    model.remember(probe, {
      kind: "read",
      real: probe.path,
      stat: statOf("file"),
      sha256: undefined,
      content: Buffer.from("Package: a\nVersion: 1\n"),
      isTooLarge: false,
    });
    model.predict([
      {
        kind: "exec",
        exec: { argv: ["x"] },
        assumes: [
          {
            kind: "amendParagraphs",
            path: probe.path,
            paragraphs: [{ firstLine: "Package: b", text: "Package: b\nVersion: 2\n" }],
          },
        ],
      },
    ]);
    assert.equal(textOf(model.answer(probe)), "Package: a\nVersion: 1\n\nPackage: b\nVersion: 2\n");
  });

  it("lists and globs what is there and what is planned, without what is planned to go", () => {
    const model = modelOf({ "/d/a": "1", "/d/b": "2", "/d/sub/c": "3" });
    model.predict([{ kind: "remove", path: "/d/a", expect: {} }]);
    const list = model.answer({ kind: "list", path: "/d", depth: 0 });
    assert.ok(list.kind === "known" && list.observation.kind === "list");
    assert.deepEqual(
      list.observation.entries.map(({ name }) => name),
      ["b", "sub", "sub/c"],
    );
    const glob = model.answer({ kind: "glob", path: "/d/*" });
    assert.ok(glob.kind === "known" && glob.observation.kind === "glob");
    assert.deepEqual(glob.observation.paths, ["/d/b", "/d/sub"]);
  });

  it("binds a change to the place where its path led when it was observed, and to none that nobody saw", () => {
    const model = new Model();
    const absent = { kind: "stat", stat: undefined } as const;
    model.remember({ kind: "stat", path: "/var/run/a" }, { ...absent, real: "/run/a" });
    model.remember({ kind: "stat", path: "/srv/app" }, { ...absent, real: "/srv/app" });
    model.remember(
      { kind: "list", path: "/srv/www", depth: 0 },
      {
        kind: "list",
        real: "/srv/www",
        stat: statOf("directory"),
        isTruncated: false,
        entries: [{ name: "d/f", stat: statOf("file"), digests: {} }],
      },
    );
    const expect = {};
    const guarded = model.guard([
      { kind: "writeFile", path: "/var/run/a", content: contentOf("x"), expect },
      { kind: "makeDirectory", path: "/srv/app", expect: { type: "absent" } },
      { kind: "writeFile", path: "/srv/app/f", content: contentOf("x"), expect },
      { kind: "setAttributes", path: "/srv/www/d/f", mode: 0o600, expect },
      { kind: "remove", path: "/opt/unseen", expect },
      { kind: "makeLink", path: "/srv/l", target: "www", expect },
      { kind: "remove", path: "/srv/l/d/f", expect },
    ]);
    assert.deepEqual(
      guarded.map((change) => ("expect" in change ? change.expect : undefined)),
      [
        { real: "/run/a" },
        { type: "absent", real: "/srv/app" },
        { real: "/srv/app/f" },
        { real: "/srv/www/d/f" },
        {},
        { real: "/srv/l" },
        {},
      ],
    );
    assert.equal(textAt(model, "/srv/app/f"), "x", "and predicts as it goes");
  });

  it("moves a renamed directory with all that is planned beneath it", () => {
    const model = modelOf({ "/home/a/x": "1" });
    model.predict([{ kind: "rename", path: "/home/a", to: "/home/b", expect: {} }]);
    assert.equal(statAt(model, "/home/a"), undefined);
    assert.equal(textAt(model, "/home/b/x"), "1");
  });

  it("exchanges two directories with all that is planned beneath them", () => {
    const model = modelOf({ "/trees/web": { type: "directory", mode: 0o700 }, "/trees/web/x": "old", "/new/x": "new" });
    model.predict([{ kind: "rename", path: "/new", to: "/trees/web", onTaken: "exchange", expect: {} }]);
    assert.equal(textAt(model, "/trees/web/x"), "new");
    assert.equal(textAt(model, "/new/x"), "old");
    assert.equal(statAt(model, "/new")?.mode, 0o700);
    assert.equal(statAt(model, "/trees/web")?.mode, 0o755);
  });

  it("knows a planned subvolume, what its snapshot holds, and the file system that each lies on", () => {
    const model = Model.empty("btrfs");
    model.predict([
      { kind: "makeDirectory", path: "/trees", expect: {} },
      { kind: "subvolume", path: "/trees/base", expect: {} },
      { kind: "writeFile", path: "/trees/base/x", content: contentOf("1"), expect: {} },
      { kind: "subvolume", path: "/trees/web", from: "/trees/base", isReadOnly: true, expect: {} },
    ]);
    assert.equal(textAt(model, "/trees/web/x"), "1");
    assert.deepEqual(lies(model, "/trees"), ["btrfs", undefined]);
    assert.deepEqual(lies(model, "/trees/base"), ["btrfs", "writable"]);
    assert.deepEqual(lies(model, "/trees/web"), ["btrfs", "read-only"]);
    assert.deepEqual(lies(model, "/trees/none"), [undefined, undefined]);
    model.predict([{ kind: "setSubvolume", path: "/trees/web", isReadOnly: false, expect: {} }]);
    assert.deepEqual(lies(model, "/trees/web"), ["btrfs", "writable"]);
  });

  it("takes the file system of what is planned from the directory above that was looked at", () => {
    const model = new Model();
    const probe = { kind: "stat", path: "/srv", withFileSystem: true } as const;
    model.remember(probe, { kind: "stat", real: "/srv", stat: statOf("directory"), fileSystem: "xfs" });
    model.predict([{ kind: "makeDirectory", path: "/srv/a", expect: {} }]);
    assert.deepEqual(lies(model, "/srv/a"), ["xfs", undefined]);
  });
});

function lies(model: Model, path: string): (string | undefined)[] {
  const answer = model.answer({ kind: "stat", path, withFileSystem: true });
  assert.ok(answer.kind === "known" && answer.observation.kind === "stat" && answer.isCertain);
  return [answer.observation.fileSystem, answer.observation.subvolume];
}

function textOf(answer: ReturnType<Model["answer"]>): string | undefined {
  return answer.kind === "known" && answer.observation.kind === "read" && answer.observation.content
    ? Buffer.from(answer.observation.content).toString()
    : undefined;
}
