// Partials of template files: where they are found, what they see, what is said when they cannot be opened.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import Handlebars from "handlebars";
import type { PartialReader } from "../../src/playbook/template/template-partials.js";
import { createScope, rawLayer } from "../../src/playbook/scope/scope.js";
import { fileTemplate, type FileTemplate } from "../../src/playbook/template/template.js";
import { messageOf } from "./scopes.js";

const data = {
  name: "n",
  mark: "",
  list: ["a", "b"],
  it: { name: "i", mark: "*" },
  users: [{ name: "joe" }, { name: "ann" }],
  tree: {
    name: "root",
    children: [
      { name: "x", children: [{ name: "y", children: [] }] },
      { name: "z", children: [] },
    ],
  },
};
const scope = createScope([rawLayer("data", data)]);

function readerOf(files: Readonly<Record<string, string>>): PartialReader {
  return {
    kind: (path) => (path in files ? "file" : undefined),
    text: (path) => files[path] ?? "",
    list: (path) => Object.keys(files).flatMap((one) => (dirname(one) === path ? [one.slice(path.length + 1)] : [])),
  };
}

/** A template of the role /r in the playbook's directory /p. */
function template(text: string, files: Readonly<Record<string, string>>, file = "/r/templates/main.hbs"): FileTemplate {
  return fileTemplate(file, text, { directories: ["/r", "/p"], file, reader: readerOf(files) });
}

