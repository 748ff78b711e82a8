// Trees from images on a host with systemd: systemd-dissect takes partitions apart there, and what is made runs as a machine's tree would.

import assert from "node:assert/strict";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Workplace } from "../integration/cli.js";
import { crunPath } from "../integration/crun-tasks.js";
import { requireOrSkip } from "./needs.js";
import { must } from "./process.js";
import { testScope } from "./scope.js";
import { tarBytes } from "./tar-bytes.js";
import { labVm, type LabVm } from "./vm.js";

describe("lab: trees from images on a host with systemd", function () {
  this.timeout(300_000);
  const scope = testScope();
  let vm: LabVm;
  let work: Workplace;
  let files: string;

  before(async function () {
    requireOrSkip(this, {
      root: true,
      tools: ["qemu-system-x86_64", "mmdebstrap", "mke2fs", "setpriv", "sfdisk", "gzip"],
      paths: [crunPath],
    });
    vm = await labVm(scope);
    work = new Workplace(scope);
    files = scope.tempDir("images");
    scope.defer(async () => void (await vm.must("rm -rf /srv/crun-image-trees")));
  });

  /** As a login that becomes root by sudo. */
  async function play(tasks: readonly object[]): ReturnType<Workplace["play"]> {
    const lab = {
      ...vm.variables,
      crun_user: "admin",
      crun_trees: "/srv/crun-image-trees",
    };
    const inventory = work.write("hosts.yml", JSON.stringify({ all: { hosts: { lab } } }));
    const site = work.write("site.yml", JSON.stringify([{ hosts: "lab", gather_facts: false, tasks }]));
    return await work.play(["-i", inventory, "--connect-timeout", "60", site]);
  }

  it("come out of partitions by systemd-dissect, and of archives, sent there by the controller; no loop device is left", async () => {
    const source = join(files, "source");
    for (const directory of ["", "etc", "usr", "usr/lib"]) mkdirSync(join(source, directory));
    writeFileSync(join(source, "usr/lib/os-release"), "ID=lab\n");
    writeFileSync(join(source, "etc/motd"), "from a partition\n");
    await must(["mke2fs", "-q", "-t", "ext4", "-d", source, join(files, "root.ext4"), "10M"]);
    const esp = "start=2048, size=8192, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n";
    const root = "start=12288, size=20480, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, name=root-x86-64\n";
    const disk = async (name: string, partitions: string): Promise<string> => {
      const path = join(files, name);
      writeFileSync(path, "");
      truncateSync(path, 24 << 20);
      await must(["sfdisk", "-q", path], { input: `label: gpt\n${partitions}` });
      await must([
        "dd",
        `if=${join(files, "root.ext4")}`,
        `of=${path}`,
        "bs=1M",
        "seek=6",
        "conv=notrunc",
        "status=none",
      ]);
      await must(["gzip", "-1", path]);
      return `${path}.gz`;
    };
    const plain = await disk("plain.img", root);
    // systemd-dissect gives up over a partition for the firmware that holds nothing.
    const odd = await disk("odd.img", esp + root);
    writeFileSync(
      join(files, "root.tar"),
      tarBytes([{ name: "etc/" }, { name: "etc/motd", content: "from an archive\n" }]),
    );
    const loops = await vm.must("losetup --list --noheadings --output BACK-FILE");
    await vm.must("mkdir -p /srv/crun-image-trees");
    const made = await play([
      { tree: { name: "disk", raw: { src: plain, with: "dissect" } } },
      { tree: { name: "itself", raw: { src: odd } } },
      { tree: { name: "archive", tarball: { src: join(files, "root.tar") } } },
    ]);
    assert.equal(made.status, 0, made.stdout + made.stderr);
    const seen = await vm.must(
      "cd /srv/crun-image-trees && cat disk/etc/motd itself/etc/motd archive/etc/motd && ls -A . .crun/making",
    );
    assert.match(seen, /^from a partition\nfrom a partition\nfrom an archive\n/);
    assert.match(seen, /\.crun\/making:\n$/);
    assert.equal(await vm.must("losetup --list --noheadings --output BACK-FILE"), loops);
    assert.equal(await vm.must("findmnt -n -o TARGET | grep -c crun-image-trees || true"), "0\n");
  });
});
