// Trees from a registry's container images, with the real tools: which image it is, logins, certificates, and what a name means by and by.

import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeDifferences, diffTrees } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { ociLayout } from "../lab/oci-image.js";
import { must } from "../lab/process.js";
import { imageRegistry, registryPassword } from "../lab/registry.js";
import { testScope } from "../lab/scope.js";
import { crun, runTasks, type Told } from "./crun-tasks.js";
import { assertNothingLeft, images, madeFrom, recordOf } from "./image-fixtures.js";

describe("trees from a registry", function () {
  this.timeout(120_000);
  const scope = testScope();
  let trees: string;
  let layout: string;
  let digests: Readonly<Record<string, string>>;
  let registry: string;
  /** What umoci makes of the image. */
  let whole: string;
  let count = 0;

  const made = async (oci: unknown, name = `t${++count}`): Promise<Told & { path: string }> =>
    await madeFrom(scope, join(trees, name), oci);

  before(async function () {
    const tools = ["skopeo", "umoci", "docker-registry", "openssl", "tar", "unshare", "setpriv"];
    requireOrSkip(this, { root: true, tools });
    trees = scope.tempDir("trees");
    layout = scope.tempDir("layout");
    digests = ociLayout(layout, images, { tag: "list", of: ["all", "arm"] });
    whole = join(scope.tempDir("umoci"), "root");
    await must(["umoci", "raw", "unpack", "--image", `${layout}:all`, whole]);
    registry = await imageRegistry(scope);
    await must([
      "skopeo",
      "copy",
      "-q",
      "--all",
      "--dest-tls-verify=false",
      `oci:${layout}:list`,
      `docker://${registry}/lab/app:1`,
    ]);
    await must([
      "skopeo",
      "copy",
      "-q",
      "--dest-tls-verify=false",
      `oci:${layout}:plain`,
      `docker://${registry}/lab/app:2`,
    ]);
    await must([
      "skopeo",
      "copy",
      "-q",
      "--override-arch=arm64",
      "--dest-tls-verify=false",
      `oci:${layout}:arm`,
      `docker://${registry}/lab/arm:1`,
    ]);
  });

  it("takes the host's machine of a list, and remembers by its digest what it was", async () => {
    const told = await made({ image: `${registry}/lab/app:1`, tls_verify: false }, "listed");
    assert.equal(told.status, "changed", told.message);
    assert.equal(describeDifferences(await diffTrees(whole, told.path, { without: ["mtime"] })), "");
    assert.equal(recordOf(join(trees, "listed")).found["digest"], digests["list"]);
  });

  it("does nothing at the second run, even where nobody answers any more", async () => {
    const name = join(trees, "twice");
    const other = await imageRegistry(scope);
    await must(["skopeo", "copy", "-q", "--dest-tls-verify=false", `oci:${layout}:plain`, `docker://${other}/x:1`]);
    const task = { tree: { name, oci: { image: `${other}/x:1`, tls_verify: false } } };
    const [first, second] = await runTasks(scope, "local", [task, task]);
    assert.deepEqual([first?.status, second?.status], ["changed", "ok"], first?.message);
  });

  it("tells where a tag means another image by now, if asked to follow it, and takes that one to make the tree anew", async () => {
    const other = await imageRegistry(scope);
    const push = async (tag: string): Promise<void> =>
      void (await must([
        "skopeo",
        "copy",
        "-q",
        "--dest-tls-verify=false",
        `oci:${layout}:${tag}`,
        `docker://${other}/x:1`,
      ]));
    await push("plain");
    const name = join(trees, "followed");
    const task = (oci: object, more: object = {}) => ({
      tree: { name, oci: { image: `${other}/x:1`, tls_verify: false, ...oci }, ...more },
    });
    const follow = { follow: true };
    const before = await runTasks(scope, "local", [task(follow), task(follow)]);
    assert.deepEqual(
      before.map(({ status }) => status),
      ["changed", "ok"],
      before[0]?.message,
    );
    await push("all");
    const moved = await runTasks(scope, "local", [
      task({}),
      task(follow),
      task(follow, { recreate: true }),
      task(follow),
    ]);
    assert.deepEqual(
      moved.map(({ status }) => status),
      ["ok", "ok", "changed", "ok"],
      moved[2]?.message,
    );
    assert.deepEqual(moved[0]?.warnings, []);
    assert.match(moved[1]?.warnings.join() ?? "", new RegExp(`/x:1: sha256:[0-9a-f]+ → ${digests["all"]}`));
    assert.deepEqual(moved[3]?.warnings, []);
    assert(existsSync(join(name, "was-directory")));
    const gone = await runTasks(scope, "local", [task({ ...follow, tls_verify: true })]);
    assert.equal(gone[0]?.status, "ok");
    assert.match(gone[0]?.warnings.join() ?? "", /is still what it was made from cannot be told: .*HTTPS client/s);
  });

  it("takes exactly the image with a digest, whatever the tag means by now", async () => {
    const image = `${registry}/lab/app:2@${digests["list"]}`;
    const told = await made({ image, tls_verify: false });
    assert.equal(told.status, "changed", told.message);
    assert(lstatSync(join(told.path, "was-directory")).isFile());
    const wrong = await made({ image: `${registry}/lab/app@sha256:${"0".repeat(64)}`, tls_verify: false });
    assert.match(wrong.message, /could not be taken .*manifest unknown/s);
    assertNothingLeft(wrong);
  });

  it("names both machines where the image is for another one", async () => {
    const single = await made({ image: `${registry}/lab/arm:1`, tls_verify: false });
    assert.match(single.message, /lab\/arm:1 is for arm64, not for amd64/);
    assertNothingLeft(single);
    const none = await made({ image: `${registry}/lab/app:1`, tls_verify: false, arch: "riscv64" });
    assert.match(none.message, /lab\/app:1 is for amd64 and arm64, not for riscv64/);
    assertNothingLeft(none);
  });

  it("says why it cannot be taken", async () => {
    const plain = await made(`${registry}/lab/app:1`);
    assert.match(plain.message, /could not be taken .*HTTP response to HTTPS client/s);
    const none = await made({ image: `${registry}/lab/none:1`, tls_verify: false });
    assert.match(none.message, /could not be taken .*(?:name|manifest) unknown/s);
    const nobody = await made({ image: "127.0.0.1:1/lab/app:1", tls_verify: false });
    assert.match(nobody.message, /could not be taken .*connection refused/s);
    assertNothingLeft(nobody);
  });

  it("checks in check mode, too, and makes nothing", async () => {
    const playbook = join(scope.tempDir("play"), "site.yml");
    const name = join(trees, "checked");
    const task = (image: string) => ({ tree: { name, oci: { image, tls_verify: false } } });
    writeFileSync(
      playbook,
      JSON.stringify([{ hosts: "local", gather_facts: false, tasks: [task(`${registry}/lab/app:1`)] }]),
    );
    const good = await crun(["play", "-C", playbook]);
    assert.equal(good.status, 0, good.stdout + good.stderr);
    assert.match(good.stdout, /changed=1/);
    writeFileSync(
      playbook,
      JSON.stringify([{ hosts: "local", gather_facts: false, tasks: [task(`${registry}/lab/arm:1`)] }]),
    );
    const bad = await crun(["play", "-C", playbook]);
    assert.equal(bad.status, 2);
    assert(!existsSync(name));
  });

  it("believes a registry whose certificate somebody vouches for", async () => {
    const tls = scope.tempDir("tls");
    const request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const about = ["-days", "2", "-subj", "/CN=lab", "-addext", "subjectAltName=IP:127.0.0.1"];
    const out = ["-keyout", join(tls, "registry.key"), "-out", join(tls, "registry.crt")];
    await must([...request, ...about, ...out]);
    const secured = await imageRegistry(scope, { tls });
    await must([
      "skopeo",
      "copy",
      "-q",
      "--dest-tls-verify=false",
      `oci:${layout}:plain`,
      `docker://${secured}/lab/app:1`,
    ]);
    const image = `${secured}/lab/app:1`;
    const unknown = await made(image);
    assert.match(unknown.message, /could not be taken .*certificate/s);
    assertNothingLeft(unknown);
    const certificates = scope.tempDir("certificates");
    writeFileSync(join(certificates, "ca.crt"), readFileSync(join(tls, "registry.crt")));
    const told = await made({ image, cert_dir: certificates });
    assert.equal(told.status, "changed", told.message);
  });

  it("logs in, and tells nobody the password", async () => {
    const closed = await imageRegistry(scope, { hasLogin: true });
    const push = ["skopeo", "copy", "-q", "--dest-tls-verify=false", "--dest-creds", `puller:${registryPassword}`];
    await must([...push, `oci:${layout}:plain`, `docker://${closed}/lab/app:1`]);
    const image = `${closed}/lab/app:1`;
    const anonymous = await made({ image, tls_verify: false });
    assert.match(anonymous.message, /could not be taken .*authentication required/s);
    assertNothingLeft(anonymous);
    const login = { username: "puller", password: registryPassword };
    const told = await made({ image, tls_verify: false, ...login }, "login");
    assert.equal(told.status, "changed", told.message);
    assert.doesNotMatch(
      JSON.stringify(recordOf(join(trees, "login"))) + JSON.stringify(told),
      new RegExp(registryPassword),
    );
    mkdirSync(join(layout, "auth"), { recursive: true });
    const authfile = join(layout, "auth/auth.json");
    const auth = Buffer.from(`puller:${registryPassword}`).toString("base64");
    writeFileSync(authfile, JSON.stringify({ auths: { [closed]: { auth } } }));
    const byFile = await made({ image, tls_verify: false, authfile });
    assert.equal(byFile.status, "changed", byFile.message);
  });
});
