// Scenarios of the module template.

import type { Scenario, Step } from "./scenario.js";
import { step } from "./scenario.js";

const template = (params: Step["params"], changed: Step["changed"], more: Partial<Step> = {}): Step =>
  step("template", params, changed, { vars, ...more });
const vars = { templated_var: "templated_var_loaded" };
const foo = { "templates/foo.j2": "{{templated_var}}\n" };
const loaded = "templated_var_loaded\n";

export const scenarios: readonly Scenario[] = [
  {
    name: "a template with its mode",
    start: { "/t": { type: "directory" } },
    files: foo,
    steps: [
      template({ src: "foo.j2", dest: "/t/foo.templated", mode: "0644" }, true, {
        result: { dest: "/t/foo.templated", state: "file", uid: 0, gid: 0, owner: "root", group: "root", size: 21 },
      }),
      template({ src: "foo.j2", dest: "/t/foo.templated", mode: "0644" }, false),
      step("file", { path: "/t/foo.templated", mode: "0644" }, false),
    ],
    end: { "/t/foo.templated": { content: loaded, mode: 0o644 } },
  },
  {
    name: "names that are not ASCII",
    start: { "/t": { type: "directory" } },
    files: { "templates/café.j2": "{{templated_var}}" },
    steps: [template({ src: "café.j2", dest: "/t/café.txt" }, true)],
    end: { "/t/café.txt": "templated_var_loaded" },
  },
  ...["comment_start_string", "variable_start_string", "block_start_string"].map((name): Scenario => ({
    name: `${name} is Jinja's and refused`,
    start: { "/t": { type: "directory" } },
    files: foo,
    steps: [template({ src: "foo.j2", dest: "/t/x", [name]: "[#" }, "failed", { message: /Handlebars/ })],
    end: { "/t/x": undefined },
    differs: "crun's templates are Handlebars",
  })),
  {
    name: "trim_blocks and lstrip_blocks are always on; false is refused",
    start: { "/t": { type: "directory" } },
    files: foo,
    steps: [
      template({ src: "foo.j2", dest: "/t/x", trim_blocks: false }, "failed", { message: /Handlebars/ }),
      template({ src: "foo.j2", dest: "/t/x", lstrip_blocks: false }, "failed", { message: /Handlebars/ }),
      template({ src: "foo.j2", dest: "/t/x", trim_blocks: true, lstrip_blocks: true }, true),
    ],
    end: { "/t/x": loaded },
    differs: "crun's templates are Handlebars",
  },
  {
    name: "into a directory whose attributes stay, with a slash",
    start: { "/t/dir": { type: "directory", mode: 0o755, uid: 65534 } },
    files: foo,
    steps: [
      template({ src: "foo.j2", dest: "/t/dir/", mode: "0600", owner: "root", group: "root" }, true),
      template({ src: "foo.j2", dest: "/t/dir/", mode: "0600", owner: "root", group: "root" }, false),
    ],
    end: { "/t/dir/foo.j2": { content: loaded, mode: 0o600, uid: 0 }, "/t/dir": { mode: 0o755, uid: 65534 } },
  },
  {
    name: "into a directory without a slash",
    start: { "/t/dir": { type: "directory" } },
    files: foo,
    steps: [
      template({ src: "foo.j2", dest: "/t/dir", mode: "0600", owner: "root" }, true),
      template({ src: "foo.j2", dest: "/t/dir", mode: "0600", owner: "root" }, false),
    ],
    end: { "/t/dir/foo.j2": { content: loaded, mode: 0o600 } },
  },
  {
    name: "through a link with follow",
    start: { "/t/foo.templated": { content: loaded, mode: 0o644 }, "/t/foo.symlink": { target: "/t/foo.templated" } },
    files: foo,
    steps: [
      template({ src: "foo.j2", dest: "/t/foo.symlink", mode: "0600", follow: true }, true),
      template({ src: "foo.j2", dest: "/t/foo.symlink", mode: "0600", follow: true }, false),
    ],
    end: { "/t/foo.symlink": { target: "/t/foo.templated" }, "/t/foo.templated": { content: loaded, mode: 0o600 } },
  },
  {
    name: "an unusual name",
    start: { "/t/names": { type: "directory" } },
    files: foo,
    steps: [
      template({ src: "foo.j2", dest: "/t/names/foo t'e~m\\plated" }, true),
      template({ src: "foo.j2", dest: "/t/names/foo t'e~m\\plated" }, false),
    ],
    end: { "/t/names/foo t'e~m\\plated": loaded },
  },
  {
    name: "check mode tells of a new file, of none, and of other content, and writes nothing",
    start: { "/t": { type: "directory" } },
    files: foo,
    steps: [
      template({ src: "foo.j2", dest: "/t/short" }, true, { isCheck: true }),
      template({ src: "foo.j2", dest: "/t/short" }, true),
      template({ src: "foo.j2", dest: "/t/short" }, false, { isCheck: true }),
      template({ src: "foo.j2", dest: "/t/short" }, true, { isCheck: true, vars: { templated_var: "changed" } }),
    ],
    end: { "/t/short": loaded },
  },
  {
    name: "a file with two names that has the content keeps both",
    start: { "/t/file": loaded },
    files: foo,
    steps: [
      step("file", { src: "/t/file", dest: "/t/hlink", state: "hard" }, true),
      template({ src: "foo.j2", dest: "/t/file" }, false),
    ],
    hardLinks: [["/t/file", "/t/hlink", true]],
  },
  {
    name: "Unix line ends",
    start: { "/t": { type: "directory" } },
    files: { "templates/foo2.j2": "BEGIN\n{{templated_var}}\nEND\n" },
    steps: [
      template({ src: "foo2.j2", dest: "/t/foo.unix", newline_sequence: "\\n" }, true),
      template({ src: "foo2.j2", dest: "/t/foo.unix" }, false),
    ],
    end: { "/t/foo.unix": "BEGIN\ntemplated_var_loaded\nEND\n" },
  },
  {
    name: "DOS line ends",
    start: { "/t": { type: "directory" } },
    files: { "templates/foo2.j2": "BEGIN\n{{templated_var}}\nEND\n" },
    steps: [
      template({ src: "foo2.j2", dest: "/t/foo.dos", newline_sequence: "\\r\\n" }, true),
      template({ src: "foo2.j2", dest: "/t/foo.dos", newline_sequence: "\\r\\n" }, false),
    ],
    end: { "/t/foo.dos": "BEGIN\r\ntemplated_var_loaded\r\nEND\r\n" },
  },
  {
    name: "mode preserve takes the template's",
    start: { "/t": { type: "directory" } },
    files: { "templates/odd.j2": { content: "{{templated_var}}\n", mode: 0o547 } },
    steps: [
      template({ src: "odd.j2", dest: "/t/foo-templated.txt", mode: "preserve" }, true, { result: { mode: "0547" } }),
    ],
    end: { "/t/foo-templated.txt": { content: loaded, mode: 0o547 } },
  },
  ...["", "utf-8", "windows-1252"].map((encoding): Scenario => ({
    name: `output_encoding ${JSON.stringify(encoding)}`,
    start: { "/t": { type: "directory" } },
    files: { "templates/encoding.j2": "windows-1252 Special Characters: €‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ ¡¢£Åÿ\n" },
    steps: [
      template({ src: "encoding.j2", dest: "/t/out", output_encoding: encoding }, true),
      template({ src: "encoding.j2", dest: "/t/out", output_encoding: encoding }, false),
    ],
    end: {
      "/t/out": {
        content:
          encoding === "windows-1252"
            ? Buffer.from(
                "windows-1252 Special Characters: \x80\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8e\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9e\x9f \xa1\xa2\xa3\xc5\xff\n",
                "latin1",
              )
            : "windows-1252 Special Characters: €‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ ¡¢£Åÿ\n",
      },
    },
  })),
  {
    name: "a backup keeps mode, owner and group",
    start: { "/t/dest.txt": { content: "", mode: 0o777, uid: 1, gid: 2 } },
    files: foo,
    steps: [template({ src: "foo.j2", dest: "/t/dest.txt", backup: true }, true)],
    end: { "/t/dest.txt": { content: loaded, mode: 0o777, uid: 1, gid: 2 } },
  },
  {
    name: "an empty template makes an empty file",
    start: { "/t": { type: "directory" } },
    files: { "templates/empty.j2": "" },
    steps: [
      template({ src: "empty.j2", dest: "/t/empty" }, true),
      template({ src: "empty.j2", dest: "/t/empty" }, false),
    ],
    end: { "/t/empty": "" },
  },
  {
    name: "validate",
    start: { "/t/x": "old\n" },
    files: foo,
    programs: ["grep"],
    steps: [
      template({ src: "foo.j2", dest: "/t/x", validate: "grep missing %s" }, "failed", {
        message: /failed to validate/,
      }),
      template({ src: "foo.j2", dest: "/t/x", validate: "grep loaded %s" }, true),
    ],
    end: { "/t/x": loaded },
  },
  {
    name: "a template that is nowhere, and no destination",
    start: { "/t": { type: "directory" } },
    files: foo,
    steps: [
      template({ src: "missing.j2", dest: "/t/x" }, "failed", { message: /missing.j2/ }),
      template({ src: "foo.j2" }, "failed", { message: /dest/ }),
    ],
    end: { "/t/x": undefined },
  },
];
