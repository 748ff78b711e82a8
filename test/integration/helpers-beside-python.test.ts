// Helpers beside the Python that Ansible's filters are made of: what one writes the other reads, what one computes the other does.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import fc from "fast-check";
import { createScope, rawLayer } from "../../src/playbook/scope/scope.js";
import { templateOfText } from "../../src/playbook/template/template.js";
import { requireOrSkip } from "../lab/needs.js";
import { run } from "../lab/process.js";

const script = join(process.cwd(), "test/integration/helpers-beside-python/answer.py");

function python(questions: readonly (readonly unknown[])[]): unknown[] {
  const done = spawnSync("/usr/bin/python3", [script], {
    input: JSON.stringify(questions),
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C.UTF-8" },
  });
  assert.equal(done.status, 0, done.stderr);
  const answers: unknown = JSON.parse(done.stdout);
  assert.ok(Array.isArray(answers));
  return answers;
}

function crun(expression: string, values: Readonly<Record<string, unknown>>): unknown {
  return templateOfText("t", `{{${expression}}}`).render(createScope([rawLayer("values", values)]));
}

interface Law<T> {
  readonly name: string;
  readonly values: fc.Arbitrary<T>;
  /** What Python is asked. */
  ask(value: T): readonly unknown[];
  /** What it must answer. */
  expected(value: T): unknown;
}

function law<T>(one: Law<T>): void {
  it(one.name, () => {
    const sample = fc.sample(one.values, 250);
    const answers = python(sample.map((value) => one.ask(value)));
    for (const [index, value] of sample.entries())
      assert.deepEqual(answers[index], one.expected(value), JSON.stringify([value, one.ask(value)]));
  });
}

