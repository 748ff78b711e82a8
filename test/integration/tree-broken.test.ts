// Trees that cannot be made, a row for each reason: one clear error in the tool's own words, nothing half made, and the old tree as it was.

import assert from "node:assert/strict";
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { hashTree } from "../lab/hash.js";
import { unmount } from "../lab/mounts.js";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { tarBytes } from "../lab/tar-bytes.js";
import { assertNoStack, Workplace } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

/** Paths that a case may name: `TREES` holds the trees, `FILES` archives and the like, `SILENT` is the port of a server that never answers. */
interface Case {
  /** What is wrong. */
  readonly name: string;
  /** The task's params; without a name they concern `old`, which is to be made anew. */
  readonly tree: Readonly<Record<string, unknown>>;
  /** What the error has to say, the tool's own words among it. */
  readonly says: RegExp;
  /** Where the trees lie; default: a file system with room. */
  readonly on?: "full";
  /** 1: found before anything is connected to. */
  readonly status?: 1 | 2;
}

const sum = `sha256:${"0".repeat(64)}`;

const cases: readonly Case[] = [
  {
    name: "a base that does not exist",
    tree: { clone: "nobody" },
    says: /there is no tree nobody to clone: TREES\/nobody is not there/,
  },
  { name: "a base that is a file", tree: { clone: "file" }, says: /TREES\/file is a file/ },
  { name: "a base that is a link", tree: { clone: "link" }, says: /TREES\/link is a link/ },
  {
    name: "a name that a file has",
    tree: { name: "file", scratch: true },
    says: /TREES\/file is taken: it is a file, no directory/,
  },
  {
    name: "a name that a link has",
    tree: { name: "link", scratch: true },
    says: /TREES\/link is taken: it is a link, no directory/,
  },
  {
    name: "a name that somebody's directory has",
    tree: { name: "somebody", scratch: true },
    says: /TREES\/somebody is taken: a directory is there that crun did not make/,
  },
  {
    name: "a record that is garbage",
    tree: { name: "garbled", scratch: true },
    says: /garbled\.json cannot be read/,
  },
  {
    name: "a directory for trees that is not there",
    tree: { name: "TREES/no/such/web1", scratch: true },
    says: /TREES\/no\/such, where the tree is to lie, is not there/,
  },
  {
    name: "a directory for trees that is a file",
    tree: { name: "TREES/file/web1", scratch: true },
    says: /TREES\/file, where the tree is to lie, is no directory|Not a directory/i,
  },
  {
    name: "a name that leads out",
    tree: { name: "../web1", scratch: true },
    says: /a tree's name holds no slash/,
    status: 1,
  },
  { name: "a name like an option", tree: { name: "--web1", scratch: true }, says: /is no name for a tree/, status: 1 },
  { name: "two sources", tree: { scratch: true, clone: "base" }, says: /scratch|clone/, status: 1 },
  { name: "no source", tree: {}, says: /says what the tree is made from/, status: 1 },
  {
    name: "a file system that cannot do what was asked",
    tree: { name: "new", backend: "btrfs", scratch: true },
    says: /the btrfs backend needs btrfs beneath the trees, and finds \w+/,
  },
  { name: "no space for a copy", on: "full", tree: { clone: "base" }, says: /cp: .*No space left on device/ },
  {
    name: "no space for what an archive holds",
    on: "full",
    tree: { tarball: { path: "FILES/large.tar" } },
    says: /tar: etc\/large: (?:Wrote only \d+ of|Cannot write: No space left)/,
  },
  {
    name: "an archive that is not there",
    tree: { tarball: { path: "FILES/none.tar" } },
    says: /FILES\/none\.tar/,
  },
  {
    name: "an archive that is none",
    tree: { tarball: { path: "FILES/garbage.tar" } },
    says: /garbage\.tar/,
  },
  { name: "an archive that is cut", tree: { tarball: { path: "FILES/cut.tar.gz" } }, says: /unexpected end of file/ },
  {
    name: "an archive that wants out",
    tree: { tarball: { path: "FILES/out.tar" } },
    says: /the member "\.\.\/\.\.\/out" leads out/,
  },
  {
    name: "a wrong checksum",
    tree: { tarball: { path: "FILES/good.tar", checksum: sum } },
    says: /good\.tar has the checksum sha256:[0-9a-f]+, not sha256:0000/,
  },
  {
    name: "a server that refuses",
    tree: { tarball: { url: "http://127.0.0.1:1/x.tar", checksum: sum } },
    says: /could not be fetched from http:\/\/127\.0\.0\.1:1\/x\.tar/,
  },
  {
    name: "a server that does not answer",
    tree: { tarball: { url: "http://127.0.0.1:SILENT/x.tar", checksum: sum, timeout: 1 } },
    says: /within 1 second|timed out/i,
  },
];

