// Hosts and trees of another architecture: the right helper is sent, and what cannot run is told with the remedy.

import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findHelper } from "../../src/connection/helper-binary.js";
import { addressOf, refusal } from "../connection/hosts.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { sshHost } from "../lab/sshd.js";
import { emptyTree } from "../lab/trees.js";
import { Workplace } from "./cli.js";

describe("integration: another architecture", function () {
  this.timeout(60_000);
  const scope = testScope();
  let arm64: string;

  before(function () {
    requireOrSkip(this, { root: true, tools: ["sshd"] });
    const helper = findHelper("aarch64");
    if (helper === undefined || process.arch !== "x64") {
      requireOrSkip(this, { paths: ["native/build/crun-helper-aarch64 on x86_64 (make -C native arm64)"] });
    }
    arm64 = helper ?? "";
  });

  it("a host that says aarch64 gets that helper; one that says so wrongly cannot execute it, which is told", async () => {
    const host = await sshHost(scope, { hostname: "lab-arm64", users: [{ name: "plain" }] });
    const directory = scope.tempDir("uname");
    writeFileSync(join(directory, "uname"), "#!/bin/sh\necho aarch64\n");
    chmodSync(join(directory, "uname"), 0o755);
    writeFileSync(join(host.home("plain"), ".bashrc"), `PATH=${directory}:$PATH\n`);
    const become = { isWanted: false, method: "none", user: "root" } as const;
    const message = await refusal(addressOf(host, { user: "plain", become }));
    assert.match(message, /the helper cannot be executed on the host/);
    assert.match(message, /uname -m/);
    const cache = join(host.home("plain"), ".cache/crun");
    const sent = readdirSync(cache).map((name) => readFileSync(join(cache, name)));
    assert.equal(sent.length, 1);
    assert.ok(sent[0]?.equals(readFileSync(arm64)), "the helper for aarch64 is there, whole");
  });

  it("a program of another architecture in a tree: which file, for which, and what runs it; files are served all the same", async () => {
    const tree = emptyTree(scope);
    mkdirSync(join(tree, "bin"), { recursive: true });
    copyFileSync(arm64, join(tree, "bin/sh"));
    writeFileSync(join(tree, "bin/script"), "#!/bin/sh\n");
    for (const name of ["sh", "script"]) chmodSync(join(tree, "bin", name), 0o755);
    const place = new Workplace(scope, {
      "site.yml": `
- hosts: all
  gather_facts: false
  tasks:
    - copy: { content: "hello", dest: /hello }
    - shell: echo hi
`,
    });
    const target = `local:${tree}`;
    const explained = /is a program for aarch64, this host is x86_64; qemu-user-static and binfmt-support/;
    const played = await place.play(["site.yml", "-i", `${target},`]);
    assert.equal(played.status, 2);
    assert.equal(readFileSync(join(tree, "hello"), "utf8"), "hello");
    const failed = played.results.find((one) => one.status === "failed");
    assert.match(`${failed?.message} ${failed?.remedy}`, /Exec format error: '\/bin\/sh' \/bin\/sh is a program/);
    assert.match(failed?.remedy ?? "", explained);
    const ran = await place.crun(["exec", target, "--", "/bin/script"]);
    assert.equal(ran.status, 126);
    assert.match(ran.stderr, /\/bin\/sh, the interpreter of \/bin\/script, is a program/);
    assert.match(ran.stderr, explained);
  });
});
