// Runs plays on a small tree, so that what V8 compiled for them can be kept for later runs.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const dist = fileURLToPath(new URL("../../dist/", import.meta.url));
const { runProgram, script } = createRequire(import.meta.url)(`${dist}program.js`);

const directory = mkdtempSync(join(tmpdir(), "crun-warm-"));
const tree = join(directory, "tree");
mkdirSync(join(tree, "etc"), { recursive: true });
writeFileSync(join(tree, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
writeFileSync(join(tree, "etc/group"), "root:x:0:\n");
writeFileSync(join(directory, "page.hbs"), "{{#each list}}{{this}} {{/each}}{{inventory_hostname}}\n");
writeFileSync(join(directory, "hosts"), `local:warm crun_path=${tree}\n`);
writeFileSync(
  join(directory, "site.yml"),
  `- hosts: all
  vars: {list: [a, b]}
  handlers: [{name: h, debug: {msg: "{{facts.os}}"}}]
  tasks:
    - group: {name: g}
    - user: {name: u, group: g}
    - file: {path: /srv, state: directory, owner: u, mode: "0755"}
    - template: {src: page.hbs, dest: /srv/page, mode: "0644"}
      notify: h
    - copy: {dest: /srv/copy, content: "{{item}}\\n"}
      loop: [a, a]
      when: item == "a"
    - lineinfile: {path: /etc/hosts, line: 127.0.0.1 localhost, create: true}
    - blockinfile: {path: /etc/hosts, block: 127.0.0.1 crun}
    - file: {path: /srv/link, src: copy, state: link}
    - file: {path: /srv/none, state: absent}
    - command: "true"
      args: {creates: /srv}
    - stat: {path: /srv/copy}
      register: seen
    - set_fact: {size: "{{seen.stat.size}}"}
    - assert: {that: [seen.stat.exists]}
`,
);
try {
  process.chdir(directory);
  for (const more of [["--check", "--diff"], [], [], ["--output", "json"]])
    await runProgram(["play", "site.yml", "-i", "hosts", ...more]);
  writeFileSync(`${dist}program.cache`, script.createCachedData());
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exit(0);
