// Trees from container images, with the real tools: skopeo takes them from a registry, a layout, archives; umoci says what their layers make.

import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assertUnharmed, canaries } from "../lab/canaries.js";
import { describeDifferences, diffTrees } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { ociLayout, type ImageSpec } from "../lab/oci-image.js";
import { must } from "../lab/process.js";
import { imageRegistry, registryPassword } from "../lab/registry.js";
import { testScope } from "../lab/scope.js";
import { tarBytes, type Member } from "../lab/tar-bytes.js";
import { crun, runTasks, type Told } from "./crun-tasks.js";

const layer = (...members: readonly Member[]) => ({ bytes: tarBytes(members) });
const file = (name: string, content = name): Member => ({ name, content });

/** Layers that take away, replace and look for each other in all the ways there are. */
const layers = [
  layer(
    ...["etc/", "dir/", "dir/sub/", "gone/", "was-directory/", "usr/", "usr/lib/", "run/", "var/"].map((name) => ({
      name,
    })),
    file("etc/a"),
    file("etc/b"),
    file("dir/x"),
    file("dir/sub/y"),
    file("gone/z"),
    file("was-directory/inside"),
    file("was-file"),
    file("kept\n\\101 \u00e9"),
    file("gone\n\\101 \u00e9"),
    file("etc/gone with blanks "),
    { name: "lib", type: "link", target: "usr/lib" },
    { name: "was-link", type: "link", target: "etc" },
    { name: "var/run", type: "link", target: "/run" },
    { name: "usr/su", content: "x", mode: 0o4755, uid: 0, gid: 8 },
    { name: "etc/hard", type: "hardLink", target: "etc/b" },
  ),
  layer(
    { name: "./etc/.wh.a" },
    { name: "etc/.wh.gone with blanks " },
    { name: ".wh.gone" },
    { name: ".wh.gone\n\\101 \u00e9" },
    { name: ".wh.never-there" },
    { name: "dir/new", content: "new" },
    { name: "dir/.wh..wh..opq" },
    file("was-directory", "a file now"),
    { name: "was-file/" },
    file("was-file/inside"),
    { name: "was-link/" },
    file("was-link/inside"),
    { name: "usr/hard", type: "hardLink", target: "etc/b" },
    file("etc/b", "changed"),
    { name: "dir/", mode: 0o700, uid: 7, gid: 7 },
  ),
  layer(file("etc/a", "again"), { name: "usr/", mode: 0o711 }, file("gone", "a file")),
];

