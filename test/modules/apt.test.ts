// apt and package: fixtures, and the scenarios of Ansible's integration target `apt` that a model can tell; the rest runs on real trees.

import assert from "node:assert/strict";
import apt from "../../modules/apt.js";
import packageModule from "../../modules/package.js";
import type { Outcome } from "../../src/module/change.js";
import { modelOf, planFixture, testFixtures, type Fixture, type Programs, type Tree } from "../module/harness.js";

const paragraph = (name: string, version: string, more = "", status = "install ok installed"): string =>
  `Package: ${name}\nStatus: ${status}\nArchitecture: amd64\nVersion: ${version}\n${more}`;

const treeWith = (...packages: readonly string[]): Tree => ({
  "/usr/bin/apt-get": { content: "", mode: 0o755 },
  "/var/lib/dpkg/status": `${[paragraph("dpkg", "1.21.22"), ...packages].join("\n")}\n`,
  "/var/lib/apt/lists": { type: "directory", mtime: 1_000_000 },
  "/var/lib/apt/lists/deb_dists_x_InRelease": "",
});

const cacheless = "-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=";
const policyOf = (name: string, installed: string, candidate: string, versions: readonly string[]): string =>
  `${name}:\n  Installed: ${installed}\n  Candidate: ${candidate}\n  Version table:\n${versions.map((one) => `     ${one} 500\n        500 http://x y Packages\n`).join("")}`;
const policies = (names: string, text: string, release = ""): Programs => ({
  [`apt-cache ${cacheless}${release} policy ${names}`]: { stdout: text },
});
const simulation = (args: string, stdout: string, status = 0, stderr = ""): Programs => ({
  [`apt-get ${cacheless} --simulate -y ${args}`]: { stdout, status, stderr },
});
const zero = "0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n";

