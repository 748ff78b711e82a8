// Templates: what they give, and what they say when they cannot.

import assert from "node:assert/strict";
import fc from "fast-check";
import Handlebars from "handlebars";
import { createScope, rawLayer } from "../../src/playbook/scope/scope.js";
import { simpleTree } from "../../src/playbook/template/simple-template.js";
import { fileTemplate, templateOf, templateOfText } from "../../src/playbook/template/template.js";
import { OMIT } from "../../src/playbook/scope/values.js";
import { readYaml } from "../../src/playbook/yaml/yaml.js";
import { messageOf, scopeOf } from "./scopes.js";

const scope = scopeOf(
  `
n: 5
half: 0.5
zero: 0
yes: true
name: web
empty: ""
nothing: null
none: []
port: 0644
greeting: "hi {{name}}"
list: [a, b]
map: {a: 1, b: {c: deep}}
users:
  - {name: joe, shell: /bin/sh}
  - {name: ann}
`,
  { title: "T", items: [1, 2], evil: "{{name}}", facts: { os: { family: "Debian" } }, key: "os" },
);

const values: readonly (readonly [string, unknown])[] = [
  ["{{n}}", 5],
  ["{{ n }}", 5],
  ["{{{n}}}", 5],
  [" {{n}}", " 5"],
  ["{{n}}{{n}}", "55"],
  ["{{half}}", 0.5],
  ["{{yes}}", true],
  ["{{nothing}}", null],
  ["a{{nothing}}b", "ab"],
  ["{{list}}", ["a", "b"]],
  ["x{{list}}", 'x["a","b"]'],
  ["{{map}}", { a: 1, b: { c: "deep" } }],
  ["{{map.b.c}}", "deep"],
  ["{{list.[1]}}", "b"],
  ["{{list.length}}", 2],
  ["{{users.0.name}}", "joe"],
  ["{{port}}", "0644"],
  ["{{greeting}}", "hi web"],
  ["{{evil}}", "{{name}}"],
  ['<{{name}}> & "it"', '<web> & "it"'],
  ["{{lookup facts key}}", { family: "Debian" }],
  ["{{lookup (lookup facts 'os') 'family'}}", "Debian"],
  ["{{vars.n}}", 5],
  ["{{default missing 'x'}}", "x"],
  ["{{default missing.deep.down 'x'}}", "x"],
  ["{{default map.q 'x'}}", "x"],
  ["{{default empty 'x'}}", ""],
  ["{{default empty 'x' true}}", "x"],
  ["{{default missing omit}}", OMIT],
  ["{{#if n}}y{{else}}n{{/if}}", "y"],
  ["{{#if zero}}y{{else}}n{{/if}}", "n"],
  ["{{#if zero includeZero=true}}y{{else}}n{{/if}}", "y"],
  ["{{#if none}}y{{else}}n{{/if}}", "n"],
  ["{{#if map.q}}y{{else}}n{{/if}}", "n"],
  ["{{#if zero}}a{{else if n}}b{{else}}c{{/if}}", "b"],
  ["{{#unless zero}}y{{/unless}}", "y"],
  ["{{#each list}}{{@index}}{{this}}{{#unless @last}},{{/unless}}{{/each}}", "0a,1b"],
  ["{{#each map}}{{@key}}{{/each}}", "ab"],
  ["{{#each none}}x{{else}}none{{/each}}", "none"],
  ["{{#each list as |one i|}}{{i}}{{one}}{{/each}}", "0a1b"],
  ["{{#each users}}{{name}}{{#if shell}}:{{shell}}{{/if}} {{/each}}", "joe:/bin/sh ann "],
  ["{{#each users}}{{../name}}{{@root.n}}{{/each}}", "web5web5"],
  ["{{#each users}}{{#if shell}}{{name}}{{../name}}{{/if}}{{/each}}", "joeweb"],
  ["{{#each list}}{{#each ../list}}{{@../index}}{{@index}}{{/each}}{{/each}}", "00011011"],
  ["{{#with map.b}}{{c}}{{/with}}", "deep"],
  ["{{#with map.q}}x{{else}}n{{/with}}", "n"],
  ["{{#users}}{{name}} {{/users}}", "joe ann "],
  ["{{#yes}}{{name}}{{/yes}}", "web"],
  ["{{^none}}no{{/none}}", "no"],
  ["{{#eq n 5}}five{{else}}other{{/eq}}", "five"],
  ["{{#upper}}x{{n}}{{/upper}}", "X5"],
  ["{{#title}}<{{this}}>{{/title}}", "<T>"],
  ["{{#items}}{{this}}{{/items}}", "12"],
  ["{{items}}", [1, 2]],
  ["{{#eq n 4}}a{{else eq n 5}}b{{else}}c{{/eq}}", "b"],
  ["{{#indent 2}}a\nb{{/indent}}", "a\n  b"],
  ["\\{{name}}", "{{name}}"],
  ["{{{{raw}}}}{{name}}{{{{/raw}}}}", "{{name}}"],
  ["a {{~name~}} b", "awebb"],
  ["{{! a comment }}x", "x"],
  ["{{!-- a }} comment --}}x", "x"],
  ["no braces", "no braces"],
];

