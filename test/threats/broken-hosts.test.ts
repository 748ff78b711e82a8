// Hosts and controllers on which runs break: disks that are full at any moment, clocks that jump, helpers that are half there, another one, or replaced meanwhile.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { delayingRelay } from "../lab/relay.js";
import { connect } from "../../src/target/connect.js";
import { productHelper } from "../lab/faulty.js";
import { describeDifferences, diffTrees, lookAtTree } from "../lab/hash.js";
import { unmount } from "../lab/mounts.js";
import { requireOrSkip } from "../lab/needs.js";
import { must, repositoryRoot, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { sshHost, type SshHost } from "../lab/sshd.js";
import { addressOf, nobody, withSession } from "../connection/hosts.js";
import { brief, Workplace } from "../integration/cli.js";
import { crunPath } from "../integration/crun-tasks.js";

const files = ["a", "b", "c", "d"] as const;
/** CRUN_FAULTS_EVERY=1: after any number of blocks. */
const everyPage = process.env["CRUN_FAULTS_EVERY"] !== undefined;
const old = "old content\n".repeat(500);
const fresh = "fresh content\n".repeat(1500);

const site = `
- hosts: all
  gather_facts: false
  tasks:
    - copy: { src: fresh, dest: "/srv/{{item}}" }
      loop: [${files.join(", ")}]
    - file: { path: /srv/new/dir, state: directory, mode: "0750" }
    - template: { src: page.hbs, dest: /srv/page }
    - user: { name: web, uid: 500, create_home: false }
`;

function fill(tree: string): void {
  mkdirSync(join(tree, "etc"), { recursive: true });
  mkdirSync(join(tree, "srv"));
  writeFileSync(join(tree, "etc/passwd"), "root:x:0:0::/root:/bin/sh\n");
  writeFileSync(join(tree, "etc/group"), "root:x:0:\n");
  writeFileSync(join(tree, "etc/gshadow"), "root:*::\n");
  writeFileSync(join(tree, "etc/shadow"), "root:*:19000:0:99999:7:::\n");
  for (const name of files) writeFileSync(join(tree, "srv", name), old);
}

describe("threats: broken runs", function () {
  this.timeout(120_000);
  const scope = testScope();
  let work: Workplace;

  before(function () {
    requireOrSkip(this, { root: true, paths: [crunPath, productHelper()] });
    work = new Workplace(scope, {
      "site.yml": site,
      "files/fresh": fresh,
      "templates/page.hbs": "page of 40 words\n".repeat(300),
    });
  });

  /** Each file is the old one or the new one, and no name is left that is neither a file's of the tree's nor of the play's. */
  function assertWhole(tree: string, what: string): void {
    const known = new Set([...files, "new", "page"]);
    for (const name of readdirSync(join(tree, "srv"))) assert.ok(known.has(name), `${what}: ${name}`);
    for (const name of files) {
      const text = readFileSync(join(tree, "srv", name), "utf8");
      assert.ok(text === old || text === fresh, `${what}: half of ${name}`);
    }
  }

  it("a disk that is full after any number of blocks: what fails is told, files are whole, and room makes the next run converge", async () => {
    const disk = join(scope.tempDir("full"), "disk");
    mkdirSync(disk);
    const mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk];
    await must(mount);
    scope.defer(async () => await unmount(disk));
    const tree = join(disk, "tree");
    fill(tree);
    const reference = scope.tempDir("reference");
    await must(["cp", "-a", tree, join(reference, "tree")]);
    const argv = (at: string): string[] => ["-i", `local:${at},`, "site.yml"];
    assert.equal((await work.play(argv(join(reference, "tree")))).status, 0);
    const wanted = await lookAtTree(join(reference, "tree"), { without: ["mtime"] });
    const ends = new Map<number | null, number>();
    // From no free page to enough for all.
    for (const pages of everyPage ? Array.from({ length: 40 }, (_, index) => index) : [0, 4, 11, 40]) {
      rmSync(tree, { recursive: true });
      rmSync(join(disk, "filler"), { force: true });
      fill(tree);
      const { blocks, bfree } = await freeOf(disk);
      assert.ok(blocks > 0 && bfree > pages);
      writeFileSync(join(disk, "filler"), Buffer.alloc((bfree - pages) * 4096));
      const full = await work.play(argv(tree));
      ends.set(full.status, (ends.get(full.status) ?? 0) + 1);
      assertWhole(tree, `${pages} pages`);
      if (full.status !== 0) {
        assert.equal(full.status, 2, brief(full));
        assert.match(full.results.map(({ message = "" }) => message).join("\n"), /ENOSPC/, brief(full));
      }
      rmSync(join(disk, "filler"));
      const next = await work.play(argv(tree));
      assert.equal(next.status, 0, brief(next));
      const differences = await diffTrees(tree, wanted, { without: ["mtime"] });
      assert.equal(describeDifferences(differences), "", `${pages} pages`);
    }
    assert.ok((ends.get(2) ?? 0) > 1 && (ends.get(0) ?? 0) > 0, JSON.stringify([...ends]));
  });

  it("a controller's disk that is full: the run goes on, and says that what it tells went nowhere", async () => {
    const tree = join(scope.tempDir("told"), "tree");
    fill(tree);
    const argv = [process.execPath, crunPath, "play", "-i", `local:${tree},`, "site.yml"];
    const told = await run(["sh", "-c", '"$@" >/dev/full', "sh", ...argv], {
      cwd: work.directory,
      env: work.environment,
    });
    assert.equal(told.status, 1, told.stderr);
    assert.match(told.stderr, /no space left/i);
    assert.doesNotMatch(told.stderr, /^\s+at /m);
    assert.equal(readFileSync(join(tree, "srv/d"), "utf8"), fresh);
    assert.equal((await work.play(argv.slice(3))).recap[`local:${tree}`]?.changed, 0);
  });

  it("no command whose output went nowhere ends as if it had been told", async () => {
    const tree = join(scope.tempDir("told"), "tree");
    fill(tree);
    for (const args of [
      ["--version"],
      ["runs"],
      ["inventory", "-i", `local:${tree},`],
      ["doc", "copy"],
      ["vault", "keygen"],
      ["play", "-i", `local:${tree},`, "--list-tasks", "site.yml"],
      ["lint", "--output", "json", "site.yml"],
      ["facts", `local:${tree}`],
    ]) {
      const told = await run(["sh", "-c", '"$@" >/dev/full', "sh", process.execPath, crunPath, ...args], {
        cwd: work.directory,
        env: work.environment,
      });
      assert.equal(told.status, 1, `${args.join(" ")}: ${told.stderr}`);
      if (args[0] !== "--version") assert.match(told.stderr, /no space left/i, args.join(" "));
    }
  });

  it("the controller's clock jumps ten years back and forth all the while: the run is as ever", async () => {
    const tree = join(scope.tempDir("clock"), "tree");
    fill(tree);
    const jump = join(work.directory, "jump.cjs");
    writeFileSync(
      jump,
      `const real = Date.now; let turn = 0;
       const now = () => real() + [0, -1, 1][turn++ % 3] * 10 * 365 * 86_400_000;
       globalThis.Date = class extends Date { constructor(...a) { if (a.length) super(...a); else super(now()); } static now() { return now(); } };\n`,
    );
    const env = { ...work.environment, NODE_OPTIONS: `--require=${jump}` };
    const host = await sshHost(scope);
    const reach = `ansible_host=${host.host} ansible_port=${host.port} ansible_user=root ansible_ssh_private_key_file=${host.identityFile} crun_known_hosts=${host.knownHostsFile}`;
    work.write("far", `far ${reach}\nfar:${tree}\n`);
    const told = await work.play(["-i", "far", "-l", `far:${tree}`, "site.yml"], { env, timeoutMs: 60_000 });
    assert.equal(told.status, 0, brief(told));
    assertWhole(tree, "clock");
    const again = await work.play(["-i", "far", "-l", `far:${tree}`, "site.yml"], { env, timeoutMs: 60_000 });
    assert.equal(again.recap[`far:${tree}`]?.changed, 0, brief(again));
  });

  it("no source of the helper asks for a clock that somebody can set", () => {
    const sources = join(repositoryRoot(), "native/src");
    for (const name of readdirSync(sources).filter((one) => one.endsWith(".c"))) {
      // The one of a random name's stand-in, which only has to differ.
      const text = readFileSync(join(sources, name), "utf8").replace("number = (uint64_t)time(NULL)", "");
      assert.doesNotMatch(text, /CLOCK_REALTIME|\btime\(NULL\)|gettimeofday|\btime\(&/, name);
    }
  });

  describe("of helpers on a host", () => {
    let host: SshHost;
    let cache: string;
    let whole: Buffer;
    const look = async (): Promise<void> =>
      withSession(addressOf(host), async (session) => {
        const root = session.openTree("/", { entry: "auto", isHostRoot: true });
        const [seen] = await root.observe([{ kind: "stat", path: "/" }]);
        assert.equal(seen?.kind, "stat");
      });
    const cached = (): string[] => readdirSync(cache).toSorted();

    before(async () => {
      host = await sshHost(scope);
      cache = join(host.home("root"), ".cache/crun");
      whole = readFileSync(productHelper());
    });

    it("half of one, of any length, or one with other bytes is never run, and replaced", async () => {
      await look();
      const [name = ""] = cached();
      const lengths = [0, 1, 4095, 4096, whole.length >> 1, whole.length - 1, whole.length + 1];
      for (const length of [...lengths, whole.length]) {
        const half = Buffer.alloc(length, 0x7f);
        whole.copy(half, 0, 0, Math.min(length, whole.length));
        if (length === whole.length) half.writeUInt8(half.readUInt8(5000) ^ 1, 5000);
        rmSync(join(cache, name));
        writeFileSync(join(cache, name), half, { mode: 0o700 });
        await look();
        assert.deepEqual(cached(), [name], `${length} bytes`);
        assert.ok(readFileSync(join(cache, name)).equals(whole), `${length} bytes`);
      }
    });

    it("an upload that is cut after any part of it leaves nothing behind, and the next run makes it good", async () => {
      for (const afterBytes of [1000, whole.length >> 1, whole.length - 100]) {
        rmSync(cache, { recursive: true, force: true });
        const relay = await delayingRelay(scope, host, 0);
        const known = join(scope.tempDir("known"), "known_hosts");
        writeFileSync(
          known,
          host.knownHostsLines.map((line) => line.replace(`:${host.port} `, `:${relay.port} `)).join("\n"),
        );
        const address = addressOf(host, { port: relay.port, knownHostsFiles: [known] });
        const broken = connect(address, nobody).then(
          (session) => session.close().then(() => "connected"),
          (error: unknown) => (error instanceof Error ? error.message : "no error"),
        );
        for (let before = 0; before < afterBytes;) before = (await relay.counts()).bytesUp;
        await relay.cut();
        await broken;
        await relay.stop();
        for (let waited = 0; existsSync(cache) && cached().some((one) => one.startsWith("new-")); waited++) {
          assert.ok(waited < 200, `${afterBytes} bytes: ${cached().join(" ")}`);
          await new Promise((resolve) => setTimeout(resolve, 25));
        }
        await look();
        assert.equal(cached().length, 1, `${afterBytes} bytes`);
        assert.ok(readFileSync(join(cache, cached()[0] ?? "")).equals(whole));
      }
    });

    it("one of another version beside it is left alone, and not run", async () => {
      await look();
      const other = `helper-${"0".repeat(64)}`;
      writeFileSync(join(cache, other), "#!/bin/sh\nexit 9\n", { mode: 0o700 });
      const { mtimeMs } = statSync(join(cache, other));
      await look();
      assert.equal(statSync(join(cache, other)).mtimeMs, mtimeMs);
      rmSync(join(cache, other));
    });

    it("one whose file is replaced while it runs goes on with what it was, processes and all; the next run brings it back", async () => {
      const tree = join(scope.tempDir("replaced"), "tree");
      fill(tree);
      await must(["mkdir", join(tree, "bin")]);
      await must(["cp", "/usr/bin/busybox", join(tree, "bin/busybox")]);
      await must(["ln", "-s", "busybox", join(tree, "bin/mkdir")]);
      await withSession(addressOf(host), async (session) => {
        const root = session.openTree(tree, { entry: "unshare", isHostRoot: false });
        await root.observe([{ kind: "stat", path: "/" }]);
        const [name = ""] = cached();
        rmSync(join(cache, name));
        writeFileSync(join(cache, name), "#!/bin/sh\nexit 9\n", { mode: 0o700 });
        const exec = { argv: ["mkdir", "/srv/by-process"] };
        const [outcome] = await root.apply([{ kind: "exec", exec }]);
        assert.equal(outcome?.exit?.value, 0, JSON.stringify(outcome));
      });
      assert.ok(existsSync(join(tree, "srv/by-process")));
      await look();
      assert.ok(readFileSync(join(cache, cached()[0] ?? "")).equals(whole));
    });
  });
});

async function freeOf(path: string): Promise<{ readonly blocks: number; readonly bfree: number }> {
  const [blocks = "0", bfree = "0"] = (await must(["stat", "--file-system", "--format=%b %f", path])).split(" ");
  return { blocks: Number(blocks), bfree: Number(bfree) };
}
