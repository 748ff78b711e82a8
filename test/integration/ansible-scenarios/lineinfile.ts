// Scenarios of the module lineinfile.

import type { Scenario, Step } from "./scenario.js";
import { step } from "./scenario.js";

const line = (params: Step["params"], changed: Step["changed"], more: Partial<Step> = {}): Step =>
  step("lineinfile", { path: "/t/f", ...params }, changed, more);

const text = "This is line 1\nThis is line 2\nREF this is a line for backrefs REF\nThis is line 4\nThis is line 5\n";
const multiple = "This is line 1\n\nThis is line 2\n\nThis is line 3\n\nThis is line 4\n";
const sections = "[section_one]\n\n[section_two]\n\n[section_three]\n";
const script = '#!/bin/sh\n\ncase "`uname`" in\n  Darwin*) if [ -z "$JAVA_HOME" ] ; then\n';
const literal = 'This is line 1\nThis is line 2\n(\\\\w)(\\\\s+)([\\\\.,])\nThis is line 4\n<FilesMatch ".py[45]?$">\n';
const options = ["option_one", "option_two", "option_three"].map((name, index) => ({
  regexp: `${name}=`,
  line: `${name}=${index + 1}`,
}));
const exportLine = 'export FISHEYE_OPTS="-Xmx4096m -Xms2048m"';

/** The same for `regexp` and `search_string`: settings that are added to a section, again, and once more without the pattern. */
function sectionScenarios(key: "regexp" | "search_string"): readonly Scenario[] {
  return (["insertafter", "insertbefore"] as const).map((where) => {
    const anchor = where === "insertafter" ? "section_one" : "section_three";
    const given = options.map((one) => ({ [key]: one.regexp, line: one.line, [where]: anchor }));
    const plain = options.map((one) => ({ line: one.line, [where]: anchor }));
    const added =
      where === "insertafter"
        ? "option_three=3\noption_two=2\noption_one=1\n"
        : "option_one=1\noption_two=2\noption_three=3\n";
    return {
      name: `settings with ${key} and ${where}, twice, then without ${key}`,
      start: { "/t/f": sections },
      steps: [
        ...given.map((one) => line(one, true)),
        ...given.map((one) => line(one, false)),
        ...plain.map((one) => line(one, false)),
      ],
      end: {
        "/t/f":
          where === "insertafter"
            ? `[section_one]\n${added}\n[section_two]\n\n[section_three]\n`
            : `[section_one]\n\n[section_two]\n\n${added}[section_three]\n`,
      },
    };
  });
}

/** firstmatch with the pattern and without it, both directions. */
function firstMatchScenarios(key: "regexp" | "search_string" | undefined): readonly Scenario[] {
  return (["insertafter", "insertbefore"] as const).map((where) => {
    const pattern = key === "regexp" ? "^export FISHEYE_OPTS" : "export FISHEYE_OPTS";
    const wish = {
      [where]: "^#!/bin/sh",
      firstmatch: true,
      line: exportLine,
      ...(key === undefined ? {} : { [key]: pattern }),
    };
    const extra = {
      insertbefore: String.raw`   Darwin\*\) if \[ -z \"\$JAVA_HOME\" \] ; then`,
      firstmatch: true,
      line: exportLine,
    };
    const head = where === "insertafter" ? `#!/bin/sh\n${exportLine}\n` : `${exportLine}\n#!/bin/sh\n`;
    return {
      name: `firstmatch with ${key ?? "no pattern"} and ${where}`,
      start: { "/t/f": script },
      steps: [
        line(wish, true),
        line(wish, false),
        ...(key === undefined && where === "insertbefore" ? [line(extra, false)] : []),
      ],
      end: { "/t/f": script.replace("#!/bin/sh\n", head) },
    };
  });
}

