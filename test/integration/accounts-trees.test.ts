// Users and groups by crun on trees of all kinds: with nothing in them, a whole Debian, with SSH keys to make.

import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { hashTree } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { must, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { emptyTree, rootOverlay } from "../lab/trees.js";
import { assertStates, crunPath, runTasks } from "./crun-tasks.js";

describe("users and groups in a tree with no shell and no libc", function () {
  this.timeout(120_000);
  before(function () {
    requireOrSkip(this, { root: true, paths: [crunPath] });
  });
  const scope = testScope();
  const tasks = [
    { group: { name: "deploy", gid: 2000 } },
    { user: { name: "ann", groups: ["deploy", "adm"], shell: "/bin/sh", home: "/srv/deep/ann" } },
    { user: { name: "bob", create_home: false } },
    { user: { name: "app", comment: "The app" } },
    { group: { name: "nosuch", state: "absent" } },
  ];

  it("are made, foretold by check mode, which leaves the tree byte for byte, and made once", async () => {
    const tree = emptyTree(scope);
    const before = await hashTree(tree);
    const foretold = await runTasks(scope, tree, tasks, ["--check"]);
    assert.equal(await hashTree(tree), before);
    const done = await runTasks(scope, tree, tasks);
    assertStates(done, ["changed", "changed", "changed", "changed", "ok"]);
    assert.deepEqual(
      foretold.map((one) => one.status),
      done.map((one) => one.status),
    );
    assert.deepEqual(
      foretold.map((one) => one.result["uid"]),
      done.map((one) => one.result["uid"]),
    );
    assertStates(await runTasks(scope, tree, tasks), ["ok", "ok", "ok", "ok", "ok"]);
    assert.equal(readFileSync(`${tree}/etc/group`, "utf8"), "root:x:0:\nadm:x:4:ann\napp:x:1000:\ndeploy:x:2000:ann\n");
    assert.match(readFileSync(`${tree}/etc/passwd`, "utf8"), /^ann:!:1001:100::\/srv\/deep\/ann:\/bin\/sh$/m);
    assert.equal(statSync(`${tree}/srv/deep/ann`).uid, 1001);
    assert.equal(existsSync(`${tree}/etc/shadow`), false);
  });

  it("are removed with what they had", async () => {
    const tree = emptyTree(scope);
    const before = readFileSync(`${tree}/etc/passwd`, "utf8");
    await runTasks(scope, tree, tasks.slice(0, 3));
    const gone = [
      { user: { name: "ann", state: "absent", remove: true } },
      { user: { name: "bob", state: "absent" } },
      { group: { name: "deploy", state: "absent" } },
    ];
    assertStates(await runTasks(scope, tree, gone), ["changed", "changed", "changed"]);
    assert.equal(readFileSync(`${tree}/etc/passwd`, "utf8"), before);
    assert.equal(existsSync(`${tree}/srv/deep/ann`), false);
  });
});

describe("SSH keys of users", function () {
  this.timeout(120_000);
  before(function () {
    requireOrSkip(this, { root: true, tools: ["ssh-keygen"], paths: [crunPath] });
  });
  const scope = testScope();
  const user = (more: object) => ({
    user: { name: "keyuser", generate_ssh_key: true, ssh_key_type: "ed25519", ...more },
  });

  it("are made once, are the user's, and tell their fingerprint as ssh-keygen does", async () => {
    const tree = await rootOverlay(scope);
    const [made, again] = await runTasks(scope, tree, [user({}), user({})]);
    assert.deepEqual([made?.status, again?.status], ["changed", "ok"]);
    const path = "/home/keyuser/.ssh/id_ed25519";
    assert.equal(made?.result["ssh_key_file"], path);
    const told = (await must(["ssh-keygen", "-l", "-f", `${tree}${path}`])).trim();
    assert.equal(made?.result["ssh_fingerprint"], told);
    assert.equal(again?.result["ssh_fingerprint"], told);
    assert.equal(made?.result["ssh_public_key"], readFileSync(`${tree}${path}.pub`, "utf8").trim());
    const { uid, mode } = statSync(`${tree}${path}`);
    assert.deepEqual([uid, mode & 0o777], [Number(made?.result["uid"]), 0o600]);
    assert.equal(statSync(`${tree}/home/keyuser/.ssh`).mode & 0o777, 0o700);
    assert.match(again?.warnings.join() ?? "", /Found existing ssh key private file/);
  });

  it("open with their passphrase alone (Ansible's scenario 32)", async () => {
    const tree = await rootOverlay(scope);
    const [made] = await runTasks(scope, tree, [
      user({ force: true, ssh_key_file: ".ssh/test_id", ssh_key_passphrase: "secret_passphrase" }),
    ]);
    assert.equal(made?.status, "changed", made?.message);
    const key = `${tree}${String(made?.result["ssh_key_file"])}`;
    assert.equal((await run(["ssh-keygen", "-y", "-f", key, "-P", "secret_passphrase"])).status, 0);
    assert.notEqual((await run(["ssh-keygen", "-y", "-f", key, "-P", ""])).status, 0);
  });

  it("are made anew by force, with the bits and the comment that are asked for (Ansible's scenario 33)", async () => {
    const tree = await rootOverlay(scope);
    const rsa = { ssh_key_type: "rsa", ssh_key_bits: 2048, ssh_key_comment: "a b" };
    const [first, second] = await runTasks(scope, tree, [user(rsa), user({ ...rsa, force: true })]);
    assert.deepEqual([first?.status, second?.status], ["changed", "changed"]);
    assert.notEqual(first?.result["ssh_fingerprint"], second?.result["ssh_fingerprint"]);
    assert.match(String(second?.result["ssh_fingerprint"]), /^2048 SHA256:\S+ a b \(RSA\)$/);
  });
});