describe("partials", () => {
  const one = { "/r/templates/one.hbs": "[{{name}}{{#if mark}}{{mark}}{{/if}}]\n" };
  const cases: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
    ["{{> one}}", "[n]\n", one],
    ['{{> one mark="!"}}', "[n!]\n", one],
    ["{{> one it}}", "[i*]\n", one],
    ['{{> one it mark="!"}}', "[i!]\n", one],
    ["a:\n  {{> one}}\nb\n", "a:\n  [n]\nb\n", one],
    ["{{#each users}}{{> row label=@index}}{{/each}}", "0joe;1ann;", { "/r/templates/row.hbs": "{{label}}{{name}};" }],
    ["{{#each users}}{{> row}}{{/each}}", "joe-n ann-n ", { "/r/templates/row.hbs": "{{name}}-{{../name}} " }],
    ["{{#each users}}{{> row}}{{/each}}", "0n 1n ", { "/r/templates/row.hbs": "{{@index}}{{@root.name}} " }],
    ['{{> "with-dash"}}', "d", { "/r/templates/with-dash.hbs": "d" }],
    ["{{> parts/head}}", "h", { "/r/templates/parts/head.hbs": "h" }],
    ["{{> head}}", "play's", { "/p/templates/head.hbs": "play's" }],
    ["{{> head}}", "role's", { "/p/templates/head.hbs": "play's", "/r/templates/head.hbs": "role's" }],
    ["{{> head}}", "plain", { "/r/templates/head": "plain" }],
    ['{{> "head.conf"}}', "conf", { "/r/templates/head.conf": "conf" }],
    ["{{> head}}", "x>y", { "/r/templates/head.hbs": "x>{{> two}}", "/p/two.hbs": "y" }],
    ["{{> (lookup it 'name')}}", "dynamic", { "/r/templates/i.hbs": "dynamic" }],
    ["{{#> layout}}body {{name}}{{/layout}}", "<body n>", { "/r/templates/layout.hbs": "<{{> @partial-block}}>" }],
    ["{{#> nowhere}}instead{{/nowhere}}", "instead", {}],
    [
      "{{#> outer}}in{{/outer}}",
      "<(in)>",
      {
        "/r/templates/outer.hbs": "<{{#> inner}}{{> @partial-block}}{{/inner}}>",
        "/r/templates/inner.hbs": "({{> @partial-block}})",
      },
    ],
    ['{{#*inline "li"}}- {{this}}\n{{/inline}}{{#each list}}{{> li}}{{/each}}', "- a\n- b\n", {}],
    [
      '{{#> page}}{{#*inline "nav"}}my {{name}}{{/inline}}text{{/page}}',
      "my n|text",
      { "/r/templates/page.hbs": "{{#> nav}}no nav{{/nav}}|{{> @partial-block}}" },
    ],
    [
      "{{#> page}}text{{/page}}",
      "no nav|text",
      { "/r/templates/page.hbs": "{{#> nav}}no nav{{/nav}}|{{> @partial-block}}" },
    ],
    [
      "{{> node tree}}",
      "root(x(y())z())",
      { "/r/templates/node.hbs": "{{name}}({{#each children}}{{> node}}{{/each}})" },
    ],
  ];
  for (const [text, expected, files] of cases)
    it(`${JSON.stringify(text)} gives ${JSON.stringify(expected)}`, () =>
      assert.equal(template(text, files).render(scope), expected));

  it("are looked for beside the template itself last", () => {
    const files = { "/q/sub/head.hbs": "beside" };
    assert.equal(template("{{> head}}", files, "/q/sub/main.hbs").render(scope), "beside");
  });

  it("count as what the template reads, but for what is handed to them", () => {
    const files = { "/r/templates/one.hbs": "\n{{title}} {{who}} {{#each list}}{{name}}{{/each}}" };
    const references = template('{{> one title="x"}}', files).references.map(({ name, origin, index }) => [
      name,
      origin.at(index),
    ]);
    assert.deepEqual(references, [
      ["who", { file: "/r/templates/one.hbs", line: 2, column: 13 }],
      ["list", { file: "/r/templates/one.hbs", line: 2, column: 27 }],
    ]);
  });

  const mistakes: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
    [
      "a\n{{> heade}}",
      { "/r/templates/header.hbs": "" },
      'error: there is no partial "heade"\n  at /r/templates/main.hbs:2:1\n  2 | {{> heade}}\n    | ^\n  Did you mean "header"?',
    ],
    [
      "{{> zzz}}",
      {},
      'error: there is no partial "zzz"\n  at /r/templates/main.hbs:1:1\n  1 | {{> zzz}}\n    | ^\n' +
        "  It would be /r/templates/zzz.hbs or /r/zzz.hbs or /p/templates/zzz.hbs or /p/zzz.hbs.",
    ],
    [
      "{{> one}}",
      { "/r/templates/one.hbs": "ok\n  {{nam}}" },
      'error: the variable "nam" is not defined\n  at /r/templates/one.hbs:2:5\n  2 |   {{nam}}\n    |     ^\n  Did you mean "name"?',
    ],
    [
      "{{> one}}",
      { "/r/templates/one.hbs": "ok\n{{#if x}}" },
      "error: the block {{#if}} is not closed\n  at /r/templates/one.hbs:2:1\n  2 | {{#if x}}\n    | ^\n  Write {{/if}} at its end.",
    ],
    [
      "{{> one}}",
      { "/r/templates/one.hbs": "{{> onee}}" },
      'error: there is no partial "onee"\n  at /r/templates/one.hbs:1:1\n  1 | {{> onee}}\n    | ^\n  Did you mean "one"?',
    ],
    [
      "{{#> one}}\n{{nam}}{{/one}}",
      { "/r/templates/one.hbs": "x{{> @partial-block}}" },
      'error: the variable "nam" is not defined\n  at /r/templates/main.hbs:2:3\n  2 | {{nam}}{{/one}}\n    |   ^\n  Did you mean "name"?',
    ],
    [
      "{{> one}}",
      { "/r/templates/one.hbs": "{{> two}}", "/r/templates/two.hbs": "{{> one}}" },
      "error: partials open each other without end: one → two → one\n  at /r/templates/two.hbs:1:1\n  1 | {{> one}}\n    | ^\n  Put {{#if …}} around the one that ends it.",
    ],
    [
      "{{> @partial-block}}",
      {},
      "error: there is no block to put here\n  at /r/templates/main.hbs:1:1\n  1 | {{> @partial-block}}\n    | ^\n" +
        "  {{> @partial-block}} stands in a partial that {{#> name}} … {{/name}} opens.",
    ],
    [
      "{{#*foo 1}}x{{/foo}}",
      {},
      'error: the only decorator is inline\n  at /r/templates/main.hbs:1:1\n  1 | {{#*foo 1}}x{{/foo}}\n    | ^\n  Write {{#*inline "name"}} … {{/inline}}.',
    ],
  ];
  for (const [text, files, message] of mistakes)
    it(`${JSON.stringify(text)} with ${JSON.stringify(files)} says what is wrong and where`, () =>
      assert.equal(
        messageOf(() => template(text, files).render(scope)),
        message,
      ));

  it("are read from disk", () => {
    const root = mkdtempSync(join(tmpdir(), "crun-partials-"));
    mkdirSync(join(root, "templates"));
    writeFileSync(join(root, "templates/head.hbs"), "# {{name}}\n");
    const file = join(root, "templates/main.conf");
    assert.equal(fileTemplate(file, "{{> head}}\nx\n", { directories: [root], file }).render(scope), "# n\nx\n");
  });

  it("law: give what Handlebars itself gives", () => {
    const partials = {
      leaf: "<{{name}}>",
      lines: "one\n  two\n",
      args: "{{a}}{{name}}\n",
      layout: "[\n  {{> @partial-block}}\n]\n",
      deep: "{{> leaf}}{{#if name}}{{> args a=1}}{{/if}}",
      slot: "{{#> hole}}empty{{/hole}}\n",
    };
    const piece = fc.constantFrom(
      "{{> leaf}}",
      "\n{{> lines}}\n",
      "\n  {{> lines}}\n",
      "\n\t{{> args a=name}}  \n",
      "{{> args it a='q'}}",
      "{{#each users}}{{> leaf}}{{/each}}",
      "{{#each users}}\n  {{> deep}}\n{{/each}}\n",
      "{{#with it}}{{> deep}}{{/with}}",
      "{{#> layout}}x{{name}}{{/layout}}",
      "\n{{#> layout}}\nx\n{{> lines}}\n{{/layout}}\n",
      '{{#*inline "hole"}}full {{name}}{{/inline}}',
      "{{> slot}}",
      '{{#> slot}}{{#*inline "hole"}}mine{{/inline}}{{/slot}}',
      " text ",
      "\n",
    );
    const files = Object.fromEntries(
      Object.entries(partials).map(([name, text]) => [`/r/templates/${name}.hbs`, text]),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), (pieces) => {
        const text = pieces.join("");
        const theirs = Handlebars.compile(text, { noEscape: true })(data, { partials });
        assert.equal(template(text, files).render(scope), theirs);
      }),
      { numRuns: 400 },
    );
  });
});
