// The helper's sealed copy of itself (CVE-2019-5736): without one it enters no tree, and goes on with files.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { architectureOf, findHelper } from "../../src/connection/helper-binary.js";
import { childStream } from "../../src/connection/child-stream.js";
import type { Failure } from "../../src/module/probe.js";
import { openHostSession } from "../../src/target/host-session.js";
import type { HostSession } from "../../src/target/session.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";

// By descriptor, as the helper may lie in one of the directories. $1: mount options of the last one.
const START = `
exec 9<"$2"
echo 2 >/proc/sys/vm/memfd_noexec || exit 90
for directory in /dev/shm /var/tmp /tmp; do mount -t tmpfs -o noexec none $directory || exit 91; done
mount -t tmpfs -o "$1" none /run || exit 92
exec /proc/self/fd/9
`;

describe("integration: the helper's sealed copy of itself", function () {
  this.timeout(60_000);
  const scope = testScope();

  before(function () {
    requireOrSkip(this, { root: true, tools: ["unshare"], paths: ["/proc/sys/vm/memfd_noexec"] });
  });

  /** A helper where the kernel executes no memory (set for the PID namespace alone). */
  async function helperWith(runOptions: string): Promise<HostSession> {
    const helper = findHelper(architectureOf(process.arch) ?? "x86_64") ?? assert.fail("the helper is not built");
    const isolation = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    const child = spawn("unshare", [...isolation, "sh", "-c", START, "sh", runOptions, helper]);
    const stream = { ...childStream(child, "here"), noise: new Uint8Array() };
    const session = await openHostSession("host", stream, 20_000);
    scope.defer(() => session.close());
    return session;
  }

  async function enter(session: HostSession, isHostRoot: boolean): Promise<Failure | undefined> {
    const tree = session.openTree("/", { entry: "unshare", isHostRoot });
    const [outcome] = await tree.apply([{ kind: "exec", exec: { argv: ["/bin/true"] } }]);
    return outcome?.failure ?? outcome?.exit?.failure;
  }

  it("is a file without a name where memory is not executed", async () => {
    assert.equal(await enter(await helperWith("mode=0755"), false), undefined);
  });

  it("is missing where nothing else is executed either: no tree is entered, with the remedy; files and the host are served", async () => {
    const session = await helperWith("noexec");
    const failure = await enter(session, false);
    assert.equal(failure?.code, "entry");
    assert.match(failure.message, /could not make a sealed copy.*allow programs to run from one of \/dev\/shm/);
    assert.equal(await enter(session, true), undefined);
    const tree = session.openTree("/", { entry: "auto", isHostRoot: false });
    const [seen] = await tree.observe([{ kind: "stat", path: "/etc/passwd" }]);
    assert.ok(seen?.kind === "stat" && seen.stat !== undefined);
  });
});
