// `crun exec`: pipes, terminals, signals and exit statuses, on one target and on many.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { runExec } from "../../src/cli/exec.js";
import type { ExecRequest, ExecTarget } from "../../src/cli/exec.js";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { findHelper } from "../../src/connection/helper-binary.js";
import { connect } from "../../src/target/connect.js";
import type { Connect, HostAddress } from "../../src/target/session.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";

const MAIN = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

function here(name = "local"): HostAddress {
  return {
    name,
    kind: "local",
    address: name,
    connectTimeoutMs: 10_000,
    connectRetries: 0,
    keepaliveIntervalMs: 0,
    acceptsNewHostKeys: false,
  };
}

function target(name: string, host = "local", path = "/"): ExecTarget {
  return { name, address: here(host), path, entry: "auto", isHostRoot: path === "/" };
}

async function collect(stream: PassThrough): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

interface Result {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

async function exec(
  command: readonly string[],
  more: Partial<ExecRequest> & { readonly input?: Buffer } = {},
): Promise<Result> {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const out = collect(stdout);
  const err = collect(stderr);
  stdin.end(more.input ?? "");
  const status = await runExec({
    targets: [target("local")],
    command,
    forks: 4,
    prompt: async () => undefined,
    streams: { stdin, stdout, stderr },
    ...more,
  });
  stdout.end();
  stderr.end();
  return { status, stdout: await out, stderr: (await err).toString() };
}

describe("cli: exec", function () {
  this.timeout(60_000);
  const scope = testScope();
  before(function () {
    requireOrSkip(this, { root: true, paths: [findHelper("x86_64") ?? "native/build (make -C native)"] });
  });

  describe("one target", () => {
    it("is a pipe: a mebibyte of any bytes comes through unharmed, stdout and stderr apart", async () => {
      const input = randomBytes(3 * 1024 * 1024 + 1);
      const { status, stdout, stderr } = await exec(["sh", "-c", "cat; echo done >&2"], { input });
      assert.equal(status, 0);
      const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
      assert.equal(digest(stdout), digest(input));
      assert.equal(stderr, "done\n");
    });

    it("a slow reader holds the command back; nothing is lost", async () => {
      const stdin = new PassThrough();
      const stdout = new PassThrough({ highWaterMark: 1024 });
      stdin.end();
      const running = runExec({
        targets: [target("local")],
        command: ["sh", "-c", "head -c 2000000 /dev/zero"],
        forks: 1,
        prompt: async () => undefined,
        streams: { stdin, stdout, stderr: new PassThrough() },
      });
      let got = 0;
      let most = 0;
      stdout.on("readable", () => {
        setTimeout(() => {
          most = Math.max(most, stdout.readableLength + stdout.writableLength);
          for (let chunk: Buffer | null = stdout.read(); chunk !== null; chunk = stdout.read()) got += chunk.length;
        }, 1);
      });
      assert.equal(await running, 0);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(got, 2_000_000);
      assert.ok(most < 600_000, `${most} bytes were held`);
    });

    it("exits with the command's own status, 128 + n for a signal, 127 and 126 as shells do", async () => {
      assert.equal((await exec(["sh", "-c", "exit 7"])).status, 7);
      assert.equal((await exec(["sh", "-c", "kill -TERM $$"])).status, 143);
      const missing = await exec(["/no/such/program"]);
      assert.equal(missing.status, 127);
      assert.match(missing.stderr, /"\/no\/such\/program" did not start/);
      assert.equal((await exec(["/etc/passwd"])).status, 126);
    });

    it("runs as the user, in the directory and with the environment that are asked for, and with no other", async () => {
      const options = { user: "nobody", directory: "/tmp", environment: { GREETING: "hello" } };
      const { stdout } = await exec(["sh", "-c", 'id -un; pwd; echo "$GREETING"; env | sort | cut -d= -f1'], options);
      const [user, directory, greeting, ...names] = stdout.toString().trim().split("\n");
      assert.deepEqual([user, directory, greeting], ["nobody", "/tmp", "hello"]);
      assert.deepEqual(names, ["GREETING", "HOME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "TERM", "USER"]);
    });

    it("a tree that is not there is unreachable: a CrunError with exit status 4", async () => {
      const request = exec(["true"], { targets: [target("local:none", "local", "/no/such/tree")] });
      await assert.rejects(request, (error: unknown) => error instanceof CrunError && error.exitStatus === 4);
    });

    it("input that never ends does not keep it from ending", async () => {
      const stdin = new PassThrough();
      stdin.write("more\n");
      const stdout = new PassThrough();
      const running = runExec({
        targets: [target("local")],
        command: ["sh", "-c", "read line; echo got $line"],
        forks: 1,
        prompt: async () => undefined,
        streams: { stdin, stdout, stderr: new PassThrough() },
      });
      assert.equal(await running, 0);
      stdout.end();
      assert.equal((await collect(stdout)).toString(), "got more\n");
    });
  });

  describe("many targets", () => {
    const many = ["web", "db", "mail"].map((name) => target(`local:${name}`));

    it("show whole lines with their target's name, both streams apart, and a summary", async () => {
      const script = 'printf "one\\ntw"; sleep 0.1; printf "o\\nlast"; echo trouble >&2';
      const { status, stdout, stderr } = await exec(["sh", "-c", script], { targets: many });
      assert.equal(status, 0);
      const lines = stdout.toString().split("\n");
      for (const { name } of many) {
        const own = lines.filter((line) => line.startsWith(`${name} | `));
        assert.deepEqual(own, [`${name} | one`, `${name} | two`, `${name} | last`]);
        assert.ok(stderr.includes(`${name} | trouble\n`));
      }
      assert.match(stderr, /\n3 ok\n$/);
    });

    it("show a host's escape codes and odd bytes instead of obeying them", async () => {
      const script = "printf '\\033]0;title\\007\\377\\tx\\r\\n'";
      const { stdout } = await exec(["sh", "-c", script], { targets: many.slice(0, 2) });
      const line = "\\x1b]0;title\\x07\\xff\tx";
      assert.deepEqual(stdout.toString().trim().split("\n").sort(), [`local:db | ${line}`, `local:web | ${line}`]);
    });

    it("exit with 2 where it failed somewhere, 4 where a target was unreachable, and tell each", async () => {
      const failing = await exec(["sh", "-c", "exit 3"], { targets: many });
      assert.equal(failing.status, 2);
      assert.match(failing.stderr, /0 ok; 3 failed: local:\w+ \(status 3\), /);
      const away: Connect = async (address, prompt) => {
        if (address.name !== "away") return connect(address, prompt);
        throw new CrunError({ severity: "error", summary: "away: connecting failed", remedy: "Plug it in." }, 4);
      };
      const targets = [...many, target("away:a", "away"), target("away:b", "away")];
      const { status, stdout, stderr } = await exec(["echo", "here"], { targets, connect: away });
      assert.equal(status, 4);
      assert.equal(
        stdout
          .toString()
          .split("\n")
          .filter((line) => line.endsWith("here")).length,
        3,
      );
      assert.match(stderr, /away:a \| error: away: connecting failed\n/);
      assert.match(stderr, /3 ok; 2 unreachable: away:a, away:b\n$/);
    });

    it("have no input", async () => {
      const { stdout } = await exec(["cat"], { targets: many, input: Buffer.from("for nobody") });
      assert.equal(stdout.length, 0);
    });
  });

  describe("at a terminal", () => {
    before(function () {
      requireOrSkip(this, { tools: ["expect"] });
    });

    async function expect(script: string): Promise<string> {
      const child = spawn("expect", ["-c", `set timeout 20\nset main {${process.execPath} ${MAIN}}\n${script}`], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, TERM: "vt220" },
      });
      let shown = "";
      child.stdout.on("data", (chunk: Buffer) => (shown += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (shown += chunk.toString()));
      const status = await new Promise((resolve) => child.once("exit", resolve));
      assert.equal(status, 0, shown);
      return shown;
    }

    const must = (pattern: string): string =>
      `expect {\n  -re {${pattern}} {}\n  timeout { puts "no ${pattern.replace(/[[\]{}$"\\]/g, "")}"; exit 9 }\n}\n`;

    it("the command has one of its own: size, name, raw keys, Ctrl-C, and its exit status", async () => {
      await expect(
        [
          'spawn -noecho sh -c "stty rows 33 columns 77; exec $main exec local: -- bash --norc"'.replace(
            "local:",
            "local:/",
          ),
          must("[#\\$] $"),
          'send "stty size; echo term=\\$TERM; tty\\r"',
          must("33 77"),
          must("term=vt220"),
          must("/dev/pts/"),
          'send "sleep 30\\r"',
          "sleep 0.5",
          'send "\\003"',
          must("\\^C"),
          'send "exit 5\\r"',
          "expect eof",
          "set status [lindex [wait] 3]",
          'if {$status != 5} { puts "status $status"; exit 8 }',
        ].join("\n"),
      );
    });

    it("a change of its size is passed on, no line end is doubled, and afterwards it is as it was", async () => {
      const settings = join(scope.tempDir("stty"), "settings");
      await expect(
        [
          "spawn -noecho sh",
          must("[#\\$] $"),
          `send "stty -a >${settings}-before; $main exec local:/ -- sh\\r"`,
          must("sh[^\\n]*\\n[^\\n]*[#\\$] $"),
          "stty rows 21 columns 63 < $spawn_out(slave,name)",
          "sleep 0.5",
          'send "stty size\\r"',
          must("size\\r\\n21 63\\r\\n"),
          'send "exit\\r"',
          "sleep 1",
          `send "stty -a >${settings}-after; echo over\\r"`,
          must("over\\r\\nover|\\nover"),
        ].join("\n"),
      );
      const [before, after] = ["before", "after"].map((when) => readFileSync(`${settings}-${when}`, "utf8"));
      assert.match(before ?? "", / icanon /);
      assert.equal(after?.replace(/rows \d+; columns \d+/, ""), before?.replace(/rows \d+; columns \d+/, ""));
    });
  });
});
