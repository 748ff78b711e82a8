// Debian's versions, dpkg's status, apt's policy and shell patterns.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { parsePolicy } from "../../src/facts/apt-policy.js";
import { parseSpec, specProblem, takesVersion } from "../../src/facts/apt-spec.js";
import { compareVersions } from "../../src/facts/debian-version.js";
import {
  findPackage,
  findProvider,
  isInstalled,
  nativeArchitecture,
  parseStatus,
} from "../../src/facts/dpkg-status.js";
import { literalPrefix, patternOf } from "../../src/facts/shell-pattern.js";
import { findTool } from "../lab/needs.js";

describe("Debian versions", () => {
  // From deb-version(7) and dpkg's own rules, oldest first.
  const ordered = [
    "1.0~~",
    "1.0~~a",
    "1.0~",
    "1.0",
    "1.0-0.1",
    "1.0-1",
    "1.0a",
    "1.0+b1",
    "1.0.1",
    "1.2",
    "1.10",
    "2",
    "1:0.1",
    "1:0.1-1~deb12u1",
    "1:0.1-1",
    "1:0.1-1+b1",
    "2:0",
  ];

  it("come in dpkg's order", () => {
    for (const [i, a] of ordered.entries())
      for (const [j, b] of ordered.entries())
        assert.equal(Math.sign(compareVersions(a, b)), Math.sign(i - j), `${a} ${b}`);
  });

  it("are equal where zeros, a zero epoch or a zero revision are the only difference", () => {
    for (const [a, b] of [
      ["1.0", "1.00"],
      ["0:1", "1"],
      ["1-0", "1"],
      ["1.01", "1.1"],
    ] as const)
      assert.equal(compareVersions(a, b), 0, `${a} ${b}`);
  });

  it("come in the order that dpkg itself tells, whatever they are", function () {
    if (!findTool("dpkg")) this.skip();
    this.timeout(60_000);
    const part = fc.stringMatching(/^[0-9][0-9a-zA-Z.+~]{0,5}$/);
    const version = fc
      .tuple(
        fc.constantFrom("", "0:", "1:"),
        part,
        fc.option(fc.stringMatching(/^[0-9a-zA-Z.+~]{1,3}$/), { nil: undefined }),
      )
      .map(([epoch, upstream, revision]) => `${epoch}${upstream}${revision === undefined ? "" : `-${revision}`}`);
    fc.assert(
      fc.property(version, version, (a, b) => {
        const is = (relation: string): boolean => {
          try {
            execFileSync("dpkg", ["--compare-versions", a, relation, b], { stdio: "ignore" });
            return true;
          } catch {
            return false;
          }
        };
        const told = is("lt") ? -1 : is("eq") ? 0 : 1;
        assert.equal(Math.sign(compareVersions(a, b)), told, `${a} ${b}`);
      }),
      { numRuns: 150 },
    );
  });
});

describe("dpkg's status", () => {
  const status = Buffer.from(
    [
      "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21.22",
      "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36",
      "Package: libc6\nStatus: deinstall ok config-files\nArchitecture: i386\nVersion: 2.35\nConffiles:\n /etc/a b",
      "Package: mawk\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 1.3\nProvides: awk, other (= 2)\nDescription: a\n Package: fake\n .\n b",
      "Package: half\nStatus: install ok half-configured\nArchitecture: all\nVersion: 1",
      "",
    ].join("\n\n"),
  );
  const packages = parseStatus(status);

  it("tells installed from what is left or half done, and held packages are installed", () => {
    assert.deepEqual(
      packages.map((one) => isInstalled(one)),
      [true, true, false, true, false],
    );
  });

  it("finds the tree's own architecture unless another is asked for", () => {
    assert.equal(nativeArchitecture(packages), "amd64");
    assert.equal(findPackage(packages, "libc6", "amd64")?.version, "2.36");
    assert.equal(findPackage(packages, "libc6:i386", "amd64")?.version, "2.35");
    assert.equal(findPackage(packages, "libc6:any", "amd64")?.version, "2.36");
    assert.equal(findPackage(packages, "half", "amd64")?.version, "1");
    assert.equal(findPackage(packages, "fake", "amd64"), undefined);
  });

  it("knows what a package provides, with or without a version", () => {
    assert.equal(findProvider(packages, "awk")?.name, "mawk");
    assert.equal(findProvider(packages, "other")?.name, "mawk");
    assert.equal(findProvider(packages, "aw"), undefined);
  });
});

describe("apt's policy", () => {
  it("gives candidates and all versions; a virtual name has none, an unknown one is missing", () => {
    const policy = parsePolicy(
      "nginx:\n  Installed: (none)\n  Candidate: 1.22.1-9+deb12u11\n  Version table:\n     1.22.1-9+deb12u11 500\n        500 http://archive.example/debian-security bookworm-security/main amd64 Packages\n     1.22.1-9+deb12u9 500\n        500 http://x y/main amd64 Packages\nawk:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\nlibc6:i386:\n  Installed: 2.36\n  Candidate: 2.36\n  Version table:\n *** 2.36 100\n        100 /var/lib/dpkg/status\n     1.0 -1\n",
    );
    assert.deepEqual(policy.get("nginx"), {
      installed: undefined,
      candidate: "1.22.1-9+deb12u11",
      versions: ["1.22.1-9+deb12u11", "1.22.1-9+deb12u9"],
    });
    assert.deepEqual(policy.get("awk"), { installed: undefined, candidate: undefined, versions: [] });
    assert.deepEqual(policy.get("libc6:i386"), { installed: "2.36", candidate: "2.36", versions: ["2.36", "1.0"] });
    assert.equal(policy.get("nosuch"), undefined);
  });
});

describe("specifications of packages", () => {
  it("take versions as they say", () => {
    assert.ok(takesVersion(parseSpec("foo=1.0*"), "1.0-3"));
    assert.ok(!takesVersion(parseSpec("foo=1.0"), "1.0-3"));
    assert.ok(takesVersion(parseSpec("foo>=1.0"), "1.0-3"));
    assert.ok(!takesVersion(parseSpec("foo>=1.1"), "1.0-3"));
    assert.ok(takesVersion(parseSpec("foo"), "1.0-3"));
  });

  it("refuse what is no package, above all what would be an option", () => {
    for (const bad of ["-y", "foo=1=2", "a b", "foo=", "../x"]) assert.ok(specProblem(parseSpec(bad)), bad);
    for (const good of ["g++", "libstdc++6:i386", "foo=1:2.0~rc1-1", "foo*", "0ad"])
      assert.equal(specProblem(parseSpec(good)), undefined, good);
  });
});

describe("shell patterns", () => {
  it("are Python's fnmatch", () => {
    for (const [pattern, yes, no] of [
      ["apt*", ["apt", "apt-utils", "apt/x\ny"], ["xapt"]],
      ["li?c[0-9]", ["libc6"], ["libcc", "libc66"]],
      ["[!a]b", ["cb"], ["ab", "!"]],
      ["a.b+c", ["a.b+c"], ["aXb+c", "a.bbc"]],
      ["a[", ["a["], ["ab"]],
    ] as const) {
      for (const one of yes) assert.match(one, patternOf(pattern), pattern);
      for (const one of no) assert.doesNotMatch(one, patternOf(pattern), pattern);
    }
    assert.equal(literalPrefix("libapt-pkg*"), "libapt-pkg");
  });
});
