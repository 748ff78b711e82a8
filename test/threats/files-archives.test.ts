// Rows 10, 19 and 24: archives that want out of the tree that they become, or lay something beside it; each attack alone is in tree-archives.test.ts.

import assert from "node:assert/strict";
import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { brief } from "../integration/cli.js";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { tarBytes, type Member } from "../lab/tar-bytes.js";
import { ways } from "./catalogue.js";
import { scene, withstands, type Scene } from "./oracle.js";
import { hold } from "./ways.js";

const settings = "[Exec]\nPrivateUsers=no\nCapability=all\n[Files]\nBind=/:/host\n";

/** What must be refused whole, by what it is. */
const refused = ({ host }: Scene): Readonly<Record<string, readonly Member[]>> => ({
  up: [{ name: "../../host/new", content: "x" }],
  absolute: [{ name: `${host}/new`, content: "x" }],
  "through a link": [
    { name: "d", type: "link", target: host },
    { name: "d/secret", content: "x" },
  ],
  "through two links": [
    { name: "e", type: "link", target: "../.." },
    { name: "d", type: "link", target: "e/host" },
    { name: "d/secret", content: "x" },
  ],
  "a hard link out": [{ name: "h", type: "hardLink", target: `${host}/secret` }],
  "settings beside it": [{ name: "../evil.nspawn", content: settings }],
  "a record beside it": [{ name: "../.crun/evil.json", content: "{}" }],
  "a bomb": [{ name: "a", content: Buffer.alloc(8 << 20) }],
  deep: [{ name: `${"d/".repeat(5000)}f`, content: "x" }],
});

describe("threats: archives", function () {
  this.timeout(90_000);
  const scope = testScope();

  before(function () {
    requireOrSkip(this, { root: true, tools: ["tar", "gcc", "setpriv"] });
  });

  for (const way of ways.files.filter((one) => one !== "files/machine")) {
    it(`rows 19, 24 (${way}): no archive reaches out of the tree that it becomes, or lays settings beside it`, async () => {
      const place = scene(scope, "archive");
      const all = refused(place);
      const archive = (name: string, members: readonly Member[]): string => {
        const path = join(place.tree, `${name.replaceAll(" ", "-")}.tar.gz`);
        writeFileSync(path, gzipSync(tarBytes(members)));
        return path;
      };
      const wishes = Object.entries(all).map(([name, members], index) => ({
        name,
        tree: { name: join(place.tree, `t${index}`), tarball: { path: archive(name, members), max_size: "4M" } },
      }));
      // What an image says of itself is a file like others: nobody reads it.
      const own = archive("own", [
        { name: "etc/" },
        { name: "etc/systemd/" },
        { name: "etc/systemd/nspawn/" },
        { name: "etc/systemd/nspawn/own.nspawn", content: settings },
        { name: "own.nspawn", content: settings },
        { name: "fifo", type: "fifo" },
        { name: "disk", type: "block", device: [7, 0] },
        { name: "suid", content: "x", mode: 0o4755 },
        { name: "out", type: "link", target: `${place.host}/secret` },
        // Another name of the link, and then a file in its place: neither is what the link leads to.
        { name: "again", type: "hardLink", target: "out" },
        { name: "again", content: "x" },
      ]);
      const held = await hold(scope, way, place);
      const told = await withstands(place, { deadlineMs: 60_000 }, () =>
        held.play([...wishes, { name: "own", tree: { name: join(place.tree, "own"), tarball: { path: own } } }], {
          keywords: { hosts: "h" },
          timeoutMs: 60_000,
        }),
      );
      const states = told.results.map(
        ({ task, status, message = "" }) => `${task}: ${status} ${message.split("\n")[0]}`,
      );
      for (const [index, name] of Object.keys(all).entries()) {
        assert.match(states[index] ?? "", new RegExp(`^${name}: failed .`), brief(told));
        assert.ok(!existsSync(join(place.tree, `t${index}`)), `${name} left something`);
      }
      assert.match(states.at(-1) ?? "", /^own: changed/, brief(told));
      assert.ok(lstatSync(join(place.tree, "own/own.nspawn")).isFile());
      assert.ok(!existsSync(join(place.tree, "own/disk")), "a device of the archive's was made");
      const beside = readdirSync(place.tree).filter((name) => name.endsWith(".nspawn"));
      assert.deepEqual(beside, []);
    });
  }

  it("row 10 (files): nothing of an archive's is loaded to look up names, and a pipe where they stand is waited for no longer than was said", async () => {
    const place = scene(scope, "archive");
    const work = scope.tempDir("module");
    writeFileSync(
      join(work, "evil.c"),
      '#include <fcntl.h>\n__attribute__((constructor)) static void go(void) { open("/loaded", O_CREAT | O_WRONLY, 0644); }\n',
    );
    const library = join(work, "libnss_evil.so.2");
    await must(["gcc", "-shared", "-fPIC", "-o", library, join(work, "evil.c")]);
    const code = readFileSync(library);
    // tar looks up the names in ACLs.
    const acl = { "SCHILY.acl.access": "user::rw-\nuser:someone:rwx\ngroup::r--\nmask::rwx\nother::r--\n" };
    const libraries = "lib usr/lib lib64 usr/lib64 lib/x86_64-linux-gnu lib/aarch64-linux-gnu".split(" ");
    const archives: Readonly<Record<string, readonly Member[]>> = {
      module: [
        { name: "etc/nsswitch.conf", content: "passwd: evil\ngroup: evil\n" },
        ...libraries.map((directory) => ({ name: `${directory}/libnss_evil.so.2`, content: code, mode: 0o755 })),
        { name: "z", pax: acl },
      ],
      pipe: [
        { name: "etc/nsswitch.conf", type: "fifo" },
        { name: "z", pax: acl },
      ],
    };
    for (const [name, members] of Object.entries(archives))
      writeFileSync(join(place.tree, `${name}.tar`), tarBytes(members));
    const held = await hold(scope, "files", place);
    const tree = (name: string, timeout: number): Record<string, unknown> => ({
      name,
      tree: { name: join(place.tree, name), tarball: { path: join(place.tree, `${name}.tar`), timeout } },
    });
    const told = await withstands(place, { deadlineMs: 40_000 }, () =>
      held.play([tree("module", 60), tree("pipe", 2)], { keywords: { hosts: "h" }, timeoutMs: 40_000 }),
    );
    const [loaded, waited] = told.results.map(({ status, message = "" }) => `${status} ${message}`);
    assert.match(loaded ?? "", /^changed/, brief(told));
    assert.ok(!existsSync(join(place.tree, "module/loaded")), "code of the archive's has run");
    assert.match(waited ?? "", /^failed .*was not unpacked within 2 seconds/, brief(told));
  });
});