export const scenarios: readonly Scenario[] = [
  {
    name: "create makes the file and the directory above it",
    start: { "/t": { type: "directory" } },
    steps: [line({ path: "/t/a/a.txt", line: "First line", create: true }, true, { message: "line added" })],
    end: { "/t/a": { type: "directory", mode: 0o755 }, "/t/a/a.txt": { content: "First line\n", mode: 0o644 } },
  },
  {
    name: "a file that is missing is an error without create",
    steps: [
      line({ path: "/t/doesnotexist.txt", line: "x" }, "failed", {
        message: /Destination \/t\/doesnotexist.txt does not exist !/,
        result: { rc: 257 },
      }),
    ],
  },
  {
    name: "validate must name the file",
    start: { "/t/f": text },
    steps: [
      line({ line: "x", validate: "/some/path" }, "failed", { message: /validate must contain %s: \/some\/path/ }),
    ],
    end: { "/t/f": text },
  },
  {
    name: "a line at the beginning, with a backup, once",
    start: { "/t/f": { content: text, mode: 0o640, uid: 1, gid: 2 } },
    steps: [
      line({ line: "New line at the beginning", insertbefore: "BOF", backup: true }, true, { message: "line added" }),
      line({ line: "New line at the beginning", insertbefore: "BOF" }, false, { message: "", result: { backup: "" } }),
    ],
    end: { "/t/f": { content: `New line at the beginning\n${text}`, mode: 0o640, uid: 1, gid: 2 } },
  },
  {
    name: "a line at the end",
    start: { "/t/f": text },
    steps: [line({ line: "New line at the end", insertafter: "EOF" }, true, { message: "line added" })],
    end: { "/t/f": `${text}New line at the end\n` },
  },
  {
    name: "a line behind the first",
    start: { "/t/f": text },
    steps: [line({ line: "New line after line 1", insertafter: "^This is line 1$" }, true, { message: "line added" })],
    end: { "/t/f": text.replace("line 1\n", "line 1\nNew line after line 1\n") },
  },
  {
    name: "a line before the last",
    start: { "/t/f": text },
    steps: [
      line({ line: "New line before line 5", insertbefore: "^This is line 5$" }, true, { message: "line added" }),
    ],
    end: { "/t/f": text.replace("This is line 5", "New line before line 5\nThis is line 5") },
  },
  {
    name: "backrefs replace a matched line, and do nothing where none matches",
    start: { "/t/f": text },
    steps: [
      line({ line: "This is line 3", backrefs: true, regexp: "^(REF) .* \\1$" }, true, { message: "line replaced" }),
      line({ line: "This is line 3", backrefs: true, regexp: "^(REF) .* \\1$" }, false),
    ],
    end: { "/t/f": text.replace(/REF.*REF/, "This is line 3") },
  },
  {
    name: "a line is removed, once",
    start: { "/t/f": text },
    steps: [
      line({ state: "absent", regexp: "^This is line 2$" }, true, {
        message: "1 line(s) removed",
        result: { found: 1 },
      }),
      line({ state: "absent", regexp: "^This is line 2$" }, false, { message: "", result: { found: 0 } }),
    ],
    end: { "/t/f": text.replace("This is line 2\n", "") },
  },
  {
    name: "a validation that succeeds lets the change pass",
    start: { "/t/f": text },
    programs: ["true"],
    steps: [
      line({ state: "absent", regexp: "^This is line 5$", validate: "true %s" }, true, {
        message: "1 line(s) removed",
      }),
    ],
    end: { "/t/f": text.replace("This is line 5\n", "") },
  },
  {
    name: "a validation that fails leaves the file",
    start: { "/t/f": text },
    programs: ["false"],
    steps: [
      line({ state: "absent", regexp: "^This is line 1$", validate: "/bin/false %s" }, "failed", {
        message: /failed to validate: rc:1/,
      }),
    ],
    end: { "/t/f": text },
  },
  {
    name: "search_string: a line at the beginning, one replaced, one removed",
    start: { "/t/f": literal },
    steps: [
      line({ line: "New line at the beginning", insertbefore: "BOF", backup: true }, true),
      line({ line: "New line at the beginning", insertbefore: "BOF" }, false),
      line({ line: "Thi$ i^ [ine 3", search_string: "(\\\\w)(\\\\s+)([\\\\.,])" }, true, { message: "line replaced" }),
      line({ line: "Thi$ i^ [ine 3", search_string: "(\\\\w)(\\\\s+)([\\\\.,])" }, false),
      line({ state: "absent", search_string: "Thi$ i^ [ine 3" }, true, { message: "1 line(s) removed" }),
    ],
    end: {
      "/t/f": 'New line at the beginning\nThis is line 1\nThis is line 2\nThis is line 4\n<FilesMatch ".py[45]?$">\n',
    },
  },
  {
    name: "search_string: a validation that succeeds, one that fails",
    start: { "/t/f": literal },
    programs: ["true", "false"],
    steps: [
      line({ state: "absent", search_string: '<FilesMatch ".py[45]?$">', validate: "true %s" }, true, {
        message: "1 line(s) removed",
      }),
      line({ state: "absent", search_string: "This is line 1", validate: "/bin/false %s" }, "failed"),
    ],
    end: { "/t/f": literal.replace('<FilesMatch ".py[45]?$">\n', "") },
  },
  {
    name: "create with insertbefore BOF",
    start: { "/t": { type: "directory" } },
    steps: [line({ line: "This is a new file", create: true, insertbefore: "BOF" }, true, { message: "line added" })],
    end: { "/t/f": "This is a new file\n" },
  },
  {
    name: "a path that is not absolute is refused: a tree has no working directory",
    steps: [line({ path: "file.txt", create: true, line: "Test line" }, "failed", { message: /absolute path/ })],
    differs: "Ansible takes the login's home as working directory",
  },
  {
    name: "a line at the end of a file whose last newline is missing",
    start: { "/t/f": "This is line 1\nThis is line 2" },
    steps: [line({ line: "New line at the end", insertafter: "EOF" }, true, { message: "line added" })],
    end: { "/t/f": "This is line 1\nThis is line 2\nNew line at the end\n" },
  },
  {
    name: "several lines at once",
    start: { "/t/f": text },
    steps: [
      line({ line: "This is a line\nwith \\n character", insertafter: "EOF" }, true, {
        message: "line added",
        isNeverConverged: true,
      }),
    ],
    end: { "/t/f": `${text}This is a line\nwith \\n character\n` },
  },
  {
    name: "a line at the end of an empty file",
    start: { "/t/f": "" },
    steps: [line({ line: "New line at the end", insertafter: "EOF" }, true, { message: "line added" })],
    end: { "/t/f": "New line at the end\n" },
  },
  {
    name: "a group of the match is filled into the line",
    start: { "/t/f": text },
    steps: [
      line({ line: "New \\1 created with the backref", backrefs: true, regexp: "^This is (line 4)$" }, true, {
        message: "line replaced",
      }),
    ],
    end: { "/t/f": text.replace("This is line 4", "New line 4 created with the backref") },
  },
  {
    name: "lines that look like code are taken as they are",
    start: { "/t/f": "" },
    steps: [
      ...["'foo'", "dotenv.load();", "var dotenv = require('dotenv');"].map((one) =>
        line({ line: one, insertbefore: "BOF" }, true),
      ),
      line({ line: "import g'" }, true),
      line({ line: '"quote" and "unquote"' }, true),
    ],
    end: { "/t/f": "var dotenv = require('dotenv');\ndotenv.load();\n'foo'\nimport g'\n\"quote\" and \"unquote\"\n" },
  },
  ...(["insertafter", "insertbefore"] as const).map((where): Scenario => ({
    name: `the same line ${where} different lines is added once only`,
    start: { "/t/f": multiple },
    steps: [true, false, false, false, false, false, false, false].map((changed, index) =>
      line({ [where]: String((index % 4) + 1), line: "bar" }, changed),
    ),
    end: { "/t/f": where === "insertafter" ? multiple.replace("line 1\n", "line 1\nbar\n") : `bar\n${multiple}` },
  })),
  ...sectionScenarios("regexp"),
  ...sectionScenarios("search_string"),
  {
    name: "insertbefore that matches nothing in an empty file, and in one of one line",
    start: { "/t/f": "" },
    steps: [
      line({ line: "top", insertbefore: "^not in the file$" }, true),
      line({ line: "top", insertbefore: "^not in the file$" }, false),
    ],
    end: { "/t/f": "top\n" },
  },
  {
    name: "an empty regexp matches every line: the last is replaced, with a warning",
    start: { "/t/f": text },
    steps: [line({ regexp: "", line: "This is line 6" }, true, { warning: /regular expression is (an )?empty/ })],
    end: { "/t/f": text.replace("This is line 5", "This is line 6") },
  },
  {
    name: "an empty search_string matches every line: the last is replaced, with a warning",
    start: { "/t/f": literal },
    steps: [line({ search_string: "", line: "This is line 6" }, true, { warning: /search string is (an )?empty/ })],
    end: { "/t/f": literal.replace('<FilesMatch ".py[45]?$">', "This is line 6") },
  },
  {
    name: "firstmatch takes the first of several equal lines",
    start: { "/t/f": "line1\nline1\nline1\nline2\nline3\n" },
    steps: [
      line({ line: "INSERT", insertafter: "line1", firstmatch: true }, true),
      line({ line: "INSERT", insertafter: "line1", firstmatch: true }, false),
    ],
    end: { "/t/f": "line1\nINSERT\nline1\nline1\nline2\nline3\n" },
  },
  ...firstMatchScenarios("regexp"),
  ...firstMatchScenarios(undefined),
  ...firstMatchScenarios("search_string"),
  ...(["regexp", "search_string"] as const).map((key): Scenario => ({
    name: `a line behind the last one, with ${key}`,
    start: { "/t": { type: "directory" } },
    steps: [
      line({ create: true, line: "testline" }, true),
      line({ insertafter: "testline", [key]: "line at the end", line: "line at the end" }, true),
    ],
    end: { "/t/f": "testline\nline at the end\n" },
  })),
  {
    name: "a link is followed, and stays; the backup is a file",
    start: { "/t/test.txt": text, "/t/f": { target: "/t/test.txt" } },
    steps: [line({ line: "#Line", backup: true }, true, { message: "line added" })],
    end: { "/t/f": { target: "/t/test.txt" }, "/t/test.txt": `${text}#Line\n` },
  },
  {
    name: "a directory is refused",
    start: { "/t/d": { type: "directory" } },
    steps: [
      line({ path: "/t/d", line: "x" }, "failed", { message: /Path \/t\/d is a directory !/, result: { rc: 256 } }),
    ],
  },
  {
    name: "what lineinfile needs to know is asked for",
    start: { "/t/f": text },
    steps: [
      line({}, "failed", { message: /line is required with state=present/ }),
      line({ line: "x", backrefs: true }, "failed", { message: /regexp is required with backrefs=true/ }),
      line({ state: "absent" }, "failed", {
        message: /one of line, search_string, or regexp is required with state=absent/,
      }),
      line({ line: "x", insertafter: "a", insertbefore: "b" }, "failed"),
      line({ line: "x", regexp: "a", search_string: "b" }, "failed"),
    ],
    end: { "/t/f": text },
  },
  {
    name: "absent where there is no file converges",
    steps: [line({ state: "absent", line: "x" }, false, { message: "file not present" })],
    end: { "/t/f": undefined },
  },
  {
    name: "attributes are brought into line with the edit and without it",
    start: { "/t/f": { content: "a\n", mode: 0o644 } },
    steps: [
      line({ line: "b", mode: "0600" }, true, {
        message: "line added and ownership, perms or SE linux context changed",
      }),
      line({ line: "b", mode: "0640" }, true, { message: "ownership, perms or SE linux context changed" }),
      line({ line: "b", mode: "0640" }, false, { message: "" }),
    ],
    end: { "/t/f": { content: "a\nb\n", mode: 0o640 } },
  },
  {
    name: "the last match is replaced, not the first, and all matches are removed",
    start: { "/t/f": "a=1\nb=2\na=3\n" },
    steps: [
      line({ regexp: "^a=", line: "a=9" }, true),
      line({ regexp: "^a=", state: "absent" }, true, { message: "2 line(s) removed", result: { found: 2 } }),
    ],
    end: { "/t/f": "b=2\n" },
  },
  {
    name: "a line is exact: one with a carriage return is the same but for its end",
    start: { "/t/f": "a\r\nb\r\n" },
    steps: [line({ line: "a" }, true, { message: "line replaced" }), line({ line: "a" }, false)],
    end: { "/t/f": "a\nb\r\n" },
  },
  {
    name: "bytes that are no UTF-8 survive",
    start: { "/t/f": { content: Uint8Array.from([0x61, 0xff, 0xfe, 0x0a, 0xe9, 0x0a]) } },
    steps: [line({ line: "b" }, true)],
    end: { "/t/f": { content: Uint8Array.from([0x61, 0xff, 0xfe, 0x0a, 0xe9, 0x0a, 0x62, 0x0a]) } },
  },
  {
    name: "named groups, a dollar before the newline, and flags at the front",
    start: { "/t/f": "Listen 80\nServerName X\n" },
    steps: [
      line({ regexp: "(?i)^(?P<key>listen) (?P<port>\\d+)$", line: "\\g<key> 8\\g<port>", backrefs: true }, true, {
        message: "line replaced",
        isNeverConverged: true,
      }),
      line({ regexp: "\\AServerName\\s+X\\Z", line: "never", state: "absent" }, false),
    ],
    end: { "/t/f": "Listen 880\nServerName X\n" },
  },
  {
    name: "a line behind a last one whose newline is missing",
    start: { "/t/f": "a\nb" },
    steps: [line({ line: "c", insertafter: "^b" }, true)],
    end: { "/t/f": "a\nb\nc\n" },
    differs: "Ansible glues the new line to the last one",
  },
];