const mistakes: readonly (readonly [string, string])[] = [
  ["{{nam}}", 'error: the variable "nam" is not defined\n  at t:1:3\n  1 | {{nam}}\n    |   ^\n  Did you mean "name"?'],
  [
    "a\nb {{qqqqq}}",
    'error: the variable "qqqqq" is not defined\n  at t:2:5\n  2 | b {{qqqqq}}\n    |     ^\n  Define it (vars, inventory, -e), or write {{default qqqqq "…"}} if it may be missing.',
  ],
  [
    "{{upper qqqqq}}",
    'error: the variable "qqqqq" is not defined\n  at t:1:9\n  1 | {{upper qqqqq}}\n    |         ^\n  Define it (vars, inventory, -e), or write {{default qqqqq "…"}} if it may be missing.',
  ],
  [
    "{{#if qqqqq}}{{/if}}",
    'error: the variable "qqqqq" is not defined\n  at t:1:7\n  1 | {{#if qqqqq}}{{/if}}\n    |       ^\n  Define it (vars, inventory, -e), or write {{default qqqqq "…"}} if it may be missing.',
  ],
  ["{{map.b.d}}", 'error: map.b has no "d"\n  at t:1:3\n  1 | {{map.b.d}}\n    |   ^\n  It has c.'],
  ["{{name.x}}", 'error: name is text: it has no "x"\n  at t:1:3\n  1 | {{name.x}}\n    |   ^'],
  ["{{nothing.x}}", 'error: nothing is null: it has no "x"\n  at t:1:3\n  1 | {{nothing.x}}\n    |   ^'],
  [
    "{{list.[9]}}",
    'error: the list list has 2 items: there is no "9"\n  at t:1:3\n  1 | {{list.[9]}}\n    |   ^\n  Its items are list.[0] to list.[1].',
  ],
  [
    "{{#each users}}{{n}}{{/each}}",
    'error: the item has no "n"\n  at t:1:18\n  1 | {{#each users}}{{n}}{{/each}}\n    |                  ^\n  Inside {{#each}} and {{#with}} names are those of the item. The variable is {{@root.n}}.',
  ],
  [
    "{{@index}}",
    "error: @index is not set here\n  at t:1:3\n  1 | {{@index}}\n    |   ^\n  @index, @key, @first and @last are set inside {{#each}}; @root names all variables.",
  ],
  [
    "a{{omit}}",
    'error: omit cannot be a part of text\n  at t:1:2\n  1 | a{{omit}}\n    |  ^\n  It must be the whole value: "{{default x omit}}".',
  ],
  [
    "{{uper name}}",
    'error: there is no helper "uper"\n  at t:1:3\n  1 | {{uper name}}\n    |   ^\n  Did you mean "upper"?',
  ],
  [
    "{{join name}}",
    'error: join: the value must be a list, not the text "web"\n  at t:1:1\n  1 | {{join name}}\n    | ^\n  Write (array x) for a list of one, (split x ",") for the parts of a text.',
  ],
  [
    "{{> head}}",
    'error: there is no partial "head"\n  at t:1:1\n  1 | {{> head}}\n    | ^\n  Partials are opened in template files alone (the module template).',
  ],
  [
    "{{ n == 5 }}",
    "error: {{ n == 5 }} is no Handlebars expression\n  at t:1:1\n  1 | {{ n == 5 }}\n    | ^\n  Templates are Handlebars. Write {{eq n 5}}",
  ],
];

