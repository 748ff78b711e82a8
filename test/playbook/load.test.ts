// Loading: from YAML to plays and tasks, with what they inherit.

import assert from "node:assert/strict";
import fc from "fast-check";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import type { Renderable } from "../../src/module/value.js";
import { splitFreeForm } from "../../src/playbook/load/free-form.js";
import type { Include, Node, Task } from "../../src/playbook/play.js";
import { createScope, rawLayer } from "../../src/playbook/scope/scope.js";
import { layerOf } from "./scopes.js";
import { findingsOf, load, playOf, playsOf, tasksOf, textOf } from "./memory-files.js";

const nothing = createScope([]);
const plain = (value: Renderable | undefined): unknown => value?.render(nothing);
const namesOf = (nodes: readonly Node[]): string[] =>
  tasksOf(nodes).map((task) => String(plain(task.name) ?? task.module.name));
const messagesOf = (tasks: readonly Task[]): unknown[] => tasks.map((task) => plain(task.args["msg"]));

async function taskOf(text: string): Promise<Task> {
  const play = await playOf({ "site.yml": `- hosts: all\n  tasks:\n${text.replace(/^/gm, "    ")}\n` });
  const [task] = tasksOf(play.nodes);
  assert.ok(task);
  return task;
}

function includeOf(nodes: readonly Node[]): Include {
  const include = nodes.find((node) => node.kind === "include");
  assert.ok(include?.kind === "include");
  return include;
}

