// Trees from archives, with the real tools: what they hold comes out as it is, and what wants out of the tree is refused whole.

import assert from "node:assert/strict";
import { chownSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { createHash } from "node:crypto";
import { assertUnharmed, canaries } from "../lab/canaries.js";
import { hashTree } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { must, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { tarBytes, type Member } from "../lab/tar-bytes.js";
import { crun, runTasks, type Told } from "./crun-tasks.js";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("trees from archives", function () {
  this.timeout(120_000);
  const scope = testScope();
  let trees: string;
  let files: string;
  let count = 0;

  before(function () {
    requireOrSkip(this, {
      root: true,
      tools: ["tar", "unshare", "setpriv", "xz", "zstd", "bzip2", "gpg", "gpgv", "curl"],
    });
    trees = scope.tempDir("trees");
    files = scope.tempDir("files");
  });

  /** Runs the task on a name of its own. */
  async function made(
    tarball: Readonly<Record<string, unknown>>,
    name = `t${++count}`,
  ): Promise<Told & { path: string }> {
    const path = join(trees, name);
    const [told] = await runTasks(scope, "local", [{ tree: { name: path, tarball } }]);
    assert(told);
    return { ...told, path };
  }

  function archive(members: readonly Member[], name = `a${++count}.tar`): string {
    const path = join(files, name);
    writeFileSync(path, tarBytes(members));
    return path;
  }

  /** Nothing is left of a tree that was not made: neither under its name nor half made, and no record of it. */
  function assertNothing({ path }: { readonly path: string }): void {
    assert(!existsSync(path), `${path} is there`);
    const name = path.slice(trees.length + 1);
    const making = join(trees, ".crun/making");
    const left = existsSync(making) ? readdirSync(making).filter((one) => one.startsWith(`${name}.`)) : [];
    assert.deepEqual(left, []);
  }

  it("gives what the archive holds: owners, modes, times, links, holes, names, capabilities and other attributes", async () => {
    const source = join(files, "source");
    for (const directory of ["", "etc", "usr", "usr/bin", "var", "var/tmp"]) mkdirSync(join(source, directory));
    writeFileSync(join(source, "etc/motd"), "hello\n");
    writeFileSync(join(source, "usr/bin/tool"), "#!\n");
    writeFileSync(join(source, "usr/bin/su"), "x");
    writeFileSync(join(source, "etc/a\nb \\101 \u00e9\u0001 -> c"), "odd");
    chownSync(join(source, "etc/motd"), 4_000_000, 70_000);
    await must(["chmod", "4755", join(source, "usr/bin/su")]);
    await must(["chmod", "1777", join(source, "var/tmp")]);
    await must(["chmod", "0750", source]);
    await must(["setcap", "cap_net_raw+ep", join(source, "usr/bin/tool")]);
    await must(["setfattr", "-n", "user.note", "-v", "kept", join(source, "etc/motd")]);
    await must(["ln", "-s", "/etc/motd", join(source, "etc/absolute")]);
    await must(["ln", "-s", "../../../../etc/passwd", join(source, "etc/upwards")]);
    await must(["ln", join(source, "etc/motd"), join(source, "etc/hard")]);
    await must(["mkfifo", join(source, "var/fifo")]);
    await must(["truncate", "-s", "20M", join(source, "var/sparse")]);
    await must(["touch", "-d", "2020-02-02 02:02:02", join(source, "etc"), source]);
    const wanted = await hashTree(source);
    const plain = join(files, "whole.tar");
    await must(["tar", "--xattrs", "--xattrs-include=*", "--sparse", "-C", source, "-cf", plain, "."]);
    for (const [tool, ending] of [
      ["gzip", "gz"],
      ["xz", "xz"],
      ["zstd", "zst"],
      ["bzip2", "bz2"],
    ] as const)
      writeFileSync(`${plain}.${ending}`, await packed(tool, plain));
    for (const ending of ["", ".gz", ".xz", ".zst", ".bz2"]) {
      const told = await made({ path: plain + ending });
      assert.equal(told.status, "changed", told.message);
      assert.equal(await hashTree(told.path), wanted, ending);
    }
    assert(lstatSync(join(trees, "t1/var/sparse")).blocks < 1000);
    const exported = join(files, "exported.tar.zst");
    const { status, stdout, stderr } = await crun(["tree", "export", `local:${join(trees, "t1")}`, exported]);
    assert.equal(status, 0, stdout + stderr);
    const again = await made({ path: exported });
    assert.equal(await hashTree(again.path), wanted, `what crun has exported: ${again.message}`);
  });

  it("says that an ACL was left out of a name that nobody has in the tree", async () => {
    const source = scope.tempDir("acl");
    writeFileSync(join(source, "file"), "x");
    await must(["setfacl", "-m", "u:1:r", join(source, "file")]);
    const plain = join(files, "acl.tar");
    await must(["tar", "--format=posix", "--acls", "-C", source, "-cf", plain, "."]);
    const text = readFileSync(plain, "latin1");
    assert.match(text, /user:daemon:r--/);
    writeFileSync(plain, text.replace("user:daemon:r--", "user:nobydy:r--"), "latin1");
    const told = await made({ path: plain });
    assert.equal(told.status, "changed", told.message);
    assert.deepEqual(told.warnings, ["an ACL left out: of users or groups by names that the tree does not have"]);
  });

  async function packed(tool: string, path: string): Promise<Buffer> {
    await must(["sh", "-c", `${tool} -c <"$1" >"$1.packed"`, "sh", path]);
    return readFileSync(`${path}.packed`);
  }

  const attacks: readonly { readonly name: string; readonly members: readonly Member[]; readonly says: RegExp }[] = [
    {
      name: "a name that leads up",
      members: [{ name: "../out", content: "x" }],
      says: /the member "\.\.\/out" leads out/,
    },
    {
      name: "one that goes down first",
      members: [{ name: "a/" }, { name: "a/../../out" }],
      says: /"a\/\.\.\/\.\.\/out" leads/,
    },
    { name: "dots at the end", members: [{ name: "a/..", type: "directory" }], says: /"a\/\.\." leads/ },
    { name: "an absolute name", members: [{ name: "/etc/out" }], says: /"\/etc\/out" has an absolute name/ },
    {
      name: "a name with a line break that leads up",
      members: [{ name: "a\nb\u001b[31m/../../out" }],
      says: /"a\\nb\\033\[31m\/\.\.\/\.\.\/out" leads/,
    },
    {
      name: "a hard link to a file of the host",
      members: [{ name: "a", type: "hardLink", target: "/etc/shadow" }],
      says: /"a" is a hard link to "\/etc\/shadow", out of/,
    },
    {
      name: "a hard link upwards",
      members: [{ name: "a", type: "hardLink", target: "b/../../../etc/shadow" }],
      says: /"a" is a hard link to/,
    },
    {
      name: "a link out, and a file through it",
      members: [
        { name: "etc", type: "link", target: "/etc" },
        { name: "etc/out", content: "x" },
      ],
      says: /etc\/out: Cannot open: Not a directory/,
    },
    {
      name: "a link upwards, and a file through it",
      members: [
        { name: "a", type: "link", target: "../../../../../tmp" },
        { name: "a/out", content: "x" },
      ],
      says: /a\/out: Cannot open: Not a directory/,
    },
    {
      name: "a link to a link out, and a file through both",
      members: [
        { name: "b", type: "link", target: "/etc" },
        { name: "a", type: "link", target: "b" },
        { name: "a/out", content: "x" },
      ],
      says: /a\/out: Cannot open/,
    },
    {
      name: "a place that crun works in",
      members: [{ name: ".crun-unpack/tar", content: "x" }],
      says: /\.crun-unpack\/tar: Cannot/,
    },
    { name: "no archive", members: [], says: /is no whole tar archive/ },
    {
      name: "a file that is cut",
      members: [{ name: "a", size: 100_000 }],
      says: /Unexpected EOF.*|is no whole tar archive/,
    },
    {
      name: "more than is allowed, in one file",
      members: [{ name: "a", size: 5_000_000, content: Buffer.alloc(5_000_000) }],
      says: /unpacks to more than 4194304 bytes/,
    },
    {
      name: "more than is allowed, in a file of holes",
      members: [
        {
          name: "GNUSparseFile.0/a",
          content: "1\n0\n0\n".padEnd(512, "\0"),
          pax: {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": "a",
            "GNU.sparse.realsize": "9000000000000",
          },
        },
      ],
      says: /unpacks to more than 4194304 bytes/,
    },
  ];
  describe("refuses, with nothing left and nothing harmed:", () => {
    const told = new Map<string, Told & { readonly path: string }>();

    before(async () => {
      const options = {
        trees: [trees],
        files: ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/out", "/out", "/tmp/out"],
      };
      const unharmed = canaries(options);
      const tasks = attacks.map(({ name, members }, index) => {
        const path = archive(members);
        if (name === "no archive") writeFileSync(path, "this is no archive\n".repeat(100));
        return { tree: { name: join(trees, `attack${index}`), tarball: { path, max_size: "4M" } } };
      });
      const results = await runTasks(scope, "local", tasks);
      await assertUnharmed(unharmed, options);
      for (const [index, { name }] of attacks.entries()) {
        const one = results[index];
        assert(one);
        told.set(name, { ...one, path: join(trees, `attack${index}`) });
      }
    });

    for (const { name, says } of attacks)
      it(name, () => {
        const one = told.get(name);
        assert(one);
        assert.equal(one.status, "failed");
        assert.match(one.message, says);
        assert.doesNotMatch(one.message, /[\u0000-\u0009\u000b-\u001f]/);
        assertNothing(one);
      });
  });

  it("lets links lead where they like, and puts each into the tree alone", async () => {
    const path = archive([
      { name: "usr/" },
      { name: "usr/lib/" },
      { name: "lib", type: "link", target: "usr/lib" },
      { name: "lib/file", content: "through a link\n" },
      { name: "x", content: "first" },
      { name: "x", content: "second" },
      { name: "d", type: "link", target: "usr" },
      { name: "d/" },
      { name: "d/file", content: "a directory after a link\n" },
    ]);
    const told = await made({ path });
    assert.equal(told.status, "changed", told.message);
    assert.equal(readFileSync(join(told.path, "usr/lib/file"), "utf8"), "through a link\n");
    assert.equal(readFileSync(join(told.path, "x"), "utf8"), "second");
  });

  it("leaves device nodes out unless they are wanted, and never takes over attributes that the host trusts", async () => {
    const path = archive([
      { name: "dev/" },
      { name: "dev/null", type: "char", device: [1, 3], mode: 0o666 },
      { name: "dev/sda", type: "block", device: [8, 0], mode: 0o666 },
      { name: "etc/" },
      {
        name: "etc/file",
        content: "x",
        pax: { "SCHILY.xattr.trusted.overlay.opaque": "y", "SCHILY.xattr.user.a": "b" },
      },
    ]);
    const without = await made({ path });
    assert.equal(without.status, "changed", without.message);
    assert.deepEqual(without.warnings, [
      '2 device nodes of the image ("dev/null", "dev/sda") left out: crun makes what a process needs in /dev; devices: true makes them',
    ]);
    assert.deepEqual(readdirSync(join(without.path, "dev")), []);
    const attributes = await must(["getfattr", "-d", "-m", "-", join(without.path, "etc/file")]);
    assert.match(attributes, /user\.a="b"/);
    assert.doesNotMatch(attributes, /trusted/);
    const withThem = await made({ path, devices: true });
    assert.equal(withThem.status, "changed", withThem.message);
    assert.deepEqual(withThem.warnings, []);
    assert(lstatSync(join(withThem.path, "dev/null")).isCharacterDevice());
    assert(lstatSync(join(withThem.path, "dev/sda")).isBlockDevice());
  });

  it("does not let what unpacks have more room than it says", async () => {
    const path = join(files, "bomb.gz");
    writeFileSync(path, gzipSync(Buffer.alloc(8 << 20)));
    const told = await made({ path, max_size: "1M" });
    assert.equal(told.status, "failed");
    assert.match(told.message, /bomb\.gz unpacks to more than 1048576 bytes/);
    assertNothing(told);
    writeFileSync(path, gzipSync(tarBytes([{ name: "a", content: "x".repeat(10_000) }])).subarray(0, 60));
    const cut = await made({ path });
    assert.match(cut.message, /could not be unpacked by gzip .*: it is damaged or cut/);
    assertNothing(cut);
  });

  it("takes a file of the controller; a second run does nothing, another content is told of", async () => {
    const path = archive([{ name: "a", content: "one" }], "given.tar");
    const name = join(trees, "given");
    const task = { tree: { name, tarball: { src: path } } };
    const [first, second] = await runTasks(scope, "local", [task, task]);
    assert.deepEqual([first?.status, second?.status], ["changed", "ok"], first?.message);
    archive([{ name: "a", content: "two" }], "given.tar");
    const [third, fourth] = await runTasks(scope, "local", [task, { tree: { ...task.tree, recreate: true } }]);
    assert.equal(third?.status, "ok");
    assert.match(third?.warnings.join() ?? "", /recipe has changed .*content/);
    assert.equal(fourth?.status, "changed", fourth?.message);
    assert.equal(readFileSync(join(name, "a"), "utf8"), "two");
    assert.deepEqual(readdirSync(name), ["a"]);
  });

  describe("from a URL", () => {
    const bytes = gzipSync(tarBytes([{ name: "etc/" }, { name: "etc/motd", content: "fetched\n" }]));
    const server = createServer((request, response) => {
      if (request.url === "/root.tgz" || (request.url === "/broken-once.tgz" && requests++ > 0)) response.end(bytes);
      else if (request.url === "/root.tgz.sig") response.end(readFileSync(join(files, "root.tgz.sig")));
      else if (request.url === "/cut.tgz" || request.url === "/broken-once.tgz") {
        response.writeHead(200, { "content-length": bytes.length });
        response.write(bytes.subarray(0, 50), () => response.destroy());
      } else if (request.url === "/slow.tgz") response.write(bytes.subarray(0, 50));
      else response.writeHead(404).end("no");
    });
    let requests = 0;
    let url: string;

    before(async () => {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    after(() => {
      server.closeAllConnections();
      server.close();
    });

    it("fetches it and checks what it holds", async () => {
      const told = await made({ url: `${url}/root.tgz`, checksum: `sha256:${sha256(bytes)}` });
      assert.equal(told.status, "changed", told.message);
      assert.equal(readFileSync(join(told.path, "etc/motd"), "utf8"), "fetched\n");
    });

    it("tries once more where it broke in the middle", async () => {
      const told = await made({ url: `${url}/broken-once.tgz`, checksum: `sha256:${sha256(bytes)}` });
      assert.equal(told.status, "changed", told.message);
      assert.equal(requests, 2);
    });

    const failures = [
      { path: "/root.tgz", says: /root\.tgz has the checksum sha256:.*, not sha256:0000/ },
      { path: "/none.tgz", says: /could not be fetched from .*404/ },
      { path: "/cut.tgz", says: /could not be fetched from .*(?:transfer closed|bytes remaining)/ },
      { path: "/slow.tgz", says: /was not fetched within 1 seconds|timed out/ },
    ];
    for (const { path, says } of failures)
      it(`says why, and leaves nothing: ${path}`, async () => {
        const told = await made({
          url: url + path,
          checksum: `sha256:${"0".repeat(64)}`,
          timeout: path === "/slow.tgz" ? 1 : 60,
        });
        assert.equal(told.status, "failed");
        assert.match(told.message, says);
        assertNothing(told);
      });

    it("says so when nobody answers", async () => {
      const told = await made({ url: "http://127.0.0.1:1/x.tgz", checksum: `sha256:${"0".repeat(64)}` });
      assert.match(told.message, /could not be fetched from http:\/\/127\.0\.0\.1:1\/x\.tgz .*(?:refused|connect)/i);
      assertNothing(told);
    });

    it("believes a signature by a key of the keyring, and no other", async () => {
      const home = scope.tempDir("gnupg");
      const gpg = ["gpg", "--homedir", home, "--batch", "--pinentry-mode", "loopback", "--passphrase", ""];
      scope.defer(async () => void (await run(["gpgconf", "--homedir", home, "--kill", "all"])));
      const user = "Images <images@example.org>";
      await must([...gpg, "--quick-generate-key", user, "ed25519", "sign"]);
      writeFileSync(join(files, "root.tgz"), bytes);
      await must([...gpg, "--detach-sign", "--output", join(files, "root.tgz.sig"), join(files, "root.tgz")]);
      writeFileSync(join(files, "keys.asc"), await must([...gpg, "--armor", "--export", user]));
      await must([...gpg, "--output", join(files, "keys.gpg"), "--export", user]);
      const signature = `${url}/root.tgz.sig`;
      for (const keyring of ["keys.asc", "keys.gpg"]) {
        const told = await made({ url: `${url}/root.tgz`, signature, keyring: join(files, keyring) });
        assert.equal(told.status, "changed", told.message);
      }
      const other = archive([{ name: "a", content: "another" }]);
      const told = await made({ path: other, signature, keyring: join(files, "keys.asc") });
      assert.match(told.message, /is not signed by a key of .*BAD signature/s);
      assertNothing(told);
      writeFileSync(join(files, "none.gpg"), "");
      const unknown = await made({ url: `${url}/root.tgz`, signature, keyring: join(files, "none.gpg") });
      assert.match(unknown.message, /is not signed by a key of/);
      assertNothing(unknown);
    });
  });
});
