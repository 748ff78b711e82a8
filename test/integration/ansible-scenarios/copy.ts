// Scenarios of the module copy. One long table on purpose: a scenario is found by its number.

import type { Scenario, Step } from "./scenario.js";
import { step } from "./scenario.js";

const copy = (params: Step["params"], changed: Step["changed"], more: Partial<Step> = {}): Step =>
  step("copy", params, changed, more);

const foo = { "files/foo.txt": "foo.txt\n" };
const adjusted = { content: "adjusted", mode: 0o404 };

/** A directory with files at several depths, an empty one, and links of all kinds. */
const subdir = {
  "files/subdir/bar.txt": "baz\n",
  "files/subdir/subdira": { isDirectory: true },
  "files/subdir/subdir1/empty.txt": "",
  "files/subdir/subdir2/baz.txt": "baz\n",
  "files/subdir/subdir2/subdir3/subdir4/qux.txt": "qux\n",
};
const links = {
  "files/subdir/subdir1/bar.txt": { target: "../bar.txt" },
  "files/subdir/subdir1/invalid": { target: "invalid" },
  "files/subdir/subdir1/invalid2": { target: "../invalid" },
  "files/subdir/subdir1/subdir3": { target: "../subdir2/subdir3" },
};
const directories = ["subdira", "subdir1", "subdir2", "subdir2/subdir3", "subdir2/subdir3/subdir4"];

function ended(top: string, isFollowed: boolean) {
  return {
    [`${top}/bar.txt`]: "baz\n",
    [`${top}/subdir2/baz.txt`]: "baz\n",
    [`${top}/subdir2/subdir3/subdir4/qux.txt`]: "qux\n",
    ...Object.fromEntries(directories.map((name) => [`${top}/${name}`, { type: "directory" as const, mode: 0o700 }])),
    [`${top}/subdir1/bar.txt`]: isFollowed ? "baz\n" : { target: "../bar.txt" },
    [`${top}/subdir1/invalid`]: { target: "invalid" },
    [`${top}/subdir1/invalid2`]: { target: "../invalid" },
    [`${top}/subdir1/subdir3`]: isFollowed
      ? { type: "directory" as const, mode: 0o700 }
      : { target: "../subdir2/subdir3" },
    ...(isFollowed ? { [`${top}/subdir1/subdir3/subdir4/qux.txt`]: "qux\n" } : {}),
  };
}

function recursive(): readonly Scenario[] {
  return [false, true].flatMap((isFollowed) =>
    ["subdir", "subdir/"].map((src): Scenario => {
      const params = { src, dest: "/t/sub", directory_mode: "0700", local_follow: isFollowed };
      return {
        name: `a directory ${src}, links ${isFollowed ? "followed" : "kept"}, twice`,
        start: { "/t/sub": { type: "directory", mode: 0o755 } },
        files: { ...subdir, ...links },
        steps: [copy(params, true), copy(params, false)],
        end: { ...ended(src === "subdir" ? "/t/sub/subdir" : "/t/sub", isFollowed), "/t/sub": { mode: 0o755 } },
      };
    }),
  );
}

const remoteSource = {
  "/t/src": { type: "directory", mode: 0o755 },
  "/t/src/file1": "hello world 1",
  "/t/src/subdir/file12": "hello world 12",
  "/t/src/link_file12": { target: "/t/src/subdir/file12" },
} as const;

/** A directory of the tree copied within it: with and without slash, to a directory that is there or not, links followed or not. */
function withinTree(): readonly Scenario[] {
  return [true, false].flatMap((isFollowed) =>
    [true, false].flatMap((hasSlash) =>
      [true, false].map((isThere): Scenario => {
        const top = hasSlash ? "/t/dest" : "/t/dest/src";
        const params = {
          src: hasSlash ? "/t/src/" : "/t/src",
          dest: "/t/dest",
          remote_src: true,
          local_follow: isFollowed,
        };
        return {
          name: `within the tree: src ${hasSlash ? "with" : "without"} slash, dest ${isThere ? "there" : "missing"}, links ${isFollowed ? "followed" : "kept"}`,
          start: { ...remoteSource, ...(isThere ? { "/t/dest": { type: "directory" } } : {}) },
          steps: [copy(params, true), copy(params, false)],
          end: {
            ...remoteSource,
            [`${top}/file1`]: "hello world 1",
            [`${top}/subdir/file12`]: "hello world 12",
            [`${top}/link_file12`]: isFollowed
              ? { type: "file", content: "hello world 12" }
              : { target: "/t/src/subdir/file12" },
          },
        };
      }),
    ),
  );
}