describe("loading tasks", () => {
  it("reads a task's keywords", async () => {
    const task = await taskOf(`- name: Say
  debug: {msg: x}
  when: [a == 1, b]
  register: out
  until: out.rc == 0
  retries: 3
  delay: 1
  changed_when: false
  failed_when: [a, b]
  notify: [one, two]
  tags: a, b
  become: yes
  become_user: joe
  ignore_errors: "{{x}}"
  check_mode: no
  no_log: on
  delegate_to: local
  run_once: true
  throttle: 2
  environment: {A: 1}`);
    assert.deepEqual(
      {
        name: plain(task.name),
        module: task.module.name,
        when: task.when.map((one) => one.text),
        register: task.register,
        until: task.until?.map((one) => one.text),
        retries: plain(task.retries),
        delay: plain(task.delaySeconds),
        changedWhen: task.changedWhen?.map((one) => one.text),
        failedWhen: task.failedWhen?.map((one) => one.text),
        notify: task.notify.map(plain),
        tags: [...task.tags],
        become: [plain(task.become), plain(task.becomeUser)],
        ignores: task.ignoreErrors?.isStatic,
        checkMode: plain(task.checkMode),
        noLog: plain(task.noLog),
        delegateTo: plain(task.delegateTo),
        runOnce: task.runOnce,
        throttle: task.throttle,
        environment: task.environment.map(plain),
        place: task.place,
      },
      {
        name: "Say",
        module: "debug",
        when: ["a == 1", "b"],
        register: "out",
        until: ["out.rc == 0"],
        retries: 3,
        delay: 1,
        changedWhen: ["false"],
        failedWhen: ["a", "b"],
        notify: ["one", "two"],
        tags: ["a", "b"],
        become: [true, "joe"],
        ignores: false,
        checkMode: false,
        noLog: true,
        delegateTo: "local",
        runOnce: true,
        throttle: 2,
        environment: [{ A: 1 }],
        place: { file: "site.yml", line: 3, column: 7 },
      },
    );
  });

  it("takes ansible.builtin's names for its own", async () => {
    assert.equal((await taskOf("- ansible.builtin.debug: {msg: x}")).module.name, "debug");
    assert.equal((await taskOf("- ansible.legacy.command: ls")).module.name, "command");
  });

  it("takes chdir=, creates= and the like out of a command's text", async () => {
    const task = await taskOf('- command: chdir=/tmp make  install PREFIX=/usr creates="/a b" removes={{ x }}/y');
    assert.equal(plain(task.args["cmd"]), "make  install PREFIX=/usr");
    assert.equal(plain(task.args["chdir"]), "/tmp");
    assert.equal(plain(task.args["creates"]), "/a b");
    assert.equal(task.args["removes"]?.isStatic, false);
  });

  it("law: a command's text without such words stays as it is", () => {
    const word = fc.stringMatching(/^[a-z0-9/='"{}-]{1,8}$/).filter((one) => !/^[a-z_]+=/.test(one));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), (words) =>
        assert.equal(splitFreeForm(words.join(" ")).text, words.join(" ")),
      ),
    );
  });

  it("lets args: give what the text does not, and the text win", async () => {
    const task = await taskOf("- shell: ls creates=/a\n  args:\n    chdir: /tmp\n    creates: /b");
    assert.deepEqual(
      [plain(task.args["cmd"]), plain(task.args["chdir"]), plain(task.args["creates"])],
      ["ls", "/tmp", "/a"],
    );
  });

  it("names arguments by the params' main names", async () => {
    const task = await taskOf("- file: {dest: /x, state: absent}");
    assert.deepEqual(Object.keys(task.args), ["path", "state"]);
  });

  it("lays module_defaults under the arguments, the innermost first", async () => {
    const play = await playOf({
      "site.yml": `- hosts: all
  module_defaults: {file: {owner: root, mode: "0600"}, ansible.builtin.debug: {msg: d}}
  tasks:
    - file: {path: /a, mode: "0644"}
    - module_defaults: {file: {owner: joe}}
      block:
        - file: {path: /b}
    - debug:
`,
    });
    const [first, second, third] = tasksOf(play.nodes);
    assert.deepEqual([plain(first?.args["owner"]), plain(first?.args["mode"])], ["root", "0644"]);
    assert.deepEqual([plain(second?.args["owner"]), plain(second?.args["mode"])], ["joe", undefined]);
    assert.equal(plain(third?.args["msg"]), "d");
  });

  it("evaluates conditions and expressions that are arguments, and tells what is undefined as a part of the result", async () => {
    const that = (await taskOf("- assert: {that: [1 < 2, nowhere == 1]}")).args["that"];
    assert.deepEqual(that?.render(nothing), [
      { text: "1 < 2", value: true },
      { text: "nowhere == 1", value: undefined, error: 'the variable "nowhere" is not defined' },
    ]);
    assert.deepEqual((await taskOf("- debug: {var: 1 + 1}")).args["var"]?.render(nothing), { text: "1 + 1", value: 2 });
  });

  it("reads loops and what controls them", async () => {
    const task = await taskOf(
      "- debug: {msg: x}\n  loop: [1, 2]\n  loop_control: {loop_var: one, index_var: i, label: l, pause: 1.5, extended: true}",
    );
    assert.deepEqual(plain(task.loop), [1, 2]);
    const { loopVar, indexVar, label, pauseSeconds, isExtended } = task.loopControl;
    assert.deepEqual([loopVar, indexVar, plain(label), plain(pauseSeconds), isExtended], ["one", "i", "l", 1.5, true]);
  });

  it("hands tags, conditions, variables and the rest down through blocks", async () => {
    const play = await playOf({
      "site.yml": `- hosts: all
  tags: play
  become: true
  environment: {A: play}
  tasks:
    - when: outer
      tags: [block]
      vars: {v: block}
      become_user: joe
      notify: all
      block:
        - debug: {msg: x}
          when: inner
          tags: task
          vars: {v: task}
          environment: {A: task}
          notify: one
      rescue:
        - debug: {msg: rescue}
          become: false
      always:
        - debug: {msg: always}
`,
    });
    const [task, rescue, always] = tasksOf(play.nodes);
    assert.ok(task && rescue && always);
    assert.deepEqual(
      task.when.map((one) => one.text),
      ["outer", "inner"],
    );
    assert.deepEqual([...task.tags], ["play", "block", "task"]);
    assert.deepEqual(
      task.vars.map((one) => one.origin),
      ["block vars", "task vars"],
    );
    assert.deepEqual(task.environment.map(plain), [{ A: "play" }, { A: "task" }]);
    assert.deepEqual(
      [task, always].map(({ notify }) => notify.map(plain)),
      [["one"], ["all"]],
    );
    assert.deepEqual([plain(task.become), plain(task.becomeUser)], [true, "joe"]);
    assert.equal(plain(rescue.become), false);
    assert.deepEqual(
      always.when.map((one) => one.text),
      ["outer"],
    );
  });

  it("expands import_tasks with what the import has", async () => {
    const play = await playOf({
      "site.yml":
        "- hosts: all\n  tasks:\n    - import_tasks: sub/more.yml\n      when: a\n      tags: t\n      vars: {v: 1}\n",
      "sub/more.yml": "- import_tasks: deeper.yml\n- debug: {msg: more}\n",
      "sub/deeper.yml": "- debug: {msg: deeper}\n",
    });
    const tasks = tasksOf(play.nodes);
    assert.deepEqual(messagesOf(tasks), ["deeper", "more"]);
    for (const task of tasks)
      assert.deepEqual([task.when.map((one) => one.text), [...task.tags], task.vars.length], [["a"], ["t"], 1]);
    assert.equal(tasks[0]?.place.file, "sub/deeper.yml");
  });

  it("reads include_tasks when it is reached: what surrounds it counts, its own when and tags do not, apply does", async () => {
    const play = await playOf({
      "site.yml": `- hosts: all
  tasks:
    - when: around
      block:
        - include_tasks:
            file: "{{name}}.yml"
            apply: {tags: applied, become: true}
          when: own
          tags: own
          vars: {v: 1}
          loop: [a]
          loop_control: {loop_var: name}
`,
      "a.yml": "- debug: {msg: a}\n",
      "broken.yml": "- debgu: {msg: a}\n",
    });
    const block = play.nodes.find((node) => node.kind === "block");
    assert.ok(block?.kind === "block");
    const include = includeOf(block.block);
    assert.deepEqual([include.when.map((one) => one.text), [...include.tags]], [["around", "own"], ["own"]]);
    const [task] = tasksOf((await include.load("a.yml")).nodes);
    assert.ok(task);
    assert.deepEqual(
      [task.when.map((one) => one.text), [...task.tags], plain(task.become)],
      [["around"], ["applied"], true],
    );
    assert.deepEqual(
      task.vars.map((one) => one.origin),
      ["include vars"],
    );
    await assert.rejects(
      include.load("broken.yml"),
      (error) => error instanceof CrunError && /broken\.yml:1:3[^]*Did you mean "debug"/.test(error.message),
    );
    await assert.rejects(include.load("none.yml"), /there is no file "none\.yml"/);
  });

  it("takes the parameters of an include from args:, too", async () => {
    const play = await playOf({
      "site.yml": "- hosts: all\n  tasks:\n    - include_tasks: a.yml\n      args: {apply: {tags: t}}\n",
      "a.yml": "- debug: {msg: a}\n",
    });
    const [task] = tasksOf((await includeOf(play.nodes).load("a.yml")).nodes);
    assert.deepEqual([...(task?.tags ?? [])], ["t"]);
  });

  it("reads meta tasks", async () => {
    const play = await playOf({
      "site.yml": "- hosts: all\n  tasks:\n    - meta: end_host\n      when: a\n    - meta: end_target\n",
    });
    assert.deepEqual(
      play.nodes.map((node) => node.kind === "meta" && node.action),
      ["flush_handlers", "end_host", "end_host", "flush_handlers", "flush_handlers"],
    );
  });
});

