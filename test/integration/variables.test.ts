// Inventories, patterns and variables at work: plays that show what they see, by crun and by ansible-playbook, which must agree.

import assert from "node:assert/strict";
import { chmodSync, existsSync } from "node:fs";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { shownByAnsible, shownByCrun } from "./beside-ansible.js";
import { Workplace } from "./cli.js";

interface Scenario {
  readonly title: string;
  readonly files: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** What some tasks must show, lest both show nothing. */
  readonly wanted: Readonly<Record<string, unknown>>;
}

const local = "[all:vars]\nansible_connection=local\n";
const show = (name: string, msg: unknown): Record<string, unknown> => ({ name, debug: { msg } });
const play = (keys: Record<string, unknown>): string =>
  `${JSON.stringify([{ gather_facts: false, ...keys }], undefined, 1)}\n`;

const scenarios: readonly Scenario[] = [
  {
    title: "values of INI inventories are typed as Python literals, in lines of hosts and in sections",
    files: {
      hosts: `h v_int=5 v_zero=007 v_hex=0x1f v_float=2.50 v_yes=yes v_ltrue=true v_utrue=True v_lnone=None v_text='two words' v_quoted="'5'" v_list="[1, 'a', None]" v_map="{'a': {'b': 1}}" v_tuple="(1, 2)" v_eq=a=b v_url=http://x/#y\n[all:vars]\nansible_connection=local\nv_slist=[1, 2]\nv_stext = some text # kept\nv_snum=5 # gone\nv_smap={"a": True}\nv_squote='x'\nv_sjson={"a": [1, 2]}\n`,
      "site.yml": play({
        hosts: "h",
        tasks: [
          "int",
          "zero",
          "hex",
          "yes",
          "ltrue",
          "utrue",
          "lnone",
          "text",
          "quoted",
          "list",
          "map",
          "tuple",
          "eq",
          "url",
          "slist",
          "stext",
          "snum",
          "smap",
          "squote",
          "sjson",
        ].map((name) => show(name, { value: `{{ v_${name} }}` })),
      }),
    },
    wanted: {
      "h: int": { value: 5 },
      "h: zero": { value: "007" },
      "h: url": { value: "http://x/" },
      "h: snum": { value: 5 },
      "h: smap": { value: { a: true } },
    },
  },
  {
    title: "types survive templates, nested ones and those of other levels",
    files: {
      hosts: `h\n${local}`,
      "group_vars/all.yml":
        "num: 5\nflag: true\nnothing:\nitems_: [1, 2.5, 'x', null, {a: [b]}]\nday: '2024-01-01'\nbig: 9007199254740991\ncopy: '{{ items_ }}'\ncopy2: '{{ copy }}'\n",
      "site.yml": play({
        hosts: "h",
        vars: { again: "{{ copy2 }}", deep: { list: ["{{ num }}", "{{ flag }}"], map: { x: "{{ nothing }}" } } },
        tasks: [
          show("numbers", { num: "{{ num }}", flag: "{{ flag }}", big: "{{ big }}" }),
          show("list", { list: "{{ again }}" }),
          show("deep", { deep: "{{ deep }}" }),
          show("text", { text: "{{ num }}-{{ day }}" }),
        ],
      }),
    },
    wanted: {
      "h: numbers": { num: 5, flag: true, big: 9007199254740991 },
      "h: list": { list: [1, 2.5, "x", null, { a: ["b"] }] },
    },
  },
  {
    title: "a variable is rendered where it is used, with what holds there",
    files: {
      hosts: `a name=A\nb name=B\n${local}greeting=hello {{ name }}\n`,
      "site.yml": play({
        hosts: "all",
        vars: { outer: "{{ greeting }}!" },
        tasks: [
          show("before", "{{ outer }}"),
          { name: "set", set_fact: { name: "set" } },
          show("after", "{{ outer }}"),
          { ...show("task", "{{ outer }}"), vars: { name: "task" } },
        ],
      }),
    },
    wanted: { "a: before": "hello A!", "b: after": "hello set!", "a: task": "hello set!" },
  },
  {
    title: "role defaults, role vars and parameters: of another role, of the own role, per entry",
    files: {
      hosts: `h\n${local}`,
      "roles/one/defaults/main.yml": "d: one\nonly_one: 1\n",
      "roles/one/vars/main.yml": "v: one\n",
      "roles/one/tasks/main.yml": '- {name: one, debug: {msg: "{{ d }} {{ v }} {{ p | default(0) }}"}}\n'.replace(
        "{{ p | default(0) }}",
        "{{ p }}",
      ),
      "roles/two/defaults/main.yml": "d: two\n",
      "roles/two/vars/main.yml": "v: two\n",
      "roles/two/tasks/main.yml": '- {name: two, debug: {msg: "{{ d }} {{ v }} {{ p }} {{ only_one }}"}}\n',
      "site.yml": play({
        hosts: "h",
        roles: [
          { role: "one", p: "p1" },
          { role: "two", p: "p2" },
          { role: "one", p: "p3", vars: { v: "vars" } },
        ],
        tasks: [show("play", "{{ d }} {{ v }}")],
      }),
    },
    wanted: { "h: one : one": "one one p1", "h: two : two": "two two p2 1" },
  },
  {
    title: "set_fact and results stay for later plays, play vars do not, and hostvars show what holds outside of plays",
    files: {
      hosts: `a port=1\nb port=2\n${local}`,
      "site.yml": `- hosts: all
  gather_facts: false
  vars: {port: 99, mine: "play of {{ inventory_hostname }}"}
  tasks:
    - {name: own, debug: {msg: "{{ port }}"}}
    - {name: keep, set_fact: {kept: "{{ mine }}"}}
    - {name: other, debug: {msg: "{{ hostvars.b.port }} {{ hostvars.a.kept }}"}}
- hosts: a
  gather_facts: false
  tasks:
    - {name: later, debug: {msg: "{{ port }} {{ kept }} {{ hostvars.b.kept }}"}}
`,
    },
    wanted: { "a: own": 99, "a: other": "2 play of a", "a: later": "1 play of a play of b" },
  },
  {
    title: "vars_files by name, by template, by the target's own variables, the first that exists, later ones on top",
    files: {
      hosts: `a kind=x\nb kind=y\n${local}`,
      "base.yml": "v: base\nw: base\nu: base\n",
      "x.yml": "v: file x\n",
      "vars/y.yml": "v: file y\n",
      "last.yml": "u: last\n",
      "site.yml": play({
        hosts: "all",
        vars: { v: "play", tail: "last" },
        vars_files: ["base.yml", "{{ kind }}.yml", ["none-{{ kind }}.yml", "{{ tail }}.yml"]],
        tasks: [show("vars", "{{ v }} {{ w }} {{ u }}")],
      }),
    },
    wanted: { "a: vars": "file x base last", "b: vars": "file y base last" },
  },
  {
    title: "vars of import_playbook win over the play's own",
    files: {
      hosts: `h\n${local}`,
      "site.yml": "- import_playbook: other.yml\n  vars: {x: imported, y: imported}\n",
      "other.yml": play({ hosts: "h", vars: { y: "play" }, tasks: [show("vars", "{{ x }} {{ y }}")] }),
    },
    wanted: { "h: vars": "imported imported" },
  },
  {
    title: "magic variables",
    files: {
      "inv/hosts": `[web]\nw1.example.org\nw2\n[db]\nd1\n[prod:children]\nweb\n${local}`,
      "site.yml": play({
        hosts: "web",
        serial: 1,
        name: "the play",
        tasks: [
          show("names", "{{ inventory_hostname }} {{ inventory_hostname_short }}"),
          show("groups", {
            names: "{{ group_names }}",
            web: "{{ groups.web }}",
            all: "{{ groups.all }}",
            prod: "{{ groups.prod }}",
            ungrouped: "{{ groups.ungrouped }}",
          }),
          show("play", {
            name: "{{ ansible_play_name }}",
            all: "{{ ansible_play_hosts_all }}",
            hosts: "{{ ansible_play_hosts }}",
            batch: "{{ ansible_play_batch }}",
            old: "{{ play_hosts }}",
          }),
          show("run", {
            check: "{{ ansible_check_mode }}",
            diff: "{{ ansible_diff_mode }}",
            forks: "{{ ansible_forks }}",
            tags: "{{ ansible_run_tags }}",
            skip: "{{ ansible_skip_tags }}",
            limit: "{{ ansible_limit }}",
            verbosity: "{{ ansible_verbosity }}",
          }),
          show("version", "{{ ansible_version.major }}.{{ ansible_version.minor }}"),
        ],
      }),
    },
    args: ["-i", "inv/hosts", "-f", "7", "-l", "web,db", "site.yml"],
    wanted: {
      "w1.example.org: names": "w1.example.org w1",
      "w2: run": { check: false, diff: false, forks: 7, tags: ["all"], skip: [], limit: "web,db", verbosity: 0 },
    },
  },
  {
    title: "-e in several forms, later ones stronger, over everything",
    files: {
      hosts: `h x=host\n${local}`,
      "more.yml": "x: file\nlist: [1, {a: b}]\nn: 1\n",
      "site.yml": play({
        hosts: "h",
        vars: { x: "play" },
        tasks: [
          { name: "set", set_fact: { x: "set" } },
          show("x", { x: "{{ x }}", list: "{{ list }}", n: "{{ n }}", t: "{{ t }}" }),
        ],
      }),
    },
    args: [
      "-i",
      "hosts",
      "-e",
      "x=first n=2",
      "-e",
      "@more.yml",
      "-e",
      '{"t": [true, null]}',
      "-e",
      String.raw`x="two\twords"`,
      "site.yml",
    ],
    wanted: { "h: x": { x: "two\twords", list: [1, { a: "b" }], n: 1, t: [true, null] } },
  },
  {
    title: "group_vars and host_vars of two inventories and the playbook, by priority and depth of groups",
    files: {
      "one/hosts": `[web]\nh\n[prod:children]\nweb\n[blue]\nh\n[blue:vars]\nansible_group_priority=10\nprio=blue\nshade=blue\n[red]\nh\n[red:vars]\nshade=red\n[web:vars]\nprio=web\n${local}`,
      "two/hosts": "[web]\nh own=two\n[prod:children]\nweb\n",
      "one/group_vars/web.yml": "a: one web\nb: one web\nmerged: {x: 1, y: 1}\n",
      "two/group_vars/prod.yml": "a: two prod\nc: two prod\n",
      "one/host_vars/h.yml": "own: one file\nd: one file\n",
      "group_vars/prod/a.yml": "b: playbook prod\nc: playbook prod\n",
      "host_vars/h": "d: playbook host\nmerged: {y: 2}\n",
      "site.yml": play({
        hosts: "h",
        tasks: [
          show("all", {
            a: "{{ a }}",
            b: "{{ b }}",
            c: "{{ c }}",
            d: "{{ d }}",
            own: "{{ own }}",
            prio: "{{ prio }} {{ shade }}",
            merged: "{{ merged }}",
          }),
        ],
      }),
    },
    args: ["-i", "one/hosts", "-i", "two/hosts", "site.yml"],
    wanted: {
      "h: all": {
        a: "two prod",
        b: "playbook prod",
        c: "playbook prod",
        d: "playbook host",
        own: "one file",
        prio: "web blue",
        merged: { y: 2 },
      },
    },
  },
  {
    title: "an executable inventory, with group_vars beside it, for each host where it has no _meta",
    files: {
      "inv/cloud": `#!/bin/sh
case "$1" in
  --list) echo '{"web": {"hosts": ["a", "b"], "vars": {"port": 80, "n": [1, null]}}, "prod": {"children": ["web"]}, "all": {"vars": {"ansible_connection": "local"}}}';;
  --host) test "$2" = a && echo '{"port": 81}' || echo '{}';;
esac
`,
      "inv/group_vars/prod.yml": "env: prod\nport: 1\n",
      "site.yml": play({
        hosts: "prod",
        tasks: [show("vars", { port: "{{ port }}", env: "{{ env }}", n: "{{ n }}", groups: "{{ group_names }}" })],
      }),
    },
    args: ["-i", "inv/cloud", "site.yml"],
    wanted: {
      "a: vars": { port: 81, env: "prod", n: [1, null], groups: ["prod", "web"] },
      "b: vars": { port: 1, env: "prod", n: [1, null], groups: ["prod", "web"] },
    },
  },
  {
    title: "hosts of a play as a list, a template of text and lists in all forms of -e",
    files: {
      hosts: `42\n43\nh\n${local}`,
      "more.json": '{"file_text": "42", "file_list": ["43", "h"]}',
      "site.yml": JSON.stringify(
        [
          ["42"],
          ["43", "h"],
          "{{ pair }}",
          "{{ json_text }}",
          "{{ json_list }}",
          "{{ file_text }}",
          "{{ file_list }}",
          ["{{ pair }}", "h"],
        ].map((hosts, index) => ({
          hosts,
          gather_facts: false,
          tasks: [show(`play ${index}`, "on {{ inventory_hostname }}")],
        })),
      ),
    },
    args: [
      "-i",
      "hosts",
      "-e",
      "pair=43",
      "-e",
      '{"json_text": "42", "json_list": ["43", "h"]}',
      "-e",
      "@more.json",
      "site.yml",
    ],
    wanted: {
      "42: play 0": "on 42",
      "h: play 1": "on h",
      "43: play 2": "on 43",
      "42: play 3": "on 42",
      "h: play 4": "on h",
      "42: play 5": "on 42",
      "43: play 6": "on 43",
      "43: play 7": "on 43",
    },
  },
  {
    title: "vars of blocks: the inner one wins, and what nobody uses may be undefined",
    files: {
      hosts: `h\n${local}`,
      "site.yml": play({
        hosts: "h",
        vars: { unused: "{{ nowhere }}" },
        tasks: [
          {
            vars: { v: "outer", w: "outer" },
            block: [
              show("outer", "{{ v }} {{ w }}"),
              {
                vars: { v: "inner" },
                block: [show("inner", "{{ v }} {{ w }}"), { ...show("task", "{{ v }} {{ w }}"), vars: { w: "task" } }],
              },
            ],
          },
        ],
      }),
    },
    wanted: { "h: outer": "outer outer", "h: inner": "inner outer", "h: task": "inner task" },
  },
  {
    title: "vars of dependencies: each role's own chain gives them, through nested ones",
    files: {
      hosts: `h\n${local}`,
      "roles/a/meta/main.yml": "dependencies: [{role: common, given: from a}]\n",
      "roles/b/meta/main.yml": "dependencies: [{role: common, given: from b}]\n",
      "roles/a/tasks/main.yml": "[]\n",
      "roles/b/tasks/main.yml": "[]\n",
      "roles/common/vars/main.yml": 'common_var: "{{ given }}"\n',
      "roles/common/meta/main.yml":
        'dependencies: [{role: nested, nested_given: "{{ common_var }}"}]\nallow_duplicates: true\n',
      "roles/common/tasks/main.yml": '- {name: common, debug: {msg: "{{ common_var }}"}}\n',
      "roles/nested/defaults/main.yml": "nested_given: default\n",
      "roles/nested/meta/main.yml": "allow_duplicates: true\n",
      "roles/nested/tasks/main.yml": '- {name: nested, debug: {msg: "{{ nested_given }}"}}\n',
      "site.yml": play({ hosts: "h", roles: ["a", "b"] }),
    },
    wanted: { "h: common : common": "from a", "h: common : common (2)": "from b", "h: nested : nested (2)": "from b" },
  },
  {
    title: "registered results and set_fact of one name: the last one; parameters of a role win over both",
    files: {
      hosts: `h\n${local}`,
      "roles/r/tasks/main.yml": '- {name: parameter, debug: {msg: "{{ x }}"}}\n',
      "site.yml": play({
        hosts: "h",
        vars: { x: "play" },
        pre_tasks: [{ name: "early", set_fact: { x: "early" } }],
        roles: [{ role: "r", x: "parameter" }],
        tasks: [
          show("fact", "{{ x }}"),
          { name: "result", debug: { msg: "x" }, register: "x" },
          show("registered", { failed: "{{ x.failed }}" }),
          { name: "again", set_fact: { x: "set again" } },
          show("set", "{{ x }}"),
        ],
      }),
    },
    wanted: {
      "h: r : parameter": "parameter",
      "h: fact": "early",
      "h: registered": { failed: false },
      "h: set": "set again",
    },
  },
  {
    title: "variables of many levels in one text, each from where it is given",
    files: {
      hosts: `h inline=entry\n[web]\nh\n[web:vars]\nsection=section\n${local}`,
      "group_vars/all": "everywhere: all\n",
      "group_vars/web": "group: web\nboth: group\n",
      "host_vars/h": "host: h\nboth: host\n",
      "more.yml": "file: vars_files\n",
      "roles/r/defaults/main.yml": "default: default\nboth: default\n",
      "roles/r/vars/main.yml": "role: vars\n",
      "roles/r/vars/more.yml": "included: included\n",
      "roles/r/tasks/main.yml":
        '- include_vars: more.yml\n- name: blend\n  debug: {msg: "{{ inline }} {{ section }} {{ everywhere }} {{ group }} {{ host }} {{ both }} {{ file }} {{ default }} {{ role }} {{ included }} {{ playing }} {{ extra }}"}\n',
      "site.yml": play({ hosts: "h", vars: { playing: "play" }, vars_files: ["more.yml"], roles: ["r"] }),
    },
    args: ["-i", "hosts", "-e", "extra=extra", "site.yml"],
    wanted: { "h: r : blend": "entry section all web h host vars_files default vars included play extra" },
  },
  {
    title: "names and values that are not ASCII, and empty groups of YAML",
    files: {
      "hosts.yml":
        'all:\n  vars: {ansible_connection: local}\n  children:\n    größe:\n      hosts:\n        tree-ä: {wert: "čćžšđ 日本"}\n    nothing:\n    half: {hosts: , vars: , children: }\n',
      "group_vars/größe.yml": "gruppe: ü\n",
      "site.yml": play({ hosts: "größe", tasks: [show("text", "{{ wert }} {{ gruppe }} {{ inventory_hostname }}")] }),
    },
    args: ["-i", "hosts.yml", "site.yml"],
    wanted: { "tree-ä: text": "čćžšđ 日本 ü tree-ä" },
  },
  {
    title: "an inventory whose path has commas in it",
    files: {
      "this,path,has/hosts": `h\n${local}`,
      "site.yml": play({ hosts: "h", tasks: [show("dir", "{{ inventory_hostname }}")] }),
    },
    args: ["-i", "this,path,has/hosts", "site.yml"],
    wanted: { "h: dir": "h" },
  },
  {
    title: "hostvars by a template, nested values of another target, and of one that no play takes",
    files: {
      hosts: `a\nb x=1 nested="{'v':2}"\nc y="{{ x }}!" x=3\n${local}`,
      "site.yml": play({
        hosts: "a",
        vars: { other: "{{ hostvars.b }}" },
        tasks: [
          show("b", { x: "{{ other.x }}!", nested: "{{ hostvars.b.nested }}" }),
          show("c", "{{ hostvars.c.y }}"),
          show("names", { all: "{{ groups.all }}" }),
        ],
      }),
    },
    wanted: { "a: b": { x: "1!", nested: { v: 2 } }, "a: c": "3!" },
  },
];

