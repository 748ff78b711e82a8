// Whole texts of Jinja as Handlebars: what messages say to write gives what Jinja would have given.

import assert from "node:assert/strict";
import { handlebarsOfTemplate } from "../../src/playbook/jinja/jinja-template.js";
import { createScope, rawLayer } from "../../src/playbook/scope/scope.js";
import { fileTemplate, templateOf } from "../../src/playbook/template/template.js";
import { readYaml } from "../../src/playbook/yaml/yaml.js";
import { messageOf } from "./scopes.js";

const scope = createScope([
  rawLayer("data", {
    domain: "example.com",
    flag: true,
    n: 3,
    list: ["a", "b"],
    users: [
      { name: "joe", groups: ["x", "y"] },
      { name: "ann", groups: [] },
    ],
    map: { k: 1, l: 2 },
  }),
]);

/** Jinja, its Handlebars, and what both give. */
const cases: readonly (readonly [string, string, string])[] = [
  ["{% if flag %}a{% else %}b{% endif %}", "{{#if flag}}a{{else}}b{{/if}}", "a"],
  [
    "{% if n == 2 %}a{% elif n > 2 and flag %}b{% endif %}",
    "{{#if (eq n 2)}}a{{else if (and (gt n 2) flag)}}b{{/if}}",
    "b",
  ],
  ["{% for x in list %}{{ x }},{% endfor %}", "{{#each list as |x|}}{{x}},{{/each}}", "a,b,"],
  [
    "{% for u in users %}{{ u.name | upper }}@{{ domain }} {% endfor %}",
    "{{#each users as |u|}}{{upper u.name}}@{{@root.domain}} {{/each}}",
    "JOE@example.com ANN@example.com ",
  ],
  [
    "{% for u in users %}{% for g in u.groups %}{{ u.name }}/{{ g }} {% else %}none {% endfor %}{% endfor %}",
    "{{#each users as |u|}}{{#each u.groups as |g|}}{{u.name}}/{{g}} {{else}}none {{/each}}{{/each}}",
    "joe/x joe/y none ",
  ],
  [
    "{% for k, v in map.items() %}{{ k }}={{ v }}{% if not loop.last %};{% endif %}{% endfor %}",
    "{{#each map as |v k|}}{{k}}={{v}}{{#if (not @last)}};{{/if}}{{/each}}",
    "k=1;l=2",
  ],
  [
    "{% for x in list %}{{ loop.index }}{{ loop.index0 }}{{ x }}{% endfor %}",
    "{{#each list as |x|}}{{add @index 1}}{{@index}}{{x}}{{/each}}",
    "10a21b",
  ],
  ["{# note #}{%- if flag -%} x {%- endif %}", "{{!-- note --}}{{~#if flag~}} x {{~/if}}", "x"],
  [
    "{% for u in users | selectattr('groups') %}{{ u.name }}{% endfor %}",
    "{{#each (selectattr users 'groups') as |u|}}{{u.name}}{{/each}}",
    "joe",
  ],
  ["{{ list | join(',') }}{% if 'a' in list %}!{% endif %}", "{{join list ','}}{{#if (in 'a' list)}}!{{/if}}", "a,b!"],
];

const none = [
  "{% set x = 1 %}{{ x }}",
  "{% macro m() %}{% endmacro %}",
  "{% for u in users if u.name %}{{ u.name }}{% endfor %}",
  "{% if flag %}",
  "{% if flag %}{% endfor %}",
  "{% for x in list %}{{ loop.cycle('a', 'b') }}{% endfor %}",
];

describe("texts of Jinja", () => {
  for (const [jinja, handlebars, text] of cases) {
    it(`${jinja} is ${handlebars}`, () => {
      assert.equal(handlebarsOfTemplate(jinja), handlebars);
      assert.equal(fileTemplate("t", handlebars).render(scope), text);
    });
  }
  for (const jinja of none)
    it(`${jinja} has no Handlebars at once`, () => assert.equal(handlebarsOfTemplate(jinja), undefined));

  it("are refused in playbooks with the whole text to write, and taken as they are where they are !unsafe", () => {
    const node = readYaml("site.yml", 'msg: "{% if flag %}{{ name }}{% endif %}"\n');
    assert.equal(
      messageOf(() => node && templateOf(node)),
      'error: {% if flag %} is Jinja\n  at site.yml:1:7\n  1 | msg: "{% if flag %}{{ name }}{% endif %}"\n    |       ^\n' +
        "  Templates are Handlebars. Text that is to stay as it is has !unsafe before it.\n  Write {{#if flag}}{{name}}{{/if}}",
    );
    const unsafe = readYaml("site.yml", 'msg: !unsafe "{% if flag %}"\nother: "100 {% of it"\n');
    assert.deepEqual(unsafe && templateOf(unsafe).render(scope), { msg: "{% if flag %}", other: "100 {% of it" });
  });
});
