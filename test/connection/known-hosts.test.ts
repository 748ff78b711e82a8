// known_hosts: what matches, what a key's standing is, and what is written; compared with ssh-keygen.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  appendKnownHost,
  fingerprint,
  judgeHostKey,
  knownHostLine,
  knownHostName,
  matchesHost,
  orderHostKeyAlgorithms,
  parseKnownHosts,
} from "../../src/connection/known-hosts.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";

function key(type: string, body: string): Buffer {
  const name = Buffer.from(type);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return Buffer.concat([length, name, Buffer.from(body)]);
}

const first = key("ssh-ed25519", "first");
const second = key("ssh-ed25519", "second");
const other = key("ssh-rsa", "third");
const base64 = (bytes: Buffer): string => bytes.toString("base64");

describe("connection: known_hosts", () => {
  const scope = testScope();

  const matches: readonly (readonly [string, string, boolean])[] = [
    ["node1", "node1", true],
    ["node1,10.0.0.1", "10.0.0.1", true],
    ["node1", "node10", false],
    ["NODE1", "node1", true],
    ["*.example.org", "a.example.org", true],
    ["*.example.org", "example.org", false],
    ["node?", "node7", true],
    ["*.example.org,!bad.example.org", "bad.example.org", false],
    ["!bad.example.org,*.example.org", "good.example.org", true],
    ["!node1", "node2", false],
    ["[node1]:2222", "[node1]:2222", true],
    ["[node1]:2222", "node1", false],
    ["a.c", "abc", false],
    ["*", "anything", true],
  ];
  for (const [hosts, name, isMatch] of matches) {
    it(`${hosts} ${isMatch ? "names" : "does not name"} ${name}`, () =>
      assert.equal(matchesHost(hosts, name), isMatch));
  }

  it("a name is in lower case, with its port where that is not 22", () => {
    assert.equal(knownHostName("Node1", 22), "node1");
    assert.equal(knownHostName("Node1", 2222), "[node1]:2222");
  });

  it("a key is known, changed, of another type, revoked, unknown, or behind a certificate authority", () => {
    const text = [
      "# a comment",
      "",
      `web ssh-ed25519 ${base64(first)} a comment`,
      `@revoked * ssh-ed25519 ${base64(second)}`,
      `rsa-only ssh-rsa ${base64(other)}`,
      `@cert-authority *.ca ssh-ed25519 ${base64(first)}`,
      "broken line",
      "web ssh-ed25519 !!!!",
    ].join("\n");
    const lines = parseKnownHosts(text, "/k");
    const verdict = (name: string, bytes: Buffer): string => {
      const judged = judgeHostKey(lines, name, bytes);
      return judged.kind === "unknown" ? "unknown" : `${judged.kind} ${judged.line.file}:${judged.line.line}`;
    };
    assert.equal(verdict("web", first), "known /k:3");
    assert.equal(verdict("web", key("ssh-ed25519", "new")), "changed /k:3");
    assert.equal(verdict("web", other), "other-type /k:3");
    assert.equal(verdict("web", second), "revoked /k:4");
    assert.equal(verdict("rsa-only", first), "other-type /k:5");
    assert.equal(verdict("elsewhere", first), "unknown");
    assert.equal(verdict("x.ca", other), "certificate-only /k:6");
  });

  it("a revoked key is refused though another line knows it", () => {
    const lines = parseKnownHosts(
      `web ssh-ed25519 ${base64(first)}\n@revoked web ssh-ed25519 ${base64(first)}\n`,
      "/k",
    );
    assert.equal(judgeHostKey(lines, "web", first).kind, "revoked");
  });

  it("algorithms of known keys come first, RSA by its signatures' names", () => {
    const lines = parseKnownHosts(`web ssh-rsa ${base64(other)}`, "/k");
    assert.deepEqual(orderHostKeyAlgorithms(["ssh-ed25519", "rsa-sha2-512", "ssh-rsa"], lines), [
      "rsa-sha2-512",
      "ssh-rsa",
      "ssh-ed25519",
    ]);
  });

  it("lines are added after a last line without newline, the file is the user's alone", async () => {
    const file = join(scope.tempDir("kh"), "ssh", "known_hosts");
    await appendKnownHost(file, knownHostLine("web", first));
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(join(file, "..")).mode & 0o777, 0o700);
    writeFileSync(file, "old ssh-rsa AAAA", { mode: 0o644 });
    await appendKnownHost(file, knownHostLine("[web]:22", second));
    assert.equal(readFileSync(file, "utf8"), `old ssh-rsa AAAA\n[web]:22 ssh-ed25519 ${base64(second)}\n`);
  });

  it("hashed names and fingerprints are ssh-keygen's", function () {
    requireOrSkip(this, { tools: ["ssh-keygen"] });
    const directory = scope.tempDir("keygen");
    const file = join(directory, "id");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
    const [type = "", text = ""] = readFileSync(`${file}.pub`, "utf8").split(" ");
    const blob = Buffer.from(text, "base64");
    assert.ok(
      execFileSync("ssh-keygen", ["-l", "-f", `${file}.pub`])
        .toString()
        .includes(fingerprint(blob)),
    );
    const known = join(directory, "known");
    writeFileSync(known, `[node1]:2222 ${type} ${text}\n`);
    execFileSync("ssh-keygen", ["-H", "-f", known], { stdio: "ignore" });
    const lines = parseKnownHosts(readFileSync(known, "utf8"), known);
    assert.match(lines[0]?.hosts ?? "", /^\|1\|/);
    assert.equal(judgeHostKey(lines, "[node1]:2222", blob).kind, "known");
    assert.equal(judgeHostKey(lines, "node1", blob).kind, "unknown");
    writeFileSync(known, `${knownHostLine("node2", blob, true)}\n`);
    assert.ok(execFileSync("ssh-keygen", ["-F", "node2", "-f", known]).toString().includes("found"));
  });
});
