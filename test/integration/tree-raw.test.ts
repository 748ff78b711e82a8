// Trees from disk images, with the real tools: bare file systems, tables of partitions, what cannot be told and what is broken.

import assert from "node:assert/strict";
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { assertUnharmed, canaries } from "../lab/canaries.js";
import { describeDifferences, diffTrees } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { runTasks, type Told } from "./crun-tasks.js";

const root = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709";
const rootOfArm = "B921B045-1DF0-41C3-AF44-4C6F280D3FAE";
const linux = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";
const esp = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";

describe("trees from disk images", function () {
  this.timeout(120_000);
  const scope = testScope();
  let trees: string;
  let images: string;
  let source: string;
  let count = 0;

  before(async function () {
    requireOrSkip(this, {
      root: true,
      tools: [
        "mke2fs",
        "mksquashfs",
        "mkfs.btrfs",
        "mkfs.xfs",
        "mkfs.erofs",
        "sfdisk",
        "partx",
        "blkid",
        "systemd-dissect",
        "losetup",
        "zstd",
      ],
    });
    trees = scope.tempDir("trees");
    images = scope.tempDir("images");
    source = join(images, "source");
    for (const directory of ["", "etc", "usr", "usr/lib", "dev"]) mkdirSync(join(source, directory));
    writeFileSync(join(source, "usr/lib/os-release"), "ID=lab\n");
    writeFileSync(join(source, "etc/motd"), "from an image\n");
    chownSync(join(source, "etc/motd"), 1000, 1000);
    await must(["ln", "-s", "/etc/motd", join(source, "etc/link")]);
    await must(["ln", join(source, "etc/motd"), join(source, "etc/hard")]);
    await must(["chmod", "4711", join(source, "usr/lib/os-release")]);
    await must(["mke2fs", "-q", "-t", "ext4", "-d", source, join(images, "bare.ext4"), "8M"]);
    await must(["mksquashfs", source, join(images, "bare.squashfs"), "-quiet", "-no-progress"]);
  });

  async function made(raw: Readonly<Record<string, unknown>>): Promise<Told & { path: string }> {
    const path = join(trees, `t${++count}`);
    const before = canaries({ trees: [trees, images], files: [] });
    const loops = await loopsOf(images);
    const [told] = await runTasks(scope, "local", [{ tree: { name: path, raw } }]);
    assert(told);
    await assertUnharmed(before, { trees: [trees, images], files: [] });
    assert.deepEqual(await loopsOf(images), loops);
    return { ...told, path };
  }

  /** Loop devices with files beneath a directory, or with trees that are being made. */
  async function loopsOf(directory: string): Promise<string[]> {
    const lines = await must(["losetup", "--list", "--noheadings", "--output", "BACK-FILE"]);
    return lines.split("\n").filter((line) => line.includes(directory) || line.includes(trees));
  }

  function assertNothing({ path }: { readonly path: string }): void {
    assert(!existsSync(path), `${path} is there`);
    const making = join(trees, ".crun/making");
    assert.deepEqual(existsSync(making) ? readdirSync(making) : [], []);
  }

  async function assertWhole(told: Told & { readonly path: string }): Promise<void> {
    assert.equal(told.status, "changed", `${told.message} ${told.remedy}`);
    assert.equal(describeDifferences(await diffTrees(source, told.path, { without: ["mtime"] })), "");
  }

  /** A disk with partitions of these types, each with the bare file system or nothing. */
  async function disk(
    name: string,
    partitions: readonly { type: string; name?: string; isFull: boolean }[],
    label = "gpt",
  ): Promise<string> {
    const path = join(images, name);
    writeFileSync(path, "");
    truncateSync(path, (partitions.length * 10 + 4) << 20);
    const rows = partitions.map(
      ({ type, name: partition }, index) =>
        `start=${2048 + index * 20480}, size=20480, type=${type}${partition ? `, name=${partition}` : ""}`,
    );
    await must(["sfdisk", "-q", path], { input: `label: ${label}\n${rows.join("\n")}\n` });
    for (const [index, { isFull }] of partitions.entries())
      if (isFull)
        await must([
          "dd",
          `if=${join(images, "bare.ext4")}`,
          `of=${path}`,
          "bs=1M",
          `seek=${1 + index * 10}`,
          "conv=notrunc",
          "status=none",
        ]);
    return path;
  }

  it("does not let an image say that the kernel panics at an error in it", async () => {
    const bare = join(images, "panic.ext4");
    copyFileSync(join(images, "bare.ext4"), bare);
    await must(["tune2fs", "-e", "panic", bare]);
    const parted = await disk("panic.img", [{ type: root, isFull: true }]);
    const table = await must(["partx", "--raw", "--noheadings", "--output", "START", "--", parted]);
    await must(["tune2fs", "-e", "panic", `${parted}?offset=${Number(table.trim()) * 512}`]);
    for (const path of [bare, parted]) {
      const told = await made({ path, with: "dissect" });
      assert.match(told.message, /holds a file system that has the kernel panic/);
      assertNothing(told);
      await assertWhole(await made({ path, with: "mount" }));
      await assertWhole(await made({ path }));
    }
  });

  it("takes bare file systems: ext4, squashfs, compressed ones, with systemd-dissect, too", async () => {
    await must(["zstd", "-q", "-1", "-k", join(images, "bare.ext4")]);
    await assertWhole(await made({ path: join(images, "bare.ext4") }));
    await assertWhole(await made({ path: join(images, "bare.squashfs") }));
    await assertWhole(await made({ src: join(images, "bare.ext4.zst") }));
    await assertWhole(await made({ path: join(images, "bare.squashfs"), with: "dissect" }));
  });

  it("keeps ACLs by their numbers: what the host calls an id, the tree may not know", async () => {
    const own = join(images, "acls");
    mkdirSync(own);
    writeFileSync(join(own, "file"), "x");
    // On Debian, daemon and bin.
    await must(["setfacl", "-m", "u:1:r,g:2:rw", join(own, "file")]);
    await must(["mke2fs", "-q", "-t", "ext4", "-d", own, join(images, "acls.ext4"), "8M"]);
    const told = await made({ path: join(images, "acls.ext4") });
    assert.equal(told.status, "changed", told.message);
    const acl = await must(["getfacl", "--numeric", "--omit-header", join(told.path, "file")]);
    assert.equal(acl, await must(["getfacl", "--numeric", "--omit-header", join(own, "file")]));
    assert.match(acl, /^user:1:r--$/m);
  });

  it("takes erofs and xfs, the latter beside itself", async () => {
    await must(["mkfs.erofs", "--quiet", join(images, "bare.erofs"), source]);
    await assertWhole(await made({ path: join(images, "bare.erofs") }));
    const path = join(images, "bare.xfs");
    writeFileSync(path, "");
    truncateSync(path, 320 << 20);
    await must(["mkfs.xfs", "-q", path]);
    const script = 'mount -o loop "$1" "$2" && cp -a "$3/." "$2" && umount "$2"';
    await must(["unshare", "--mount", "sh", "-c", script, "sh", path, scope.tempDir("xfs"), source]);
    await assertWhole(await made({ path }));
  });

  it("takes a btrfs file system while another one is mounted", async () => {
    const path = join(images, "bare.btrfs");
    writeFileSync(path, "");
    truncateSync(path, 128 << 20);
    await must(["mkfs.btrfs", "-q", "--rootdir", source, path]);
    await assertWhole(await made({ path }));
  });

  it("takes a file system whose journal was not written back", async () => {
    const path = join(images, "unclean.ext4");
    await must(["cp", join(images, "bare.ext4"), path]);
    await must(["debugfs", "-w", "-R", "feature needs_recovery", path]);
    await assertWhole(await made({ path }));
  });

  it("finds the root file system among partitions, and obeys who names one", async () => {
    const typed = await disk("typed.img", [
      { type: esp, isFull: false },
      { type: linux, name: "home", isFull: false },
      { type: root, name: "root-x86-64", isFull: true },
    ]);
    await assertWhole(await made({ path: typed }));
    await assertWhole(await made({ path: typed, partition: "3" }));
    await assertWhole(await made({ path: await disk("one.img", [{ type: root, isFull: true }]), with: "dissect" }));
    await assertWhole(await made({ path: typed, partition: "root-x86-64" }));
    await assertWhole(
      await made({
        path: await disk("only.img", [
          { type: esp, isFull: false },
          { type: linux, isFull: true },
        ]),
      }),
    );
    await assertWhole(await made({ path: await disk("old.img", [{ type: "83", isFull: true }], "dos") }));
  });

  it("says what is wrong: which partition, another machine, no file system, broken ones", async () => {
    const two = await disk("two.img", [
      { type: linux, name: "one", isFull: true },
      { type: linux, name: "two", isFull: true },
    ]);
    const arm = await disk("arm.img", [{ type: rootOfArm, isFull: true }]);
    const empty = await disk("empty.img", [{ type: root, isFull: false }]);
    const broken = join(images, "broken.ext4");
    await must(["cp", join(images, "bare.ext4"), broken]);
    truncateSync(broken, 3 << 20);
    writeFileSync(join(images, "text"), "no image\n".repeat(1000));
    const cases: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
      [{ path: two }, /cannot be told which partition of .*two\.img is the root.*one/s],
      [{ path: two, partition: "three" }, /two\.img has no partition three/],
      [{ path: arm }, /arm\.img is for aarch64, not for x86_64/],
      [{ path: empty }, /no file system in its partition that can be recognized/],
      [{ path: broken }, /broken\.ext4: its file system \(ext4\) could not be mounted/],
      [{ path: join(images, "text") }, /no file system that can be recognized/],
      [{ path: join(images, "none") }, /there is no file .*none on the host/],
      [{ path: join(images, "bare.ext4"), checksum: `sha256:${"0".repeat(64)}` }, /has the checksum sha256/],
      [{ path: join(images, "bare.ext4"), max_size: "4K" }, /holds more than 4096 bytes/],
      [{ path: join(images, "text"), with: "dissect" }, /could not be taken apart by systemd-dissect/],
    ];
    for (const [raw, says] of cases) {
      const told = await made(raw);
      assert.equal(told.status, "failed", JSON.stringify(raw));
      assert.match(told.message, says);
      assertNothing(told);
    }
    await assertWhole(await made({ path: two, partition: "two" }));
    assert.equal(readFileSync(join(trees, `t${count}`, "etc/motd"), "utf8"), "from an image\n");
  });
});
