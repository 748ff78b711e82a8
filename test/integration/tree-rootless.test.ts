// Trees from archives and images without root: unpacked by a user with subordinate ids, in a user namespace.

import assert from "node:assert/strict";
import { chownSync, existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { ociLayout } from "../lab/oci-image.js";
import { repositoryRoot, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { tarBytes, type Member } from "../lab/tar-bytes.js";
import { crunPath } from "./crun-tasks.js";

const uid = 33_334;
const first = 700_000;

describe("trees from archives and images, without root", function () {
  this.timeout(120_000);
  const scope = testScope();
  let home: string;

  before(function () {
    const tools = ["unshare", "setpriv", "tar", "newuidmap", "newgidmap", "skopeo", "mmdebstrap"];
    requireOrSkip(this, { root: true, tools, paths: [crunPath, "/etc/subuid", "/etc/subgid"] });
    home = scope.tempDir("home");
    chownSync(home, uid, uid);
  });

  /** As a user that this machine has not: known only in a mount namespace. */
  async function play(tasks: readonly unknown[], subordinateIds = `crunlab:${first}:65536\n`) {
    const directory = scope.tempDir("user");
    writeFileSync(
      join(directory, "passwd"),
      `${readFileSync("/etc/passwd", "utf8")}crunlab:x:${uid}:${uid}::${home}:/bin/sh\n`,
    );
    writeFileSync(join(directory, "subid"), subordinateIds);
    writeFileSync(join(directory, "site.yml"), JSON.stringify([{ hosts: "local", gather_facts: false, tasks }]));
    const place = scope.tempDir("repository");
    const script = `set -e
      mount --bind "$1/passwd" /etc/passwd
      for file in /etc/subuid /etc/subgid; do mount --bind "$1/subid" "$file"; done
      mount --bind "$2" "$3"
      cd "$3"
      exec setpriv --reuid ${uid} --regid ${uid} --clear-groups --inh-caps=-all node dist/crun.js play "$1/site.yml"`;
    const argv = ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, "play"];
    return await run([...argv, directory, repositoryRoot(), place], { env: { PATH: process.env["PATH"], HOME: home } });
  }

  const members: readonly Member[] = [
    { name: "etc/" },
    { name: "etc/shadow", content: "x", mode: 0o640, gid: 42 },
    { name: "usr/" },
    { name: "usr/su", content: "x", mode: 0o4755 },
    { name: "var/", uid: 33, gid: 33 },
  ];

  function assertOwners(path: string): void {
    const owner = (name: string): string => `${lstatSync(join(path, name)).uid}:${lstatSync(join(path, name)).gid}`;
    assert.equal(owner("usr/su"), `${uid}:${uid}`);
    assert.equal(owner("etc/shadow"), `${uid}:${first + 41}`);
    assert.equal(owner("var"), `${first + 32}:${first + 32}`);
    assert.equal(lstatSync(join(path, "usr/su")).mode & 0o7777, 0o4755);
  }

  it("gives them owners of the user's own ids, and takes such trees away again", async () => {
    writeFileSync(join(home, "root.tar"), tarBytes(members));
    const layout = join(home, "layout");
    ociLayout(layout, [
      {
        tag: "x",
        layers: [
          { bytes: tarBytes(members) },
          { bytes: tarBytes([{ name: "usr/.wh.none" }, { name: "usr/more", content: "x" }]) },
        ],
      },
    ]);
    const trees = [join(home, "archive"), join(home, "image")];
    const made = await play([
      { tree: { name: trees[0], tarball: { path: join(home, "root.tar") } } },
      { tree: { name: trees[1], oci: `oci:${layout}:x` } },
    ]);
    assert.match(made.stdout, /ok=2 +changed=2 /, made.stdout + made.stderr);
    for (const tree of trees) assertOwners(tree);
    const again = await play([{ tree: { name: trees[0], tarball: { path: join(home, "root.tar") } } }]);
    assert.match(again.stdout, /ok=1 +changed=0 /, again.stdout + again.stderr);
    const gone = await play(trees.map((name) => ({ tree: { name, state: "absent" } })));
    assert.match(gone.stdout, /ok=2 +changed=2 /, gone.stdout + gone.stderr);
    assert(!trees.some((tree) => existsSync(tree)));
    assert.deepEqual(readdirSync(join(home, ".crun/making")), []);
  });

  it("says what cannot be: an owner beyond the user's ids, a user without any", async () => {
    writeFileSync(join(home, "far.tar"), tarBytes([{ name: "far", uid: 70_000 }]));
    const task = { tree: { name: join(home, "far"), tarball: { path: join(home, "far.tar") } } };
    const far = await play([task]);
    assert.match(far.stdout, /far: Cannot change ownership to uid 70000/, far.stdout + far.stderr);
    const none = await play([task], "");
    assert.match(none.stdout, /the login is not root and has no subordinate ids/, none.stdout + none.stderr);
    assert(!existsSync(join(home, "far")));
  });

  it("says that packages take root", async () => {
    const { stdout } = await play([{ tree: { name: join(home, "packages"), mmdebstrap: "sid" } }]);
    assert.match(stdout, /mmdebstrap could not be started: permission denied/, stdout);
    assert.match(stdout, /takes root on the host/);
    assert.deepEqual(readdirSync(join(home, ".crun/making")), []);
  });
});
