// The README's first run: playbooks/demo/run.sh as root, as a user with subordinate ids and as one without; nothing of it is left.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mountTable } from "../lab/mounts.js";
import { requireOrSkip } from "../lab/needs.js";
import { repositoryRoot, run, type Finished } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { assertNoStack } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

const uid = 33_333;

describe("the demo", function () {
  this.timeout(120_000);
  const scope = testScope();
  before(function () {
    requireOrSkip(this, { root: true, tools: ["unshare", "setpriv"], paths: [crunPath] });
  });

  const leftovers = (): string[] => [
    ...readdirSync(tmpdir()).filter((name) => name.startsWith("crun-demo.")),
    ...mountTable()
      .map(({ source, mountPoint }) => `${source} ${mountPoint}`)
      .filter((line) => line.includes("crun-demo")),
  ];

  function assertShown({ status, stdout, stderr }: Finished, words: RegExp | undefined): void {
    assert.equal(status, 0, stdout + stderr);
    assertNoStack(stdout + stderr);
    if (words) assert.match(stdout, words);
    const recaps = [...stdout.matchAll(/^local:demo +: ok=(\d+) +changed=(\d+) .*failed=(\d+)/gm)];
    const [check, first, second] = recaps.map(([, ok, changed, failed]) => ({ ok, changed, failed }));
    assert.equal(recaps.length, 3, stdout);
    assert.deepEqual(check, first, "check mode foretells the run");
    assert.ok(Number(first?.changed) >= 8, stdout);
    assert.deepEqual([second?.changed, second?.failed], ["0", "0"]);
    assert.match(stdout, /^\+listen/m, "differences are shown");
    // the last command shows the file from within the tree
    assert.match(stdout, /\$ crun exec .*\n(?:.*\n)*.*listen/);
    assert.deepEqual(leftovers(), []);
  }

  it("passes as root", async () => {
    const done = await run(["bash", "playbooks/demo/run.sh"], { cwd: repositoryRoot() });
    assertShown(done, undefined);
  });

  /** As a user that this machine has not: known only in a mount namespace, where the repository lies in a place that users can read. */
  async function asUser(subordinateIds: string): Promise<Finished> {
    const directory = scope.tempDir("demo-user");
    const home = scope.tempDir("demo-repository");
    const passwd = `${readFileSync("/etc/passwd", "utf8")}crundemo:x:${uid}:${uid}::/nonexistent:/bin/sh\n`;
    writeFileSync(join(directory, "passwd"), passwd);
    writeFileSync(join(directory, "subid"), subordinateIds);
    const script = `set -e
      mount --bind "$1/passwd" /etc/passwd
      for file in /etc/subuid /etc/subgid; do mount --bind "$1/subid" "$file"; done
      mount --bind "$2" "$3"
      cd "$3"
      exec setpriv --reuid ${uid} --regid ${uid} --clear-groups --inh-caps=-all bash playbooks/demo/run.sh`;
    const argv = ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, "demo"];
    return await run([...argv, directory, repositoryRoot(), home], { env: { PATH: process.env["PATH"], HOME: "/" } });
  }

  it("passes as a user without subordinate ids, and says what that means", async () => {
    assertShown(await asUser(""), /Not root, and no subordinate ids/);
  });

  it("passes as a user with subordinate ids", async function () {
    requireOrSkip(this, { tools: ["newuidmap", "newgidmap"], paths: ["/etc/subuid", "/etc/subgid"] });
    assertShown(await asUser("crundemo:700000:65536\n"), /with your subordinate ids/);
  });
});
