// Mirrors and downloads that ask for a login: it gets there, and no process shows it, no record and no tree keeps it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createReadStream, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join, normalize } from "node:path";
import { crunPath } from "../integration/crun-tasks.js";
import { Workplace } from "../integration/cli.js";
import { debArchive } from "../lab/deb-archive.js";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { SigningKey } from "../lab/signing-key.js";
import { Canaries, filesWith, Sampler } from "./canary.js";

describe("threats: logins of mirrors", function () {
  this.timeout(200_000);
  const scope = testScope();
  const canaries = new Canaries();
  const password = canaries.make("Mirror");
  const words = canaries.words.map(({ word }) => word);
  // ostree passes on what stands in the address as it is, percent signs and all.
  const expected = [`me:${password}+&`, `me:${password}`].map((one) => `Basic ${Buffer.from(one).toString("base64")}`);
  const began = Date.now() - 1000;
  let work: Workplace;
  let trees: string;
  let site: string;
  let keyring: string;
  let checksum: string;
  const asked = { with: 0, without: 0 };

  before(async function () {
    const tools = ["mmdebstrap", "debootstrap", "wget", "curl", "ostree", "tar", "gcc"];
    requireOrSkip(this, { root: true, tools, paths: [crunPath, "/bin/busybox"] });
    const key = await SigningKey.make(scope);
    keyring = key.binary;
    const deb = await debArchive(scope, key, [{ name: "last" }]);
    const directory = scope.tempDir("served");
    await must(["mkdir", join(directory, "content")]);
    writeFileSync(join(directory, "content", "file"), "from there\n");
    await must(["tar", "-C", join(directory, "content"), "-cf", join(directory, "tree.tar"), "."]);
    checksum = `sha256:${(await must(["sha256sum", join(directory, "tree.tar")])).split(" ")[0]}`;
    await must(["ostree", "init", `--repo=${directory}/repo`, "--mode=archive"]);
    await must(["ostree", "commit", `--repo=${directory}/repo`, "--branch=main", `--tree=dir=${directory}/content`]);
    await must(["ostree", "summary", "-u", `--repo=${directory}/repo`]);
    const server = createServer((request, response) => {
      if (!expected.includes(request.headers.authorization ?? "")) {
        asked.without++;
        response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
        return;
      }
      asked.with++;
      const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://x").pathname));
      const [, name = "", ...rest] = path.split("/");
      const file = join(name === "deb" ? deb : directory, ...(name === "deb" ? rest : [name, ...rest]));
      const status = statSync(file, { throwIfNoEntry: false });
      if (!status?.isFile()) return void response.writeHead(404).end();
      response.writeHead(200, { "content-length": status.size, "last-modified": status.mtime.toUTCString() });
      if (request.method === "HEAD") response.end();
      else createReadStream(file).pipe(response);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    scope.defer(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    site = `http://me:${password}%2B%26@127.0.0.1:${address.port}`;
    trees = scope.tempDir("trees");
    work = new Workplace(scope);
  });

  const recipes = (): Readonly<Record<string, Readonly<Record<string, unknown>>>> => ({
    mmdebstrap: { suite: "sid", variant: "minbase", mirror: `${site}/deb`, keyring },
    debootstrap: { suite: "sid", variant: "minbase", mirror: `${site}/deb`, keyring },
    ostree: { url: `${site.replace("%2B%26", "")}/repo`, ref: "main", gpg_verify: false },
    tarball: { url: `${site}/tree.tar`, checksum },
  });

  for (const name of ["mmdebstrap", "debootstrap", "ostree", "tarball"]) {
    it(`${name}: gets in, and shows it nowhere`, async () => {
      const recipe = recipes()[name];
      const sampler = new Sampler(scope, words);
      const task = { tree: { name: join(trees, name), [name]: recipe } };
      work.write("site.yml", JSON.stringify([{ hosts: "local", gather_facts: false, tasks: [task] }]));
      const ran = await work.crun(["play", "-vvv", "-D", "--output", "json", "site.yml"]);
      const { found, rounds } = await sampler.stop();
      assert.equal(ran.status, 0, ran.all);
      assert.deepEqual(found, []);
      assert.ok(rounds > 3);
      assert.deepEqual(canaries.foundIn(ran.all), []);
      assert.ok(asked.with > 0);
      assert.deepEqual(
        filesWith([trees, "/tmp", "/run", "/var/lib/crun"], words, began, [join(work.directory, "site.yml")]),
        [],
      );
    });
  }
});
