// Ctrl-C during a play, as a terminal sends it: to the whole process group.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findHelper } from "../../src/connection/helper-binary.js";

const main = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

interface Ended {
  readonly status: number | null;
  readonly output: string;
  readonly seconds: number;
}

/** Plays two commands of a second each on this machine and interrupts the first, once or twice. */
function interrupted(directory: string, times: number): Promise<Ended> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [main, "play", "site.yml", "-i", "hosts", "--output", "json"], {
    cwd: directory,
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  let sent = 0;
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (data: string) => {
    output += data;
    if (sent > 0 || !output.includes('"start"') || child.pid === undefined) return;
    const group = -child.pid;
    for (; sent < times; sent++) setTimeout(() => process.kill(group, "SIGINT"), 300 + 100 * sent);
  });
  return new Promise((resolve) => {
    child.on("close", (status) => resolve({ status, output, seconds: (performance.now() - startedAt) / 1000 }));
  });
}

describe("cli: interrupt", function () {
  this.timeout(20_000);
  let directory = "";

  before(function () {
    if (!findHelper(process.arch === "arm64" ? "aarch64" : "x86_64")) this.skip();
    directory = mkdtempSync(join(tmpdir(), "crun-interrupt-"));
    writeFileSync(join(directory, "hosts"), "here crun_path=/ crun_connection=local\n");
    writeFileSync(
      join(directory, "site.yml"),
      `- hosts: here
  tasks:
    - {name: first, command: sleep 1, notify: h}
    - {name: second, command: sleep 1}
  handlers: [{name: h, debug: {msg: x}}]
`,
    );
  });
  after(() => directory !== "" && rmSync(directory, { recursive: true }));

  const results = (output: string): string[] =>
    output.split("\n").flatMap((line) => {
      const event = line === "" ? {} : (JSON.parse(line) as Record<string, unknown>);
      return event["event"] === "result" ? [`${String(event["task"])} ${String(event["status"])}`] : [];
    });

  it("once lets the running command end, begins nothing new, runs no handler, shows the recap, exits with 130", async () => {
    const { status, output } = await interrupted(directory, 1);
    assert.deepEqual(results(output), ["first changed"]);
    assert.equal(status, 130);
    assert.match(output, /\{"event":"recap".*\n$/);
  });

  it("twice stops the running command at once", async () => {
    const { status, output, seconds } = await interrupted(directory, 2);
    assert.deepEqual(results(output), ["first failed"]);
    assert.match(output, /the run was interrupted/);
    assert.equal(status, 130);
    assert.ok(seconds < 15);
  });
});