describe("templates", () => {
  for (const [text, value] of values) {
    it(`${JSON.stringify(text)} gives ${value === OMIT ? "omit" : JSON.stringify(value)}`, () => {
      assert.deepEqual(templateOfText("t", text).render(scope), value);
    });
  }
  for (const [text, message] of mistakes) {
    it(`${JSON.stringify(text)} says what is wrong`, () => {
      assert.equal(
        messageOf(() => templateOfText("t", text).render(scope)),
        message,
      );
    });
  }

  it("leaves what is omit out of lists and maps", () => {
    const node = readYaml("t", '{a: 1, b: "{{default q omit}}", c: [1, "{{default q omit}}"]}');
    assert.deepEqual(node && templateOf(node).render(scope), { a: 1, c: [1] });
  });

  it("never renders what is marked !unsafe", () => {
    const node = readYaml("t", "a: !unsafe '{{name}}'\nb: !unsafe {c: '{{name}}'}");
    assert.deepEqual(node && templateOf(node).render(scope), { a: "{{name}}", b: { c: "{{name}}" } });
  });

  it("says where in a block of YAML a mistake stands", () => {
    const node = readYaml("f.yml", "a:\n  b: |\n    first\n      {{qqqq}}\n");
    assert.match(
      messageOf(() => node && templateOf(node).render(scope)),
      /at f\.yml:4:9\n {2}4 \| {7}\{\{qqqq\}\}/,
    );
  });

  it("gives a file's text exactly: last newline kept, block tags leave no line", () => {
    const text = "a\n{{#if n}}\nb\n{{/if}}\n  {{#each list}}\n  {{this}}\n  {{/each}}\nend\n";
    assert.equal(fileTemplate("f.hbs", text).render(scope), "a\nb\n  a\n  b\nend\n");
    assert.equal(fileTemplate("f.hbs", "{{n}}").render(scope), "5");
  });

  it("gives a template file's own line in its errors", () => {
    assert.match(
      messageOf(() => fileTemplate("etc/f.hbs", "a\n\n  {{qqqq}}\n").render(scope)),
      /at etc\/f\.hbs:3:5/,
    );
  });

  it("law: text without braces is itself", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        fc.pre(!text.includes("{{"));
        assert.equal(templateOfText("t", text).render(scope), text);
        assert.equal(fileTemplate("t", text).render(scope), text);
      }),
    );
  });

  it("law: gives what Handlebars itself gives, wherever nothing is missing", () => {
    const data = {
      n: 5,
      name: "web",
      yes: true,
      no: false,
      list: ["a", "b"],
      map: { a: "x", b: "y" },
      users: [
        { name: "joe", on: true },
        { name: "ann", on: false },
      ],
    };
    const own = createScope([rawLayer("data", data)]);
    const leaf = fc.constantFrom(
      "{{name}}",
      "text",
      "\n",
      "  ",
      "{{map.a}}",
      "{{{name}}}",
      "{{@root.name}}",
      "{{list.[0]}}",
      "{{! c }}",
      "{{~name}}",
      "{{name~}}",
      "\\{{x}}",
      "é",
      "<&>",
    );
    const inItem = fc.constantFrom(
      "{{name}}",
      "{{@index}}.",
      "{{@key}}:",
      "{{../name}}",
      "\n",
      " ",
      "{{#if on}}+{{else}}-{{/if}}",
      "{{#unless @last}},{{/unless}}",
      "{{@root.map.b}}",
      "{{#if @first}}\n{{/if}}\n",
    );
    const block = fc.letrec<{ readonly text: string }>((tie) => ({
      text: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        leaf,
        fc.tuple(tie("text"), tie("text")).map((two) => two.join("")),
        fc
          .tuple(
            fc.constantFrom("yes", "no", "list", "name"),
            fc.constantFrom("", "\n", "\n  "),
            tie("text"),
            tie("text"),
          )
          .map(([test, gap, a, b]) => `{{#if ${test}}}${gap}${a}${gap}{{else}}${gap}${b}${gap}{{/if}}${gap}`),
        fc
          .tuple(fc.constantFrom("", "\n"), fc.array(inItem))
          .map(([gap, parts]) => `${gap}{{#each users}}${gap}${parts.join("")}${gap}{{/each}}${gap}`),
        tie("text").map((text) => `{{#unless no}}${text}{{/unless}}`),
        fc.constantFrom("", "\n").map((gap) => `{{#with map}}${gap}{{a}}{{../name}}${gap}{{/with}}${gap}`),
        fc.constantFrom("", "\n").map((gap) => `{{#each list as |one i|}}${gap}{{i}}={{one}}${gap}{{/each}}`),
      ),
    }));
    fc.assert(
      fc.property(block.text, (text) => {
        const theirs = Handlebars.compile(text, { noEscape: true, strict: true })(data);
        assert.equal(fileTemplate("t", text).render(own), theirs);
      }),
      { numRuns: 300 },
    );
  });
});

describe("the quick reading of simple templates", () => {
  it("law: gives the tree that Handlebars gives, or none", () => {
    const piece = fc.constantFrom(
      "{{a}}",
      "{{ a.b }}",
      "{{\ta}}",
      "{{this}}",
      "{{a.this}}",
      "{{true}}",
      "text",
      "\n",
      "\r\n",
      " ",
      "{",
      "}",
      "\\",
      "}}",
      "é",
      "{{{a}}}",
      "{{a b}}",
      "{{else}}",
      "{{~a}}",
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join("");
        const simple = simpleTree(text);
        if (simple && text !== "") assert.deepEqual(simple, strip(Handlebars.parse(text)));
      }),
      { numRuns: 1000 },
    );
  });

  it("is taken for what most templates are", () => {
    for (const text of ["{{a}}", "x {{ a.b.c }} y\n{{d}}", "plain"]) assert.ok(simpleTree(text), text);
  });
});

/** The tree with what we look at alone. */
function strip(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(strip);
  if (typeof node !== "object" || node === null) return node;
  const dropped = new Set(["strip", "escaped", "source", "hash"]);
  const isContent = "type" in node && node.type === "ContentStatement";
  return Object.fromEntries(
    Object.entries(node)
      .filter(
        ([key, value]) =>
          !dropped.has(key) && !(isContent && key === "original") && !(key === "type" && value === "Program"),
      )
      .map(([key, value]) => [key, strip(value)]),
  );
}
