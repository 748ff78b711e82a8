// Rows 21 and 25: names, link targets and contents with line ends, escape sequences, broken UTF-8 and templates, through everything that lists or reports.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brief } from "../integration/cli.js";
import { crunPath, type Task } from "../integration/crun-tasks.js";
import { requireOrSkip } from "../lab/needs.js";
import { run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { ways } from "./catalogue.js";
import { scene, withstands } from "./oracle.js";
import { hold } from "./ways.js";

const texts = [
  "line\nend",
  "esc\x1b[2J\x1b]0;title\x07",
  "return\rover",
  "\u009b31mC1",
  "{{canary}}",
  "{{#each facts}}",
  "{{{canary}}}",
  "!vault |",
  "${{canary}}",
  "{% raw %}",
  "-rf",
  "$(touch pwned)`touch pwned`;touch pwned",
  " \"quoted\" 'names' ",
  "a: b #c",
  "[defaults]",
  "x".repeat(255),
];
const bytes = [Buffer.from([0xff, 0xfe, 0x2d]), Buffer.from([0x9b, 0x33, 0x31, 0x6d]), Buffer.from([0xed, 0xa0, 0x80])];
const names = [...texts.map((text) => Buffer.from(text)), ...bytes];
const evil = "{{canary}} \x1b[2J\n!vault |\n{{#if true}}RENDERED{{/if}}\n\u009b31m\r";

/** What a terminal would obey, or a template would have become. */
function assertHarmless(text: string, where: string): void {
  // eslint-disable-next-line no-control-regex
  const found = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.exec(text);
  assert.equal(
    found,
    null,
    `${where}: a control character at ${JSON.stringify(text.slice(found?.index ?? 0, (found?.index ?? 0) + 80))}`,
  );
  const at = text.indexOf("RENDERED-");
  assert.equal(at, -1, `${where}: ${text.slice(Math.max(0, at - 200), at + 50)}`);
}

const below = (directory: string, name: Buffer): Buffer => Buffer.concat([Buffer.from(`${directory}/`), name]);

describe("threats: names and contents", function () {
  this.timeout(120_000);
  const scope = testScope();

  before(function () {
    requireOrSkip(this, { root: true, tools: ["gcc", "setpriv", "systemd-nspawn"] });
  });

  /** Directories of files, of directories, and of links to such names. */
  function lay(tree: string): void {
    rmSync(join(tree, "srv"), { recursive: true, force: true });
    for (const name of ["files", "directories", "links"]) mkdirSync(join(tree, "srv", name), { recursive: true });
    for (const name of names) {
      writeFileSync(below(join(tree, "srv/files"), name), evil);
      mkdirSync(below(join(tree, "srv/directories"), name));
    }
    for (const [index, name] of names.entries()) symlinkSync(name, join(tree, "srv/links", String(index)));
    writeFileSync(join(tree, "srv/text"), evil);
    // Names that JavaScript's own objects have, too.
    const users = ["__proto__", "constructor", "toString"].map((name, index) => `${name}:x:${index + 7}:7::/:/\n`);
    writeFileSync(join(tree, "etc/passwd"), `root:x:0:0:{{canary}} \x1b[2J:/root:/bin/{{canary}}\n${users.join("")}`);
    writeFileSync(
      join(tree, "etc/os-release"),
      `ID="{{canary}}"\nID_LIKE="constructor toString"\n__proto__=x\nNAME='\x1b[2J{{canary}}'\nVERSION_ID="\u009b"\n`,
    );
    writeFileSync(join(tree, "etc/hostname"), "{{canary}}\x1b[2J\n");
  }

  const overLinks = { loop: "{{links.results}}", loop_control: { label: "{{item.stat.lnk_target}}" } };
  const tasks: readonly Task[] = [
    { setup: {} },
    { debug: { var: "facts" } },
    { debug: { msg: "{{facts.distribution}} {{facts.os_family}} {{facts.users}}" } },
    { set_fact: { copied: "{{facts.distribution}}" } },
    { debug: { msg: "{{copied}}" } },
    { debug: { msg: "x" }, when: 'copied != "RENDERED-1"' },
    { copy: { dest: "/srv/from-facts", content: "{{facts}}" } },
    { template: { dest: "/srv/from-template", src: "t.hbs" } },
    // What a name or a link's target is comes from the tree, as data: the playbook's own templates are templates.
    { stat: { path: "/srv/links/{{item}}" }, loop: [...names.keys()], register: "links" },
    { debug: { msg: "{{item.stat.lnk_target}}" }, ...overLinks },
    { fail: { msg: "{{links.results}}" } },
    { file: { path: "/srv/files/{{item.stat.lnk_target}}", mode: "0600" }, ...overLinks },
    { copy: { dest: "/srv/files/{{item.stat.lnk_target}}", content: "new {{item.stat.lnk_target}}\n" }, ...overLinks },
    { lineinfile: { path: "/srv/files/{{item.stat.lnk_target}}", line: "{{item.stat.lnk_target}}" }, ...overLinks },
    { copy: { dest: "/srv/files/{{item.stat.lnk_target}}/none", content: "x" }, ...overLinks },
    { file: { path: "/srv/files/{{item.stat.lnk_target}}", state: "directory" }, ...overLinks },
    { copy: { src: "/srv/files/", dest: "/srv/copy", remote_src: true } },
    { copy: { src: "/srv/links/", dest: "/srv/copied-links", remote_src: true } },
    { file: { path: "/srv/directories", state: "directory", recurse: true, mode: "0700" } },
    { copy: { dest: "/srv/text", content: "other\n" } },
    { blockinfile: { path: "/srv/text", block: "{{copied}}" } },
    { wait_for: { path: "/srv/text", search_regex: "(?P<found>other)", timeout: 1 } },
    { command: "/bin/{{copied}}" },
    { add_host: { name: "{{copied}}", groups: "{{copied}}" } },
    { group_by: { key: "{{copied}}" } },
    { file: { path: "/srv/directories", state: "absent" } },
  ];

  for (const way of ways.files) {
    it(`rows 21, 25 (${way}): names and contents are shown, not obeyed, and never rendered`, async () => {
      const place = scene(scope, "names");
      lay(place.tree);
      const held = await hold(scope, way, place);
      const outputs = way === "files" ? (["json", "plain"] as const) : (["json"] as const);
      for (const output of outputs) {
        const told = await withstands(place, { deadlineMs: 60_000 }, () =>
          held.play(tasks, {
            arguments: ["-D", "-v", "--output", output],
            keywords: { vars: { canary: "RENDERED-1" } },
            files: { "t.hbs": "{{facts.distribution}} {{facts.users}}\n" },
            timeoutMs: 60_000,
          }),
        );
        assertHarmless(told.stdout, `${way} ${output}, output`);
        assertHarmless(told.stderr, `${way} ${output}, errors`);
        if (output === "json") {
          assert.equal(told.results.length, tasks.length, brief(told));
          const states = told.results.map(({ module, status }) => `${module} ${status}`);
          assert.ok(states.includes("file changed") && states.includes("copy changed"), states.join("\n"));
        }
        for (const name of ["from-facts", "from-template", "text"])
          assert.ok(!readFileSync(join(place.tree, "srv", name), "utf8").includes("RENDERED-1"), name);
        assert.ok(!existsSync(join(place.tree, "srv/directories")));
        const copied = readdirSync(join(place.tree, "srv/copy"), { encoding: "buffer" });
        assert.equal(copied.length, names.length, "each name was copied as it is");
        lay(place.tree);
      }
    });
  }

  it("row 21 (files): trees are compared, written out and listed with such names as well", async () => {
    const place = scene(scope, "listed");
    for (const tree of ["one", "two"]) {
      mkdirSync(join(place.tree, tree, "etc"), { recursive: true });
      lay(join(place.tree, tree));
    }
    for (const name of names) writeFileSync(below(join(place.tree, "two/srv/files"), name), `${evil}other\n`);
    for (const args of [
      ["tree", "diff", "local:one", "local:two", "-D"],
      ["tree", "snapshot", "local:one"],
      ["tree", "verify", "local:one"],
      ["tree", "list", "local"],
      ["tree", "export", "local:one", "out.tar"],
      ["tree", "clone", "local:one", "three"],
      ["facts", "local:one"],
    ]) {
      const argv = [process.execPath, crunPath, ...args, "-e", `crun_trees=${place.tree}`];
      const done = await withstands(place, { deadlineMs: 30_000 }, () =>
        run(argv, { cwd: place.tree, env: { ...place.environment, HOME: place.tree } }),
      );
      assert.ok([0, 2].includes(done.status ?? -1), `${args.join(" ")}: ${done.stdout}${done.stderr}`);
      assertHarmless(done.stdout + done.stderr, args.join(" "));
    }
  });
});
