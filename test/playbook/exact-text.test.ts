// What a template file gives, byte for byte, is what Handlebars itself gives wherever nothing is missing.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import Handlebars from "handlebars";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { conditionOf } from "../../src/playbook/condition/condition.js";
import { createScope, rawLayer } from "../../src/playbook/scope/scope.js";
import { fileTemplate } from "../../src/playbook/template/template.js";

const data = {
  name: "web",
  html: '<a href="x">&\'',
  yes: true,
  no: false,
  empty: "",
  none: [],
  list: ["a", "b", "c"],
  map: { k: "v", l: "w" },
  users: [
    { name: "joe", on: true, tags: ["x", "y"], home: { path: "/h" } },
    { name: "ann", on: false, tags: [], home: { path: "/a" } },
  ],
};
const scope = createScope([rawLayer("data", data)]);

const exact: readonly (readonly [string, string])[] = [
  ["a\n{{#if yes}}\nb\n{{/if}}\nc\n", "a\nb\nc\n"],
  ["a\r\n{{#if yes}}\r\nb\r\n{{/if}}\r\nc\r\n", "a\r\nb\r\nc\r\n"],
  ["\t{{#if yes}}\t\nb\n \t{{/if}}\nc", "b\nc"],
  ["{{#if yes}}x{{/if}}\n", "x\n"],
  ["a {{! note }}\nb", "a \nb"],
  ["{{!-- a {{mustache}} in a comment --}}\nb\n", "b\n"],
  ["\\{{name}} \\\\{{name}}", "{{name}} \\web"],
  ["{{{html}}} {{html}}", `${data.html} ${data.html}`],
  ["{{{{raw}}}}{{name}} {{#if}}{{{{/raw}}}}", "{{name}} {{#if}}"],
  ["server { listen 80; } ${name} $1 {name} {}", "server { listen 80; } ${name} $1 {name} {}"],
  ["{ {{name}} } {{{name}}}", "{ web } web"],
  ["\\{{ .Values.image }} \\{{- range }}", "{{ .Values.image }} {{- range }}"],
  ["{{#each list}}{{this}}{{#unless @last}}, {{/unless}}{{else}}none{{/each}}", "a, b, c"],
  ["{{#each none}}x{{else}}none{{/each}}", "none"],
  ["{{#if no}}a{{else if empty}}b{{else if yes}}c{{else}}d{{/if}}", "c"],
  ["{{#if no}}\na\n{{else if yes}}\nb\n{{else}}\nc\n{{/if}}\n", "b\n"],
  [
    "{{#each users}}{{#each tags}}{{../name}}{{../../name}}{{@../index}}{{@index}} {{/each}}{{/each}}",
    "joeweb00 joeweb01 ",
  ],
  ["{{#each map}}{{@key}}={{this}}{{#if @first}};{{/if}}{{/each}}", "k=v;l=w"],
  ["{{#with users.[0].home}}{{path}}{{/with}}", "/h"],
  ["a  {{~name~}}  b\n{{~#if yes~}}\n c \n{{~/if~}}\n d", "awebbcd"],
  ["no newline at the end", "no newline at the end"],
  ["\n\n{{name}}\n\n", "\n\nweb\n\n"],
  ["{{#each list as |one i|}}{{i}}{{one}}{{/each}}", "0a1b2c"],
  ['{{"a literal"}} {{1}} {{true}}', "a literal 1 true"],
  ["\uFEFF{{name}}", "\uFEFFweb"],
];