const inventory = `[web]\nweb[1:4]\n[db]\ndb1\ndb2\n[staging]\nweb2\ndb2\n[both:children]\ndb\nweb\n[lone]\n${local}`;
/** Patterns of `hosts` and limits, whose targets must be the same in the same order. Commas are what both understand. */
const selections: readonly (readonly [hosts: unknown, limit: readonly string[], names: string])[] = [
  ["all", [], "web2 db2 db1 web1 web3 web4"],
  ["both", [], "db1 db2 web1 web2 web3 web4"],
  ["web,db", [], "web1 web2 web3 web4 db1 db2"],
  [["db", "web[0]"], [], "db1 db2 web1"],
  ["web,!staging", [], "web1 web3 web4"],
  ["!staging,web", [], "web1 web3 web4"],
  ["web,&staging", [], "web2"],
  ["&staging", [], "web2 db2"],
  ["web[1:2]", [], "web2 web3"],
  ["web[-1]", [], "web4"],
  ["web[2:]", [], "web3 web4"],
  ["*1", [], "web1 db1"],
  ["web?,!web[0]", [], "web2 web3 web4"],
  ["w*[0:1]", [], "web1 web2"],
  ["~(web|db)2", [], "web2 db2"],
  ["~eb1", [], ""],
  ["all", ["-l", "web"], "web2 web1 web3 web4"],
  ["all", ["-l", "web,!web[0]"], "web2 web3 web4"],
  ["web", ["-l", "!staging"], "web1 web3 web4"],
  ["db", ["-l", "@limit.txt"], "db2"],
  ["all", ["-l", "db2,web1"], "db2 web1"],
  ["all", ["-l", "~web[34]"], "web3 web4"],
  ["all", ["-l", ""], "web2 db2 db1 web1 web3 web4"],
  ["db", ["-l", ",,"], "db1 db2"],
  ["all", ["-l", ",,db2"], "db2"],
  ["all", ["-l", "db2, ,   ,web1"], "db2 web1"],
  [",,db1", [], "db1"],
  ["db1,,web1", [], "db1 web1"],
];

