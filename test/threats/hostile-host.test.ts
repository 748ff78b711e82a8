// Holds a run to its word where a host's helper is hostile: a clear end, bounded in time and memory, and data that stays data.

import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { crunPath } from "../integration/crun-tasks.js";
import { Workplace } from "../integration/cli.js";
import { run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { encoded } from "../target/conversation.js";
import { GREETING } from "../target/fake-helper.js";

/** A helper that greets as ours does, and then answers every request as `body` says (frame(type, channel, payload)). */
const helper = (body: string): string => `#!${process.execPath}
const frame = (type, channel, payload) => {
  const head = Buffer.alloc(9);
  head.writeUInt32LE(5 + payload.length); head[4] = type; head.writeUInt32LE(channel, 5);
  process.stdout.write(Buffer.concat([head, payload]));
};
const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32LE(n); return b; };
const str = (s) => Buffer.concat([u32(Buffer.byteLength(s)), Buffer.from(s)]);
process.stdout.write("\\0CRUN\\x01\\r\\n");
process.stdout.write(Buffer.from("${encoded({ ...GREETING, nodename: "n\x1b[2J" }).toString("hex")}", "hex"));
let all = Buffer.alloc(0);
process.stdin.on("data", (chunk) => {
  all = Buffer.concat([all, chunk]);
  while (all.length >= 9 && all.length >= 4 + all.readUInt32LE(0)) {
    const channel = all.readUInt32LE(5);
    all = all.subarray(4 + all.readUInt32LE(0));
    ${body}
  }
});
process.stdin.on("end", () => process.exit());
`;

/** A helper that never greets: `body` writes to its output instead. */
const stranger = (body: string): string => `#!${process.execPath}
process.stdin.on("end", () => process.exit()).resume();
${body}
`;

describe("threats: a hostile host", function () {
  this.timeout(30_000);
  const scope = testScope();

  const answers: readonly (readonly [string, string, RegExp])[] = [
    ["a length beyond all bounds", "process.stdout.write(u32(0x7fffffff));", /a frame of 2147483647 bytes/],
    ["a reply to what nobody asked", "frame(0x84, 0xdeadbee, u32(0));", /channel 233495534, which is not open/],
    [
      "a count beyond its frame",
      "frame(0x82, channel, Buffer.concat([Buffer.from([1]), u32(0), u32(0xffffffff)]));",
      /broke the protocol/,
    ],
    [
      "an end before its answers",
      "frame(0x82, channel, Buffer.concat([Buffer.from([1]), u32(0), u32(0)]));",
      /broke the protocol/,
    ],
    ["the answer to another request", "frame(0x84, channel, u32(7));", /broke the protocol: done where opened belongs/],
    [
      "escape sequences and templates in its errors",
      'frame(0x8f, channel, Buffer.concat([u32(9), Buffer.from([5]), str("s\\x1b[2J"), str("/p"), str("{{canary}} \\x1b]0;x\\x07")]));',
      /\{\{canary\}\} \\x1b\]0;x\\x07/,
    ],
  ];
  const greetings: readonly (readonly [string, string, RegExp])[] = [
    [
      "noise without an end",
      'const noise = "Welcome! ".repeat(8000); const go = () => { while (process.stdout.write(noise)); }; process.stdout.on("drain", go); go();',
      /the login prints without end/,
    ],
    ["a line without an end, byte by byte", 'setInterval(() => process.stdout.write("."), 20);', /no answer in time/],
    [
      "a greeting without an end, byte by byte",
      'process.stdout.write("\\0CRUN\\x01\\r\\n\\xff\\xff\\x0f\\0", "latin1"); setInterval(() => process.stdout.write("\\0"), 20);',
      /no greeting from the helper within 2 s/,
    ],
  ];
  const scripts = [
    ...answers.map(([what, body, said]) => [what, helper(body), said] as const),
    ...greetings.map(([what, body, said]) => [what, stranger(body), said] as const),
  ];
  for (const [what, script, said] of scripts) {
    it(`rows 21, 22 and 25: ${what} ends in one clear error`, async () => {
      const place = new Workplace(scope, {
        "site.yml": JSON.stringify([
          { hosts: "local:/tmp", gather_facts: false, vars: { canary: "RENDERED" }, tasks: [{ stat: { path: "/x" } }] },
        ]),
      });
      const dist = join(place.directory, "dist");
      mkdirSync(dist);
      cpSync(dirname(crunPath), dist, { recursive: true });
      for (const name of readdirSync(join(dist, "native"))) {
        writeFileSync(join(dist, "native", name), script);
        chmodSync(join(dist, "native", name), 0o755);
      }
      const done = await run([process.execPath, join(dist, "crun.js"), "play", "--connect-timeout", "2", "site.yml"], {
        cwd: place.directory,
        env: place.environment,
        timeoutMs: 25_000,
      });
      const shown = done.stdout + done.stderr;
      assert.equal(done.status, 4, shown);
      assert.match(shown, said);
      assert.ok(!shown.includes("\x1b") && !shown.includes("RENDERED"), shown);
    });
  }

  it("row 25: templates and conditions in output, names and facts stay what they are", async function () {
    if (process.getuid?.() !== 0) return this.skip();
    const evil = "{{canary}} \x1b[2J";
    const place = new Workplace(scope, {
      evil,
      "site.yml": JSON.stringify([
        {
          hosts: "local",
          gather_facts: false,
          vars: { canary: "RENDERED" },
          tasks: [
            { command: "cat EVIL".replace("EVIL", join("{{playbook_dir}}", "evil")), register: "out" },
            { set_fact: { copied: "{{out.stdout}}" } },
            { debug: { msg: "{{copied}} {{item}}" }, loop: "{{out.stdout_lines}}" },
            { copy: { content: "{{copied}}", dest: "{{playbook_dir}}/copy" } },
            { debug: { msg: "{{item.stdout}}" }, loop: ["{{out}}"] },
            { fail: { msg: "{{copied}}" }, ignore_errors: true },
          ],
        },
      ]),
    });
    for (const output of ["plain", "json"]) {
      const done = await place.crun(["play", "-D", "-v", "--output", output, "site.yml"]);
      assert.equal(done.status, 0, done.all);
      assert.ok(!done.all.includes("RENDERED") && !done.all.includes("\x1b"), done.all);
    }
  });
});