describe("loading plays", () => {
  it("reads a play's keywords", async () => {
    const play = await playOf({
      "site.yml": `- name: Web
  hosts: [web, "!db"]
  gather_facts: no
  strategy: linear
  serial: [1, "30%"]
  max_fail_percentage: 20
  any_errors_fatal: true
  order: sorted
  force_handlers: yes
  vars: {a: 1}
  vars_files: [x.yml, [y.yml, z.yml]]
`,
    });
    const { name, gatherFacts, strategy, serial, maxFailPercentage, anyErrorsFatal, order, forceHandlers, directory } =
      play;
    assert.deepEqual(
      {
        name,
        hosts: plain(play.hosts),
        gatherFacts,
        strategy,
        serial,
        maxFailPercentage,
        anyErrorsFatal,
        order,
        forceHandlers,
        directory,
      },
      {
        name: "Web",
        hosts: "web,!db",
        gatherFacts: false,
        strategy: "linear",
        serial: [1, "30%"],
        maxFailPercentage: 20,
        anyErrorsFatal: true,
        order: "sorted",
        forceHandlers: true,
        directory: "/play",
      },
    );
    assert.deepEqual(play.varsFiles.map(plain), ["x.yml", ["y.yml", "z.yml"]]);
  });

  it("reads what a play wants of a transaction", async () => {
    const transactionOf = async (text: string) =>
      (await playOf({ "site.yml": `- hosts: web\n  vars: {wanted: true}\n${text}` })).transaction;
    const refuse = { running: "refuse", keep: 1 };
    assert.equal(await transactionOf(""), undefined);
    assert.equal(await transactionOf("  transaction: false\n"), null);
    assert.deepEqual(await transactionOf("  transaction: true\n"), refuse);
    assert.deepEqual(await transactionOf("  transaction: yes\n"), refuse);
    assert.deepEqual(await transactionOf('  transaction: "{{wanted}}"\n'), refuse);
    assert.deepEqual(await transactionOf("  transaction: restart\n"), { running: "restart", keep: 1 });
    assert.deepEqual(await transactionOf("  transaction: {keep: 0}\n"), { running: "refuse", keep: 0 });
    const both = "  transaction: {running: restart, keep: 3}\n";
    assert.deepEqual(await transactionOf(both), { running: "restart", keep: 3 });
  });

  it("is free, unnamed and gathers when asked unless it says otherwise", async () => {
    const { name, strategy, gatherFacts, order, serial } = await playOf({ "site.yml": "- hosts: web\n" });
    assert.deepEqual([name, strategy, gatherFacts, order, serial], ["web", "free", undefined, "inventory", undefined]);
  });

  it("runs pre_tasks, roles and tasks, post_tasks, each followed by its handlers", async () => {
    const play = await playOf({
      "site.yml":
        "- hosts: all\n  post_tasks: [{debug: {msg: post}}]\n  tasks: [{debug: {msg: task}}]\n  pre_tasks: [{debug: {msg: pre}}]\n  roles: [web]\n",
      "roles/web/tasks/main.yml": "- debug: {msg: role}\n",
    });
    const order = play.nodes.map((node) =>
      node.kind === "task" ? plain(node.args["msg"]) : node.kind === "meta" ? node.action : "",
    );
    assert.deepEqual(order, [
      "pre",
      "flush_handlers",
      "role",
      "role_complete",
      "task",
      "flush_handlers",
      "post",
      "flush_handlers",
    ]);
  });

  it("reads the plays of import_playbook with its conditions, tags and variables", async () => {
    const plays = await playsOf({
      "site.yml":
        "- import_playbook: sub/other.yml\n  when: a\n  tags: t\n  vars: {v: import, w: import}\n- hosts: last\n",
      "sub/other.yml": "- hosts: first\n  vars: {v: play}\n  tasks:\n    - copy: {src: x, dest: /x}\n",
    });
    assert.deepEqual(
      plays.map((play) => play.name),
      ["first", "last"],
    );
    const [first] = plays;
    assert.ok(first);
    const [task] = tasksOf(first.nodes);
    assert.deepEqual([task?.when.map((one) => one.text), [...(task?.tags ?? [])]], [["a"], ["t"]]);
    const scope = createScope([first.vars]);
    assert.deepEqual([scope.get("v"), scope.get("w"), first.directory], ["import", "import", "/play/sub"]);
    assert.deepEqual(task?.searchDirectories, ["/play/sub"]);
  });

  it("finds every mistake, not only the first", async () => {
    const { findings } = await load({
      "site.yml":
        "- hosts: all\n  tsks: []\n  tasks:\n    - debgu: {}\n    - debug: {mgs: x}\n      wen: a\n- nam: x\n",
    });
    assert.equal(findings.filter((one) => one.severity === "error").length, 6, textOf(findings));
  });

  it("says so where there is no such playbook", async () => {
    await assert.rejects(load({ "other.yml": "" }), /there is no playbook "site\.yml"/);
  });
});