describe("variables beside Ansible", function () {
  this.timeout(180_000);
  const scope = testScope();
  before(function () {
    requireOrSkip(this, { tools: ["ansible-playbook"] });
  });

  for (const { title, files, args = ["-i", "hosts", "site.yml"], wanted } of scenarios)
    it(title, async () => {
      const place = new Workplace(scope, files);
      for (const [name, text] of Object.entries(files))
        if (text.startsWith("#!") && existsSync(`${place.directory}/${name}`))
          chmodSync(`${place.directory}/${name}`, 0o755);
      const own = await shownByCrun(place, args);
      for (const [task, msg] of Object.entries(wanted)) assert.deepEqual(own[task], msg, task);
      assert.deepEqual(own, await shownByAnsible(place, args));
    });

  it(`${selections.length} patterns and limits stand for the same targets in the same order`, async () => {
    const limits = new Map(selections.map(([, limit]) => [limit.join(" "), limit]));
    for (const limit of limits.values()) {
      const chosen = selections.filter((one) => one[1].join(" ") === limit.join(" "));
      const plays = chosen.map(([hosts], index) => ({
        hosts,
        gather_facts: false,
        tasks: [{ ...show(`in ${index}`, { all: "{{ ansible_play_hosts_all }}" }), run_once: true }],
      }));
      const place = new Workplace(scope, {
        hosts: inventory,
        "limit.txt": "db2\nweb1\n",
        "site.yml": JSON.stringify(plays),
      });
      const args = ["-i", "hosts", ...limit, "site.yml"];
      const wanted = chosen.map(([, , names]) => names);
      const own = await shownByCrun(place, args);
      assert.deepEqual(byPlay(own, plays.length), wanted);
      assert.deepEqual(byPlay(await shownByAnsible(place, args), plays.length), wanted);
    }
  });
});

/** Names by play. */
function byPlay(shown: Readonly<Record<string, unknown>>, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const key = Object.keys(shown).find((one) => one.endsWith(`: in ${index}`));
    return key === undefined ? "" : (shown[key] as { readonly all: readonly string[] }).all.join(" ");
  });
}
