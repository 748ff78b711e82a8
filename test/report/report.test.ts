// Reports say what happened: to people in lines, to programs in JSON.

import assert from "node:assert/strict";
import type { EngineEvent, TaskResultEvent } from "../../src/engine/events.js";
import { clean, cleanJson, cleanLine } from "../../src/report/clean.js";
import { jsonReport } from "../../src/report/json.js";
import { linesOf } from "../../src/report/lines.js";
import { paintOf } from "../../src/report/paint.js";
import { plainReport } from "../../src/report/plain.js";
import { unifiedDiff } from "../../src/report/unified-diff.js";

const paint = paintOf(false);
const options = { paint, showsDiffs: true, verbosity: 0 };

function result(parts: Partial<TaskResultEvent>): TaskResultEvent {
  return {
    event: "result",
    play: "p",
    task: "Write it",
    module: "copy",
    place: { file: "site.yml", line: 3, column: 5 },
    target: "local:web1",
    status: "changed",
    isHandler: false,
    isIgnored: false,
    isRescued: false,
    mayChange: false,
    result: {},
    diffs: [],
    warnings: [],
    durationMs: 1,
    ...parts,
  };
}

describe("report in lines", () => {
  it("says status, target and task of what changed", () => {
    assert.equal(linesOf(result({}), options), "changed     local:web1  Write it");
  });
  it("says what came of transactions, and what to do about one that was not swapped in", () => {
    const event = { event: "transaction", target: "local:web1", path: "/srv/web1" } as const;
    assert.equal(
      linesOf({ ...event, outcome: "swapped", message: "swapped in", old: 3 }, options),
      "swapped     local:web1  swapped in",
    );
    assert.equal(
      linesOf({ ...event, outcome: "failed", message: "not swapped in: \u001b[31mno", remedy: "Play again." }, options),
      "failed      local:web1  not swapped in: \\x1b[31mno\n  Play again.",
    );
  });
  it("shows what a rehearsal has changed, name by name, with what differs in text under it", () => {
    const text = linesOf(
      {
        event: "rehearsal",
        target: "local:web1",
        path: "/srv/web1",
        summary: "1 added, 1 changed",
        lines: ["~ /etc/motd  content (2 bytes)", "+ /etc/odd\nname  file, 0644, owner 0:0, 0 bytes"],
        differences: [
          { path: "/etc/motd", kind: "changed" },
          { path: "/etc/odd\nname", kind: "added" },
        ],
        diffs: [{ title: "/etc/motd", before: "a\n", after: "b\n" }],
      },
      options,
    );
    assert.equal(
      text,
      `
REHEARSAL local:web1 (1 added, 1 changed; the tree itself is as it was)
  ~ /etc/motd  content (2 bytes)
    --- /etc/motd
    +++ /etc/motd
    @@ -1,1 +1,1 @@
    -a
    +b
  + /etc/odd\\nname  file, 0644, owner 0:0, 0 bytes`,
    );
  });
  it("keeps still about what is as wanted, unless -v asks", () => {
    assert.equal(linesOf(result({ status: "ok" }), options), undefined);
    assert.match(
      linesOf(result({ status: "ok", result: { dest: "/x" } }), { ...options, verbosity: 1 }) ?? "",
      /^ok .*\n {2}\{"dest":"\/x"\}$/,
    );
  });
  it("shows the line of a template file in which something is missing, beneath the task's place", () => {
    const finding = {
      severity: "error",
      summary: 'the item has no "nme"',
      place: { file: "templates/a.hbs", line: 7, column: 3 },
      source: "{{nme}}",
    } as const;
    const failed = { status: "failed", message: finding.summary, remedy: 'Did you mean "name"?' } as const;
    assert.equal(
      linesOf(result({ ...failed, diagnostics: [finding] }), options),
      'failed      local:web1  Write it\n  copy at site.yml:3:5\n  the item has no "nme"\n  at templates/a.hbs:7:3\n  7 | {{nme}}\n    |   ^\n  Did you mean "name"?',
    );
    const own = { ...finding, place: { file: "site.yml", line: 3, column: 20 } };
    assert.doesNotMatch(linesOf(result({ ...failed, diagnostics: [own] }), options) ?? "", /\^/);
  });
  it("shows module, place, message, the command's stderr and what to do where a task failed", () => {
    const text = linesOf(
      result({
        status: "failed",
        message: "non-zero return code",
        remedy: "Try again.",
        result: { rc: 3, stdout: "", stderr: "E: no\n" },
      }),
      options,
    );
    assert.equal(
      text,
      "failed      local:web1  Write it\n  copy at site.yml:3:5\n  non-zero return code (exit status 3)\n  stderr:\n    E: no\n  Try again.",
    );
  });
  it("does not show once more what a message has quoted already", () => {
    const text = linesOf(
      result({
        status: "failed",
        message: "tool ended with 2: E: no such package",
        result: { rc: 2, stdout: "", stderr: "I: looking\nE: no such package\nI: ended\n" },
      }),
      options,
    );
    assert.equal(
      text,
      "failed      local:web1  Write it\n  copy at site.yml:3:5\n  tool ended with 2: E: no such package",
    );
  });
  it("tells rescued, ignored and uncertain results from plain ones", () => {
    assert.match(linesOf(result({ status: "failed", isRescued: true }), options) ?? "", /^rescued/);
    assert.match(linesOf(result({ status: "failed", isIgnored: true }), options) ?? "", /^ignored/);
    assert.match(linesOf(result({ mayChange: true }), options) ?? "", /^may change/);
  });
  it("prints what debug says, always", () => {
    assert.match(
      linesOf(result({ status: "ok", module: "debug", result: { msg: "hello", changed: false } }), options) ?? "",
      /\n {2}hello$/,
    );
  });
  it("prints what debug says in a loop, without what the loop adds", () => {
    const loop = { ansible_loop_var: "one", item: 1, one: 1, ansible_index_var: "n", n: 0, changed: false };
    const lines = (fields: Readonly<Record<string, unknown>>, verbosity: number): string | undefined =>
      linesOf(result({ status: "ok", module: "debug", result: fields }), { ...options, verbosity });
    assert.match(lines({ msg: "hello", ...loop }, 0) ?? "", /Write it\n {2}hello$/);
    assert.match(lines({ item: 1, ansible_loop_var: "item", changed: false }, 0) ?? "", /Write it\n {2}item: 1$/);
    assert.equal(lines({ results: [], msg: "All items completed" }, 1), undefined);
  });
  it("shows unified diffs with -D", () => {
    const diffs = [{ title: "/etc/x", before: "a\nb\n", after: "a\nc\n" }];
    assert.match(
      linesOf(result({ diffs }), options) ?? "",
      /--- \/etc\/x\n\+\+\+ \/etc\/x\n@@ -1,2 \+1,2 @@\n a\n-b\n\+c$/,
    );
    assert.doesNotMatch(linesOf(result({ diffs }), { ...options, showsDiffs: false }) ?? "", /@@/);
  });
  it("ends with Ansible's recap", () => {
    const counts = { ok: 5, changed: 3, failed: 0, skipped: 1, unreachable: 0, rescued: 0, ignored: 0 };
    const text = linesOf({ event: "recap", targets: { "local:web1": counts }, durationMs: 1234 }, options);
    assert.match(
      text ?? "",
      /^\nRECAP \(1 target, 1\.23 s\)\nlocal:web1 : ok=5 +changed=3 +unreachable=0 +failed=0 +skipped=1 +rescued=0 +ignored=0$/,
    );
  });
  it("lets no tree move the cursor or fake lines", () => {
    const text =
      linesOf(result({ status: "failed", target: "x\u001b[2J", message: "a\u001b]0;t\u0007\rb" }), options) ?? "";
    // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f]/);
    assert.match(text, /\\x1b\[2J/);
  });
});

describe("unified diff", () => {
  it("marks a new file and one that goes", () => {
    assert.match(
      unifiedDiff({ title: "/a", before: undefined, after: "x\n" }, paint),
      /^--- \/dev\/null\n\+\+\+ \/a\n@@ -0,0 \+1,1 @@\n\+x/,
    );
    assert.match(unifiedDiff({ title: "/a", before: "x\n", after: undefined }, paint), /^--- \/a\n\+\+\+ \/dev\/null/);
  });
  it("says where a last newline is missing", () => {
    assert.match(unifiedDiff({ title: "/a", before: "x\n", after: "x" }, paint), /No newline at end of file/);
  });
  it("has no other header than the two names", () => {
    assert.match(unifiedDiff({ title: "/a", before: "x\n", after: "y\n" }, paint), /^--- \/a\n\+\+\+ \/a\n@@/);
  });
  it("is empty where nothing differs", () =>
    assert.equal(unifiedDiff({ title: "/a", before: "x", after: "x" }, paint), ""));
});

describe("clean text", () => {
  it("shows control characters, invalid bytes and characters that turn the direction", () => {
    assert.equal(clean("a\u001bb\udcffc\u202ed\u061c\te\n"), "a\\x1bb\\xffc\\u202ed\\u061c\te\n");
    assert.equal(cleanLine("a\nb"), "a\\nb");
  });
  it("escapes in JSON what a terminal would obey, and the value stays the same", () => {
    const value = { text: "a\u009b2Jb\u202ec\u007f" };
    const json = cleanJson(JSON.stringify(value));
    assert.equal(json, String.raw`{"text":"a\u009b2Jb\u202ec\u007f"}`);
    assert.deepEqual(JSON.parse(json), value);
  });
  it("leaves other text as it is", () => assert.equal(clean("ü 𝛼 日本"), "ü 𝛼 日本"));
});

describe("report as JSON lines", () => {
  it("writes one object a line, the recap last with the counts under the targets' names", () => {
    let text = "";
    const report = jsonReport((part) => (text += part));
    const counts = { ok: 1, changed: 0, failed: 0, skipped: 0, unreachable: 0, rescued: 0, ignored: 0 };
    const events: EngineEvent[] = [
      result({ result: { size: 5n } }),
      { event: "output", target: "a", task: "t", stream: "stdout", data: Buffer.from("hi\n") },
      { event: "recap", targets: { a: counts }, durationMs: 1 },
    ];
    for (const event of events) report(event);
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line): Record<string, unknown> => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ event }) => event),
      ["result", "output", "recap"],
    );
    assert.deepEqual(lines[0]?.["result"], { size: 5 });
    assert.equal(lines[1]?.["data"], "hi\n");
    assert.deepEqual(lines[2]?.["targets"], { a: counts });
  });
});

describe("report in plain text", () => {
  it("shows live output in whole lines with -v", () => {
    let text = "";
    const report = plainReport({ ...options, verbosity: 1 }, (part) => (text += part));
    for (const data of ["a", "b\nc", "d\n"])
      report({ event: "output", target: "t", task: "x", stream: "stdout", data: Buffer.from(data) });
    assert.equal(text, "t | ab\nt | cd\n");
  });
});
