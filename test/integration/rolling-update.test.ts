// A rolling update with a server that fails in the middle: crun on real trees and ansible-playbook 2.14 come to the same, results, counts and files.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EngineEvent } from "../../src/engine/events.js";
import { isAnsible214, playWithAnsible } from "../engine/ansible-flow/record/ansible.js";
import { shownRecap, shownResults } from "../engine/ansible-flow/tell.js";
import { twinOf } from "../engine/ansible-flow/twin.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { emptyTree } from "../lab/trees.js";
import { plugins } from "./ansible-scenarios/ansible.js";
import { Workplace } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

interface Update {
  readonly name: string;
  readonly servers: number;
  /** Keywords of the play, in both dialects. */
  readonly keywords: Readonly<Record<string, unknown>>;
  /** Numbers of the servers whose check fails. */
  readonly broken: readonly number[];
  /** Of these the rescue puts the old version back and lets the server go on. */
  readonly saved?: readonly number[];
}

const updates: readonly Update[] = [
  { name: "nobody fails", servers: 2, keywords: { serial: 1 }, broken: [] },
  { name: "one at a time, the first fails", servers: 2, keywords: { serial: 1, max_fail_percentage: 0 }, broken: [1] },
  { name: "both at once, one fails, none may", servers: 2, keywords: { max_fail_percentage: 0 }, broken: [1] },
  { name: "one at a time, the first is saved", servers: 2, keywords: { serial: 1 }, broken: [1], saved: [1] },
  { name: "three, the middle one fails", servers: 3, keywords: { serial: 1, max_fail_percentage: 0 }, broken: [2] },
  { name: "three, one and then two, one of the two fails", servers: 3, keywords: { serial: [1, 2] }, broken: [2] },
  {
    name: "three, in lockstep, any error is fatal",
    servers: 3,
    keywords: { strategy: "linear", any_errors_fatal: true },
    broken: [2],
  },
  { name: "three, each for itself", servers: 3, keywords: { strategy: "free" }, broken: [2] },
  { name: "three, handlers are forced", servers: 3, keywords: { serial: 2, force_handlers: true }, broken: [1, 2] },
];

/**
 * One at a time where several edit one file: of two edits at once ansible-playbook loses one now and then, crun none.
 * The names of pools and files are below `root`: nothing for crun, which is in the tree; its directory for Ansible.
 */
function playbookOf({ keywords }: Update): string {
  const own = Object.entries(keywords).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`);
  return `- name: update
  hosts: web
  gather_facts: false
${own.join("\n")}
  pre_tasks:
    - name: out of the pool
      lineinfile: {path: "{{hostvars.lb.root}}/pool", line: "{{inventory_hostname}}", state: absent}
      delegate_to: lb
      throttle: 1
  tasks:
    - block:
        - name: install
          copy: {dest: "{{root}}/version", content: "2\\n"}
          notify: restart
        - name: check
          fail: {msg: it does not answer}
          when: broken == 1
      rescue:
        - name: old version
          copy: {dest: "{{root}}/version", content: "1\\n"}
        - name: lost
          fail: {msg: "{{ansible_failed_task.name}} failed"}
          when: saved != 1
    - name: count
      lineinfile: {path: "{{hostvars.lb.root}}/done", line: "{{inventory_hostname}}", create: true}
      throttle: 1
      delegate_to: lb${keywords["strategy"] === "free" ? "" : "\n      run_once: true"}
  post_tasks:
    - name: into the pool
      lineinfile: {path: "{{hostvars.lb.root}}/pool", line: "{{inventory_hostname}}"}
      delegate_to: lb
      throttle: 1
  handlers:
    - name: restart
      copy: {dest: "{{root}}/restarted", content: "{{inventory_hostname}}\\n"}
- name: tell
  hosts: web
  gather_facts: false
  tasks:
    - name: left
      debug: {msg: "{{join ansible_play_hosts ','}}"} # ansible: debug: {msg: "{{ ansible_play_hosts|join(',') }}"}
`;
}

/** Whose line comes first is open where targets do not wait for each other. */
function sorted(text: string): string {
  return text.split("\n").toSorted().join("\n");
}

describe("a rolling update, by crun and by ansible-playbook", function () {
  this.timeout(240_000);
  const scope = testScope();
  before(async function () {
    requireOrSkip(this, { root: true, tools: ["ansible-playbook"], paths: [crunPath] });
    if (!(await isAnsible214())) this.skip();
  });

  for (const update of updates) {
    it(update.name, async () => {
      const names = Array.from({ length: update.servers }, (_, index) => `web${index + 1}`);
      /** Trees of the balancer and the servers, as they are before. */
      const trees = (): Record<string, string> => {
        const made = Object.fromEntries(["lb", ...names].map((name) => [name, emptyTree(scope)]));
        writeFileSync(join(made["lb"] ?? "", "pool"), names.map((name) => `${name}\n`).join(""));
        for (const name of names) writeFileSync(join(made[name] ?? "", "version"), "1\n");
        return made;
      };
      const inventoryOf = (of: Readonly<Record<string, string>>, line: (path: string) => string): string => {
        const words = (name: string): string => {
          const index = names.indexOf(name) + 1;
          const flags = `broken=${update.broken.includes(index) ? 1 : 0} saved=${update.saved?.includes(index) ? 1 : 0}`;
          return `${name} ${line(of[name] ?? "")} ${flags}`;
        };
        return `[balancer]\n${words("lb")}\n[web]\n${names.map(words).join("\n")}\n`;
      };
      const filesOf = (of: Readonly<Record<string, string>>): Record<string, string> =>
        Object.fromEntries(
          Object.entries(of).flatMap(([name, path]) =>
            ["pool", "done", "version", "restarted"].flatMap((file) =>
              existsSync(join(path, file)) ? [[`${name}/${file}`, sorted(readFileSync(join(path, file), "utf8"))]] : [],
            ),
          ),
        );
      const text = playbookOf(update);

      const mine = trees();
      const work = new Workplace(scope, {
        "site.yml": text,
        hosts: inventoryOf(mine, (path) => `crun_host=local crun_path=${path} root=""`),
      });
      const told = await work.crun(["play", "--output", "json", "-i", "hosts", "site.yml"]);
      const events = told.stdout
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as EngineEvent);
      const recap = events.findLast((event) => event.event === "recap");
      assert.ok(recap, told.all);

      const theirs = trees();
      const folder = scope.tempDir("ansible");
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "site.yml"), twinOf(text));
      writeFileSync(
        join(folder, "hosts"),
        inventoryOf(theirs, (path) => `ansible_connection=warm root=${path}`),
      );
      const { output, ...expected } = await playWithAnsible(folder, ["-i", "hosts", "site.yml"], {
        ANSIBLE_CONNECTION_PLUGINS: plugins,
      });

      const came = { exit: told.status, recap: shownRecap(recap.targets), results: shownResults(events) };
      assert.deepEqual(came, expected, `${output}\n${told.all}`);
      assert.deepEqual(filesOf(mine), filesOf(theirs));
    });
  }
});