describe("loading roles", () => {
  const web = {
    "roles/web/tasks/main.yml": "- debug: {msg: web}\n  notify: reload\n- import_tasks: more.yml\n",
    "roles/web/tasks/more.yml": "- template: {src: x.hbs, dest: /x}\n",
    "roles/web/defaults/main.yml": "port: 80\n",
    "roles/web/vars/main.yaml": "user: www\n",
    "roles/web/handlers/main.yml": "- name: reload\n  debug: {msg: reload}\n",
    "roles/web/meta/main.yml": "dependencies:\n  - role: base\n    vars: {level: 1}\n",
    "roles/base/tasks/main.yml": "- debug: {msg: base}\n",
    "roles/base/defaults/main.yml": "port: 1\nlevel: 0\n",
  };

  it("runs dependencies first, and knows whose task a task is", async () => {
    const play = await playOf({
      "site.yml": "- hosts: all\n  roles:\n    - {role: web, when: a, tags: t, become: true}\n",
      ...web,
    });
    const tasks = tasksOf(play.nodes);
    assert.deepEqual(
      tasks.map((task) => task.role?.name),
      ["base", "web", "web"],
    );
    for (const task of tasks)
      assert.deepEqual([task.when.map((one) => one.text), [...task.tags], plain(task.become)], [["a"], ["t"], true]);
    assert.deepEqual(tasks[2]?.searchDirectories, ["/play/roles/web", "/play/roles/web/tasks", "/play"]);
  });

  it("gathers defaults and vars, and lays a role's own over the others' for its tasks", async () => {
    const play = await playOf({ "site.yml": "- hosts: all\n  roles: [web]\n", ...web });
    assert.deepEqual(
      play.roleDefaults.map((one) => one.origin),
      ["roles/base/defaults/main.yml", "roles/web/defaults/main.yml"],
    );
    assert.deepEqual(
      play.roleVars.map((one) => one.origin),
      ["vars of role base", "roles/web/vars/main.yaml"],
    );
    const [base, own] = tasksOf(play.nodes);
    const seen = (task: Task | undefined): unknown =>
      createScope([...play.roleDefaults, ...(task?.role?.defaults ?? []), ...(task?.vars ?? [])]).get("port");
    assert.deepEqual([seen(base), seen(own)], [1, 80]);
    assert.deepEqual(
      base?.vars.map((one) => one.origin),
      ["roles/web/vars/main.yaml", "vars of role base"],
    );
    assert.deepEqual(
      own?.vars.map((one) => one.origin),
      ["vars of role base", "roles/web/vars/main.yaml"],
    );
  });

  it("lays an entry's vars under the role's own, and its other keys over them", async () => {
    const play = await playOf({
      "site.yml": "- hosts: all\n  roles:\n    - {role: web, vars: {user: entry}, listen_on: 8080}\n",
      ...web,
    });
    const own = tasksOf(play.nodes)[1];
    const scope = createScope([...(own?.role?.defaults ?? []), ...(own?.vars ?? [])]);
    assert.deepEqual([scope.get("user"), scope.get("listen_on")], ["www", 8080]);
  });

  it("lays the vars of an import or include over the role's own, and shows an import's to the whole play", async () => {
    const files = {
      "site.yml":
        "- hosts: all\n  tasks:\n    - import_role: {name: web}\n      vars: {user: import, seen: 1}\n    - include_role: {name: web}\n      vars: {user: include}\n",
      "roles/web/tasks/main.yml": "- debug: {msg: x}\n",
      "roles/web/vars/main.yml": "user: role\n",
    };
    const play = await playOf(files);
    const userOf = (task: Task | undefined): unknown => createScope(task?.vars ?? []).get("user");
    assert.equal(userOf(tasksOf(play.nodes)[0]), "import");
    assert.equal(userOf(tasksOf((await includeOf(play.nodes).load("web")).nodes)[0]), "include");
    const scope = createScope(play.roleVars);
    assert.deepEqual([scope.get("user"), scope.get("seen")], ["role", 1]);
  });

  it("runs a role's handlers before the play's", async () => {
    const play = await playOf({
      "site.yml":
        "- hosts: all\n  roles: [web]\n  handlers:\n    - name: last\n      listen: [a, b]\n      debug: {msg: x}\n",
      ...web,
    });
    assert.deepEqual(
      play.handlers.map((one) => [plain(one.name), one.listen]),
      [
        ["reload", []],
        ["last", ["a", "b"]],
      ],
    );
  });

  it("knows entries of a role with the same arguments, which run once, and a role that allows more", async () => {
    const files = {
      "site.yml": "- hosts: all\n  roles: [base, {role: base}, {role: base, x: 1}, {role: base, x: 1}, many, many]\n",
      "roles/base/tasks/main.yml": "- debug: {msg: base}\n",
      "roles/base/handlers/main.yml": "- {name: reload, debug: {msg: x}}\n",
      "roles/many/tasks/main.yml": "- debug: {msg: many}\n",
      "roles/many/meta/main.yml": "allow_duplicates: true\n",
    };
    const play = await playOf(files);
    const [one, two, three, four, five, six] = tasksOf(play.nodes).map((task) => task.role);
    assert.ok(one?.key !== undefined && one !== two && one.key === two?.key);
    assert.ok(three?.key !== undefined && three.key === four?.key && three.key !== one.key);
    assert.deepEqual(
      [one, five, six].map((role) => role?.isRepeatable),
      [false, true, true],
    );
    assert.equal(play.handlers.length, 2);
  });

  it("imports and includes roles, with other files of theirs", async () => {
    const files = {
      ...web,
      "site.yml": `- hosts: all
  tasks:
    - import_role: {name: base}
      tags: t
    - include_role: {name: "{{which}}", tasks_from: other, public: true, apply: {tags: applied}}
      vars: {v: 1}
      when: a
`,
      "roles/web/tasks/other.yml": "- debug: {msg: other}\n",
    };
    const play = await playOf(files);
    assert.deepEqual(
      tasksOf(play.nodes).map((task) => [plain(task.args["msg"]), [...task.tags]]),
      [["base", ["t"]]],
    );
    const include = includeOf(play.nodes);
    const loaded = await include.load("web", { tasks: "other" });
    assert.deepEqual(
      tasksOf(loaded.nodes).map((task) => [plain(task.args["msg"]), [...task.tags], task.when.length]),
      [
        ["base", ["applied"], 0],
        ["other", ["applied"], 0],
      ],
    );
    assert.deepEqual(
      loaded.handlers.map((one) => plain(one.name)),
      ["reload"],
    );
    assert.equal(loaded.defaults.length, 2);
    await assert.rejects(include.load("wbe"), /there is no role "wbe"[^]*Did you mean "web"\?/);
  });

  it("renders what is needed early with a role's defaults beneath the play's variables and its own above them", async () => {
    const files = {
      "site.yml": "- hosts: all\n  vars: {b: play, c: play}\n  roles: [{role: web, d: param}]\n",
      "roles/web/defaults/main.yml": "a: default\nb: default\nc: default\nd: default\n",
      "roles/web/vars/main.yml": "c: role\n",
      "roles/web/tasks/main.yml":
        '- debug: {msg: x}\n  tags: ["{{a}}", "{{b}}", "{{c}}", "{{d}}"]\n- import_tasks: "{{a}}.yml"\n',
      "roles/web/tasks/default.yml": "- debug: {msg: y}\n  run_once: '{{eq c \"role\"}}'\n",
    };
    const [first, second] = tasksOf((await playOf(files)).nodes);
    assert.deepEqual([...(first?.tags ?? [])], ["default", "play", "role", "param"]);
    assert.equal(second?.runOnce, true);
  });

  it("looks for roles beside the playbook, in its own directory and where it is told", async () => {
    const { playbook, findings } = await loadWithPath();
    assert.deepEqual(findings, []);
    assert.deepEqual(namesOf(playbook.plays[0]?.nodes ?? []).length, 2);
  });

  function loadWithPath(): ReturnType<typeof load> {
    return load(
      {
        "site.yml": "- hosts: all\n  roles: [here, far]\n",
        "here/tasks/main.yml": "- debug: {msg: a}\n",
        "lib/far/tasks/main.yml": "- debug: {msg: b}\n",
      },
      ["/play/lib"],
    );
  }
});