describe("trees that cannot be made", function () {
  this.timeout(120_000);
  const scope = testScope();
  const work = new Workplace(scope);
  const places = { trees: "", full: "", files: "" };
  let silent: Server;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["unshare", "tar", "curl"], paths: [crunPath] });
    places.files = scope.tempDir("files");
    places.trees = scope.tempDir("trees");
    places.full = scope.tempDir("full");
    await must(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", places.full]);
    scope.defer(async () => await unmount(places.full));
    const file = (name: string, content: string | Uint8Array): void => writeFileSync(join(places.files, name), content);
    const good = tarBytes([{ name: "etc/" }, { name: "etc/motd", content: "hello\n" }]);
    file("good.tar", good);
    file("out.tar", tarBytes([{ name: "etc/" }, { name: "../../out", content: "x" }]));
    file("large.tar", tarBytes([{ name: "etc/" }, { name: "etc/large", content: Buffer.alloc(4 << 20, 1) }]));
    file("garbage.tar", Buffer.alloc(10_000, "no archive "));
    await must(["gzip", "-k", join(places.files, "large.tar")]);
    file("cut.tar.gz", readFileSync(join(places.files, "large.tar.gz")).subarray(0, 2000));

    for (const directory of [places.trees, places.full]) {
      mkdirSync(join(directory, "base/etc"), { recursive: true });
      writeFileSync(join(directory, "base/etc/data"), Buffer.alloc(1_200_000, 1));
      for (const name of ["old", "garbled"]) {
        const made = await play(directory, { name, scratch: true });
        assert.equal(made.status, 0, made.all);
        mkdirSync(join(directory, name, "etc"));
        writeFileSync(join(directory, name, "etc/mine"), "mine\n");
      }
      writeFileSync(join(directory, ".crun/garbled.json"), "{ not a record");
      mkdirSync(join(directory, "somebody"));
      writeFileSync(join(directory, "file"), "x");
      symlinkSync("base", join(directory, "link"));
    }
    writeFileSync(join(places.full, "filler"), Buffer.alloc(1_000_000, 1));
    silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    scope.defer(() => void silent.close());
  });

  async function play(trees: string, tree: object): Promise<Awaited<ReturnType<Workplace["crun"]>>> {
    const site = work.write("site.yml", JSON.stringify([{ hosts: "local", gather_facts: false, tasks: [{ tree }] }]));
    return await work.crun(["play", "-e", JSON.stringify({ crun_trees: trees }), site]);
  }

  /** All that is there: trees with their times, and what lies beside them but locks. */
  async function look(trees: string): Promise<object> {
    const names = readdirSync(trees).filter((name) => lstatSync(join(trees, name)).isDirectory() && name !== ".crun");
    return {
      names: readdirSync(trees).sort(),
      trees: await Promise.all(names.map(async (name) => [name, await hashTree(join(trees, name))])),
      beside: await hashTree(join(trees, ".crun"), { ignore: ["/*.lock"], without: ["mtime"] }),
      making: readdirSync(join(trees, ".crun/making")),
    };
  }

  for (const one of cases)
    it(one.name, async () => {
      const trees = one.on === "full" ? places.full : places.trees;
      const { port } = silent.address() as { readonly port: number };
      const filled = JSON.stringify({ name: "old", recreate: true, ...one.tree })
        .replaceAll("TREES", trees)
        .replaceAll("FILES", places.files)
        .replaceAll("SILENT", String(port));
      const before = await look(trees);
      const { status, all } = await play(trees, JSON.parse(filled) as object);
      assert.equal(status, one.status ?? 2, all);
      assertNoStack(all);
      const said = all.replaceAll(trees, "TREES").replaceAll(places.files, "FILES");
      assert.match(said, one.says);
      if (one.status !== 1) assert.equal(said.match(/^failed /gm)?.length, 1, "one error");
      assert.deepEqual(await look(trees), before);
    });
});