const word = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,8}$/);
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc.constantFrom(
    "yes",
    "no",
    "y",
    "n",
    "on",
    "null",
    "~",
    "",
    "1",
    "1e3",
    "0x1f",
    "012",
    "1_000",
    "1.5",
    "- a",
    "a: b",
    ":a",
    "?a",
    "#c",
    "a #b",
    "[",
    "{}",
    "*a",
    "&b",
    "!c",
    "%d",
    "@e",
    "`f",
    "'",
    '"',
    "a\nb\n",
    "a\n",
    "\n",
    "\tx",
    " x ",
    "2026-01-01",
    "12:30:45",
    "=",
    "<<",
    "...",
    "---",
  ),
);
const scalar = fc.oneof(
  text,
  fc.integer(),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((one) => !Object.is(one, -0)),
);
const tree = fc.letrec<{ readonly any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(word, text), tie("any"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).any;
const map = fc.dictionary(fc.oneof(word, text), tree, { maxKeys: 5, noNullPrototype: true });
const line = fc.string({ unit: "grapheme-ascii", maxLength: 12 }).map((one) => one.trim());

describe("helpers beside Python", function () {
  this.timeout(60_000);
  before(function () {
    requireOrSkip(this, { tools: ["ansible-playbook"] });
  });

  law({
    name: "to_toml is read as what it was made of",
    values: map,
    ask: (value) => ["toml", crun("to_toml value", { value })],
    expected: (value) => value,
  });
  law({
    name: "from_toml reads what to_toml writes",
    values: map,
    ask: (value) => ["json", crun("to_json (from_toml (to_toml value))", { value })],
    expected: (value) => value,
  });
  for (const helper of ["to_yaml", "to_nice_yaml", "to_nice_yaml value indent=2", "to_yaml value width=20"])
    law({
      name: `${helper} is read by a reader of YAML 1.1 as what it was made of`,
      values: tree,
      ask: (value) => ["yaml", crun(helper.includes(" ") ? helper : `${helper} value`, { value })],
      expected: (value) => value,
    });
  for (const helper of ["to_json value", "to_nice_json value", "to_json value ensure_ascii=false indent=1"])
    law({
      name: `${helper} is read as what it was made of`,
      values: tree,
      ask: (value) => ["json", crun(helper, { value })],
      expected: (value) => value,
    });
  law({
    name: "to_ini is read as what it was made of, as text",
    values: fc.dictionary(
      word.filter((one) => one !== "DEFAULT"),
      fc.dictionary(word, fc.oneof(line, fc.integer()), { maxKeys: 4, noNullPrototype: true }),
      { maxKeys: 4, noNullPrototype: true },
    ),
    ask: (value) => ["ini", crun("to_ini value", { value })],
    expected: (value) =>
      Object.fromEntries(
        Object.entries(value).map(([name, fields]) => [
          name,
          Object.fromEntries(Object.entries(fields).map(([key, one]) => [key, String(one)])),
        ]),
      ),
  });
  law({
    name: "from_ini reads as configparser does",
    values: fc
      .array(
        fc.tuple(
          word.filter((one) => one !== "DEFAULT"),
          fc.uniqueArray(fc.tuple(word, line), { selector: ([key]) => key, maxLength: 4 }),
        ),
        { maxLength: 3 },
      )
      .map((sections) => [...new Map(sections)]),
    ask: (sections) => ["ini", iniText(sections)],
    expected: (sections) => crun("from_ini text", { text: iniText(sections) }),
  });
  law({
    name: "strftime writes the same dates",
    values: fc.tuple(
      fc.constantFrom(
        "%Y-%m-%d",
        "%H:%M:%S",
        "%j",
        "%U",
        "%W",
        "%V",
        "%G",
        "%u",
        "%w",
        "%a %A",
        "%b %B",
        "%y",
        "%I %p",
        "%F %T",
        "%D",
        "%e",
        "%C",
        "%g",
        "%%",
        "%-d.%-m.",
        "%c",
        "%R",
      ),
      fc.integer({ min: -2_000_000_000, max: 4_000_000_000 }),
    ),
    ask: ([pattern, seconds]) => ["strftime", pattern, seconds],
    expected: ([pattern, seconds]) => crun("strftime pattern seconds utc=true", { pattern, seconds }),
  });
  law({
    name: "random chooses the same number for the same seed",
    values: fc.tuple(fc.integer({ min: 1, max: 2 ** 45 }), fc.oneof(text, fc.integer())),
    ask: ([end, seed]) => ["random", end, seed],
    expected: ([end, seed]) => crun("random end seed=seed", { end, seed }),
  });
  law({
    name: "shuffle chooses the same order for the same seed",
    values: fc.tuple(fc.array(fc.integer(), { maxLength: 30 }), fc.oneof(text, fc.integer())),
    ask: ([items, seed]) => ["shuffle", items, seed],
    expected: ([items, seed]) => crun("shuffle items seed", { items, seed }),
  });
  law({
    name: "urlencode escapes the same",
    values: text,
    ask: (value) => ["quote", value],
    expected: (value) => crun("urlencode value", { value }),
  });
  law({
    name: "round gives the same number",
    values: fc.tuple(
      fc.oneof(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.integer({ min: -4000, max: 4000 }).map((one) => one / 8),
        fc.integer({ min: -4000, max: 4000 }).map((one) => one / 1000),
      ),
      fc.integer({ min: 0, max: 5 }),
    ),
    ask: ([value, digits]) => ["round", value, digits],
    expected: ([value, digits]) => crun("round value digits", { value, digits }),
  });
  law({
    name: "format gives the same text",
    values: fc.oneof(
      fc.tuple(
        fc.constantFrom("%d", "%05d", "%-6d|", "%+d", "% d", "%x", "%X", "%o", "%#x", "%s", "%10s", "%8.3d"),
        fc.integer(),
      ),
      fc.tuple(
        fc.constantFrom("%f", "%.2f", "%8.1f|", "%e", "%.3e", "%g", "%.3g", "%010.2f", "%+.1f"),
        fc.double({ min: -1e9, max: 1e9, noNaN: true }).filter((one) => !Object.is(one, -0)),
      ),
      fc.tuple(fc.constantFrom("%s", "%10s|", "%-10s|", "%.3s"), fc.string({ unit: "grapheme" })),
    ),
    ask: ([pattern, value]) => ["format", pattern, value],
    expected: ([pattern, value]) => crun("format pattern value", { pattern, value }),
  });
  law({
    name: "wordwrap breaks lines at the same places",
    values: fc.tuple(
      fc
        .array(
          fc.constantFrom(
            "a",
            "word",
            "well-known",
            "half-way-house",
            "  ",
            " ",
            "longlonglongword",
            "x-1",
            "--",
            "\n",
            "e.g.",
          ),
          { maxLength: 12 },
        )
        .map((one) => one.join(" ")),
      fc.integer({ min: 3, max: 20 }),
      fc.boolean(),
    ),
    ask: ([value, width, breaks]) => ["wrap", value, width, breaks],
    expected: ([value, width, breaks]) => crun("wordwrap value width breaks", { value, width, breaks }),
  });

  it("quote: a shell reads the word as it was", async () => {
    for (const word of fc.sample(text, 60).concat("$HOME", "`id`", "a'b", '"', "\\", "!x", "*", "-n"))
      assert.equal(
        (await run(["/bin/sh", "-c", `printf %s ${String(crun("quote word", { word }))}`])).stdout.toString(),
        word,
      );
  });
});

function iniText(sections: readonly (readonly [string, readonly (readonly [string, string])[]])[]): string {
  return sections
    .map(([name, fields]) => `[${name}]\n# note\n${fields.map(([key, value]) => `${key} = ${value}\n`).join("")}`)
    .join("\n");
}