describe("exact text", () => {
  for (const [text, expected] of exact) {
    it(`${JSON.stringify(text)} gives ${JSON.stringify(expected)}`, () =>
      assert.equal(fileTemplate("t", text).render(scope), expected));
  }

  it("law: is Handlebars' own, whatever blocks, blanks, line ends and comments are put together", () => {
    const gap = fc.constantFrom("", "", "\n", "\n  ", "\t\n", "\r\n", " ", "\n\n");
    const tilde = fc.constantFrom("", "", "", "~");
    const leaf = fc.constantFrom(
      ..."{{name}}|text|{{{html}}}|{{html}}|{{map.k}}|{{@root.name}}|{{list.[1]}}|{{! c }}|{{!-- }} --}}|{{~name}}|{{name~}}|\\{{x}}|\\\\{{name}}|é|<&>|{ }|${name}|}}|{|\\n|\\|{{{{raw}}}} {{x}} {{{{/raw}}}}|{{users.0.home.path}}|{{this.name}}|{{&html}}".split(
        "|",
      ),
    );
    const inItem = fc.constantFrom(
      ..."{{name}}|{{@index}}.|{{@key}}:|{{../name}}|{{home.path}}|{{this.home.path}}|{{#if on}}+{{else}}-{{/if}}|{{#unless @last}},{{/unless}}|{{@root.map.k}}|{{#each tags}}{{this}}{{../name}}{{@../index}}{{else}}~{{/each}}|{{#with home}}{{path}}{{../name}}{{/with}}|{{#if @first}}first{{/if}}|text".split(
        "|",
      ),
    );
    const piece = fc.letrec<{ readonly text: string }>((tie) => ({
      text: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        leaf,
        gap,
        fc.tuple(tie("text"), gap, tie("text")).map((parts) => parts.join("")),
        fc
          .record({
            test: fc.constantFrom("yes", "no", "list", "none", "empty", "map.k"),
            gap,
            a: tie("text"),
            b: tie("text"),
            t: tilde,
          })
          .map(
            ({ test, gap: g, a, b, t }) => `{{${t}#if ${test}}}${g}${a}${g}{{${t}else${t}}}${g}${b}${g}{{/if${t}}}${g}`,
          ),
        fc
          .record({ gap, a: tie("text"), b: tie("text"), c: tie("text") })
          .map(({ gap: g, a, b, c }) => `{{#if no}}${g}${a}{{else if yes}}${g}${b}${g}{{else}}${c}{{/if}}${g}`),
        fc
          .record({ gap, parts: fc.array(inItem, { maxLength: 4 }), t: tilde })
          .map(({ gap: g, parts, t }) => `${g}{{#each users${t}}}${g}${parts.join(g)}${g}{{/each}}${g}`),
        fc.tuple(tie("text"), gap).map(([text, g]) => `{{#unless no}}${g}${text}{{/unless}}${g}`),
        fc.tuple(tie("text"), gap).map(([text, g]) => `{{^no}}${g}${text}${g}{{/no}}`),
        gap.map((g) => `{{#with map}}${g}{{k}}{{../name}}${g}{{else}}none{{/with}}${g}`),
        gap.map((g) => `{{#each list as |one i|}}${g}{{i}}={{one}}${g}{{else}}${g}{{/each}}`),
        gap.map((g) => `{{#each map}}${g}{{@key}}{{this}}{{@first}}{{@last}}${g}{{/each}}`),
      ),
    }));
    fc.assert(
      fc.property(piece.text, (text) => {
        let theirs: string;
        try {
          theirs = Handlebars.compile(text, { noEscape: true, strict: true })(data);
        } catch {
          // What Handlebars cannot read, other tests look at.
          return;
        }
        assert.equal(fileTemplate("t", text).render(scope), theirs);
      }),
      { numRuns: 500 },
    );
  });
});

