// Trees from container images, with the real tools: skopeo takes them from a registry, a layout, archives; umoci says what their layers make.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { assertUnharmed, canaries } from "../lab/canaries.js";
import { describeDifferences, diffTrees } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { ociLayout, type ImageSpec } from "../lab/oci-image.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import type { Member } from "../lab/tar-bytes.js";
import { runTasks, type Told } from "./crun-tasks.js";
import { assertNothingLeft, file, images, layer, layers, madeFrom, recordOf } from "./image-fixtures.js";

describe("trees from container images", function () {
  this.timeout(120_000);
  const scope = testScope();
  let trees: string;
  let layout: string;
  let digests: Readonly<Record<string, string>>;
  let count = 0;

  before(function () {
    requireOrSkip(this, {
      root: true,
      tools: ["skopeo", "umoci", "tar", "unshare", "setpriv"],
    });
    trees = scope.tempDir("trees");
    layout = scope.tempDir("layout");
    digests = ociLayout(layout, images);
  });

  const made = async (oci: unknown): Promise<Told & { path: string }> =>
    await madeFrom(scope, join(trees, `t${++count}`), oci);

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
    const { found } = recordOf(join(trees, "t1"));
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
      assertNothingLeft(told);
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
    assertNothingLeft(told);
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
      assertNothingLeft(told);
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
          assertNothingLeft(one);
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
      assertNothingLeft(told);
    });
});
