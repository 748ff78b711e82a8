// copy and template: what the scenarios of Ansible do not show. Guards, order of changes, big files, encodings, refusals.

import assert from "node:assert/strict";
import copy from "../../modules/copy.js";
import template from "../../modules/template.js";
import { contentOf } from "../../src/module/content.js";
import type { Fixture } from "../module/harness.js";
import { localFile, modelOf, planFixture, testFixtures } from "../module/harness.js";

const src = localFile("/play/files/motd", "hello\n", 0o600);

const copies: readonly Fixture[] = [
  {
    name: "converged: the content is there",
    tree: { "/etc/motd": { content: "hello\n", mode: 0o644 } },
    params: { src: "motd", dest: "/etc/motd" },
    context: { sources: { src } },
    expect: { changed: false, result: { src: "/play/files/motd", checksum: src.kind === "file" ? src.sha1 : "" } },
  },
  {
    name: "partial: other content, attributes kept",
    tree: { "/etc/motd": { content: "old\n", mode: 0o664, uid: 5 } },
    params: { src: "motd", dest: "/etc/motd" },
    context: { sources: { src } },
    expect: { kinds: ["writeFile"], after: { "/etc/motd": { content: "hello\n", mode: 0o664, uid: 5 } } },
  },
  {
    name: "error: a missing directory, with what to do",
    params: { src: "motd", dest: "/etc/app/motd" },
    context: { sources: { src } },
    expect: { refusal: /Destination directory \/etc\/app does not exist.*end it with a slash/ },
  },
  {
    name: "the backup comes first, then the validation, then the file",
    tree: { "/etc/motd": { content: "old\n", mode: 0o640 } },
    params: { content: "new\n", dest: "/etc/motd", backup: true, validate: "check --file %s" },
    expect: {
      kinds: ["copyFile", "exec", "writeFile"],
      argv: [["check", "--file", "@files@/source"]],
      result: { backup_file: "/etc/motd.4711.2026-01-02@03:04:05~" },
      after: { "/etc/motd.4711.2026-01-02@03:04:05~": { content: "old\n", mode: 0o640 } },
    },
  },
  {
    name: "a backup gives nobody its owner's rights, as chown leaves it",
    isOtherBrokenOff: "the next run makes one more backup: what it replaces is not what the first one did",
    tree: { "/usr/bin/tool": { content: "old\n", mode: 0o6755 } },
    params: { content: "new\n", dest: "/usr/bin/tool", backup: true },
    expect: {
      kinds: ["copyFile", "writeFile"],
      after: {
        "/usr/bin/tool": { content: "new\n", mode: 0o6755 },
        "/usr/bin/tool.4711.2026-01-02@03:04:05~": { content: "old\n", mode: 0o755 },
      },
    },
  },
  {
    name: "a backup keeps a setgid bit that is no group's to run with",
    isOtherBrokenOff: "the next run makes one more backup: what it replaces is not what the first one did",
    tree: { "/var/mail/x": { content: "old\n", mode: 0o2660 } },
    params: { content: "new\n", dest: "/var/mail/x", backup: true },
    expect: { changed: true, after: { "/var/mail/x.4711.2026-01-02@03:04:05~": { content: "old\n", mode: 0o2660 } } },
  },
  {
    name: "a second backup within the same second gets the next name",
    isOtherBrokenOff: "the next run makes one more backup: what it replaces is not what the first one did",
    tree: { "/etc/motd": "old\n", "/etc/motd.4711.2026-01-02@03:04:05~": "older\n" },
    params: { content: "new\n", dest: "/etc/motd", backup: true },
    expect: { changed: true, result: { backup_file: "/etc/motd.4711.2026-01-02@03:04:06~" } },
  },
  {
    name: "unsafe_writes keeps the inode of a file that is there",
    tree: { "/etc/hosts": "old\n" },
    params: { content: "new\n", dest: "/etc/hosts", unsafe_writes: true },
    expect: { changed: true, after: { "/etc/hosts": "new\n" } },
  },
  {
    name: "something that is no file is not replaced by one",
    tree: { "/etc/motd/x": "" },
    params: { content: "x", dest: "/etc/motd" },
    expect: { refusal: /can not use content with a dir as dest/ },
  },
  {
    name: "a relative dest is refused",
    params: { content: "x", dest: "motd" },
    expect: { problem: /dest must be an absolute path/ },
  },
  {
    name: "mode preserve of content is refused",
    params: { content: "x", dest: "/m", mode: "preserve" },
    expect: { problem: /content has none/ },
  },
  {
    name: "validate without the file is refused",
    params: { content: "x", dest: "/m", validate: "true" },
    expect: { problem: /validate must contain %s/ },
  },
];
testFixtures(copy, copies);

