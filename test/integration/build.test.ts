// The helper's build: the same bytes wherever it is built, and without the tools that only make it smaller.

import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { findTool, requireOrSkip } from "../lab/needs.js";
import { must, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";

describe("integration: building the helper", function () {
  this.timeout(300_000);
  const scope = testScope();

  before(function () {
    requireOrSkip(this, { tools: ["make", "gcc"] });
  });

  /** A build of its own in a directory of that depth: helpers by file name, and what make printed. `elsewhere`: as somebody else, in another place and time. */
  async function build(
    args: readonly string[],
    elsewhere = false,
  ): Promise<{ helpers: ReadonlyMap<string, Buffer>; printed: string }> {
    const directory = join(scope.tempDir("build"), ...args.map((_, index) => `${index}-deeper`), "crun");
    const native = join(directory, "native");
    mkdirSync(directory, { recursive: true });
    cpSync("package.json", join(directory, "package.json"));
    cpSync("native", native, { recursive: true, filter: (path) => path !== "native/build" });
    mkdirSync(join(native, "build"));
    const musl = resolve("native/build/arm64-musl");
    if (existsSync(musl)) symlinkSync(musl, join(native, "build/arm64-musl"));
    const make = ["make", "--no-print-directory", "-C", native, ...args];
    const other = ["sh", "-c", 'umask 077; exec "$@"', "sh"];
    if (elsewhere && process.getuid?.() === 0) {
      other.push("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups");
      await must(["chown", "-R", "65534:65534", directory]);
    }
    if (elsewhere) await must(["find", native, "-name", "*.[ch]", "-exec", "touch", "-d", "2001-02-03", "{}", "+"]);
    const made = await run(elsewhere ? [...other, ...make] : make, {
      timeoutMs: 240_000,
      ...(elsewhere
        ? {
            env: {
              PATH: process.env["PATH"],
              TZ: "Pacific/Kiritimati",
              LC_ALL: "tr_TR.UTF-8",
              USER: "x",
              HOME: "/nowhere",
            },
          }
        : {}),
    });
    assert.equal(made.status, 0, made.stdout + made.stderr);
    return { helpers: helpersIn(join(native, "build")), printed: made.stdout + made.stderr };
  }

  function helpersIn(directory: string): ReadonlyMap<string, Buffer> {
    const names = readdirSync(directory)
      .filter((name) => /^crun-helper-(?:x86_64|aarch64)$/.test(name))
      .sort();
    return new Map(names.map((name) => [name, readFileSync(join(directory, name))]));
  }

  it("two builds in different directories, by different users, with another umask, locale, time zone and number of jobs, give the same bytes; each step is a short line", async () => {
    // The first one is that of the repository, which is there already in a run of all tests.
    await must(["make", "--no-print-directory", "-C", "native", `-j${availableParallelism()}`], { timeoutMs: 240_000 });
    const [one, other] = [helpersIn("native/build"), await build(["-j3", "all"], true)];
    assert.deepEqual([...one.keys()], [...other.helpers.keys()]);
    assert.equal(one.has("crun-helper-aarch64"), findTool("aarch64-linux-gnu-gcc") !== undefined);
    for (const [name, bytes] of one) assert.ok(other.helpers.get(name)?.equals(bytes), `${name} differs`);
    for (const line of other.printed.trimEnd().split("\n")) assert.match(line, /^(?:CC|LD) {3}\S+(?: \(arm64\))?$/);
  });

  it("works with neither musl nor a cross compiler, and says nothing of it", async () => {
    const { helpers, printed } = await build([`-j${availableParallelism()}`, "CC=gcc", "ARM64_CC=no-such-compiler"]);
    assert.equal(helpers.size, 1);
    assert.doesNotMatch(printed, /warning|error:|no-such-compiler|not found/i);
  });
});
