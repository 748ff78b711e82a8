// Texts of a hostile tree that are long where an expression goes back and forth: reading them takes time by their length, not by its square.
//
// All hosts wait while crun reads one text. One that took the square of a million steps could not even be interrupted: the
// signal's handler waits as well.

import assert from "node:assert/strict";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AccountDatabase } from "../../src/facts/account-database.js";
import { AccountFile } from "../../src/facts/account-file.js";
import { freeId } from "../../src/facts/account-ids.js";
import { errorLines, remedyFor } from "../../src/facts/apt-command.js";
import { expandWords } from "../../src/facts/expand-words.js";
import { treeFacts, type TreeFactsSeen } from "../../src/facts/facts.js";
import { groupsOf } from "../../src/facts/group.js";
import { usersOf } from "../../src/facts/passwd.js";
import { removeAccount } from "../../src/facts/user-account.js";
import { parseInstall } from "../../src/facts/systemd-units.js";
import { parseLsbHeader } from "../../src/facts/sysv.js";
import { paragraphsOf } from "../../src/module/content.js";
import { editBlock } from "../../src/module/edit-block.js";
import { absentLine, presentLine } from "../../src/module/edit-line.js";
import type { ReadObservation, StatObservation } from "../../src/module/probe.js";
import { templateOfText } from "../../src/playbook/template/template.js";
import { crunPath } from "../integration/crun-tasks.js";
import { Workplace } from "../integration/cli.js";
import { run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { scopeOf } from "../playbook/scopes.js";
import { scene } from "./oracle.js";

const SIZE = 200_000;
const end = "x\n";
/** Long runs of what expressions for ends, blanks, numbers, marks and keys look for, and then something else. */
const runs = ["\n", "\r", " ", "\t", "/", "1", "<", "<!--", "=", ":", "a:", "#", "\\", "'", "### BEGIN INIT INFO\n"]
  .map((one) => one.repeat(SIZE / one.length) + end)
  .concat(
    "Version '".repeat(SIZE / 9),
    "Failed to fetch ".repeat(SIZE / 16),
    "Version '' for ''".repeat(SIZE / 17),
    `ID=${" ".repeat(60_000)}x`,
    `NAME="a${" ".repeat(60_000)}x"`,
    `\n${" \n".repeat(SIZE / 2)}`,
  );

const read = (text: string): ReadObservation => ({
  kind: "read",
  real: "",
  stat: undefined,
  sha256: undefined,
  content: Buffer.from(text),
  isTooLarge: false,
});
const nothing: StatObservation = { kind: "stat", real: "", stat: undefined };
const factsOf = (text: string): TreeFactsSeen => ({
  osRelease: read(text),
  debianVersion: read(text),
  hostname: read(text),
  passwd: read(text),
  init: nothing,
  systemd: nothing,
  openrc: nothing,
  machine: { kind: "machine", machine: undefined },
  managers: [],
});
const line = {
  line: "wanted",
  searchString: undefined,
  insertBefore: undefined,
  hasBackrefs: false,
  isFirstMatch: false,
};

const readers: Readonly<Record<string, (text: string) => unknown>> = {
  accounts: (text) => {
    const file = AccountFile.parse(Buffer.from(`root:x:0:0::${text.replaceAll("\n", "/")}:/bin/sh\n${text}`));
    return [usersOf(file), groupsOf(file), file.find("x")];
  },
  words: (text) =>
    expandWords(["~/x"], read(`root:x:0:0::${text.replaceAll(/[:\n]/g, "/")}:\n`), { user: "root", environment: {} }),
  facts: (text) => treeFacts(factsOf(text.slice(0, 65_536)), "/t"),
  "unit files": (text) => parseInstall([text, `[Install]\nWantedBy=${text}`]),
  "init scripts": (text) => parseLsbHeader(text),
  paragraphs: (text) => paragraphsOf(text),
  apt: (text) => [errorLines(`E: ${text}`), remedyFor(text)],
  lines: (text) => [
    presentLine(text, { ...line, regexp: "^#? *wanted", insertAfter: "^ *[a-z]+ = *wanted" }),
    absentLine(text, { line: "wanted", regexp: undefined, searchString: undefined }),
  ],
};
/** Helpers that read a text. */
const templates =
  "trim split splitlines quote wordcount striptags escape is_lower is_upper upper title capitalize center truncate comment wordwrap indent"
    .concat(
      " int float bool human_to_bytes filesizeformat from_json from_yaml b64decode from_toml from_ini from_csv dirname basename splitext normpath",
      " commonpath urlencode urldecode urlsplit is_url is_uri to_uuid ipaddr ipwrap hwaddr version_sort to_datetime regex_escape to_json to_yaml to_nice_yaml",
    )
    .split(" ");

describe("threats: texts that take long to read", function () {
  this.timeout(30_000);
  const scope = testScope();

  /** Seconds of the processor that a text may take; an expression that takes the square of a million steps takes hours. */
  function quick(what: string, work: () => unknown): void {
    const started = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(started);
    const seconds = (user + system) / 1e6;
    assert.ok(seconds < 6, `${what} took ${seconds} s`);
  }

  for (const [name, reader] of Object.entries(readers))
    it(`${name}: time by their length`, () => {
      for (const text of runs) quick(`${name}, ${JSON.stringify(text.slice(0, 20))}`, () => reader(text));
    });

  it("accounts of a tree that has very many: an account is taken out, a free id found", () => {
    const some = (count: number, entry: (index: number) => string): ReadObservation =>
      read(Array.from({ length: count }, (_, index) => entry(index)).join(""));
    const seen = {
      passwd: some(70_000, (index) => `u${index}:x:${101 + (index % 60_000)}:${index}::/:/s\n`),
      group: some(40_000, (index) => `g${index}:x:${101 + index}:u1,u2\n`),
      shadow: read(""),
      gshadow: some(40_000, (index) => `g${index}:!:u1:u1,u2\n`),
      subuid: some(20_000, (index) => `u${index}:${index * 7}:65536\n`),
      subgid: read(""),
      loginDefs: read(""),
    };
    const database = new AccountDatabase(seen);
    const [, user] = database.users;
    assert.ok(user);
    quick("removeAccount", () => removeAccount(database, user, false));
    assert.match(database.file("gshadow").text, /^g0:!::u2\ng1:!::u2\n/);
    assert.match(database.file("group").text, /^g0:x:101:u2\ng1:x:102:u2\n/);
    const ids = database.users.map(({ uid }) => uid);
    quick("freeId", () => {
      assert.equal(freeId(ids, { min: 100, max: 999_999 }, true), 100);
      assert.equal(freeId(ids, { min: 1000, max: 999_999 }, false), 60_101);
    });
  });

  it("expressions of a playbook: an error where they take too long on all lines together", () => {
    const regexp = "b.*b.*b.*y";
    const text = `${"b".repeat(300)}\n`.repeat(3000);
    quick("lines", () =>
      assert.throws(
        () => presentLine(text, { ...line, regexp, insertAfter: undefined }),
        /the regular expression .* takes too long/,
      ),
    );
    const block = { block: "b", marker: "# {mark}", begin: "B", end: "E", insertBefore: undefined };
    quick("a block", () =>
      assert.throws(() => editBlock("a".repeat(100), { ...block, insertAfter: "(?m)(a+)+$^b" }), /takes too long/),
    );
  });

  it("registered results in helpers of templates: time by their length, or an error", () => {
    for (const name of templates) {
      const template = templateOfText("t", `{{${name} text}}`);
      for (const text of runs)
        quick(`${name}, ${JSON.stringify(text.slice(0, 20))}`, () => {
          try {
            template.render(scopeOf("x: 1", { text }));
          } catch (error) {
            assert.ok(error instanceof Error && error.name === "CrunError", String(error));
          }
        });
    }
  });

  it("a play goes on over a program's output, a home, a script and lines that are made for it", async () => {
    const { tree, environment } = scene(scope);
    const place = new Workplace(scope);
    writeFileSync(join(tree, "out"), runs[0] ?? "");
    writeFileSync(join(tree, "text"), "\r".repeat(SIZE) + end);
    symlinkSync("/payload", join(tree, "sh"));
    place.write(
      "site.yml",
      `- hosts: local:${tree}\n  tasks:\n${[
        "lineinfile: {path: /text, line: wanted, regexp: '^ *wanted'}",
        "debug: {msg: '{{facts.os}}'}",
      ]
        .map((one) => `    - ${one}\n`)
        .join("")}`,
    );
    const started = Date.now();
    const done = await run([process.execPath, crunPath, "play", "site.yml"], {
      cwd: place.directory,
      env: environment,
      timeoutMs: 25_000,
    });
    assert.equal(done.status, 0, done.stdout + done.stderr);
    assert.ok(Date.now() - started < 20_000);
    assert.match(readFileSync(join(tree, "text"), "latin1"), /wanted\n$/);
  });
});