export const scenarios: readonly Scenario[] = [
  {
    name: "a file with its mode",
    start: { "/t": { type: "directory" } },
    files: foo,
    steps: [
      copy({ src: "foo.txt", dest: "/t/foo.txt", mode: "0444" }, true, {
        result: {
          dest: "/t/foo.txt",
          mode: "0444",
          uid: 0,
          gid: 0,
          owner: "root",
          group: "root",
          size: 8,
          state: "file",
          checksum: "c79a6506c1c948be0d456ab5104d5e753ab2f3e6",
          md5sum: "c47397529fe81ab62ba3f85e9f4c71f2",
        },
      }),
      copy({ src: "foo.txt", dest: "/t/foo.txt", mode: "0444" }, false),
    ],
    end: { "/t/foo.txt": { content: "foo.txt\n", mode: 0o444 } },
  },
  {
    name: "force false leaves a file that is there",
    start: { "/t/foo.txt": { content: "foo.txt\n", mode: 0o444 } },
    steps: [copy({ content: "other_data", dest: "/t/foo.txt", mode: "0600", force: false }, false)],
    end: { "/t/foo.txt": { content: "foo.txt\n", mode: 0o444 } },
  },
  {
    name: "the same content again changes nothing",
    start: { "/t/foo.txt": { content: "foo.txt\n", mode: 0o444 } },
    files: foo,
    steps: [
      copy({ src: "foo.txt", dest: "/t/foo.txt", decrypt: false }, false, {
        result: { dest: "/t/foo.txt", state: "file", size: 8, mode: "0444" },
      }),
    ],
  },
  {
    name: "content replaces a file and keeps its mode and owner",
    start: { "/t/foo.txt": { content: "foo.txt\n", mode: 0o440, uid: 1, gid: 2 } },
    steps: [copy({ content: "modified", dest: "/t/foo.txt" }, true, { result: { content: undefined } })],
    end: { "/t/foo.txt": { content: "modified", mode: 0o440, uid: 1, gid: 2 } },
  },
  {
    name: "the same content with another mode changes the mode",
    start: { "/t/foo.txt": { content: "modified", mode: 0o444 } },
    steps: [
      copy({ content: "modified", dest: "/t/foo.txt", mode: "0700" }, true),
      copy({ content: "modified", dest: "/t/foo.txt", mode: "0700" }, false),
    ],
    end: { "/t/foo.txt": { content: "modified", mode: 0o700 } },
  },
  {
    name: "a file with two names that has the content keeps both",
    start: { "/t/foo.txt": { content: "modified", mode: 0o700 } },
    steps: [
      step("file", { src: "/t/foo.txt", dest: "/t/hard.lnk", state: "hard" }, true),
      copy({ content: "modified", dest: "/t/foo.txt", mode: "0700" }, false),
    ],
    hardLinks: [["/t/foo.txt", "/t/hard.lnk", true]],
  },
  {
    name: "another mode gives a file with two names a copy of its own",
    start: { "/t/foo.txt": { content: "modified", mode: 0o700 } },
    steps: [
      step("file", { src: "/t/foo.txt", dest: "/t/hard.lnk", state: "hard" }, true),
      copy({ content: "modified", dest: "/t/foo.txt", mode: "0404" }, true, { result: { mode: "0404" } }),
    ],
    end: { "/t/foo.txt": { mode: 0o404 }, "/t/hard.lnk": { mode: 0o700 } },
    hardLinks: [["/t/foo.txt", "/t/hard.lnk", false]],
    differs:
      "Ansible changes the file under both names; crun never changes a file in place that has a second name, which may lie outside the tree",
  },
  {
    name: "other content breaks a hard link",
    start: { "/t/foo.txt": { content: "modified", mode: 0o404 } },
    steps: [
      step("file", { src: "/t/foo.txt", dest: "/t/hard.lnk", state: "hard" }, true),
      copy({ content: "adjusted", dest: "/t/foo.txt", mode: "0404" }, true),
    ],
    end: { "/t/foo.txt": adjusted, "/t/hard.lnk": "modified" },
    hardLinks: [["/t/foo.txt", "/t/hard.lnk", false]],
  },
  {
    name: "a source that is nowhere",
    start: { "/t": { type: "directory" } },
    steps: [
      copy({ src: "invalid_file_location_does_not_exist", dest: "/t/file.txt" }, "failed", {
        message: /invalid_file_location_does_not_exist/,
      }),
    ],
  },
  {
    name: "an empty source",
    start: { "/t": { type: "directory" } },
    steps: [copy({ src: "", dest: "/t" }, "failed", { message: /src/ })],
  },
  { name: "no destination", files: foo, steps: [copy({ src: "foo.txt" }, "failed", { message: /dest/ })] },
  { name: "no source", steps: [copy({ dest: "/t/foo.txt" }, "failed", { message: /src/ })] },
  {
    name: "source and content exclude each other",
    files: foo,
    start: { "/t": { type: "directory" } },
    steps: [copy({ src: "foo.txt", content: "testing", dest: "/t/foo.txt" }, "failed", { message: /src and content/ })],
    end: { "/t/foo.txt": undefined },
  },
  {
    name: "content cannot go to a directory",
    start: { "/t/d": { type: "directory" } },
    steps: [
      copy({ content: "testing", dest: "/t/d" }, "failed", { message: /can not use content with a dir as dest/ }),
      copy({ content: "testing", dest: "/t/d/" }, "failed", { message: /can not use content with a dir as dest/ }),
    ],
  },
  {
    name: "a file into a directory",
    start: { "/t/d": { type: "directory" } },
    files: foo,
    steps: [
      copy({ src: "foo.txt", dest: "/t/d", mode: "0500" }, true, { result: { dest: "/t/d/foo.txt" } }),
      copy({ src: "foo.txt", dest: "/t/d", mode: "0500" }, false),
    ],
    end: { "/t/d/foo.txt": { content: "foo.txt\n", mode: 0o500 } },
  },
  {
    name: "mode preserve takes the source's",
    start: { "/t": { type: "directory" } },
    files: { "files/odd.txt": { content: "foo.txt\n", mode: 0o547 } },
    steps: [copy({ src: "odd.txt", dest: "/t/copy-foo.txt", mode: "preserve" }, true, { result: { mode: "0547" } })],
    end: { "/t/copy-foo.txt": { content: "foo.txt\n", mode: 0o547 } },
  },
  {
    name: "mode preserve within the tree",
    start: { "/t/copy-foo.txt": { content: "foo.txt\n", mode: 0o547 } },
    steps: [
      copy({ src: "/t/copy-foo.txt", dest: "/t/copy-foo2.txt", mode: "preserve", remote_src: true }, true, {
        result: { mode: "0547" },
      }),
    ],
    end: { "/t/copy-foo2.txt": { content: "foo.txt\n", mode: 0o547 } },
  },
  {
    name: "within the tree: an empty directory, both with a slash",
    start: { "/t/empty": { type: "directory" } },
    steps: [
      copy({ src: "/t/empty/", dest: "/t/dest/", remote_src: true }, true),
      copy({ src: "/t/empty/", dest: "/t/dest/", remote_src: true }, false),
    ],
    end: { "/t/dest": { type: "directory" } },
    differs: "ansible-core 2.14 makes the directory and says that nothing changed; later versions tell",
  },
  {
    name: "within the tree: an empty directory, both without a slash",
    start: { "/t/empty": { type: "directory" } },
    steps: [
      copy({ src: "/t/empty", dest: "/t/dest", remote_src: true }, true),
      copy({ src: "/t/empty/", dest: "/t/dest/", remote_src: true }, false),
    ],
    end: { "/t/dest": { type: "directory" } },
    differs: "ansible-core 2.14 makes the directory and says that nothing changed; later versions tell",
  },
  ...recursive(),
  {
    name: "a link to a directory outside is followed, one back into the copy stays a link",
    start: { "/t/dest1": { type: "directory" } },
    files: {
      "files/source1": { isDirectory: true },
      "files/source2/x": "x",
      "files/source1/link": { target: "../source2" },
      "files/source2/circle": { target: "../source1" },
    },
    steps: [
      copy({ src: "source1", dest: "/t/dest1", local_follow: true }, true),
      copy({ src: "source1", dest: "/t/dest1", local_follow: true }, false),
    ],
    end: {
      "/t/dest1/source1/link": { type: "directory" },
      "/t/dest1/source1/link/x": "x",
      "/t/dest1/source1/link/circle": { target: "../source1" },
    },
  },
  {
    name: "a directory with a link to one outside and a circle in a subdirectory",
    start: { "/t": { type: "directory" } },
    files: {
      "files/top/follow": { target: "../linked" },
      "files/linked/file1": "hello world",
      "files/top/subdir/circle": { target: "../../top" },
    },
    steps: [copy({ src: "top", dest: "/t/new", local_follow: true }, true)],
    end: {
      "/t/new/top/follow": { type: "directory" },
      "/t/new/top/follow/file1": "hello world",
      "/t/new/top/subdir/circle": { target: "../../top" },
    },
  },
  {
    name: "a directory without a slash is copied itself, with one what it holds",
    start: { "/t/a": { type: "directory" }, "/t/b": { type: "directory" } },
    files: { "files/source_recursive/file": "testing" },
    steps: [
      copy({ src: "source_recursive", dest: "/t/a" }, true),
      copy({ src: "source_recursive/", dest: "/t/b" }, true),
    ],
    end: {
      "/t/a/source_recursive/file": "testing",
      "/t/a/file": undefined,
      "/t/b/file": "testing",
      "/t/b/source_recursive": undefined,
    },
  },
  {
    name: "content of several lines",
    start: { "/t": { type: "directory" } },
    steps: [
      copy(
        {
          content:
            "this is the first line\nthis is the second line\n\nthis line is after an empty line\nthis line is the last line\n",
          dest: "/t/multiline.txt",
        },
        true,
        {
          result: { checksum: "9cd0697c6a9ff6689f0afb9136fa62e0b3fee903", dest: "/t/multiline.txt" },
        },
      ),
    ],
  },
  {
    name: "a structure as content becomes JSON",
    start: { "/t": { type: "directory" } },
    steps: [
      copy({ content: { a: 1, b: [true, null, "x"] }, dest: "/t/c.json" }, true),
      copy({ content: { a: 1, b: [true, null, "x"] }, dest: "/t/c.json" }, false),
    ],
    end: { "/t/c.json": '{"a": 1, "b": [true, null, "x"]}' },
  },
  {
    name: "with follow the link stays and its target is written",
    start: { "/t/follow_test": "this is the follow test file\n", "/t/follow_link": { target: "./follow_test" } },
    files: foo,
    steps: [
      copy({ src: "foo.txt", dest: "/t/follow_link", follow: true }, true),
      copy({ src: "foo.txt", dest: "/t/follow_link", follow: true }, false),
    ],
    end: { "/t/follow_link": { target: "./follow_test" }, "/t/follow_test": "foo.txt\n" },
  },
  {
    name: "without follow the link is replaced by a file",
    start: { "/t/follow_test": "foo.txt\n", "/t/follow_link": { target: "./follow_test" } },
    steps: [
      copy({ content: "modified", dest: "/t/follow_link", follow: false }, true),
      copy({ content: "modified", dest: "/t/follow_link", follow: false }, false),
    ],
    end: { "/t/follow_link": { type: "file", content: "modified" }, "/t/follow_test": "foo.txt\n" },
  },
  {
    name: "a mode is the file's, not its directory's",
    start: { "/t/directory": { type: "directory", mode: 0o755 } },
    files: foo,
    steps: [
      copy({ src: "foo.txt", dest: "/t/directory/", mode: "0705" }, true),
      copy({ src: "foo.txt", dest: "/t/directory/", mode: "0604" }, true),
    ],
    end: { "/t/directory/foo.txt": { mode: 0o604 }, "/t/directory": { mode: 0o755 } },
  },
  {
    name: "a directory with links, modes preserved, links kept",
    start: { "/t": { type: "directory" } },
    files: { ...subdir, ...links, "files/subdir/tool": { content: "x", mode: 0o751 } },
    steps: [
      copy({ src: "subdir/", dest: "/t/preserve/", mode: "preserve", local_follow: false }, true),
      copy({ src: "subdir/", dest: "/t/preserve/", mode: "preserve", local_follow: false }, false),
    ],
    end: { "/t/preserve/subdir1/bar.txt": { target: "../bar.txt" }, "/t/preserve/tool": { mode: 0o751 } },
  },
  {
    name: "within the tree: a file into directories that are made, since dest ends with a slash",
    start: { "/t/foo.txt": "foo.txt\n" },
    steps: [
      copy({ src: "/t/foo.txt", dest: "/t/new/sub/", remote_src: true }, true, { isCheck: true }),
      copy({ src: "/t/foo.txt", dest: "/t/new/sub/", remote_src: true }, true),
      copy({ src: "/t/foo.txt", dest: "/t/new/sub/", remote_src: true }, false),
    ],
    end: { "/t/new/sub/foo.txt": "foo.txt\n" },
  },
  ...["/t/new/sub/foo.txt", "/t/new/foo.txt"].map((dest): Scenario => ({
    name: `a file to ${dest}, whose directory is missing, is an error`,
    start: { "/t/foo.txt": "foo.txt\n" },
    files: foo,
    steps: [
      copy({ src: "/t/foo.txt", dest, remote_src: true }, "failed", {
        message: /Destination directory .* does not exist/,
      }),
      copy({ src: "foo.txt", dest }, "failed", { message: /Destination directory .* does not exist/ }),
    ],
    end: { "/t/new": undefined },
  })),
  ...[
    ["foo.txt", "/t/new/sub/", "/t/new/sub/foo.txt"],
    ["subdir", "/t/new/sub/", "/t/new/sub/subdir/bar.txt"],
    ["subdir/", "/t/new/sub/", "/t/new/sub/bar.txt"],
    ["subdir", "/t/new/sub", "/t/new/sub/subdir/bar.txt"],
    ["subdir/", "/t/new/sub", "/t/new/sub/bar.txt"],
  ].map(([src = "", dest = "", made = ""]): Scenario => ({
    name: `${src} to ${dest}: directories are made`,
    start: { "/t": { type: "directory" } },
    files: { ...foo, ...subdir },
    steps: [copy({ src, dest }, true, { isCheck: true }), copy({ src, dest }, true), copy({ src, dest }, false)],
    end: { [made]: src === "foo.txt" ? "foo.txt\n" : "baz\n", "/t/new": { type: "directory", mode: 0o755 } },
  })),
  ...withinTree(),
  {
    name: "within the tree: owner and group reach all that was copied",
    start: { ...remoteSource, "/t/dest": { type: "directory" } },
    steps: [
      copy({ src: "/t/src/", dest: "/t/dest", remote_src: true, owner: "1", group: "2", local_follow: true }, true),
      copy({ src: "/t/src/", dest: "/t/dest", remote_src: true, owner: "1", group: "2", local_follow: true }, false),
    ],
    end: {
      "/t/dest": { uid: 1, gid: 2 },
      "/t/dest/file1": { uid: 1, gid: 2 },
      "/t/dest/subdir": { uid: 1, gid: 2 },
      "/t/dest/subdir/file12": { uid: 1, gid: 2 },
      "/t/dest/link_file12": { uid: 1, gid: 2 },
      "/t/src/file1": { uid: 0 },
    },
  },
  {
    name: "within the tree: modes of files are kept",
    start: {
      "/t/src/readwrite": { content: "", mode: 0o644 },
      "/t/src/executable": { content: "", mode: 0o755 },
      "/t/src/readonly": { content: "", mode: 0o444 },
      "/t/src/dir/readwrite": { content: "", mode: 0o644 },
      "/t/src/dir/executable": { content: "", mode: 0o755 },
      "/t/dest": { type: "directory" },
    },
    steps: [copy({ src: "/t/src/", dest: "/t/dest/", remote_src: true, mode: "preserve" }, true)],
    end: {
      "/t/dest/readwrite": { mode: 0o644 },
      "/t/dest/executable": { mode: 0o755 },
      "/t/dest/readonly": { mode: 0o444 },
      "/t/dest/dir/readwrite": { mode: 0o644 },
      "/t/dest/dir/executable": { mode: 0o755 },
    },
  },
  {
    name: "within the tree: new subdirectories are merged into what is there, at any depth",
    start: {
      "/t/src/a/b1/c2": { type: "directory" },
      "/t/src/a/b2/c3": { type: "directory" },
      "/t/dest/a/b1/c1": { type: "directory" },
    },
    steps: [
      copy({ src: "/t/src/", dest: "/t/dest/", remote_src: true }, true),
      copy({ src: "/t/src/", dest: "/t/dest/", remote_src: true }, false),
    ],
    end: {
      "/t/dest/a/b1/c1": { type: "directory" },
      "/t/dest/a/b1/c2": { type: "directory" },
      "/t/dest/a/b2/c3": { type: "directory" },
    },
    differs: "ansible-core 2.14 needs several runs for it; later versions do it in one",
  },
  {
    name: "within the tree: changed files are copied, others of the destination stay",
    start: {
      "/t/src/same": "1",
      "/t/src/other": "new",
      "/t/dest/same": "1",
      "/t/dest/other": { content: "old", mtime: 1000 },
      "/t/dest/own": "mine",
    },
    steps: [
      copy({ src: "/t/src/", dest: "/t/dest", remote_src: true }, true),
      copy({ src: "/t/src/", dest: "/t/dest", remote_src: true }, false),
    ],
    end: { "/t/dest/same": "1", "/t/dest/other": "new", "/t/dest/own": "mine" },
  },
  {
    name: "within the tree: a source that is missing",
    start: { "/t": { type: "directory" } },
    steps: [
      copy({ src: "/t/missing", dest: "/t/x", remote_src: true }, "failed", {
        message: /Source \/t\/missing not found/,
      }),
    ],
    end: { "/t/x": undefined },
  },
  {
    name: "new content means new times",
    start: { "/t/foo.txt": { content: "Test content", mtime: 1000, atime: 1000 } },
    steps: [copy({ content: "modified", dest: "/t/foo.txt" }, true)],
    end: { "/t/foo.txt": "modified" },
  },
  {
    name: "a backup keeps content, mode and owner",
    start: { "/t/foo.txt": { content: "old", mode: 0o640, uid: 1, gid: 2 } },
    steps: [
      copy({ content: "new", dest: "/t/foo.txt", backup: true }, true),
      copy({ content: "new", dest: "/t/foo.txt", backup: true }, false, { result: { backup_file: undefined } }),
    ],
    end: { "/t/foo.txt": "new" },
  },
  {
    name: "a checksum that is not the source's is refused",
    start: { "/t": { type: "directory" } },
    files: foo,
    steps: [
      copy({ src: "foo.txt", dest: "/t/foo.txt", checksum: "0000000000000000000000000000000000000000" }, "failed", {
        message: /Copied file does not match the expected checksum/,
      }),
    ],
    end: { "/t/foo.txt": undefined },
  },
  {
    name: "validate: the file is put in place only if the command says so",
    start: { "/t/foo.txt": "ok 1\n" },
    programs: ["grep"],
    steps: [
      copy({ content: "bad\n", dest: "/t/foo.txt", validate: "grep ok %s" }, "failed", {
        message: /failed to validate/,
      }),
      copy({ content: "ok 2\n", dest: "/t/foo.txt", validate: "grep ok %s" }, true),
    ],
    end: { "/t/foo.txt": "ok 2\n" },
  },
  {
    name: "a link that leads nowhere is replaced, follow or not",
    start: { "/t/a": { target: "nowhere" }, "/t/b": { target: "nowhere" } },
    steps: [copy({ content: "x", dest: "/t/a" }, true), copy({ content: "x", dest: "/t/b", follow: true }, true)],
    end: { "/t/a": { type: "file", content: "x" }, "/t/b": { type: "file", content: "x" }, "/t/nowhere": undefined },
  },
  {
    name: "directory_mode, owner and group of directories on the way",
    start: { "/t": { type: "directory" } },
    files: foo,
    steps: [
      copy({ src: "foo.txt", dest: "/t/x/y/", directory_mode: "0750", mode: "0600", owner: "1", group: "2" }, true),
    ],
    end: {
      "/t/x": { mode: 0o750, uid: 1, gid: 2 },
      "/t/x/y": { mode: 0o750, uid: 1, gid: 2 },
      "/t/x/y/foo.txt": { mode: 0o600, uid: 1, gid: 2 },
    },
  },
  ...[
    ["/t/d", "/t/new/", "/t/new/d", 0o2710, "/t/new/d"],
    ["/t/d", "/t/there", "/t/there/d", 0o2710, "/t/there/d"],
    ["/t/d/", "/t/new", "/t/new", 0o2710, "/t/new"],
    ["/t/d/", "/t/new/", "/t/new", 0o755, "/t/new/"],
    ["/t/d/", "/t/there", "/t/there", 0o755, "/t/there/"],
  ].map(([src, dest, top, mode, told]): Scenario => ({
    name: `within the tree: ${src} to ${dest}, the mode of a directory that is copied as a whole goes with it`,
    start: {
      "/t/d": { type: "directory", mode: 0o2710 },
      "/t/d/x": { content: "x", mode: 0o640 },
      "/t/there": { type: "directory", mode: 0o755 },
    },
    steps: [copy({ src, dest, remote_src: true }, true, { result: { dest: told } })],
    end: { [String(top)]: { type: "directory", mode: Number(mode) }, [`${top}/x`]: { content: "x", mode: 0o640 } },
  })),
  {
    name: "the checksum of a directory is none",
    start: { "/t/d/x": "x" },
    files: { "files/dir/x": "x" },
    steps: [
      copy({ src: "dir/", dest: "/t/new", checksum: "11f6ad8ec52a2984abaafd7c3b516503785c2073" }, "failed", {
        failsLate: true,
        message: /checksum/,
      }),
      copy(
        { src: "/t/d", dest: "/t/new", remote_src: true, checksum: "11f6ad8ec52a2984abaafd7c3b516503785c2073" },
        "failed",
        {
          failsLate: true,
          message: /checksum/,
        },
      ),
    ],
    end: { "/t/new/x": undefined },
  },
  {
    name: "force false leaves a link that leads nowhere",
    start: { "/t/l": { target: "nowhere" }, "/t/f": { content: "old", mode: 0o600 } },
    files: foo,
    steps: [
      copy({ content: "x", dest: "/t/l", force: false }, false, { result: { dest: "/t/l" } }),
      copy({ src: "foo.txt", dest: "/t/l", force: false }, false),
      copy({ src: "/t/l", dest: "/t/f", force: false, remote_src: true }, "failed", { failsLate: true }),
      copy({ src: "/t/f", dest: "/t/f", force: false, remote_src: true }, false, {
        message: "file already exists",
        result: { state: "file", mode: "0600", size: 3 },
      }),
    ],
    end: { "/t/l": { target: "nowhere" }, "/t/f": "old" },
  },
  {
    name: "within the tree: a link to a directory as source, twice; a file in place of one with two names has one",
    start: {
      "/t/d/x": { content: "x", mode: 0o640 },
      "/t/ld": { target: "d" },
      "/t/there": { type: "directory" },
      "/t/one": "1",
    },
    steps: [
      copy({ src: "/t/ld", dest: "/t/there", remote_src: true }, true),
      copy({ src: "/t/ld", dest: "/t/there", remote_src: true }, false),
      step("file", { src: "/t/one", dest: "/t/two", state: "hard" }, true),
      copy({ src: "/t/d/x", dest: "/t/two", remote_src: true }, true),
      copy({ src: "/t/d/x", dest: "/t/two", remote_src: true }, false, { result: { state: "file" } }),
    ],
    end: { "/t/there/ld/x": { content: "x", mode: 0o640 }, "/t/one": "1", "/t/two": "x" },
  },
];
