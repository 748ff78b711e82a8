// Account files kept byte for byte, ids as shadow-utils gives them, login.defs, password hashes, SSH fingerprints.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { AccountFile } from "../../src/facts/account-file.js";
import { freeId, freeSubordinates, idRange, nameProblem } from "../../src/facts/account-ids.js";
import { LoginDefs, parseUseraddDefaults } from "../../src/facts/login-defs.js";
import { passwordWarning } from "../../src/facts/password-hash.js";
import { fingerprintOf } from "../../src/facts/ssh-public-key.js";
import { findTool } from "../lab/needs.js";

describe("account files", () => {
  it("are given back byte for byte, but for a missing last line break", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = Buffer.from(bytes).toString("latin1");
        const file = AccountFile.parse(bytes);
        assert.equal(file.isChanged, false);
        assert.equal(file.text, text === "" || text.endsWith("\n") ? text : `${text}\n`);
      }),
    );
  });

  it("keep every other line where one is replaced, added or taken away", () => {
    const text = "a:1\n# a:2\nb:1\n\nodd\n+::\n";
    const file = AccountFile.parse(Buffer.from(text));
    assert.equal(file.with(["b", "2"]).text, "a:1\n# a:2\nb:2\n\nodd\n+::\n");
    assert.equal(file.with(["c", "2"]).text, "a:1\n# a:2\nb:1\n\nodd\nc:2\n+::\n");
    assert.equal(file.without("a").text, "# a:2\nb:1\n\nodd\n+::\n");
    assert.equal(file.without("odd"), file);
    assert.equal(file.find("# a"), undefined);
  });

  it("tell a file that is not there from one that is empty", () => {
    assert.equal(AccountFile.parse(undefined).exists, false);
    assert.equal(AccountFile.parse(new Uint8Array()).exists, true);
  });
});

describe("free ids", () => {
  const range = { min: 10, max: 15 };

  it("are never used, always in the range, and found where there is one", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 5, max: 20 })), fc.boolean(), (used, isSystem) => {
        const id = freeId(used, range, isSystem);
        const all = [10, 11, 12, 13, 14, 15].filter((one) => !used.includes(one));
        if (id === undefined) assert.deepEqual(all, []);
        else assert.ok(all.includes(id));
      }),
    );
  });

  it("are above all that are used for users, and below them for system accounts, so that no old id is given anew", () => {
    assert.equal(freeId([10, 12], range, false), 13);
    assert.equal(freeId([15], range, false), 10);
    assert.equal(freeId([13, 15], range, true), 12);
    assert.equal(freeId([10, 15], range, true), 14);
    assert.equal(freeId([10], range, false, 12), 12);
    assert.equal(freeId([12], range, false, 12), 13);
  });

  it("come from login.defs, with shadow-utils' defaults", () => {
    const defs = LoginDefs.parse(
      Buffer.from(
        'UID_MIN 500\n UID_MAX\t"600"\n# GID_MIN 7\nSYS_UID_MIN\nUMASK 027 \nHOME_MODE 0711\nUSERGROUPS_ENAB YES\nUID_MIN 510\n',
      ),
    );
    assert.deepEqual(idRange(defs, "UID", false), { min: 510, max: 600 });
    assert.deepEqual(idRange(defs, "UID", true), { min: 101, max: 509 });
    assert.deepEqual(idRange(defs, "GID", false), { min: 1000, max: 60000 });
    assert.equal(defs.number("UMASK", 0), 0o27);
    assert.equal(defs.number("HOME_MODE", 0), 0o711);
    assert.equal(defs.is("USERGROUPS_ENAB"), true);
    assert.equal(LoginDefs.parse(undefined).is("USERGROUPS_ENAB"), false);
  });

  it("for subordinates fill the first hole that is large enough", () => {
    const defs = LoginDefs.parse(Buffer.from("SUB_UID_MIN 100\nSUB_UID_MAX 1000\nSUB_UID_COUNT 50\n"));
    const at = (text: string) => freeSubordinates(AccountFile.parse(Buffer.from(text)), defs, "UID")?.start;
    assert.equal(at(""), 100);
    assert.equal(at("a:100:50\n"), 150);
    assert.equal(at("a:149:50\nb:300:50\n"), 199);
    assert.equal(at("a:150:50\n"), 100);
    assert.equal(at("a:100:900\n"), undefined);
  });
});

describe("names and defaults", () => {
  it("of accounts are Debian's: what would break a line or look like an option is refused", () => {
    for (const bad of ["", "a:b", "a,b", "a b", "a/b", "-a", "+a", "~a", "a\n", "x".repeat(33)])
      assert.ok(nameProblem(bad), bad);
    for (const good of ["ann", "Ann", "é", "a.b", "a$", "123", "x".repeat(32)])
      assert.equal(nameProblem(good), undefined, good);
  });

  it("of useradd are Debian's where the file says nothing", () => {
    assert.deepEqual(parseUseraddDefaults(undefined), {
      group: "100",
      home: "/home",
      shell: "/bin/sh",
      skeleton: "/etc/skel",
      inactive: -1,
      expires: "",
      makesMailSpool: false,
    });
    assert.equal(parseUseraddDefaults(Buffer.from("SKEL=\nSHELL=/bin/bash\nINACTIVE=x\n")).inactive, -1);
  });

  it("of passwords are hashes or words for none", () => {
    for (const good of [
      undefined,
      "",
      "*",
      "!",
      "*************",
      "$1$salt$" + "a".repeat(22),
      "$5$s$" + "a".repeat(43),
      "$y$j9T$x$y",
    ])
      assert.equal(passwordWarning(good), undefined, good);
    for (const bad of ["plain", "a$b", "$6$s$short", "$5$s$" + "+".repeat(43), "a:b", "!$6$x$y"])
      assert.ok(passwordWarning(bad), bad);
  });
});

describe("fingerprints of SSH keys", () => {
  it("are ssh-keygen's own", function () {
    if (!findTool("ssh-keygen")) this.skip();
    this.timeout(60_000);
    const directory = mkdtempSync(join(tmpdir(), "crun-test-keys-"));
    try {
      for (const [type, bits] of [
        ["rsa", "2048"],
        ["rsa", "3072"],
        ["ecdsa", "256"],
        ["ecdsa", "521"],
        ["ed25519", "256"],
      ] as const) {
        const path = join(directory, `${type}${bits}`);
        execFileSync("ssh-keygen", ["-q", "-t", type, "-b", bits, "-N", "", "-C", "a b", "-f", path]);
        const told = execFileSync("ssh-keygen", ["-l", "-f", path], { encoding: "utf8" }).trim();
        assert.equal(fingerprintOf(readFileSync(`${path}.pub`, "utf8")), told);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("of what is no key there are none", () => {
    for (const text of ["", "ssh-rsa", "hello world", "ssh-rsa !!!"]) assert.equal(fingerprintOf(text), undefined);
  });
});
