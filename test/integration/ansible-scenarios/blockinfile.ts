// Scenarios of the module blockinfile.

import type { Scenario, Step } from "./scenario.js";
import { step } from "./scenario.js";

const block = (params: Step["params"], changed: Step["changed"], more: Partial<Step> = {}): Step =>
  step("blockinfile", { path: "/t/f", ...params }, changed, more);
const begin = "# BEGIN ANSIBLE MANAGED BLOCK\n";
const end = "# END ANSIBLE MANAGED BLOCK\n";

const listener = `LISTENER=(ADDRESS_LIST=(KEY=LISTENER)) # line added by Agent
SID_LIST_LISTENER_DG =
    (SID_LIST =
        (SID_DESC =
            (SID_NAME = DB011)
        )
    )

SID_LIST_LISTENER =
    (SID_LIST =
        (SID_DESC =
            (SID_NAME = DB021)
        )
    )
`;
const entry = "    (SID_DESC =\n      (SID_NAME = DB031)\n    )\n";

export const scenarios: readonly Scenario[] = [
  {
    name: "a block is added to a file, with a backup, once",
    start: { "/t/f": { content: "Port 22\nUsePAM yes\n", mode: 0o600 } },
    steps: [
      block({ block: "Match User agent\nPasswordAuthentication no\n", backup: true }, true, {
        message: "Block inserted",
      }),
      block({ block: "Match User agent\nPasswordAuthentication no\n" }, false, { message: "" }),
    ],
    end: {
      "/t/f": {
        content: `Port 22\nUsePAM yes\n${begin}Match User agent\nPasswordAuthentication no\n${end}`,
        mode: 0o600,
      },
    },
  },
  {
    name: "a block whose last newline is missing gets one",
    start: { "/t": { type: "directory" } },
    steps: [
      block({ create: true, content: "one\ntwo\nthree" }, true, { message: "File created" }),
      block({ create: true, content: "one\ntwo\nthree" }, false),
    ],
    end: { "/t/f": `${begin}one\ntwo\nthree\n${end}` },
  },
  {
    name: "create makes the directories above too",
    start: { "/t/unreadable": { type: "directory", mode: 0 } },
    steps: [block({ path: "/t/unreadable/createme/file.txt", block: "line 1\nline 2\n", create: true }, true)],
    end: { "/t/unreadable/createme/file.txt": `${begin}line 1\nline 2\n${end}`, "/t/unreadable": { mode: 0 } },
  },
  {
    name: "a file is made with the block, and is empty when the block is taken out",
    start: { "/t": { type: "directory" } },
    steps: [
      block({ block: "Hey\nthere\n", create: true }, true, { message: /File created/ }),
      block({ block: "Hey\nthere\n", state: "absent", create: true }, true, { message: /Block removed/ }),
    ],
    end: { "/t/f": { content: "", mode: 0o644 } },
  },
  {
    name: "a file without a newline gets one before the block",
    start: { "/t/f": "# File with no newline" },
    steps: [block({ content: "one\ntwo\nthree\n" }, true), block({ content: "one\ntwo\nthree\n" }, false)],
    end: { "/t/f": `# File with no newline\n${begin}one\ntwo\nthree\n${end}` },
  },
  {
    name: "insertafter",
    start: { "/t/f": "line1\nline2\nline3\n" },
    steps: [
      block({ insertafter: "line2", block: "block1\nblock2\n" }, true),
      block({ insertafter: "line2", block: "block1\nblock2\n" }, false),
    ],
    end: { "/t/f": `line1\nline2\n${begin}block1\nblock2\n${end}line3\n` },
  },
  {
    name: "insertbefore",
    start: { "/t/f": "line1\nline2\nline3\n" },
    steps: [
      block({ insertbefore: "line2", block: "block1\nblock2\n" }, true),
      block({ insertbefore: "line2", block: "block1\nblock2\n" }, false),
    ],
    end: { "/t/f": `line1\n${begin}block1\nblock2\n${end}line2\nline3\n` },
  },
  {
    name: "insertbefore BOF",
    start: { "/t/f": "line1\n" },
    steps: [block({ insertbefore: "BOF", block: "b" }, true)],
    end: { "/t/f": `${begin}b\n${end}line1\n` },
  },
  {
    name: "a pattern over several lines needs (?m); without it the block goes to the end",
    start: { "/t/f": listener },
    steps: [
      block(
        {
          block: entry,
          insertafter: "(?m)SID_LIST_LISTENER_DG =\\n.*\\(SID_LIST =",
          marker: "    <!-- {mark} BLOCK 1-->",
        },
        true,
      ),
      block(
        {
          block: entry,
          insertafter: "(?m)SID_LIST_LISTENER_DG =\\n.*\\(SID_LIST =",
          marker: "    <!-- {mark} BLOCK 1-->",
        },
        false,
      ),
      block(
        { block: entry, insertafter: "SID_LIST_LISTENER_DG =\\n.*\\(SID_LIST =", marker: "    <!-- {mark} BLOCK 2-->" },
        true,
      ),
    ],
    end: {
      "/t/f": `${listener.replace("    (SID_LIST =\n", `    (SID_LIST =\n    <!-- BEGIN BLOCK 1-->\n${entry}    <!-- END BLOCK 1-->\n`)}    <!-- BEGIN BLOCK 2-->\n${entry}    <!-- END BLOCK 2-->\n`,
    },
  },
  {
    name: "line ends of the file and of the block stay as they are",
    start: { "/t/f": `unix\n\ndos\r\ndos\r\n\nunix\n${begin}dos\r\n${end}unix\n` },
    steps: [
      block({ block: "dos\r\ndos\r\ndos\r\n" }, true, { message: "Block inserted" }),
      block({ block: "dos\r\ndos\r\ndos\r\n" }, false),
    ],
    end: { "/t/f": `unix\n\ndos\r\ndos\r\n\nunix\n${begin}dos\r\ndos\r\ndos\r\n${end}unix\n` },
  },
  {
    name: "validate must name the file",
    start: { "/t": { type: "directory" } },
    steps: [
      block({ block: "line1\nline2\n", create: true, validate: "grep" }, "failed", {
        message: /validate must contain %s/,
      }),
    ],
    end: { "/t/f": undefined },
  },
  {
    name: "a validation that fails leaves no file, one that succeeds does",
    start: { "/t": { type: "directory" } },
    programs: ["grep"],
    steps: [
      block({ block: "line1\nline2\n", create: true, validate: "grep line47 %s" }, "failed", {
        message: /failed to validate/,
      }),
      block({ block: "line1\nline2\n", create: true, validate: "grep line1 %s" }, true),
    ],
    end: { "/t/f": `${begin}line1\nline2\n${end}` },
  },
  {
    name: "another marker, with words of its own",
    start: { "/t/f": "a\n" },
    steps: [
      block({ block: "b", marker: "; {mark} mine", marker_begin: "OPEN", marker_end: "CLOSE" }, true),
      block({ block: "c", marker: "; {mark} mine", marker_begin: "OPEN", marker_end: "CLOSE" }, true, {
        message: "Block inserted",
      }),
    ],
    end: { "/t/f": "a\n; OPEN mine\nc\n; CLOSE mine\n" },
  },
  {
    name: "an empty block takes the block out, wherever it is",
    start: { "/t/f": `a\n${begin}x\n${end}b\n` },
    steps: [block({ block: "" }, true, { message: "Block removed" }), block({ block: "" }, false)],
    end: { "/t/f": "a\nb\n" },
  },
  {
    name: "markers in the wrong order are found all the same",
    start: { "/t/f": `a\n${end}x\n${begin}b\n` },
    steps: [block({ block: "y" }, true), block({ block: "y" }, false)],
    end: { "/t/f": `a\n${begin}y\n${end}b\n` },
  },
  {
    name: "a block that is there stays in its place whatever insertafter says",
    start: { "/t/f": `a\n${begin}x\n${end}b\n` },
    steps: [block({ block: "x", insertafter: "b" }, false), block({ block: "y", insertafter: "b" }, true)],
    end: { "/t/f": `a\n${begin}y\n${end}b\n` },
  },
  {
    name: "absent in a file whose last newline is missing ends the line",
    start: { "/t/f": "a" },
    steps: [block({ state: "absent" }, true, { message: "Block removed" }), block({ state: "absent" }, false)],
    end: { "/t/f": "a\n" },
  },
  {
    name: "missing file: an error, or with create and absent nothing to do",
    steps: [
      block({ block: "x" }, "failed", { message: /Path \/t\/f does not exist !/, result: { rc: 257 } }),
      block({ state: "absent", create: true }, false, { message: /not present/ }),
    ],
    end: { "/t/f": undefined },
  },
  {
    name: "a directory is refused",
    start: { "/t/d": { type: "directory" } },
    steps: [
      block({ path: "/t/d", block: "x" }, "failed", { message: /Path \/t\/d is a directory !/, result: { rc: 256 } }),
    ],
  },
  {
    name: "a link is followed and stays",
    start: { "/t/real": "a\n", "/t/f": { target: "real" } },
    steps: [block({ block: "x" }, true)],
    end: { "/t/f": { target: "real" }, "/t/real": `a\n${begin}x\n${end}` },
  },
  {
    name: "attributes with the block and without",
    start: { "/t/f": { content: "a\n", mode: 0o644 } },
    steps: [
      block({ block: "x", mode: "0600" }, true, {
        message: "Block inserted and ownership, perms or SE linux context changed",
      }),
      block({ block: "x", mode: "0640", group: "2" }, true, {
        message: "ownership, perms or SE linux context changed",
      }),
      block({ block: "x", mode: "0640", group: "2" }, false),
    ],
    end: { "/t/f": { content: `a\n${begin}x\n${end}`, mode: 0o640, gid: 2 } },
  },
];