/** The arguments after the options that never change. */
const fixed = [
  "-y",
  "-q",
  "-o",
  "Dpkg::Options::=--force-confdef",
  "-o",
  "Dpkg::Options::=--force-confold",
  "-o",
  "DPkg::Lock::Timeout=60",
  "-o",
  "APT::Cmd::Pattern-Only=true",
];
const shims = ["-o", "DPkg::Path=@files@:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];
const getting = (command: string, options: readonly string[], ...names: readonly string[]): string[] => [
  "apt-get",
  ...shims,
  command,
  ...fixed,
  ...options,
  "--",
  ...names,
];
const update = [
  "apt-get",
  ...shims,
  "update",
  "-q",
  "-o",
  "APT::Update::Error-Mode=any",
  "-o",
  "Acquire::Retries=5",
  "-o",
  "Acquire::Retries::Delay::Maximum=12",
  "-o",
  "DPkg::Lock::Timeout=60",
];

testFixtures(apt, [
  {
    name: "asks apt nothing where all packages are installed (converged)",
    tree: treeWith(paragraph("hello", "2.10-3"), paragraph("held", "1", "", "hold ok installed")),
    params: { name: ["hello", "held"] },
    expect: { changed: false, result: { cache_updated: false, cache_update_time: 1_000_000 } },
  },
  {
    name: "installs only what is missing (partial)",
    tree: treeWith(paragraph("hello", "2.10-3")),
    params: { name: ["hello", "nginx"] },
    programs: policies("nginx", policyOf("nginx", "(none)", "1.22", ["1.22"])),
    expect: { argv: [getting("install", [], "nginx")] },
  },
  {
    name: "refuses what apt does not know, and says what to do (error)",
    tree: treeWith(),
    params: { name: "nosuch" },
    programs: policies("nosuch", ""),
    expect: { refusal: /No package matching 'nosuch' is available.*update_cache: true/ },
  },
  {
    name: "says that there is no apt where there is none",
    tree: { "/usr/bin/dnf": "" },
    params: { name: "hello" },
    expect: { refusal: /no apt-get.*module package/ },
  },
  {
    name: "is not misled by what is left of a package, by another architecture, or by a name that is a part of another",
    tree: treeWith(
      paragraph("hello", "1", "", "deinstall ok config-files"),
      paragraph("hello-traditional", "1"),
      "Package: nginx\nStatus: install ok installed\nArchitecture: i386\nVersion: 1\n",
    ),
    params: { name: ["hello", "nginx"] },
    programs: policies(
      "hello nginx",
      policyOf("hello", "(none)", "2", ["2"]) + policyOf("nginx", "(none)", "2", ["2"]),
    ),
    expect: { argv: [getting("install", [], "hello", "nginx")] },
  },
  {
    name: "takes a virtual name as installed where an installed package provides it, wherever in the list",
    tree: treeWith(
      paragraph("mawk", "1", "Provides: awk\n"),
      paragraph("exim4", "4", "Provides: x, mail-transport-agent (= 1), y\n"),
    ),
    params: { name: ["awk", "mail-transport-agent"] },
    programs: policies(
      "awk mail-transport-agent",
      "awk:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\nmail-transport-agent:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n",
    ),
    expect: { changed: false },
  },
  {
    name: "lets apt choose who provides a virtual name that nothing provides",
    tree: treeWith(),
    params: { name: "awk" },
    programs: policies("awk", "awk:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n"),
    expect: { argv: [getting("install", [], "awk")] },
  },
  {
    name: "installs a real package although another provides its name",
    tree: treeWith(paragraph("fake-node", "1", "Provides: nodejs\n")),
    params: { name: "nodejs" },
    programs: policies("nodejs", policyOf("nodejs", "(none)", "18", ["18"])),
    expect: { argv: [getting("install", [], "nodejs")] },
  },
  {
    name: "passes on what was asked of apt",
    tree: treeWith(),
    params: {
      name: "hello",
      install_recommends: false,
      default_release: "testing",
      allow_unauthenticated: true,
      allow_downgrade: true,
      allow_change_held_packages: true,
      fail_on_autoremove: true,
      autoremove: true,
      dpkg_options: "force-confnew",
      lock_timeout: 5,
    },
    programs: policies("hello", policyOf("hello", "(none)", "2", ["2"]), " -o APT::Default-Release=testing"),
    expect: {
      argv: [
        [
          "apt-get",
          ...shims,
          "install",
          "-y",
          "-q",
          "-o",
          "Dpkg::Options::=--force-confnew",
          "-o",
          "DPkg::Lock::Timeout=5",
          "-o",
          "APT::Cmd::Pattern-Only=true",
          "--allow-unauthenticated",
          "--allow-downgrades",
          "--allow-change-held-packages",
          "--auto-remove",
          "--no-remove",
          "-t",
          "testing",
          "-o",
          "APT::Install-Recommends=no",
          "--",
          "hello",
        ],
      ],
    },
  },
  {
    name: "starts services as they come on the host's own root",
    tree: treeWith(),
    params: { name: "hello" },
    context: {
      target: { name: "local", host: "local", tree: undefined, path: "/", entry: "auto", trees: "/var/lib/machines" },
    },
    programs: policies("hello", policyOf("hello", "(none)", "2", ["2"])),
    expect: { argv: [["apt-get", "install", ...fixed, "--", "hello"]] },
  },
  {
    name: "keeps services down in a booted tree too where policy_rc_d is 101",
    tree: treeWith(),
    params: { name: "hello", policy_rc_d: 101 },
    programs: policies("hello", policyOf("hello", "(none)", "2", ["2"])),
    expect: { argv: [getting("install", [], "hello")] },
  },
  {
    name: "brings the lists up to date before, without asking for a candidate that may be new",
    tree: treeWith(),
    params: { name: "hello", update_cache: true, cache_valid_time: 3600 },
    programs: policies("hello", ""),
    expect: {
      argv: [update, getting("install", [], "hello")],
      result: { cache_updated: true, cache_update_time: 1_767_323_045 },
    },
  },
  {
    name: "leaves lists alone that are younger than cache_valid_time",
    tree: {
      ...treeWith(paragraph("hello", "1")),
      "/var/lib/apt/lists": { type: "directory", mtime: 1_767_323_045 - 100 },
    },
    params: { name: "hello", cache_valid_time: 3600 },
    expect: { changed: false, result: { cache_updated: false, cache_update_time: 1_767_323_045 - 100 } },
  },
  {
    name: "brings lists up to date that were never there, however young their directory",
    tree: {
      "/usr/bin/apt-get": "",
      "/var/lib/dpkg/status": "",
      "/var/lib/apt/lists": { type: "directory", mtime: 1_767_323_045 - 10 },
    },
    params: { update_cache: true, cache_valid_time: 3600 },
    expect: { argv: [update] },
  },
  {
    name: "believes the stamp rather than the directory",
    tree: { ...treeWith(), "/var/lib/apt/periodic/update-success-stamp": { content: "", mtime: 1_767_323_045 - 10 } },
    params: { update_cache: true, cache_valid_time: 3600 },
    expect: { changed: false },
  },
  {
    name: "brings the lists up to date alone, which is a change",
    tree: treeWith(),
    params: { update_cache: true, cache_valid_time: 3600 },
    expect: { argv: [update], result: { cache_updated: true } },
  },
  {
    name: "removes what is installed, in all its forms, and nothing else",
    tree: treeWith(
      paragraph("hello", "1"),
      paragraph("conf", "1", "Conffiles:\n /etc/conf abc\n"),
      paragraph("left", "1", "", "deinstall ok config-files"),
    ),
    params: { name: ["hello", "conf", "left", "nosuch"], state: "absent", autoremove: true },
    expect: { argv: [["apt-get", ...shims, "remove", ...fixed, "--auto-remove", "--", "hello", "conf"]] },
  },
  {
    name: "purges what is left of a package",
    tree: treeWith(paragraph("left", "1", "", "deinstall ok config-files")),
    params: { name: "left", state: "absent", purge: true },
    expect: { argv: [["apt-get", ...shims, "remove", ...fixed, "--purge", "--", "left"]] },
  },
  {
    name: "removes nothing where a version is named that is not the installed one",
    tree: treeWith(paragraph("hello", "1")),
    params: { name: "hello=2", state: "absent" },
    expect: { changed: false },
  },
  {
    name: "marks as wanted for its own sake what came for others, which is no change",
    tree: {
      ...treeWith(paragraph("libfoo", "1")),
      "/var/lib/apt/extended_states": "Package: libfoo\nArchitecture: amd64\nAuto-Installed: 1\n",
    },
    params: { name: "libfoo" },
    expect: { argv: [["apt-mark", "manual", "libfoo"]] },
  },
  {
    name: "leaves alone with only_upgrade what is not installed",
    tree: treeWith(),
    params: { name: "foo=1.0.1", only_upgrade: true },
    programs: policies("foo", ""),
    expect: { changed: false },
  },
  {
    name: "spells out patterns over the names that apt knows",
    tree: treeWith(paragraph("libcaca-dev", "1")),
    params: { name: "libcaca*" },
    programs: {
      [`apt-cache ${cacheless} pkgnames libcaca`]: { stdout: "libcaca0\nlibcaca-dev\n" },
      ...policies(
        "libcaca-dev libcaca0",
        policyOf("libcaca-dev", "1", "1", ["1"]) + policyOf("libcaca0", "(none)", "2", ["2"]),
      ),
    },
    expect: { argv: [getting("install", [], "libcaca0")] },
  },
  {
    name: "spells out patterns of what to remove over what is installed",
    tree: treeWith(paragraph("libcaca-dev", "1"), paragraph("libcaca0", "1"), paragraph("other", "1")),
    params: { name: "libcaca*", state: "absent" },
    programs: { "dpkg-query --show --showformat=${Package}\\n": { stdout: "dpkg\nlibcaca-dev\nlibcaca0\nother\n" } },
    expect: { argv: [["apt-get", ...shims, "remove", ...fixed, "--", "libcaca-dev", "libcaca0"]] },
  },
  {
    name: "upgrades nothing where a simulation finds nothing",
    tree: treeWith(),
    params: { upgrade: "dist" },
    programs: simulation("dist-upgrade", zero),
    expect: { changed: false },
  },
  {
    name: "upgrades where a simulation finds something, and shows it",
    tree: treeWith(),
    params: { upgrade: "safe" },
    programs: simulation(
      "upgrade --with-new-pkgs",
      "Inst foo [1.0.0] (1.0.1 localhost [all])\nConf foo (1.0.1 localhost [all])\n1 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n",
    ),
    expect: { argv: [["apt-get", ...shims, "upgrade", "--with-new-pkgs", ...fixed]] },
    isNeverConverged: "what an upgrade leaves is apt's to know; the fixture answers the same again",
  },
  {
    name: "takes * with latest as an upgrade of everything",
    tree: treeWith(),
    params: { name: "*", state: "latest" },
    programs: simulation("upgrade --with-new-pkgs", zero),
    expect: { changed: false },
  },
  {
    name: "refuses more names beside *",
    tree: treeWith(),
    params: { name: ["*", "vim"], state: "latest" },
    expect: { problem: /unable to install additional packages when upgrading all installed packages/ },
  },
  {
    name: "removes what is needed no more only where there is something",
    tree: treeWith(),
    params: { autoremove: true },
    programs: simulation("autoremove", zero),
    expect: { changed: false },
  },
  {
    name: "cleans what was downloaded, once",
    tree: {
      ...treeWith(),
      "/var/cache/apt/archives/lock": "",
      "/var/cache/apt/archives/x_1_all.deb": "d",
      "/var/cache/apt/archives/partial/y": "d",
    },
    params: { clean: true },
    expect: { argv: [["apt-get", ...shims, "clean"]], after: { "/var/cache/apt/archives/x_1_all.deb": undefined } },
  },
  {
    name: "installs a file through apt, with what it depends on",
    tree: treeWith(),
    params: { deb: "/srv/x.deb" },
    programs: {
      "dpkg-deb --field /srv/x.deb Package Version Architecture": {
        stdout: "Package: x\nVersion: 1.0\nArchitecture: all\n",
      },
    },
    expect: { argv: [getting("install", [], "/srv/x.deb")] },
  },
  {
    name: "leaves a file alone whose version is installed",
    tree: treeWith(paragraph("x", "1.0")),
    params: { deb: "/srv/x.deb" },
    programs: {
      "dpkg-deb --field /srv/x.deb Package Version Architecture": {
        stdout: "Package: x\nVersion: 1.0\nArchitecture: amd64\n",
      },
    },
    expect: { changed: false },
  },
  {
    name: "says which file is no package",
    tree: treeWith(),
    params: { deb: "/srv/x.deb" },
    programs: {
      "dpkg-deb --field /srv/x.deb Package Version Architecture": {
        status: 2,
        stderr: "dpkg-deb: error: failed to read archive '/srv/x.deb': No such file or directory\n",
      },
    },
    expect: { refusal: /Unable to install package: \/srv\/x.deb: .*No such file/ },
  },
  {
    name: "refuses a name that would be an option",
    tree: treeWith(),
    params: { name: "-oDebug=1" },
    expect: { problem: /no package's name/ },
  },
  { name: "needs something to do", params: {}, expect: { problem: /one of/ } },
  {
    name: "does not take files and names at once",
    params: { deb: "/x.deb", name: "y" },
    expect: { problem: /exclude/ },
  },
]);

testFixtures(packageModule, [
  {
    name: "finds nothing to do where the package is there (converged)",
    tree: treeWith(paragraph("hello", "1")),
    params: { name: "hello", state: "present" },
    expect: { changed: false },
  },
  {
    name: "hands the work to apt in a Debian tree (partial)",
    tree: treeWith(paragraph("hello", "1")),
    params: { name: "hello", state: "absent" },
    expect: { argv: [["apt-get", ...shims, "remove", ...fixed, "--", "hello"]] },
  },
  {
    name: "says which manager it does not know yet (error)",
    tree: { "/usr/bin/dnf": "", "/usr/bin/yum": "" },
    params: { name: "hello", state: "present" },
    expect: { refusal: /dnf is not supported yet/ },
  },
  {
    name: "says so where there is none",
    tree: { "/etc/passwd": "" },
    params: { name: "hello", state: "present" },
    expect: { refusal: /no package manager that crun knows/ },
  },
  {
    name: "takes the manager that is named",
    tree: treeWith(),
    params: { name: "hello", state: "present", use: "zypper" },
    expect: { refusal: /zypper is not supported yet/ },
  },
]);

describe("Ansible's integration target apt: the version matrix", () => {
  const installed = treeWith(paragraph("foo", "1.0.0"));
  const all = ["2.0.1", "2.0.0", "1.0.1", "1.0.0"];
  /** [specification, release, latest, what is asked of apt (undefined: nothing; false: an error)], as pinned or not. */
  const matrix: readonly (readonly [string, string, boolean, string | false | undefined])[] = [
    ["", "", false, undefined],
    ["", "", true, "foo"],
    ["=1.0.0", "", false, undefined],
    ["=1.0.0", "", true, undefined],
    ["=1.0.1", "", false, "foo=1.0.1"],
    ["=1.0.*", "", true, "foo=1.0.1"],
    [">=1.0.0", "", false, undefined],
    [">=1.0.0", "", true, "foo"],
    [">=1.0.1", "", false, "foo"],
    ["", "testing", false, undefined],
    ["", "testing", true, "foo"],
    ["=2.0.0", "", false, "foo=2.0.0"],
    [">=2.0.0", "testing", false, "foo"],
  ];
  const pinned: typeof matrix = [
    ["", "", false, undefined],
    ["", "", true, undefined],
    ["=1.0.0", "", false, undefined],
    ["=1.0.0", "", true, undefined],
    ["=1.0.1", "", false, "foo=1.0.1"],
    ["=1.0.*", "", true, "foo=1.0.1"],
    [">=1.0.0", "", false, undefined],
    [">=1.0.0", "", true, undefined],
    [">=1.0.1", "", false, false],
    ["", "testing", false, undefined],
    ["", "testing", true, undefined],
    ["=2.0.0", "", false, "foo=2.0.0"],
    [">=2.0.0", "testing", false, false],
  ];
  for (const [title, rows, candidate] of [
    ["unpinned", matrix, (release: string) => (release === "testing" ? "2.0.1" : "1.0.1")],
    ["pinned to 1.0.0", pinned, () => "1.0.0"],
  ] as const) {
    for (const [index, [spec, release, isLatest, expected]] of rows.entries()) {
      it(`${title} ${index + 1}: foo${spec} ${isLatest ? "latest" : "present"} ${release}`, () => {
        const programs = policies(
          "foo",
          policyOf("foo", "1.0.0", candidate(release), all),
          release && ` -o APT::Default-Release=${release}`,
        );
        const params = {
          name: `foo${spec}`,
          state: isLatest ? "latest" : "present",
          ...(release ? { default_release: release } : {}),
        };
        const { plan } = planFixture(apt, { name: title, params, programs, expect: {} }, modelOf(installed));
        if (expected === false) assert.match(plan?.refusal?.message ?? "", /no available installation candidate/);
        else assert.equal(plan?.changes.map((one) => (one.kind === "exec" ? one.exec.argv.at(-1) : ""))[0], expected);
      });
    }
  }
});

describe("what apt made of it", () => {
  const outcome = (value: number, stdout = "", stderr = ""): Outcome => ({
    exit: { kind: "exited", value, wallMs: 1, cpuMs: 1 },
    stdout: Buffer.from(stdout),
    stderr: Buffer.from(stderr),
  });
  const plan = (fixture: Omit<Fixture, "name" | "expect">) =>
    planFixture(apt, { name: "x", expect: {}, ...fixture }, modelOf(fixture.tree)).plan;

  it("registers what apt wrote, line by line", () => {
    const result = plan({
      tree: treeWith(),
      params: { name: "hello" },
      programs: policies("hello", policyOf("hello", "(none)", "2", ["2"])),
    })?.conclude?.([outcome(0, "a\nb\n", "c\n")]);
    assert.deepEqual(result?.result, {
      cache_updated: false,
      cache_update_time: 1_000_000,
      stdout: "a\nb\n",
      stdout_lines: ["a", "b"],
      stderr: "c\n",
      stderr_lines: ["c"],
    });
    assert.equal(result?.changed, undefined);
  });

  it("fails with apt's own words, without the noise, and says what to do", () => {
    const result = plan({
      tree: treeWith(),
      params: { name: "hello" },
      programs: policies("hello", policyOf("hello", "(none)", "2", ["2"])),
    })?.conclude?.([
      outcome(100, "", "W: noise\nE: Packages were downgraded and -y was used without --allow-downgrades.\n"),
    ]);
    assert.match(result?.refusal?.message ?? "", /^'apt-get install .* hello' failed: E: Packages were downgraded/);
    assert.doesNotMatch(result?.refusal?.message ?? "", /noise/);
    assert.match(result?.refusal?.remedy ?? "", /allow_downgrade: true/);
    assert.equal(result?.result?.["rc"], 100);
  });

  it("says that the lists could not be had, where the update failed", () => {
    const result = plan({ tree: treeWith(), params: { update_cache: true } })?.conclude?.([
      outcome(100, "", "E: Failed to fetch http://x  Temporary failure resolving 'x'\n"),
    ]);
    assert.match(result?.refusal?.message ?? "", /^Failed to update apt cache: E: Failed to fetch/);
    assert.match(result?.refusal?.remedy ?? "", /cannot reach the archive/);
  });

  it("takes the change back where the newest was there already, though the lists had to be renewed to know", () => {
    const renewed = plan({
      tree: treeWith(paragraph("hello", "2")),
      params: { name: "hello", state: "latest", update_cache: true },
      programs: policies("hello", policyOf("hello", "2", "2", ["2"])),
    });
    assert.equal(renewed?.changes.length, 2);
    assert.equal(renewed?.conclude?.([outcome(0), outcome(0, zero)]).changed, false);
    assert.equal(
      renewed?.conclude?.([outcome(0), outcome(0, "1 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")])
        .changed,
      undefined,
    );
  });
});