describe("the checks before a run", () => {
  it("find nothing wrong where nothing is", async () => {
    const found = await findingsOf(
      {
        "site.yml": `- hosts: all
  vars: {list: [1], url: "{{scheme}}://{{inventory_hostname}}"}
  vars_files: [more.yml]
  tasks:
    - command: ls
      register: out
      notify: [restart, "web : reload"]
    - debug: {msg: "{{url}} {{out.rc}} {{item}} {{n}}"}
      loop: "{{list}}"
      loop_control: {index_var: n}
    - set_fact: {made: 1}
    - debug: {msg: "{{made}} {{from_inventory}}"}
    - debug: {msg: "{{maybe}}"}
      when: has(vars.maybe) && maybe == 1
    - debug: {msg: "{{default other 'x'}}"}
    - include_tasks: part.yml
      loop: "{{list}}"
      vars: {given: 1}
    - include_role: {name: web}
    - template: {src: t.hbs, dest: /t}
  handlers:
    - {name: restart, debug: {msg: x}}
`,
        "more.yml": "scheme: http\n",
        "part.yml": "- debug: {msg: '{{item}} {{given}}'}\n",
        "roles/web/tasks/main.yml": "- debug: {msg: '{{role_name}} {{port}}'}\n",
        "roles/web/defaults/main.yml": "port: 80\n",
        "roles/web/handlers/main.yml": "- {name: reload, debug: {msg: x}}\n",
        "templates/t.hbs": "{{ansible_managed}}\n{{#each list}}{{this}}{{anything}}{{/each}}{{default q 1}}{{q}}\n",
      },
      { layers: [rawLayer("hosts", { from_inventory: 1 })] },
    );
    assert.equal(found, "");
  });

  it("leave variables alone where a file with a templated name may bring them", async () => {
    assert.equal(
      await findingsOf({
        "site.yml":
          "- hosts: all\n  vars_files: ['{{inventory_hostname}}.yml']\n  tasks:\n    - debug: {msg: '{{who_knows}}'}\n",
      }),
      "",
    );
  });

  it("open static includes, and find what is wrong inside", async () => {
    const found = await findingsOf({
      "site.yml": "- hosts: all\n  tasks:\n    - include_tasks: part.yml\n",
      "part.yml": "- debug: {msg: '{{nowhere}}'}\n- include_tasks: part.yml\n",
    });
    assert.match(found, /"nowhere" is not defined anywhere\n {2}at part\.yml:1:19/);
  });

  it("follow the variables of the inventory to what they read", async () => {
    const layers = [layerOf("url: 'http://{{domain}}/'\nunused: '{{nobody}}'", "group_vars/all.yml")];
    const found = await findingsOf(
      { "site.yml": "- hosts: all\n  tasks:\n    - debug: {msg: '{{url}}'}\n" },
      { layers },
    );
    assert.match(
      found,
      /^error: the variable "domain" is not defined anywhere\n {2}at group_vars\/all\.yml:1:16\n[^]*$/,
    );
    assert.doesNotMatch(found, /nobody/);
  });

  it("check the patterns of hosts, the tags and the task to start at", async () => {
    const asked = {
      checkPattern: (pattern: string): void => {
        throw new CrunError({ severity: "error", summary: `unknown ${pattern}` });
      },
      tags: ["wbe", "always"],
      startAtTask: "Sayy",
    };
    const found = await findingsOf(
      { "site.yml": "- hosts: nodes\n  tasks:\n    - {name: Say, debug: {msg: x}, tags: web}\n" },
      asked,
    );
    assert.equal(
      found,
      [
        "error: unknown nodes\n  at site.yml:1:10\n  1 | - hosts: nodes\n    |          ^",
        'error: --tags: no task has the tag "wbe"\n  Did you mean "web"?',
        'error: --start-at-task: no task is called "Sayy"\n  Did you mean "Say"?',
      ].join("\n"),
    );
    assert.equal(
      await findingsOf(
        { "site.yml": "- hosts: all\n  tasks:\n    - {name: Say, debug: {msg: x}}\n" },
        { startAtTask: "S*" },
      ),
      "",
    );
  });
});
