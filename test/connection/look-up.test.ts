// Names are looked up beside all else: those that get no answer end with the connection's time, and hold nothing up.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openTcp } from "../../src/connection/tcp.js";
import { testScope } from "../lab/scope.js";

describe("connection: names of hosts", () => {
  const scope = testScope();
  const path = process.env["PATH"];
  let port = 0;

  before(async () => {
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    const address = server.address();
    port = address === null || typeof address === "string" ? 0 : address.port;
    scope.defer(() => void server.close());
  });
  afterEach(() => {
    process.env["PATH"] = path;
  });

  /** Puts a `getent` before the system's. */
  function withGetent(script: string): string {
    const directory = scope.tempDir("getent");
    writeFileSync(join(directory, "getent"), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, "getent"), 0o755);
    process.env["PATH"] = `${directory}:${path}`;
    return directory;
  }

  it("a name of the system's is found, and one that there is not is told", async () => {
    const socket = await openTcp("localhost", port, new AbortController().signal);
    socket.destroy();
    await assert.rejects(openTcp("no-such-host.invalid", port, new AbortController().signal), /is not known/);
  });

  it("without getent, and with one that knows no ahosts, Node looks", async () => {
    process.env["PATH"] = scope.tempDir("empty");
    (await openTcp("localhost", port, new AbortController().signal)).destroy();
    withGetent("exit 1");
    (await openTcp("localhost", port, new AbortController().signal)).destroy();
  });

  it("names without an answer end with the time for the connection; files are read and others reached meanwhile", async () => {
    const directory = withGetent(`case $3 in slow*) exec sleep 77;; *) echo 127.0.0.1 STREAM;; esac`);
    const clocks = Array.from({ length: 16 }, () => new AbortController());
    const slow = clocks.map(({ signal }, index) => openTcp(`slow${index}`, port, signal));
    const ended = Promise.all(slow.map((one) => assert.rejects(one, /no answer in time/)));
    await readFile(join(directory, "getent"));
    (await openTcp("quick", port, new AbortController().signal)).destroy();
    for (const clock of clocks) clock.abort();
    await ended;
    await new Promise((resolve) => setTimeout(resolve, 50));
    const children = readdirSync("/proc/self/task").flatMap((task) =>
      readFileSync(`/proc/self/task/${task}/children`, "utf8").trim().split(" "),
    );
    const sleeping = children.filter((pid) => pid !== "" && commandOf(pid).startsWith("sleep\0"));
    assert.deepEqual(sleeping, []);
  });
});

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return ""; // gone already
  }
}
