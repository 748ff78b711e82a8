// Trees from archives and images without root: unpacked by a user with subordinate ids, in a user namespace.

import assert from "node:assert/strict";
import { existsSync, lstatSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Login, type Told } from "../lab/login.js";
import { requireOrSkip } from "../lab/needs.js";
import { ociLayout } from "../lab/oci-image.js";
import { testScope } from "../lab/scope.js";
import { tarBytes, type Member } from "../lab/tar-bytes.js";
import { crunPath } from "./crun-tasks.js";

const { uid, first } = Login;

describe("trees from archives and images, without root", function () {
  this.timeout(120_000);
  const scope = testScope();
  let login: Login;
  let home: string;

  before(function () {
    const tools = ["unshare", "setpriv", "tar", "newuidmap", "newgidmap", "skopeo"];
    requireOrSkip(this, { root: true, tools, paths: [crunPath, "/etc/subuid", "/etc/subgid"] });
    login = new Login(scope);
    home = login.home;
  });

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
    const tasks = [
      { tree: { name: trees[0], tarball: { path: join(home, "root.tar") } } },
      { tree: { name: trees[1], oci: `oci:${layout}:x` } },
    ];
    assert.deepEqual(states(await login.tasks("local", tasks)), ["changed", "changed"]);
    for (const tree of trees) assertOwners(tree);
    assert.deepEqual(states(await login.tasks("local", tasks)), ["ok", "ok"]);
    const away = trees.map((name) => ({ tree: { name, state: "absent" } }));
    assert.deepEqual(states(await login.tasks("local", away)), ["changed", "changed"]);
    assert(!trees.some((tree) => existsSync(tree)));
    assert.deepEqual(readdirSync(join(home, ".crun/making")), []);
  });

  it("says that an owner is beyond the user's ids", async () => {
    writeFileSync(join(home, "far.tar"), tarBytes([{ name: "far", uid: 70_000 }]));
    const [far] = await login.tasks("local", [
      { tree: { name: join(home, "far"), tarball: { path: join(home, "far.tar") } } },
    ]);
    assert.match(far?.message ?? "", /far: Cannot change ownership to uid 70000/);
    assert(!existsSync(join(home, "far")));
  });

  it("gives all to root where the login has one id, and says so", async () => {
    writeFileSync(join(home, "root.tar"), tarBytes(members));
    const task = { tree: { name: join(home, "single"), tarball: { path: join(home, "root.tar") } } };
    const [made, again] = await login.tasks("local", [task, task], { subordinateIds: "" });
    assert.equal(made?.status, "changed", made?.message);
    assert.match(
      made?.warnings.join("\n") ?? "",
      /all files belong to root: .*subuid has no line for crunlab or 33334/,
    );
    assert.equal(again?.status, "ok");
    for (const name of ["usr/su", "etc/shadow", "var"]) {
      const { uid: owner, gid: group } = lstatSync(join(home, "single", name));
      assert.deepEqual([owner, group], [uid, uid], name);
    }
    assert.equal(lstatSync(join(home, "single/usr/su")).mode & 0o7777, 0o4755);
  });
});

function states(told: readonly Told[]): string[] {
  return told.map(({ status, message, remedy }) => (status === "failed" ? `failed: ${message} ${remedy}` : status));
}
