// Scenarios of the module file. One long table on purpose: a scenario is found by its number.

import type { Scenario, Step } from "./scenario.js";
import { step } from "./scenario.js";

const file = (params: Step["params"], changed: Step["changed"], more: Partial<Step> = {}): Step =>
  step("file", params, changed, more);
const touched = { isNeverConverged: true } as const;

/** Each mode applied to the one before it, with what comes out: one touch each. */
const symbolic: readonly (readonly [mode: string, result: string])[] = [
  ["u=rwx,g=rwx,o=rwx", "0777"],
  ["a=r", "0444"],
  ["u+w", "0644"],
  ["g+w", "0664"],
  ["o+w", "0666"],
  ["u+x", "0766"],
  ["g+x", "0776"],
  ["o+x", "0777"],
  ["o-wx", "0774"],
  ["g-wx", "0744"],
  ["u-wx", "0444"],
  ["o+t", "01444"],
  ["o-t", "0444"],
  ["g+s", "02444"],
  ["g-s", "0444"],
  ["u+s", "04444"],
  ["u-s", "0444"],
];

export const scenarios: readonly Scenario[] = [
  {
    name: "a file that is there converges",
    start: { "/t/foo.txt": "foo\n" },
    steps: [file({ path: "/t/foo.txt", state: "file" }, false, { result: { state: "file", path: "/t/foo.txt" } })],
  },
  {
    name: "a path without state that is not there cannot be a file",
    steps: [
      file({ path: "/t/ghost" }, "failed", { message: /is absent, cannot continue/, result: { state: "absent" } }),
    ],
    end: { "/t/ghost": undefined },
  },
  {
    name: "absent where nothing is converges",
    steps: [file({ path: "/t/bar.txt", state: "absent" }, false, { result: { state: "absent" } })],
  },
  {
    name: "touch makes an empty file with its mode",
    start: { "/t": { type: "directory" } },
    steps: [
      file({ path: "/t/baz.txt", state: "touch", mode: "0644" }, true, {
        result: { state: "file", mode: "0644", dest: "/t/baz.txt" },
        ...touched,
      }),
    ],
    end: { "/t/baz.txt": { content: "", mode: 0o644 } },
  },
  {
    name: "a mode is changed",
    start: { "/t/baz.txt": "" },
    steps: [
      file({ path: "/t/baz.txt", mode: "0600" }, true, { result: { mode: "0600" } }),
      file({ path: "/t/baz.txt", mode: "0600" }, false),
    ],
    end: { "/t/baz.txt": { mode: 0o600 } },
  },
  {
    name: "owner and group by number",
    start: { "/t/baz.txt": "" },
    steps: [file({ path: "/t/baz.txt", owner: "1234", group: "1234" }, true, { result: { uid: 1234, gid: 1234 } })],
    end: { "/t/baz.txt": { uid: 1234, gid: 1234 } },
  },
  {
    name: "owner and group by name",
    start: { "/t/baz.txt": "" },
    steps: [
      file({ path: "/t/baz.txt", owner: "daemon", group: "bin" }, true, {
        result: { owner: "daemon", group: "bin", uid: 1, gid: 2 },
      }),
      file({ path: "/t/baz.txt", owner: "daemon", group: "bin" }, false),
    ],
    end: { "/t/baz.txt": { uid: 1, gid: 2 } },
  },
  {
    name: "access_time now always changes",
    start: { "/t/baz.txt": { content: "", atime: 1000, mtime: 1000 } },
    steps: [file({ path: "/t/baz.txt", access_time: "now" }, true, touched)],
    end: { "/t/baz.txt": { mtime: 1000 } },
  },
  {
    name: "an owner that the tree does not know leaves no file behind",
    start: { "/t": { type: "directory", mode: 0o1777 } },
    steps: [
      file({ path: "/t/baz.txt", state: "touch", owner: "nosuchuser" }, "failed", {
        message: /failed to look up user nosuchuser/,
      }),
    ],
    end: { "/t/baz.txt": undefined },
  },
  {
    name: "a hard link is made, and again nothing changes",
    start: { "/t/foo.txt": "foo\n" },
    steps: [
      file({ src: "/t/foo.txt", dest: "/t/hard.txt", state: "hard" }, true, {
        result: { dest: "/t/hard.txt", src: "/t/foo.txt", state: "hard" },
      }),
      file({ src: "/t/foo.txt", dest: "/t/hard.txt", state: "hard" }, false),
    ],
    end: { "/t/hard.txt": "foo\n" },
    hardLinks: [["/t/foo.txt", "/t/hard.txt", true]],
  },
  {
    name: "a touch of a hard link gives the file a copy of its own",
    start: { "/t/foo.txt": "foo\n" },
    steps: [
      file({ src: "/t/foo.txt", dest: "/t/hard.txt", state: "hard" }, true),
      file({ dest: "/t/hard.txt", state: "touch" }, true, touched),
    ],
    end: { "/t/hard.txt": "foo\n" },
    hardLinks: [["/t/foo.txt", "/t/hard.txt", false]],
    differs:
      "Ansible changes the file under both names; crun never changes a file in place that has a second name, which may lie outside the tree",
  },
  {
    name: "a mode given to a hard link is the file's alone, unless state says hard",
    start: { "/t/foo.txt": { content: "foo\n", mode: 0o644 } },
    steps: [
      file({ src: "/t/foo.txt", dest: "/t/hard.txt", state: "hard" }, true),
      file({ dest: "/t/hard.txt", state: "file", mode: "0701" }, true, { result: { mode: "0701" } }),
    ],
    end: { "/t/hard.txt": { mode: 0o701 }, "/t/foo.txt": { mode: 0o644 } },
    hardLinks: [["/t/foo.txt", "/t/hard.txt", false]],
    differs: "as above",
  },
  {
    name: "a mode given with state hard reaches both names",
    start: { "/t/foo.txt": { content: "foo\n", mode: 0o644 } },
    steps: [
      file({ src: "/t/foo.txt", dest: "/t/hard.txt", state: "hard", mode: "0701" }, true, { result: { mode: "0701" } }),
    ],
    end: { "/t/hard.txt": { mode: 0o701 } },
    hardLinks: [["/t/foo.txt", "/t/hard.txt", true]],
  },
  {
    name: "a directory is made",
    start: { "/t": { type: "directory" } },
    steps: [
      file({ path: "/t/foobar", state: "directory" }, true, { result: { state: "directory", mode: "0755" } }),
      file({ path: "/t/foobar", state: "directory" }, false),
    ],
    end: { "/t/foobar": { type: "directory", mode: 0o755 } },
  },
  {
    name: "directories above are made with the mode, owner and group of the task",
    start: { "/t": { type: "directory" } },
    steps: [file({ path: "/t/a/b/c", state: "directory", mode: "0750", owner: "1", group: "2" }, true)],
    end: {
      "/t": { type: "directory", mode: 0o755, uid: 0 },
      "/t/a": { type: "directory", mode: 0o750, uid: 1, gid: 2 },
      "/t/a/b": { type: "directory", mode: 0o750, uid: 1, gid: 2 },
      "/t/a/b/c": { type: "directory", mode: 0o750, uid: 1, gid: 2 },
    },
  },
  {
    name: "absent removes a directory with all it holds; in check mode nothing goes",
    start: { "/t/foobar/fileA": "A", "/t/foobar/directory/fileC": "C" },
    steps: [
      file({ path: "/t/foobar", state: "absent" }, true, { isCheck: true }),
      file({ path: "/t/foobar/fileA", state: "absent" }, true, { isCheck: true }),
      file({ path: "/t/foobar", state: "file" }, "failed", { message: /is directory, cannot continue/ }),
      file({ path: "/t/foobar", state: "absent" }, true, { result: { state: "absent" } }),
    ],
    end: { "/t/foobar": undefined, "/t": { type: "directory" } },
  },
  {
    name: "an owner without recurse is the directory's alone",
    start: { "/t/foobar/fileA": "A" },
    steps: [
      file({ path: "/t/foobar", owner: "1234" }, true, { result: { uid: 1234, state: "directory" } }),
      file({ path: "/t/foobar/fileA", state: "file" }, false, { result: { uid: 0 } }),
    ],
    end: { "/t/foobar": { uid: 1234 }, "/t/foobar/fileA": { uid: 0 } },
  },
  {
    name: "an owner with recurse reaches all that is beneath",
    start: { "/t/foobar/fileA": "A", "/t/foobar/directory/fileC": "C" },
    steps: [
      file({ path: "/t/foobar", owner: "1235", recurse: true }, true, { result: { uid: 1235 } }),
      file({ path: "/t/foobar", owner: "1235", recurse: true }, false),
    ],
    end: {
      "/t/foobar": { uid: 1235 },
      "/t/foobar/fileA": { uid: 1235 },
      "/t/foobar/directory": { uid: 1235 },
      "/t/foobar/directory/fileC": { uid: 1235 },
    },
  },
  {
    name: "several files are touched in a fresh directory",
    start: { "/t": { type: "directory" } },
    steps: [
      file({ dest: "/t/sub1", state: "directory" }, true),
      ...["file1", "file2", "file3"].map((name) =>
        file({ dest: `/t/sub1/${name}`, state: "touch" }, true, { result: { state: "file" }, ...touched }),
      ),
    ],
    end: { "/t/sub1/file1": "", "/t/sub1/file2": "", "/t/sub1/file3": "" },
  },
  ...symbolic.map(([mode, result], index): Scenario => {
    const before = index === 0 ? "0644" : (symbolic[index - 1]?.[1] ?? "0644");
    return {
      name: `symbolic mode ${mode} on ${before}`,
      start: { "/t/symbolic": { content: "", mode: Number.parseInt(before, 8) } },
      steps: [file({ dest: "/t/symbolic", state: "touch", mode }, true, { result: { mode: result }, ...touched })],
      end: { "/t/symbolic": { mode: Number.parseInt(result, 8) } },
    };
  }),
  {
    name: "X makes executable only what is a directory or executable already",
    start: {
      "/t/d/plain": { content: "", mode: 0o600 },
      "/t/d/tool": { content: "", mode: 0o700 },
      "/t/d/sub": { type: "directory", mode: 0o700 },
    },
    steps: [file({ path: "/t/d", state: "directory", recurse: true, mode: "u=rwX,g=rX,o=" }, true)],
    end: { "/t/d/plain": { mode: 0o640 }, "/t/d/tool": { mode: 0o750 }, "/t/d/sub": { mode: 0o750 } },
  },
  {
    name: "a mode copies bits of another class, and a clause without a class respects the umask",
    start: { "/t/f": { content: "", mode: 0o640 } },
    steps: [file({ path: "/t/f", mode: "g=u,o=g" }, true, touched), file({ path: "/t/f", mode: "+w" }, false)],
    end: { "/t/f": { mode: 0o664 } },
  },
  {
    name: "touch in check mode tells of a new file and makes none",
    start: { "/t": { type: "directory" } },
    steps: [file({ path: "/t/new", state: "touch" }, true, { isCheck: true })],
    end: { "/t/new": undefined },
  },
  {
    name: "touch in check mode tells of new times",
    start: { "/t/f": { content: "", mode: 0o660, mtime: 1000 } },
    steps: [
      file({ path: "/t/f", state: "touch" }, true, { isCheck: true }),
      file({ path: "/t/f", state: "touch", access_time: "preserve" }, true, { isCheck: true }),
    ],
    end: { "/t/f": { mtime: 1000 } },
  },
  {
    name: "touch that preserves both times changes only attributes",
    start: { "/t/f": { content: "", mode: 0o660 } },
    steps: [
      file(
        { path: "/t/f", state: "touch", access_time: "preserve", modification_time: "preserve", mode: "0640" },
        true,
        { isCheck: true },
      ),
      file({ path: "/t/f", state: "touch", access_time: "preserve", modification_time: "preserve" }, false, {
        isCheck: true,
      }),
      file(
        { path: "/t/f", state: "touch", access_time: "preserve", modification_time: "preserve", mode: "0640" },
        true,
      ),
      file(
        { path: "/t/f", state: "touch", access_time: "preserve", modification_time: "preserve", mode: "0640" },
        false,
      ),
    ],
    end: { "/t/f": { mode: 0o640 } },
  },
  {
    name: "an unknown owner or group fails in check mode too",
    start: { "/t/f": "" },
    steps: [
      file({ path: "/t/f", state: "touch", owner: "not-existing-user" }, "failed", {
        isCheck: true,
        message: /failed to look up user/,
      }),
      file({ path: "/t/f", state: "touch", group: "not-existing-group" }, "failed", {
        isCheck: true,
        message: /failed to look up group/,
      }),
    ],
  },
  {
    name: "recursion without follow leaves the targets of links alone",
    start: {
      "/t/target_file": { content: "", mode: 0o700 },
      "/t/target_dir": { type: "directory", mode: 0o700 },
      "/t/target_dir/foo": { content: "", mode: 0o700 },
      "/t/rec": { type: "directory", mode: 0o755 },
      "/t/rec/link": { target: "../target_file" },
      "/t/rec/link_dir": { target: "../target_dir" },
      "/t/rec/nonexistent": { target: "does_not_exist" },
    },
    steps: [file({ path: "/t/rec", follow: false, mode: "a-x", recurse: true }, true)],
    end: {
      "/t/rec": { mode: 0o644 },
      "/t/target_file": { mode: 0o700 },
      "/t/target_dir": { mode: 0o700 },
      "/t/target_dir/foo": { mode: 0o700 },
    },
  },
  {
    name: "recursion with follow reaches files and directories through links",
    start: {
      "/t/target_file": { content: "", mode: 0o700 },
      "/t/target_dir": { type: "directory", mode: 0o700 },
      "/t/target_dir/foo": { content: "", mode: 0o700 },
      "/t/rec": { type: "directory", mode: 0o755 },
      "/t/rec/link": { target: "../target_file" },
      "/t/rec/link_dir": { target: "../target_dir" },
      "/t/rec/nonexistent": { target: "does_not_exist" },
    },
    steps: [
      file({ path: "/t/rec", follow: true, mode: "a-x", recurse: true }, true),
      file({ path: "/t/rec", follow: true, mode: "a-x", recurse: true }, false),
    ],
    end: { "/t/target_file": { mode: 0o600 }, "/t/target_dir": { mode: 0o600 }, "/t/target_dir/foo": { mode: 0o600 } },
  },
  {
    name: "recursions that reach the same file through links",
    start: {
      "/t/one": { type: "directory" },
      "/t/one/link": { target: "../both" },
      "/t/other/sub": { type: "directory" },
      "/t/other/sub/link": { target: "/t/both/file" },
      "/t/both": { type: "directory" },
      "/t/both/file": "",
    },
    steps: [
      file({ path: "/t/one", state: "directory", recurse: true, owner: 1 }, true),
      file({ path: "/t/other", state: "directory", recurse: true, mode: "u=rwX,go=" }, true),
      file({ path: "/t/one", state: "directory", recurse: true, owner: 1 }, false),
    ],
    end: {
      "/t/both": { uid: 1, mode: 0o755 },
      "/t/both/file": { uid: 1, mode: 0o600 },
      "/t/other": { uid: 0, mode: 0o700 },
    },
  },
  { name: "path is required", steps: [file({ state: "hard" }, "failed", { message: /path/ })] },
  {
    name: "a hard link needs src",
    start: { "/t": { type: "directory" } },
    steps: [
      file({ dest: "/t/hard.txt", state: "hard" }, "failed", { message: /src is required for creating new hardlinks/ }),
    ],
  },
  {
    name: "a hard link needs a src that is there",
    start: { "/t": { type: "directory" } },
    steps: [
      file({ src: "/t/missing", dest: "/t/hard.txt", state: "hard" }, "failed", {
        message: /src does not exist/,
        result: { dest: "/t/hard.txt", src: "/t/missing" },
      }),
    ],
  },
  {
    name: "a link is made, turned relative, and then converges",
    start: { "/t/foo.txt": "foo\n" },
    steps: [
      file({ src: "/t/foo.txt", dest: "/t/soft.txt", state: "link" }, true, {
        result: { state: "link", mode: "0777" },
      }),
      file({ src: "foo.txt", dest: "/t/soft.txt", state: "link" }, true, { result: { src: "foo.txt" } }),
      file({ src: "foo.txt", dest: "/t/soft.txt", state: "link" }, false),
    ],
    end: { "/t/soft.txt": { target: "foo.txt" } },
  },
  {
    name: "a link to what is not there is refused without force",
    start: { "/t": { type: "directory" } },
    steps: [
      file({ src: "/t/nonexistent", dest: "/t/soft2.txt", state: "link", force: false }, "failed", {
        message: /src file does not exist, use "force=yes"/,
      }),
    ],
    end: { "/t/soft2.txt": undefined },
  },
  {
    name: "a link to what is not there is made with force, and converges",
    start: { "/t": { type: "directory" } },
    steps: [
      file({ src: "/t/nonexistent", dest: "/t/soft2.txt", state: "link", force: true }, true, {
        warning: /Cannot set fs attributes on a non-existent symlink target/,
      }),
      file({ src: "/t/nonexistent", dest: "/t/soft2.txt", state: "link", force: true }, false),
    ],
    end: { "/t/soft2.txt": { target: "/t/nonexistent" } },
  },
  {
    name: "a link of another user in a sticky directory: mode says nothing, owner is the link's",
    start: { "/t": { type: "directory", mode: 0o1777 } },
    steps: [
      file(
        {
          src: "/t/nonexistent",
          dest: "/t/soft3",
          state: "link",
          mode: "0640",
          owner: "1",
          force: true,
          follow: false,
        },
        true,
        { isCheck: true },
      ),
      file(
        {
          src: "/t/nonexistent",
          dest: "/t/soft3",
          state: "link",
          mode: "0640",
          owner: "1",
          force: true,
          follow: false,
        },
        true,
      ),
      file(
        {
          src: "/t/nonexistent",
          dest: "/t/soft3",
          state: "link",
          mode: "0640",
          owner: "1",
          force: true,
          follow: false,
        },
        false,
      ),
    ],
    end: { "/t/soft3": { target: "/t/nonexistent", uid: 1 } },
  },
  {
    name: "a link to a directory by its absolute path",
    start: { "/t/dir": { type: "directory" } },
    steps: [file({ src: "/t/dir", dest: "/t/root", state: "link" }, true)],
    end: { "/t/root": { target: "/t/dir" } },
  },
  {
    name: "a relative link to a file in another directory",
    start: { "/t/sub1/file1": "", "/t/sub2": { type: "directory" } },
    steps: [
      file({ src: "../sub1/file1", dest: "/t/sub2/link1", state: "link" }, true),
      file({ src: "../sub1/file1", dest: "/t/sub2/link1", state: "link" }, false),
    ],
    end: { "/t/sub2/link1": { target: "../sub1/file1" } },
  },
  {
    name: "a relative link to a directory",
    start: { "/t/sub1": { type: "directory" } },
    steps: [file({ src: "sub1", dest: "/t/sub1-link", state: "link" }, true)],
    end: { "/t/sub1-link": { target: "sub1" } },
  },
  {
    name: "with follow a mode goes to what the link leads to",
    start: { "/t/test_follow": { content: "x", mode: 0o666 }, "/t/link": { target: "./test_follow" } },
    steps: [
      file({ path: "/t/link", mode: "0644", follow: true }, true),
      file({ path: "/t/link", state: "link", mode: "0600", follow: false }, false),
    ],
    end: { "/t/test_follow": { mode: 0o644 }, "/t/link": { target: "./test_follow" } },
  },
  {
    name: "a new link's mode goes to its target, since follow is the default",
    start: { "/t/test_follow1": { content: "", mode: 0o644 } },
    steps: [
      file({ src: "/t/test_follow1", dest: "/t/link1", state: "link", mode: "0700" }, true),
      file({ src: "/t/test_follow1", dest: "/t/link1", state: "link", mode: "0700" }, false),
    ],
    end: { "/t/test_follow1": { mode: 0o700 } },
  },
  {
    name: "src without state is refused",
    start: { "/t/foo.txt": "foo\n" },
    steps: [file({ src: "/t/foo.txt", dest: "/t/link.txt" }, "failed", { message: /src option requires state to be/ })],
    end: { "/t/link.txt": undefined },
  },
  {
    name: "a link without src is refused",
    start: { "/t": { type: "directory" } },
    steps: [file({ dest: "/t/link.txt", state: "link" }, "failed", { message: /src is required/ })],
  },
  {
    name: "a file is not turned into a link without force",
    start: { "/t/foo.txt": "foo\n", "/t/file.txt": { content: "x", mode: 0o666 } },
    steps: [
      file({ src: "/t/foo.txt", dest: "/t/file.txt", state: "link" }, "failed", {
        message: /refusing to convert from file to symlink/,
      }),
    ],
    end: { "/t/file.txt": "x" },
  },
  {
    name: "a file is turned into a link with force",
    start: { "/t/foo.txt": "foo\n", "/t/file.txt": { content: "x", mode: 0o666 } },
    steps: [file({ src: "/t/foo.txt", dest: "/t/file.txt", state: "link", force: true }, true)],
    end: { "/t/file.txt": { target: "/t/foo.txt" } },
  },
  {
    name: "a hard link of a link, and a link to a link",
    start: { "/t/original.txt": "", "/t/soft.txt": { target: "/t/original.txt" } },
    steps: [
      file({ src: "/t/soft.txt", dest: "/t/hard.txt", state: "hard", follow: true }, true),
      file({ src: "/t/soft.txt", dest: "/t/soft2.txt", state: "link", follow: true }, true),
    ],
    end: { "/t/soft2.txt": { target: "/t/soft.txt" } },
  },
  {
    name: "a mode through a link leaves the link as it is",
    start: { "/t/somefile": { content: "chicken", mode: 0o600 }, "/t/somelink": { target: "somefile" } },
    steps: [file({ path: "/t/somelink", mode: "0644" }, true, { result: { state: "link" } })],
    end: { "/t/somefile": { mode: 0o644 }, "/t/somelink": { target: "somefile" } },
  },
  {
    name: "a directory is never turned into a file, force or not",
    start: { "/t/sub1": { type: "directory" }, "/t/sub2/passwd": "test" },
    steps: [
      file({ dest: "/t/sub1", state: "file", force: false }, "failed", { message: /is directory, cannot continue/ }),
      file({ dest: "/t/sub1", state: "file", force: true }, "failed"),
      file({ dest: "/t/sub2", state: "file", force: true }, "failed"),
    ],
    end: { "/t/sub1": { type: "directory" }, "/t/sub2": { type: "directory" } },
  },
  {
    name: "a directory is not turned into a link without force",
    start: { "/t/sub1": { type: "directory" }, "/t/file": "Hello World" },
    steps: [
      file({ src: "/t/file", dest: "/t/sub1", state: "link", force: false }, "failed", {
        message: /refusing to convert from directory to symlink/,
      }),
    ],
    end: { "/t/sub1": { type: "directory" } },
  },
  {
    name: "a directory that holds something is not turned into a link even with force",
    start: { "/t/sub1/passwd": "test", "/t/file": "Hello World" },
    steps: [
      file({ src: "/t/file", dest: "/t/sub1", state: "link", force: true }, "failed", {
        message: /is not empty, refusing to convert it/,
      }),
    ],
    end: { "/t/sub1/passwd": "test" },
  },
  {
    name: "an empty directory is turned into a link with force",
    start: { "/t/sub1": { type: "directory" }, "/t/file": "Hello World" },
    steps: [file({ src: "/t/file", dest: "/t/sub1", state: "link", force: true }, true)],
    end: { "/t/sub1": { target: "/t/file" } },
  },
  {
    name: "a hard link with a directory as dest goes into the directory",
    start: { "/t/sub1": { type: "directory" }, "/t/file_to_link": "Hello World" },
    steps: [
      file({ src: "/t/file_to_link", dest: "/t/sub1", state: "hard", force: false }, true),
      file({ src: "/t/file_to_link", dest: "/t/sub1", state: "hard" }, false),
    ],
    end: { "/t/sub1": { type: "directory" }, "/t/sub1/file_to_link": "Hello World" },
  },
  {
    name: "a directory is touched",
    start: { "/t/sub1": { type: "directory", mtime: 1000, atime: 1000 } },
    steps: [file({ dest: "/t/sub1", state: "touch", force: false }, true, touched)],
    end: { "/t/sub1": { type: "directory" } },
  },
  {
    name: "a directory is touched with both times preserved: nothing changes",
    start: { "/t/sub1": { type: "directory", mtime: 1000, atime: 1000 } },
    steps: [file({ dest: "/t/sub1", state: "touch", modification_time: "preserve", access_time: "preserve" }, false)],
    end: { "/t/sub1": { mtime: 1000, atime: 1000 } },
  },
  {
    name: "state directory leaves a directory's times, with force or without",
    start: { "/t/sub1": { type: "directory", mtime: 1000, atime: 1000 } },
    steps: [
      file({ dest: "/t/sub1", state: "directory", force: false }, false),
      file({ dest: "/t/sub1", state: "directory", force: true }, false),
    ],
    end: { "/t/sub1": { mtime: 1000, atime: 1000 } },
  },
  {
    name: "paths that are not ASCII",
    start: { "/t": { type: "directory" } },
    steps: [
      step("lineinfile", { dest: "/t/语/汉语.txt", create: true, line: "汉语" }, true),
      file({ path: "/t/语/汉语.txt", state: "absent" }, true),
    ],
    end: { "/t/语": { type: "directory" }, "/t/语/汉语.txt": undefined },
  },
  {
    name: "a modification time is set once",
    start: { "/t/foo.txt": { content: "foo\n", mtime: 1000, atime: 1000 } },
    steps: [
      file(
        { path: "/t/foo.txt", modification_time: "202202081414.00", modification_time_format: "%Y%m%d%H%M.%S" },
        true,
        { isCheck: true },
      ),
      file(
        { path: "/t/foo.txt", modification_time: "202202081414.00", modification_time_format: "%Y%m%d%H%M.%S" },
        true,
      ),
      file(
        { path: "/t/foo.txt", modification_time: "202202081414.00", modification_time_format: "%Y%m%d%H%M.%S" },
        false,
      ),
    ],
    end: { "/t/foo.txt": { mtime: 1644329640, atime: 1000 } },
  },
  {
    name: "a time in a format of one's own, and one that does not fit it",
    start: { "/t/foo.txt": "foo\n" },
    steps: [
      file({ path: "/t/foo.txt", access_time: "2020-01-02 03:04:05", access_time_format: "%Y-%m-%d %H:%M:%S" }, true),
      file({ path: "/t/foo.txt", access_time: "yesterday" }, "failed", {
        message: /Error while obtaining timestamp for time yesterday/,
      }),
    ],
    end: { "/t/foo.txt": { atime: 1577934245 } },
  },
  {
    name: "recurse needs a directory",
    start: { "/t/foo.txt": "foo\n" },
    steps: [
      file({ path: "/t/foo.txt", recurse: true, mode: "0600" }, "failed", {
        message: /recurse option requires state to be 'directory'/,
      }),
    ],
    end: { "/t/foo.txt": { mode: 0o644 } },
  },
  {
    name: "recurse without state makes a missing directory",
    start: { "/t": { type: "directory" } },
    steps: [file({ path: "/t/new/deep", recurse: true, mode: "0700" }, true)],
    end: { "/t/new": { mode: 0o700 }, "/t/new/deep": { type: "directory", mode: 0o700 } },
  },
  {
    name: "state directory follows a link to a directory, and refuses it without follow",
    start: { "/t/real": { type: "directory", mode: 0o755 }, "/t/link": { target: "real" } },
    steps: [
      file({ path: "/t/link", state: "directory", mode: "0700" }, true, { result: { path: "/t/real" } }),
      file({ path: "/t/link", state: "directory", follow: false }, "failed", { message: /already exists as a link/ }),
    ],
    end: { "/t/real": { mode: 0o700 }, "/t/link": { target: "real" } },
  },
  {
    name: "state directory through a link that leads nowhere makes its target",
    start: { "/t/link": { target: "new/dir" } },
    steps: [
      file({ path: "/t/link", state: "directory" }, true, { result: { path: "/t/new/dir" } }),
      file({ path: "/t/link", state: "directory" }, false),
    ],
    end: { "/t/link": { target: "new/dir" }, "/t/new/dir": { type: "directory" } },
  },
  {
    name: "a file in the way of a directory is an error",
    start: { "/t/f": "x" },
    steps: [
      file({ path: "/t/f", state: "directory" }, "failed", { message: /\/t\/f already exists as a file/ }),
      file({ path: "/t/f/sub", state: "directory" }, "failed", { message: /There was an issue creating/ }),
    ],
    end: { "/t/f": "x" },
  },
  {
    name: "absent removes a link, not what it leads to",
    start: { "/t/real/x": "x", "/t/link": { target: "real" } },
    steps: [file({ path: "/t/link", state: "absent" }, true)],
    end: { "/t/link": undefined, "/t/real/x": "x" },
  },
  {
    name: "a hard link in place of another file needs force",
    start: { "/t/a": "a", "/t/b": "b" },
    steps: [
      file({ src: "/t/a", dest: "/t/b", state: "hard" }, "failed", {
        message: /Cannot link, file exists at destination/,
      }),
      file({ src: "/t/a", dest: "/t/b", state: "hard", force: true }, true),
    ],
    end: { "/t/b": "a" },
    hardLinks: [["/t/a", "/t/b", true]],
  },
  {
    name: "touch where the directory is missing is an error",
    start: { "/t": { type: "directory" } },
    steps: [file({ path: "/t/no/file", state: "touch" }, "failed", { message: /could not touch target/ })],
    end: { "/t/no": undefined },
  },
  {
    name: "touch of a link reaches the file, and of a link that leads nowhere it fails",
    start: {
      "/t/f": { content: "", mode: 0o644, mtime: 1000 },
      "/t/link": { target: "f" },
      "/t/broken": { target: "nowhere" },
    },
    steps: [
      file({ path: "/t/link", state: "touch", mode: "0600" }, true, {
        ...touched,
        result: { dest: "/t/link", state: "link", mode: "0777" },
      }),
      file({ path: "/t/broken", state: "touch" }, "failed", {
        message: /Error while updating modification or access time/,
      }),
    ],
    end: { "/t/f": { mode: 0o600 }, "/t/link": { target: "f" }, "/t/nowhere": undefined },
  },
  {
    name: "what is made in a setgid directory belongs to its group, and directories pass that on",
    start: { "/t/shared": { type: "directory", mode: 0o2775, gid: 1000 } },
    steps: [
      file({ path: "/t/shared/one", state: "directory" }, true),
      file({ path: "/t/shared/deep/er", state: "directory", mode: "0750" }, true),
      file({ path: "/t/shared/own", state: "directory", mode: "0755", group: "0" }, true),
      file({ path: "/t/shared/touched", state: "touch" }, true, touched),
      file({ path: "/t/shared/one", state: "directory" }, false),
      file({ path: "/t/shared/own", state: "directory", mode: "0755", group: "0" }, false),
    ],
    end: {
      "/t/shared/one": { mode: 0o2755, gid: 1000 },
      "/t/shared/deep": { mode: 0o750, gid: 1000 },
      "/t/shared/deep/er": { mode: 0o750, gid: 0 },
      "/t/shared/own": { mode: 0o755, gid: 0 },
      "/t/shared/touched": { mode: 0o644, gid: 1000 },
    },
  },
  {
    name: "a program that gets another owner or group is setuid no more: as chown(2) leaves it",
    start: {
      "/t/u": { content: "x", mode: 0o4755, uid: 1, gid: 1 },
      "/t/g": { content: "x", mode: 0o2755, uid: 1, gid: 1 },
      "/t/locked": { content: "x", mode: 0o2644, uid: 1, gid: 1 },
      "/t/plus": { content: "x", mode: 0o4755, uid: 1, gid: 1 },
      "/t/kept": { content: "x", mode: 0o4755, uid: 1, gid: 1 },
      "/t/d": { type: "directory", mode: 0o2775 },
      "/t/d/x": { content: "x", mode: 0o6711, uid: 1 },
    },
    steps: [
      file({ path: "/t/u", owner: "root" }, true, { result: { mode: "0755", uid: 0 } }),
      file({ path: "/t/u", owner: "root" }, false),
      file({ path: "/t/g", group: "root" }, true, { result: { mode: "0755" } }),
      file({ path: "/t/locked", group: "root" }, true, { result: { mode: "02644" } }),
      file({ path: "/t/plus", owner: "root", mode: "o-x" }, true, { result: { mode: "0754" } }),
      file({ path: "/t/kept", owner: "root", mode: "4755" }, true, { result: { mode: "04755" } }),
      file({ path: "/t/d", owner: "root", group: "bin", recurse: true }, true, { result: { mode: "02775" } }),
      step("copy", { content: "y", dest: "/t/kept", owner: "daemon" }, true, { result: { mode: "0755" } }),
    ],
    end: {
      "/t/u": { mode: 0o755, uid: 0 },
      "/t/g": { mode: 0o755, gid: 0 },
      "/t/locked": { mode: 0o2644, gid: 0 },
      "/t/plus": { mode: 0o754 },
      "/t/kept": { mode: 0o755, uid: 1, content: "y" },
      "/t/d": { mode: 0o2775, gid: 2 },
      "/t/d/x": { mode: 0o711, uid: 0, gid: 2 },
    },
  },
  {
    name: "a slash at the end: results keep it, a link to a directory is the directory, and no file is made",
    start: { "/t/d": { type: "directory", mode: 0o755 }, "/t/ld": { target: "d" } },
    steps: [
      file({ path: "/t/new/", state: "directory" }, true, { result: { path: "/t/new/" } }),
      file({ path: "/t/d/", mode: "0700" }, true, { result: { path: "/t/d/", mode: "0700" } }),
      file({ path: "/t/ld/", state: "directory", mode: "0750" }, true, { result: { path: "/t/ld/", mode: "0750" } }),
      file({ path: "/t/ld", state: "directory", mode: "0751" }, true, { result: { path: "/t/d" } }),
      file({ path: "/t/ld/", state: "touch", follow: false, mode: "0711" }, true, {
        ...touched,
        result: { dest: "/t/ld/", state: "directory", mode: "0711" },
      }),
      file({ path: "/t/f/", state: "touch" }, "failed", { failsLate: true, message: /could not touch target/ }),
      file({ path: "/t/new/", state: "absent" }, true, { result: { path: "/t/new/", state: "absent" } }),
    ],
    end: { "/t/d": { mode: 0o711 }, "/t/ld": { target: "d" }, "/t/f": undefined, "/t/new": undefined },
  },
  {
    name: "an empty mode is none",
    start: { "/t/f": { content: "x", mode: 0o640 } },
    steps: [
      file({ path: "/t/f", mode: "" }, false, { result: { mode: "0640" } }),
      file({ path: "/t/d", state: "directory", mode: "" }, true, { result: { mode: "0755" } }),
      step("copy", { content: "x", dest: "/t/new", mode: "" }, true, { result: { mode: "0644" } }),
    ],
    end: { "/t/f": { mode: 0o640 } },
  },
];