describe("trees from container images", function () {
  this.timeout(120_000);
  const scope = testScope();
  const images: readonly ImageSpec[] = [
    { tag: "all", layers, config: { Env: ["PATH=/bin"], Cmd: ["/bin/sh"], User: "web" } },
    { tag: "arm", layers: [layer(file("arm"))], architecture: "arm64" },
    { tag: "windows", layers: [layer(file("c"))], system: "windows" },
    { tag: "plain", layers: [{ ...layer(file("plain")), isCompressed: false }] },
  ];
  let trees: string;
  let layout: string;
  let digests: Readonly<Record<string, string>>;
  let count = 0;

  before(function () {
    requireOrSkip(this, {
      root: true,
      tools: ["skopeo", "umoci", "docker-registry", "openssl", "tar", "unshare", "setpriv"],
    });
    trees = scope.tempDir("trees");
    layout = scope.tempDir("layout");
    digests = ociLayout(layout, images, { tag: "list", of: ["all", "arm"] });
  });

  async function made(oci: unknown, name = `t${++count}`): Promise<Told & { path: string }> {
    const path = join(trees, name);
    const [told] = await runTasks(scope, "local", [{ tree: { name: path, oci } }]);
    assert(told);
    return { ...told, path };
  }

  function record(name: string): { readonly found: Readonly<Record<string, string>>; readonly recipe: unknown } {
    return JSON.parse(readFileSync(join(trees, `.crun/${name}.json`), "utf8"));
  }

  function assertNothing({ path }: { readonly path: string }): void {
    assert(!existsSync(path), `${path} is there`);
    const making = join(trees, ".crun/making");
    assert.deepEqual(existsSync(making) ? readdirSync(making) : [], []);
  }

  it("lays the layers over one another as umoci does", async () => {
    const told = await made(`oci:${layout}:all`);
    assert.equal(told.status, "changed", told.message);
    const unpacked = join(scope.tempDir("umoci"), "root");
    await must(["umoci", "raw", "unpack", "--image", `${layout}:all`, unpacked]);
    const differences = await diffTrees(unpacked, told.path, { without: ["mtime"] });
    assert.equal(describeDifferences(differences), "");
    assert.equal(readFileSync(join(told.path, "etc/a"), "utf8"), "again");
    assert.deepEqual(readdirSync(join(told.path, "dir")), ["new"]);
    assert.equal(readFileSync(join(told.path, "gone"), "utf8"), "a file");
    assert.equal(
      readdirSync(told.path)
        .filter((name) => name.includes("\n"))
        .join(),
      "kept\n\\101 \u00e9",
    );
    assert.equal(readlinkSync(join(told.path, "var/run")), "/run");
    const { found } = record("t1");
    assert.equal(found["digest"], digests["all"]);
    assert.deepEqual(JSON.parse(found["config"] ?? ""), { Env: ["PATH=/bin"], Cmd: ["/bin/sh"], User: "web" });
  });

  it("finds its way through links of the layers beneath, all within the tree", async () => {
    const directory = scope.tempDir("through");
    ociLayout(directory, [
      {
        tag: "x",
        layers: [
          ...layers,
          layer(
            file("lib/through"),
            file("var/run/absolute"),
            { name: "lib/.wh.none" },
            { name: ".wh..wh.plnk/" },
            file(".wh..wh.plnk/1"),
          ),
        ],
      },
    ]);
    const told = await made({ image: `oci:${directory}:x` });
    assert.equal(told.status, "changed", told.message);
    assert.equal(readFileSync(join(told.path, "usr/lib/through"), "utf8"), "lib/through");
    assert.equal(readFileSync(join(told.path, "run/absolute"), "utf8"), "var/run/absolute");
    // What aufs keeps for itself is no part of the tree.
    assert.deepEqual(
      readdirSync(told.path).filter((name) => name.startsWith(".")),
      [],
    );
  });

  it("counts what all layers hold together, and each name as some bytes at least", async () => {
    const directory = scope.tempDir("large");
    const half = { name: "half", content: Buffer.alloc(600_000) };
    const many = Array.from({ length: 300 }, (_, index) => ({ name: `${index}` }));
    ociLayout(directory, [
      { tag: "halves", layers: [layer(half), layer({ ...half, name: "other" })] },
      { tag: "many", layers: [layer(...many)] },
    ]);
    for (const tag of ["halves", "many"]) {
      const told = await made({ image: `oci:${directory}:${tag}`, max_size: "1M" });
      assert.match(told.message, /unpacks to more than 1048576 bytes/);
      assertNothing(told);
      assert.equal((await made({ image: `oci:${directory}:${tag}`, max_size: "2M" })).status, "changed");
    }
  });

  it("takes archives: docker save's, OCI's, of the host and of the controller, compressed too", async () => {
    const directory = scope.tempDir("archives");
    await must(["skopeo", "copy", "-q", `oci:${layout}:all`, `docker-archive:${directory}/docker.tar:lab/all:1`]);
    await must(["skopeo", "copy", "-q", `oci:${layout}:all`, `oci-archive:${directory}/oci.tar:all`]);
    await must(["xz", "-k", "-1", `${directory}/docker.tar`]);
    await must([
      "skopeo",
      "copy",
      "-q",
      "--dest-compress-format=zstd",
      `oci:${layout}:plain`,
      `oci:${directory}/zstd:x`,
    ]);
    const zstd = await made(`oci:${directory}/zstd:x`);
    assert.equal(zstd.status, "changed", zstd.message);
    assert.deepEqual(readdirSync(zstd.path), ["plain"]);
    const whole = join(trees, "t1");
    for (const oci of [
      { path: `${directory}/docker.tar` },
      { path: `${directory}/oci.tar`, reference: "all" },
      { src: `${directory}/docker.tar.xz` },
      { image: `docker-archive:${directory}/docker.tar` },
      { image: `oci-archive:${directory}/oci.tar` },
    ]) {
      const told = await made(oci);
      assert.equal(told.status, "changed", `${JSON.stringify(oci)} ${told.message}`);
      assert.equal(describeDifferences(await diffTrees(whole, told.path, { without: ["mtime"] })), "");
    }
    const told = await made({ path: `${directory}/oci.tar`, reference: "none" });
    assert.match(told.message, /could not be taken .*none/s);
    assertNothing(told);
  });

  const refusals: readonly {
    readonly image: string;
    readonly arch?: string;
    readonly says: RegExp;
    readonly remedy?: RegExp;
  }[] = [
    { image: "arm", says: /the image oci:.*:arm is for arm64, not for amd64/, remedy: /arch: arm64/ },
    { image: "windows", says: /is for windows\/amd64, not for amd64/ },
    { image: "none", says: /could not be taken .*none/s },
  ];
  for (const { image, says, remedy } of refusals)
    it(`refuses what is not for this host, or not there: ${image}`, async () => {
      const told = await made(`oci:${layout}:${image}`);
      assert.equal(told.status, "failed");
      assert.match(told.message, says);
      if (remedy) assert.match(told.remedy, remedy);
      assertNothing(told);
    });

  it("takes an image for another machine where that is what is asked for", async () => {
    const told = await made({ image: `oci:${layout}:arm`, arch: "arm64" });
    assert.equal(told.status, "changed", told.message);
    assert.deepEqual(readdirSync(told.path), ["arm"]);
  });

  /** Layers upon a first one; what is said, or the files that the tree then has. */
  const attacks: readonly {
    readonly name: string;
    readonly over: readonly Member[];
    readonly says?: RegExp;
    readonly has?: readonly string[];
  }[] = [
    {
      name: "a link out, then a file through it",
      over: [{ name: "etc", type: "link", target: "/etc" }, file("etc/out")],
      says: /etc\/out: Cannot/,
    },
    {
      name: "a file through a link out of the layer beneath",
      over: [file("out/crun-out")],
      says: /out\/crun-out: Cannot open/,
    },
    {
      name: "a file through a link upwards",
      over: [file("up/tmp/crun-out")],
      has: ["etc", "home", "loop", "out", "tmp", "up"],
    },
    {
      name: "a whiteout through a link out",
      over: [{ name: "home/.wh.passwd" }],
      has: ["etc", "home", "loop", "out", "up"],
    },
    {
      name: "all of a directory through a link out",
      over: [{ name: "home/.wh..wh..opq" }],
      has: ["etc", "home", "loop", "out", "up"],
    },
    { name: "a file through a loop", over: [file("loop/out")], says: /loop\/out: Cannot/ },
    { name: "a whiteout of what is above", over: [{ name: "etc/.wh..." }], says: /is a whiteout of no name/ },
    { name: "a whiteout with dots before it", over: [{ name: "../.wh.etc" }], says: /"\.\.\/\.wh\.etc" leads out/ },
    {
      name: "a hard link out",
      over: [{ name: "h", type: "hardLink", target: "../../etc/shadow" }],
      says: /is a hard link/,
    },
    {
      name: "a hard link through a link out",
      over: [{ name: "h", type: "hardLink", target: "out/shadow" }],
      says: /Cannot hard link/,
    },
    {
      name: "a whiteout of crun's own",
      over: [{ name: ".wh..crun-unpack" }],
      says: /could not be unpacked.*|Read-only|busy/s,
    },
    { name: "all of the root", over: [{ name: ".wh..wh..opq" }, file("only")], has: ["only"] },
  ];
  describe("keep within the tree:", () => {
    const told = new Map<string, Told & { readonly path: string }>();
    const options = {
      trees: [] as string[],
      files: ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/out", "/out", "/tmp/crun-out"],
    };

    before(async () => {
      const directory = scope.tempDir("attacks");
      const base = layer(
        { name: "etc/" },
        file("etc/passwd"),
        { name: "out", type: "link", target: "../../../../../../etc-of-nobody" },
        { name: "home", type: "link", target: "/etc" },
        { name: "up", type: "link", target: "../../../../../.." },
        { name: "loop", type: "link", target: "/loop" },
      );
      ociLayout(
        directory,
        attacks.map(({ over }, index) => ({ tag: `x${index}`, layers: [base, layer({ name: "tmp/" }, ...over)] })),
      );
      options.trees = [trees];
      const unharmed = canaries(options);
      const paths = attacks.map((_, index) => join(trees, `attack${index}`));
      const all = paths.map((path, index) => ({ tree: { name: path, oci: `oci:${directory}:x${index}` } }));
      const results = await runTasks(scope, "local", all);
      await assertUnharmed(unharmed, options);
      for (const [index, { name }] of attacks.entries()) {
        const [one, path] = [results[index], paths[index]];
        assert(one && path !== undefined);
        told.set(name, { ...one, path });
      }
    });

    for (const { name, says, has } of attacks)
      it(name, () => {
        const one = told.get(name);
        assert(one);
        if (says) {
          assert.equal(one.status, "failed");
          assert.match(one.message, says);
          assertNothing(one);
        } else {
          assert.equal(one.status, "changed", one.message);
          const wanted = has?.includes("only") ? ["only", "tmp"] : [...new Set([...(has ?? []), "tmp"])].sort();
          assert.deepEqual(readdirSync(one.path).sort(), wanted);
        }
      });
  });

  const liars: readonly { readonly name: string; readonly spec: Partial<ImageSpec>; readonly says: RegExp }[] = [
    {
      name: "a blob that is not what its digest says",
      spec: { layers: [{ ...layer(file("a")), blob: Buffer.from("something else") }] },
      says: /could not be taken .*[Dd]igest/s,
    },
    {
      name: "a layer that does not hold what the image says",
      spec: { layers: [{ ...layer(file("a")), diffId: "1".repeat(64) }] },
      says: /layer 1 .* does not hold what the image says/,
    },
  ];
  for (const { name, spec, says } of liars)
    it(`refuses ${name}`, async () => {
      const directory = scope.tempDir("liar");
      ociLayout(directory, [{ tag: "x", layers: [], ...spec }]);
      const told = await made(`oci:${directory}:x`);
      assert.equal(told.status, "failed");
      assert.match(told.message, says);
      assertNothing(told);
    });

  describe("of a registry", () => {
    let registry: string;

    before(async () => {
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
      assert.equal(describeDifferences(await diffTrees(join(trees, "t1"), told.path, { without: ["mtime"] })), "");
      assert.equal(record("listed").found["digest"], digests["list"]);
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
      assertNothing(wrong);
    });

    it("names both machines where the image is for another one", async () => {
      const single = await made({ image: `${registry}/lab/arm:1`, tls_verify: false });
      assert.match(single.message, /lab\/arm:1 is for arm64, not for amd64/);
      assertNothing(single);
      const none = await made({ image: `${registry}/lab/app:1`, tls_verify: false, arch: "riscv64" });
      assert.match(none.message, /lab\/app:1 is for amd64 and arm64, not for riscv64/);
      assertNothing(none);
    });

    it("says why it cannot be taken", async () => {
      const plain = await made(`${registry}/lab/app:1`);
      assert.match(plain.message, /could not be taken .*HTTP response to HTTPS client/s);
      const none = await made({ image: `${registry}/lab/none:1`, tls_verify: false });
      assert.match(none.message, /could not be taken .*(?:name|manifest) unknown/s);
      const nobody = await made({ image: "127.0.0.1:1/lab/app:1", tls_verify: false });
      assert.match(nobody.message, /could not be taken .*connection refused/s);
      assertNothing(nobody);
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
      assertNothing(unknown);
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
      assertNothing(anonymous);
      const login = { username: "puller", password: registryPassword };
      const told = await made({ image, tls_verify: false, ...login }, "login");
      assert.equal(told.status, "changed", told.message);
      assert.doesNotMatch(JSON.stringify(record("login")) + JSON.stringify(told), new RegExp(registryPassword));
      mkdirSync(join(layout, "auth"), { recursive: true });
      const authfile = join(layout, "auth/auth.json");
      const auth = Buffer.from(`puller:${registryPassword}`).toString("base64");
      writeFileSync(authfile, JSON.stringify({ auths: { [closed]: { auth } } }));
      const byFile = await made({ image, tls_verify: false, authfile });
      assert.equal(byFile.status, "changed", byFile.message);
    });
  });
});
