// file: what the scenarios of Ansible do not show. Guards, flags, times, links that lead out, refusals.

import assert from "node:assert/strict";
import file from "../../modules/file.js";
import type { Fixture } from "../module/harness.js";
import { modelOf, planFixture, testFixtures } from "../module/harness.js";

const accounts = {
  "/etc/passwd": "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/sh\n",
  "/etc/group": "root:x:0:\nwww-data:x:33:\nadm:x:4:\n",
};

const fixtures: readonly Fixture[] = [
  {
    name: "converged: a directory with its owner, group and mode",
    tree: { ...accounts, "/srv/app": { type: "directory", mode: 0o750, uid: 33, gid: 4 } },
    params: { path: "/srv/app/", state: "directory", owner: "www-data", group: "adm", mode: "0750" },
    expect: {
      changed: false,
      result: { path: "/srv/app/", owner: "www-data", group: "adm", mode: "0750", state: "directory" },
    },
  },
  {
    name: "partial: only what differs is changed",
    tree: { ...accounts, "/srv/app": { type: "directory", mode: 0o755, uid: 33, gid: 0 } },
    params: { path: "/srv/app", state: "directory", owner: "www-data", group: "adm", mode: "0755" },
    expect: { kinds: ["setAttributes"], after: { "/srv/app": { uid: 33, gid: 4, mode: 0o755 } } },
  },
  {
    name: "error: an unknown owner is refused with the name that was probably meant",
    tree: { ...accounts, "/srv/app": { type: "directory" } },
    params: { path: "/srv/app", state: "directory", owner: "www-date" },
    expect: { refusal: /failed to look up user www-date.*Did you mean "www-data"\?/ },
  },
  {
    name: "a number is taken as an id, whether the tree has a name for it or not",
    tree: { ...accounts, "/f": "" },
    params: { path: "/f", owner: 4711, group: "33" },
    expect: { changed: true, result: { owner: "4711", group: "www-data" }, after: { "/f": { uid: 4711, gid: 33 } } },
  },
  {
    name: "works in a tree without accounts",
    tree: { "/f": "" },
    params: { path: "/f", mode: "0600" },
    expect: { changed: true, result: { owner: "0", group: "0" } },
  },
  {
    name: "new things belong to the task's become_user in the result",
    tree: { ...accounts, "/srv": { type: "directory" } },
    context: { becomeUser: "www-data" },
    params: { path: "/srv/x", state: "touch" },
    expect: { changed: true, result: { uid: 33, gid: 33, owner: "www-data" } },
    isNeverConverged: "touch means new times",
  },
  {
    name: "the root directory is never removed",
    params: { path: "/", state: "absent" },
    expect: { refusal: /refusing to remove the root directory/ },
  },
  {
    name: "a relative path is refused before anything is looked at",
    params: { path: "srv/app", state: "directory" },
    expect: { problem: /path must be an absolute path in the tree/ },
  },
  {
    name: "mode preserve is refused",
    params: { path: "/f", mode: "preserve" },
    expect: { problem: /preserve is for copy and template/ },
  },
  {
    name: "a flag that does not exist is refused",
    params: { path: "/f", attributes: "+q" },
    expect: { problem: /"q" is no file flag/ },
  },
  {
    name: "a time in the zone of the tree",
    tree: { "/f": "", "/etc/localtime": { target: "/usr/share/zoneinfo/Asia/Tokyo" } },
    params: { path: "/f", modification_time: "202201010900.00" },
    expect: { changed: true, after: { "/f": { mtime: Date.UTC(2022, 0, 1) / 1000 } } },
  },
  {
    name: "a link that leads nowhere and a path that is a link's child: the directory is made where the link points",
    tree: { "/data": { target: "/mnt/disk/data" }, "/mnt": { type: "directory" } },
    params: { path: "/data", state: "directory", mode: "0700" },
    expect: {
      changed: true,
      kinds: ["makeDirectory", "makeDirectory"],
      after: { "/mnt/disk/data": { type: "directory", mode: 0o700 } },
    },
  },
  {
    name: "a link to a link that leads nowhere is refused",
    tree: { "/a": { target: "b" }, "/b": { target: "c" } },
    params: { path: "/a", state: "directory" },
    expect: { refusal: /a link to a link that leads nowhere/ },
  },
  {
    name: "a hard link of a directory is refused",
    tree: { "/d": { type: "directory" } },
    params: { path: "/e", src: "/d", state: "hard" },
    expect: { refusal: /is a directory/ },
  },
  {
    name: "state hard replaces a symbolic link",
    tree: { "/a": "a", "/b": { target: "a" } },
    params: { path: "/b", src: "/a", state: "hard" },
    expect: { kinds: ["hardLink"], after: { "/b": { type: "file", content: "a" } } },
  },
  {
    name: "owner of a link itself without follow",
    tree: { ...accounts, "/a": "", "/l": { target: "a" } },
    params: { path: "/l", src: "a", state: "link", owner: "www-data", follow: false },
    expect: { kinds: ["setAttributes"], after: { "/l": { uid: 33, target: "a" }, "/a": { uid: 0 } } },
  },
  {
    name: "touch without follow gives the times to the target and the owner to the link",
    tree: { ...accounts, "/a": "", "/l": { target: "a" } },
    params: {
      path: "/l",
      state: "touch",
      owner: "www-data",
      follow: false,
      access_time: "preserve",
      modification_time: "202201010000.00",
    },
    expect: {
      changed: true,
      after: { "/l": { uid: 33, target: "a" }, "/a": { uid: 0, mtime: Date.UTC(2022, 0, 1) / 1000 } },
    },
  },
];

testFixtures(file, fixtures);

describe("module file, guards", () => {
  const changesOf = (fixture: Pick<Fixture, "tree" | "params">) => {
    const { plan } = planFixture(file, { name: "", expect: {}, ...fixture }, modelOf(fixture.tree));
    return plan?.changes ?? [];
  };

  it("expects what was seen: type, owner and mode", () => {
    const [change] = changesOf({
      tree: { "/f": { content: "", mode: 0o644, uid: 7 } },
      params: { path: "/f", mode: "0600" },
    });
    assert.deepEqual(change && "expect" in change ? change.expect : undefined, {
      type: "file",
      owner: { uid: 7, gid: 0 },
      mode: 0o644,
    });
  });

  it("expects the target of a link that it replaces or removes", () => {
    const tree = { "/l": { target: "old" }, "/new": "" };
    for (const params of [
      { path: "/l", src: "new", state: "link" },
      { path: "/l", state: "absent" },
    ]) {
      const [change] = changesOf({ tree, params });
      assert.deepEqual(change && "expect" in change ? change.expect : undefined, { type: "link", target: "old" });
    }
  });

  it("removes only a directory with all beneath it, and an empty one that gives way to a link without", () => {
    const [whole] = changesOf({ tree: { "/d/x": "" }, params: { path: "/d", state: "absent" } });
    assert.ok(whole?.kind === "remove" && whole.isRecursive === true);
    const [empty] = changesOf({
      tree: { "/d": { type: "directory" }, "/f": "" },
      params: { path: "/d", src: "f", state: "link", force: true },
    });
    assert.ok(empty?.kind === "remove" && empty.isRecursive === undefined);
  });
});