const templates: readonly Fixture[] = [
  {
    name: "converged: the rendered text is there",
    tree: { "/etc/app.conf": "port 80\n" },
    params: { src: "app.conf.hbs", dest: "/etc/app.conf" },
    context: { sources: { src: localFile("/play/templates/app.conf.hbs", "port 80\n") } },
    expect: { changed: false },
  },
  {
    name: "partial: other text",
    tree: { "/etc/app.conf": "port 81\n" },
    params: { src: "app.conf.hbs", dest: "/etc/app.conf", mode: "0640" },
    context: { sources: { src: localFile("/play/templates/app.conf.hbs", "port 80\n") } },
    expect: { kinds: ["writeFile"], after: { "/etc/app.conf": { content: "port 80\n", mode: 0o640 } } },
  },
  {
    name: "error: a character that the encoding does not have",
    tree: { "/etc": { type: "directory" } },
    params: { src: "x", dest: "/etc/x", output_encoding: "latin-1" },
    context: { sources: { src: localFile("/play/templates/x", "5 €\n") } },
    expect: { refusal: /characters that latin-1 does not have/ },
  },
  {
    name: "an encoding that is not known is refused with those that are",
    params: { src: "x", dest: "/etc/x", output_encoding: "koi8-r" },
    expect: { problem: /output_encoding koi8-r is not known: crun has utf-8/ },
  },
  {
    name: "line ends of the template stay without newline_sequence",
    tree: { "/etc": { type: "directory" } },
    params: { src: "x", dest: "/etc/x" },
    context: { sources: { src: localFile("/play/templates/x", "a\r\nb\n") } },
    expect: { changed: true, after: { "/etc/x": "a\r\nb\n" } },
  },
];
testFixtures(template, templates);

describe("copy, guards and big files", () => {
  const changesOf = (fixture: Pick<Fixture, "tree" | "params" | "context">) =>
    planFixture(copy, { name: "", expect: {}, ...fixture }, modelOf(fixture.tree)).plan?.changes ?? [];

  it("expects absence, or the digest of what was seen", () => {
    const [fresh] = changesOf({ tree: { "/etc": { type: "directory" } }, params: { content: "x", dest: "/etc/m" } });
    assert.deepEqual(fresh && "expect" in fresh ? fresh.expect : undefined, { type: "absent" });
    const [old] = changesOf({ tree: { "/etc/m": "old" }, params: { content: "x", dest: "/etc/m" } });
    assert.deepEqual(old && "expect" in old ? old.expect : undefined, {
      type: "file",
      sha256: contentOf("old").sha256,
    });
  });

  it("sends a file that is too large for memory by its name", () => {
    const content = { sha256: "ab".repeat(32), size: 20 << 30, file: "/play/files/image" };
    const big = { kind: "file", path: "/play/files/image", mode: 0o644, content, sha1: "1", md5: "2" } as const;
    const [change] = changesOf({
      tree: { "/srv": { type: "directory" } },
      params: { src: "image", dest: "/srv/image" },
      context: { sources: { src: big } },
    });
    assert.ok(change?.kind === "writeFile");
    assert.deepEqual(change.content, content);
  });

  it("takes a failed validation as the task's failure, with the command's words", () => {
    const { plan } = planFixture(
      copy,
      { name: "", expect: {}, params: { content: "x", dest: "/etc/m", validate: "check %s" } },
      modelOf({ "/etc": { type: "directory" } }),
    );
    const exit = { kind: "exited", value: 3, wallMs: 1, cpuMs: 1 } as const;
    const conclusion = plan?.conclude?.([{ exit, stdout: Buffer.from("out"), stderr: Buffer.from("bad line\n") }]);
    assert.equal(conclusion?.refusal?.message, "failed to validate: rc:3 error:bad line");
    assert.deepEqual(conclusion?.refusal?.result, { exit_status: 3, stdout: "out", stderr: "bad line\n" });
    assert.deepEqual(plan?.conclude?.([{ exit: { ...exit, value: 0 } }, {}]), {});
    const failure = { errno: 2, code: "system", step: "execve", path: "check", message: "" } as const;
    const missing = plan?.conclude?.([{ exit: { ...exit, kind: "not-started", value: 0, failure } }]);
    assert.match(missing?.refusal?.message ?? "", /failed to validate: it could not be started: .*no such file/);
  });
});