describe("large and hostile templates", () => {
  it("a megabyte of template takes its time once, and less than a second of processor time a rendering", function () {
    this.timeout(60_000);
    const text = "server {{name}} { {{#if yes}}listen {{list.[0]}};{{/if}} }\n".repeat(18_000);
    assert.ok(text.length > 1_000_000);
    const template = fileTemplate("big.hbs", text);
    const before = process.cpuUsage();
    const result = template.render(scope);
    const { user } = process.cpuUsage(before);
    assert.ok(user < 1_000_000, `${user} µs`);
    assert.equal(result, "server web { listen a; }\n".repeat(18_000));
  });

  it("expressions that go back and forth without end are stopped", function () {
    this.timeout(20_000);
    const evil = createScope([rawLayer("host", { text: `${"a".repeat(5000)}!` })]);
    for (const text of [
      "{{regex_search text '(a+)+$'}}",
      "{{regex_replace text '(a|a)*b' 'x'}}",
      "{{regex_findall text '(a*)*c'}}",
      "{{match text '(a|aa)+$'}}",
      "{{select (array text) 'search' '(a+)+b'}}",
    ])
      assert.throws(() => fileTemplate("t", text).render(evil), /takes too long/, text);
  });

  it("what comes from a host is never a template, whatever helpers it goes through", () => {
    const evil = createScope([
      rawLayer("host", { out: "{{pipe 'touch /tmp/crun-pwned'}}{{name}}", keys: ["{{name}}"] }),
    ]);
    for (const [text, value] of [
      ["{{out}}", "{{pipe 'touch /tmp/crun-pwned'}}{{name}}"],
      ["{{join keys ','}}", "{{name}}"],
      ["{{to_json keys}}", '["{{name}}"]'],
      ["{{replace out 'x' 'y'}}", "{{pipe 'touch /tmp/crun-pwned'}}{{name}}"],
      ["{{map keys 'string'}}", '["{{name}}"]'],
      ["{{#each keys}}{{this}}{{/each}}", "{{name}}"],
      ["{{from_json '[\"{{name}}\"]'}}", '["{{name}}"]'],
    ] as const)
      assert.equal(fileTemplate("t", text).render(evil), value);
  });

  it("values, templates and conditions that are nested without measure are told, not thrown", () => {
    const deep = (open: string, close: string, size = 1200): string => open.repeat(size) + close.repeat(size);
    const host = createScope([rawLayer("host", { text: deep("[", "]", 100_000) })]);
    for (const work of [
      () => fileTemplate("t", "{{to_json (from_json text)}}").render(host),
      () => fileTemplate("t", "{{from_json text}}").render(host),
      () => fileTemplate("t", "{{flatten (from_json text)}}").render(host),
      () => fileTemplate("t", "{{to_nice_yaml (from_json text)}}").render(host),
      () => fileTemplate("t", `{{upper ${deep("(upper ", ")")}}}`).render(host),
      () => fileTemplate("t", deep("{{#if text}}", "{{/if}}")).render(host),
      () => conditionOf("when", deep("(", ")")).test(host),
      () => conditionOf("when", `${"!".repeat(60_001)}true`).test(host),
      () => conditionOf("when", "from_json(text) == []").test(host),
    ]) {
      try {
        work();
      } catch (error) {
        assert.ok(error instanceof CrunError, String(error).slice(0, 300));
      }
    }
  }).timeout(60_000);

  it("templates that render each other without end are told", () => {
    const directory = mkdtempSync(join(tmpdir(), "crun-render-"));
    const file = join(directory, "a.hbs");
    writeFileSync(file, `{{template "${file}"}}`);
    const places = { directories: [directory], file };
    assert.throws(
      () => fileTemplate(file, readFileSync(file, "utf8"), places).render(scope),
      /render each other without end/,
    );
  });

  it("sizes that helpers are asked for are bounded", () => {
    for (const text of [
      "{{range 100000000}}",
      "{{center 'x' 1000000000000}}",
      "{{format '%999999999999d' 1}}",
      "{{indent 'a\nb' 10000000000}}",
      "{{permutations (range 20)}}",
      "{{combinations (range 60) 30}}",
      "{{product (range 1000) (range 1000) (range 1000)}}",
      "{{sequence 'count=999999999'}}",
      "{{pow 10 999}}",
      "{{batch (range 10) 1000000000 'x'}}",
    ]) {
      const before = process.cpuUsage();
      try {
        assert.ok(String(fileTemplate("t", text).render(scope)).length < 20_000_000, text);
      } catch (error) {
        assert.match(String(error), /are too many|no number that can be written|no such/, text);
      }
      assert.ok(process.cpuUsage(before).user < 2_000_000, text);
    }
  });
});
