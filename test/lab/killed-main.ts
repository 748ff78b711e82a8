// Runs a program and kills it, or its first child, at a moment; then tells what is left of it. PID 1 of namespaces that killed.ts makes.
import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Left, Victim } from "./killed.js";
import { mountTable } from "./mounts.js";

/** How long what is on its way out may take. */
const graceMs = 10_000;

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    // gone
    return [];
  }
}

/** Command lines of what runs here beside this process. What has ended and waits for being reaped does not run. */
function running(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const state = /\) (\S) /.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1];
        if (state === "Z" || state === "X") return [];
        return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim() || pid];
      } catch {
        // gone
        return [];
      }
    });
}

/** It may end of itself at this very moment. */
function killIfThere(helper: number): void {
  try {
    process.kill(helper, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

const [victim = "", delay = "0", file = "", ...rest] = process.argv.slice(2);
const before = new Set(mountTable().map(({ mountPoint }) => mountPoint));
const child = spawn(file, rest, { stdio: ["ignore", "pipe", "pipe"] });
let output = "";
child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
let isOver = false;
const ended = new Promise<string>((resolve) => {
  child.once("exit", (status, signal) => {
    isOver = true;
    resolve(signal ?? String(status));
  });
});
const pid = child.pid ?? 0;
while (!isOver && childrenOf(pid).length === 0) await sleep(1);
const began = performance.now();
if ((victim as Victim) !== "nobody") {
  await Promise.race([ended, sleep(Number(delay))]);
  const [helper] = childrenOf(pid);
  if (!isOver && victim === "controller") child.kill("SIGKILL");
  if (!isOver && victim === "helper" && helper !== undefined) killIfThere(helper);
}
const end = await ended;
const ranMs = performance.now() - began;
const deadline = performance.now() + graceMs;
while (running().length > 0 && performance.now() < deadline) await sleep(5);
const left: Left = {
  end,
  ranMs,
  output,
  processes: running(),
  mounts: mountTable()
    .map(({ mountPoint }) => mountPoint)
    .filter((mountPoint) => !before.has(mountPoint)),
};
process.stdout.write(JSON.stringify(left));
