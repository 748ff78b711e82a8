// The arm64 helper, emulated: it greets, works on files by its fallback for kernels without openat2, and runs programs.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findHelper } from "../../src/connection/helper-binary.js";
import { contentOf } from "../../src/module/content.js";
import type { Change, Outcome } from "../../src/module/change.js";
import type { HostSession, TreeSession } from "../../src/target/session.js";
import { ARM64_TOOLS, arm64Helper, emulatedHelper } from "../lab/arm64.js";
import { findTool, requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";

const asTree = { entry: "auto", isHostRoot: false } as const;

describe("integration: the arm64 helper under qemu-user", function () {
  this.timeout(120_000);
  const scope = testScope();
  let helper: string;

  before(async function () {
    requireOrSkip(this, { tools: ARM64_TOOLS });
    await must(["make", "--no-print-directory", "-C", "native", "arm64"]);
    helper = findHelper("aarch64") ?? assert.fail("make arm64 made no helper");
  });

  async function emulated(): Promise<HostSession> {
    const session = await emulatedHelper(helper);
    scope.defer(() => session.close());
    return session;
  }

  function makeTree(): string {
    const root = scope.tempDir("arm64");
    mkdirSync(join(root, "etc"));
    writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/root:/bin/sh\n");
    writeFileSync(join(root, "etc/group"), "root:x:0:\n");
    return root;
  }

  async function applied(tree: TreeSession, ...changes: Change[]): Promise<void> {
    const outcomes = await tree.apply(changes);
    assert.deepEqual(
      outcomes.map((one) => one.failure?.message),
      changes.map(() => undefined),
    );
  }

  function failureOf(outcome: Outcome | undefined): string {
    const failure = outcome?.failure ?? outcome?.exit?.failure;
    return failure === undefined ? "none" : `${failure.step}: ${failure.message} (${failure.errno})`;
  }

  it("greets as aarch64, and says that qemu has no openat2", async () => {
    const { info } = await emulated();
    assert.equal(info.architecture, "aarch64");
    assert.equal(info.hasOpenat2, false);
  });

  it("is small with musl: it is sent to each host", function () {
    if (!existsSync("native/build/arm64-musl/musl-gcc.specs")) {
      requireOrSkip(this, { paths: ["native/build/arm64-musl (sh native/arm64-musl.sh)"] });
    }
    assert.ok(statSync(helper).size < 200_000, `${statSync(helper).size} bytes`);
  });

  it("writes, links, lists, hashes and removes, and never leaves the tree by a link", async () => {
    const root = makeTree();
    const outside = scope.tempDir("outside");
    symlinkSync(outside, join(root, "absolute"));
    symlinkSync("../../../../../../../../../../../../etc", join(root, "climbing"));
    const tree = (await emulated()).openTree(root, asTree);
    await applied(
      tree,
      { kind: "makeDirectory", path: "/srv", expect: { type: "absent" }, mode: 0o750 },
      { kind: "writeFile", path: "/srv/a", expect: { type: "absent" }, content: contentOf("one\n"), mode: 0o640 },
      { kind: "makeLink", path: "/srv/b", expect: { type: "absent" }, target: "a" },
      { kind: "copyFile", path: "/srv/c", from: "/srv/a", expect: { type: "absent" } },
      { kind: "writeFile", path: "/climbing/motd", expect: { type: "absent" }, content: contentOf("inside\n") },
    );
    assert.equal(readFileSync(join(root, "srv/a"), "utf8"), "one\n");
    assert.equal(statSync(join(root, "srv/a")).mode & 0o7777, 0o640);
    assert.equal(readlinkSync(join(root, "srv/b")), "a");
    assert.equal(readFileSync(join(root, "etc/motd"), "utf8"), "inside\n");

    const [list, hash, escape, read] = await tree.observe([
      { kind: "list", path: "/srv", depth: 0 },
      { kind: "hash", path: "/srv/b", follow: true, algorithms: ["md5", "sha1", "sha256", "sha512"] },
      { kind: "stat", path: "/absolute/.", follow: true },
      { kind: "read", path: "/climbing/passwd" },
    ]);
    assert.ok(list?.kind === "list" && hash?.kind === "hash" && escape?.kind === "stat" && read?.kind === "read");
    assert.equal(list.entries?.length, 3);
    assert.equal(hash.digests?.md5, "5bbf5a52328e7439ae6e719dfe712200");
    assert.equal(hash.digests?.sha256, "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806");
    assert.equal(escape.stat, undefined, "the directory outside is not to be seen");
    assert.equal(Buffer.from(read.content ?? "").toString(), "root:x:0:0::/root:/bin/sh\n");

    await applied(tree, { kind: "remove", path: "/srv", expect: { type: "directory" }, isRecursive: true });
    assert.equal(existsSync(join(root, "srv")), false);
  });

  it("compares before it swaps: what changed in between stays", async () => {
    const root = makeTree();
    const tree = (await emulated()).openTree(root, asTree);
    writeFileSync(join(root, "etc/motd"), "by hand\n");
    const stale = contentOf("as it was\n").sha256;
    const [outcome] = await tree.apply([
      { kind: "writeFile", path: "/etc/motd", expect: { sha256: stale }, content: contentOf("planned\n") },
    ]);
    assert.equal(outcome?.failure?.code, "conflict");
    assert.equal(readFileSync(join(root, "etc/motd"), "utf8"), "by hand\n");
    const seen = contentOf("by hand\n").sha256;
    await applied(tree, {
      kind: "writeFile",
      path: "/etc/motd",
      expect: { sha256: seen },
      content: contentOf("new\n"),
    });
    assert.equal(readFileSync(join(root, "etc/motd"), "utf8"), "new\n");
  });

  it("enters no tree where it cannot seal its program, and goes on with files", async () => {
    const tree = (await emulated()).openTree(makeTree(), asTree);
    const [outcome] = await tree.apply([{ kind: "exec", exec: { argv: ["/bin/true"] } }]);
    assert.match(failureOf(outcome), /could not make a sealed copy of itself on this host, so it enters no tree/);
    const [seen] = await tree.observe([{ kind: "stat", path: "/etc/passwd" }]);
    assert.ok(seen?.kind === "stat" && seen.stat !== undefined);
  });

  it("runs arm64 programs on a host that does: input, output, status, another user", async function () {
    requireOrSkip(this, { root: true, tools: ["unshare"] });
    const directory = scope.tempDir("program");
    const source = join(directory, "echo.c");
    writeFileSync(
      source,
      `#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>
int main(int count, char **arguments) {
  struct utsname system;
  char line[64] = "";
  uname(&system);
  if (fgets(line, sizeof line, stdin) == NULL) return 1;
  printf("%s %d %s %s", system.machine, (int)getuid(), arguments[count - 1], line);
  return 7;
}
`,
    );
    const program = join(directory, "echo");
    await must(["aarch64-linux-gnu-gcc", "-static", "-o", program, source]);
    let session: HostSession;
    try {
      session = await arm64Helper(helper, findTool("qemu-aarch64-static") ?? "");
    } catch (error) {
      requireOrSkip(this, { paths: [`binfmt_misc in user namespaces (Linux 6.7): ${String(error)}`] });
      throw error;
    }
    scope.defer(() => session.close());
    const host = session.openTree("/", { entry: "auto", isHostRoot: true });
    const exec = { argv: [program, "arm"], stdin: "in\n" };
    const outcomes = [
      ...(await host.apply([{ kind: "exec", exec }])),
      ...(await host.apply([{ kind: "exec", exec: { ...exec, user: "nobody" } }])),
    ];
    const nobody = /^nobody:[^:]*:(\d+):/m.exec(readFileSync("/etc/passwd", "utf8"))?.[1];
    assert.deepEqual(
      outcomes.map((one) => [
        one.exit?.kind === "exited" ? one.exit.value : failureOf(one),
        Buffer.from(one.stdout ?? "").toString(),
      ]),
      [
        [7, "aarch64 0 arm in\n"],
        [7, `aarch64 ${nobody} arm in\n`],
      ],
    );
  });
});
