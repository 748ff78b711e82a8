// What is told of runs, which of them may go on, and what is refused with what to do.

import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { emptyTree } from "../lab/trees.js";
import { Workplace } from "./cli.js";

const site = `
- hosts: all
  tasks:
    - { name: one, copy: { dest: /srv/one, content: "{{word}}\\n" }, notify: restart }
    - { name: two, copy: { src: two.txt, dest: /srv/two } }
    - { name: fails, file: { path: /srv/none/x, state: touch } }
    - { name: four, copy: { dest: /srv/four, content: "4\\n" } }
  handlers: [{ name: restart, copy: { dest: /srv/restarted, content: "x\\n" } }]
`;

describe("crun runs, and what --resume refuses", function () {
  this.timeout(60_000);
  const scope = testScope();
  let tree = "";
  let work: Workplace;

  before(async function () {
    requireOrSkip(this, { root: true });
    tree = join(scope.tempDir("trees"), "web1");
    await must(["cp", "-a", emptyTree(scope), tree]);
    mkdirSync(join(tree, "srv"), { recursive: true });
    work = new Workplace(scope, {
      "site.yml": site,
      "two.txt": "2\n",
      hosts: `web1 crun_connection=local crun_path=${tree}\n`,
    });
  });

  const at = (name: string): string => join(tree, "srv", name);
  const runs = (): string => join(work.home, "state/crun/runs");
  const listed = async (): Promise<readonly { id: string; state: string; targets: number }[]> => {
    const { stdout } = await work.crun(["runs", "--output", "json"]);
    return JSON.parse(stdout) as { id: string; state: string; targets: number }[];
  };
  const refused = async (args: readonly string[], ...words: readonly RegExp[]): Promise<void> => {
    const { status, stderr } = await work.crun(args);
    assert.equal(status, 1, stderr);
    for (const one of words) assert.match(stderr, one);
  };

  it("lists them, tells what failed and which handlers wait, and keeps them for their owner alone", async () => {
    assert.equal((await work.crun(["play", "-i", "hosts", "-e", "word=s3same", "site.yml"])).status, 2);
    const [run] = await listed();
    assert.deepEqual([run?.state, run?.targets], ["failed", 1]);
    const id = run?.id ?? "";
    const { stdout } = await work.crun(["runs", "show", id]);
    assert.match(stdout, /web1: failed, 2 of 4 tasks done\n {4}failed in: fails: .*\n {4}handlers that wait: restart/);
    assert.match(stdout, /values were given for word/);
    for (const [path, mode] of [
      ["", 0o700],
      [id, 0o700],
      [`${id}/journal`, 0o600],
    ] as const)
      assert.equal(statSync(join(runs(), path)).mode & 0o777, mode);
    assert.doesNotMatch(readFileSync(join(runs(), id, "journal"), "utf8"), /s3same/);
  });

  it("refuses to go on without the values that are not kept, or with other options", async () => {
    await refused(["play", "--resume"], /begun with values of word, which are not kept/, /-e word=…/);
    await refused(["play", "--resume", "-e", "word=s3same", "-e", "other=1"], /begun without a value of other/);
    await refused(
      ["play", "--resume", "-e", "word=s3same", "--tags", "x"],
      /--tags is as it was when the run was begun/,
    );
    await refused(["play", "--resume", "mx3-nope", "-e", "word=x"], /there is no run "mx3-nope"/);
  });

  it("refuses to go on where files have changed, all of which it names; despite them it runs all, and the handlers that wait", async () => {
    writeFileSync(join(work.directory, "two.txt"), "22\n");
    work.write("group_vars/all.yml", "more: 1\n");
    work.write("site.yml", site.replace("/srv/none/x", "/srv/x"));
    await refused(
      ["play", "--resume", "-e", "word=s3same"],
      /site\.yml has changed/,
      /two\.txt has changed/,
      /group_vars\/all\.yml was not there/,
      /--despite-changes/,
    );
    assert.ok(!existsSync(at("restarted")));
    const told = await work.play(["--resume", "--despite-changes", "-e", "word=s3same"]);
    assert.equal(told.status, 0, told.all);
    // Nothing of the first task changes any more: its handler was notified before.
    assert.deepEqual(
      told.results.map(({ task, status }) => `${task} ${status}`),
      ["one ok", "two changed", "fails changed", "four changed", "restart changed"],
    );
    await refused(["play", "--resume", "-e", "word=s3same"], /is finished: there is nothing to go on with/);
  });

  it("refuses a journal that is damaged, and goes on behind one that is torn", async () => {
    rmSync(at("x"));
    work.write("site.yml", site);
    await work.crun(["play", "-i", "hosts", "-e", "word=w", "site.yml"]);
    const [run] = await listed();
    const journal = join(runs(), run?.id ?? "", "journal");
    const bytes = readFileSync(journal);
    truncateSync(journal, bytes.length - 20);
    const told = await work.play(["--resume", "-e", "word=w"]);
    assert.equal(told.status, 2, told.all);
    assert.deepEqual(
      told.results.map(({ task }) => task),
      ["fails"],
    );
    bytes[400] = (bytes[400] ?? 0) ^ 1;
    writeFileSync(journal, bytes);
    await refused(["play", "--resume", "-e", "word=w"], /its line 1 is damaged/, /Play the playbook anew/);
  });

  it("writes nothing where nothing is wanted, warns where it cannot, and keeps so many", async () => {
    const before = readdirSync(runs()).length;
    await work.crun(["play", "-i", "hosts", "-e", "word=w", "--runs", "none", "site.yml"]);
    await work.crun(["play", "-i", "hosts", "-e", "word=w", "-C", "site.yml"]);
    assert.equal(readdirSync(runs()).length, before);
    const open = scope.tempDir("open");
    chmodSync(open, 0o777);
    const { stderr } = await work.crun(["play", "-i", "hosts", "-e", "word=w", "--runs", open, "site.yml"]);
    assert.match(stderr, /this run is not written down.*only you can write to/s);
    work.write("crun.yml", "runs: { keep: 2 }\n");
    await work.crun(["play", "-i", "hosts", "-e", "word=w", "site.yml"]);
    assert.equal(readdirSync(runs()).length, 2);
    const [newest, other] = await listed();
    assert.equal((await work.crun(["runs", "rm", other?.id ?? ""])).status, 0);
    assert.deepEqual(
      (await listed()).map(({ id }) => id),
      [newest?.id],
    );
    await refused(["runs", "rm", "mx3-nope"], /there is no run/);
    assert.match((await work.crun(["runs", "prune", "--keep", "0"])).stdout, /1 run is forgotten/);
  });
});
