// Sources of trees by package managers: what is run with which words, what is refused beforehand, and what a failure is made of.

import assert from "node:assert/strict";
import tree from "../../modules/tree.js";
import type { ExecChange, Outcome } from "../../src/module/change.js";
import type { Plan } from "../../src/module/contract.js";
import { modelOf, planFixture, testFixtures, type Tree } from "../module/harness.js";

const kept = {
  "/var/lib/machines/.crun": { type: "directory" },
  "/var/lib/machines/.crun/making": { type: "directory" },
} as const;
const programs = "mmdebstrap debootstrap dnf zypper rpmkeys pacstrap pacman gpg nix-build nix-store ostree".split(" ");
const installed: Tree = {
  ...kept,
  ...Object.fromEntries(programs.map((name) => [`/usr/bin/${name}`, "program"])),
  "/etc/pacman.conf": "[options]\n",
  "/srv/key.gpg": "key",
  "/srv/tree.nix": "{}",
  "/srv/repo/objects": { type: "directory" },
};
const making = "/var/lib/machines/.crun/making/web1.mjwaid1k-3mv";

const repo = { id: "main", baseurl: "https://mirror.example.org/x", gpgkey: "/srv/key.gpg" };
const minimal: Readonly<Record<string, object | string>> = {
  mmdebstrap: "bookworm",
  debootstrap: "bookworm",
  dnf: { packages: "bash" },
  zypper: { packages: "bash", repos: [repo] },
  pacstrap: true as unknown as object,
  nix: "/srv/tree.nix",
  ostree: { repo: "/srv/repo", ref: "a/b" },
};

const plans = (params: Readonly<Record<string, unknown>>, more: Tree = {}): Plan => {
  const { plan, problems } = planFixture(tree, { name: "", params, expect: {} }, modelOf({ ...installed, ...more }));
  assert.deepEqual(problems, []);
  assert.ok(plan);
  return plan;
};
const fillOf = (plan: Plan): ExecChange => {
  const fill = plan.changes.find((one): one is ExecChange => one.kind === "exec");
  assert.ok(fill, plan.refusal?.message);
  return fill;
};
/** The words that the script is given, behind the tree's path. */
const wordsOf = (plan: Plan): string[] => {
  const { argv } = fillOf(plan).exec;
  return argv.slice(argv.indexOf("@files@/fill.sh") + 3);
};
const fileOf = (plan: Plan, name: string): string => {
  const file = fillOf(plan).exec.files?.find((one) => one.name === name);
  return Buffer.from(file?.content.bytes ?? []).toString("utf8");
};

const bad: readonly (readonly [source: string, params: unknown, problem: RegExp])[] = [
  ["mmdebstrap", {}, /parameter suite is missing/],
  ["mmdebstrap", "-x", /"-x" is no name of a release/],
  ["mmdebstrap", { suite: "sid", variant: "tiny" }, /variant must be one of extract/],
  ["mmdebstrap", { suite: "sid", include: ["--x"] }, /include: "--x" begins with a dash/],
  ["mmdebstrap", { suite: "sid", mirror: ["a\nb"] }, /mirror: .* holds a control character/],
  ["mmdebstrap", { suite: "sid", architectures: ["a b"] }, /"a b" is no single name/],
  ["mmdebstrap", { suite: "sid", keyring: "key.gpg" }, /keyring: "key.gpg" is no absolute path/],
  ["mmdebstrap", { suite: "sid", options: ["x"] }, /options: "x" is no option/],
  ["mmdebstrap", { suite: "sid", timeout: 0 }, /timeout is from 1 to 86400 seconds/],
  ["mmdebstrap", { sute: "sid" }, /no parameter "sute".*suite/],
  ["debootstrap", { suite: "sid", script: "/x" }, /script needs mirror/],
  ["debootstrap", { suite: "sid", include: ["a,b"] }, /"a,b" is no single name/],
  ["dnf", { packages: [] }, /packages is empty/],
  ["dnf", { packages: "a", repos: [{ baseurl: "x" }] }, /each map needs an id/],
  ["dnf", { packages: "a", repos: [{ id: "x" }] }, /x has none of baseurl, metalink, mirrorlist/],
  ["dnf", { packages: "a", repos: [{ id: "x", baseurl: "y", gpgchek: 1 }] }, /"gpgchek", which is no key/],
  ["dnf", { packages: "a", repos: [{ id: "x", baseurl: "y\n[z]" }] }, /baseurl of x is no line of text/],
  ["dnf", { packages: "a", repos: [{ id: "x", baseurl: "y" }] }, /x has no gpgkey; gpgcheck: false/],
  ["dnf", { packages: "a", repos: ["../x"] }, /"..\/x" is no name of a repository/],
  ["dnf", { packages: "a", repos: [{ id: "../x", baseurl: "y" }] }, /each map needs an id/],
  ["dnf", { packages: "a", releasever: "4 1" }, /"4 1" is no release/],
  ["zypper", { packages: "a" }, /parameter repos is missing/],
  [
    "zypper",
    { packages: "a", repos: [{ ...repo, gpgkey: "https://x/key" }] },
    /"https:\/\/x\/key" is no file of the host/,
  ],
  ["pacstrap", { repos: [{ name: "x" }] }, /x needs a server/],
  ["pacstrap", { repos: [{ name: "options", server: "file:///x" }] }, /"options" is no name/],
  ["pacstrap", { repos: [{ name: "x", server: "file:///x", Server: "y" }] }, /"Server" is no key of a repository/],
  ["pacstrap", { packages: ["-U"] }, /"-U" begins with a dash/],
  ["pacstrap", { sig_level: "Never\n[x]" }, /is no word of pacman\.conf/],
  ["nix", {}, /one of file, expression and store_paths/],
  ["nix", { file: "/x", expression: "y" }, /one of file, expression and store_paths/],
  ["nix", { store_paths: ["/etc"] }, /store_paths are \/nix\/store\/HASH-NAME/],
  ["nix", { expression: "x", copy: ["../x"] }, /copy takes names at the top/],
  ["nix", { expression: "x", arguments: { "a b": "c" } }, /"a b" is no argument/],
  ["ostree", { ref: "x" }, /one of repo and url/],
  ["ostree", { ref: "-x", repo: "/x" }, /"-x" is no branch and no commit/],
  ["ostree", { ref: "a/../../x", repo: "/x" }, /is no branch and no commit/],
];

testFixtures(tree, [
  ...Object.entries(minimal).map(([source, params]) => ({
    name: `${source}: fills a tree under another name, which gets its own when it is whole`,
    tree: installed,
    params: { [source]: params },
    expect: { kinds: ["lock", "makeDirectory", "exec", "writeFile", "rename"], result: { source } },
  })),
  ...Object.entries(minimal).map(([source, params]) => ({
    name: `${source}: a host without the program is told what to install, and nothing is made`,
    tree: {
      ...installed,
      ...Object.fromEntries(programs.map((name) => [`/usr/bin/${name}`, { type: "directory" }])),
    } as Tree,
    params: { [source]: params },
    expect: {
      refusal:
        /^the host has no [a-z-]+ Install it on the host \(.*(?:apt install|has it).*\), or make the tree from another source\.$/,
    },
  })),
  ...bad.map(([source, params, problem]) => ({
    name: `${source} refuses ${JSON.stringify(params)}`,
    params: { [source]: params },
    expect: { problem },
  })),
]);

describe("sources by package managers", () => {
  it("give users' words as arguments, never as text of the script", () => {
    const word = "$(reboot)`'\";x";
    const scripts = ["plain", word].map((one) => {
      const plan = plans({ dnf: { packages: [one], repos: [repo] } });
      assert.ok(wordsOf(plan).includes(one));
      return fileOf(plan, "fill.sh");
    });
    assert.equal(scripts[0], scripts[1]);
  });

  it("end with what they started and mounted, after an hour at most", () => {
    for (const [source, params] of Object.entries(minimal)) {
      const { exec } = fillOf(plans({ [source]: params }));
      assert.deepEqual(exec.argv.slice(0, 5), ["unshare", "--mount", "--pid", "--fork", "--kill-child"], source);
      assert.equal(exec.timeoutMs, 3_600_000);
    }
  });

  it("keep passwords out of the record and of command lines, in files that root alone reads", () => {
    const sources: readonly Readonly<Record<string, unknown>>[] = [
      { mmdebstrap: { suite: "sid", mirror: ["https://me:hidden@x.example.org/debian"] } },
      { debootstrap: { suite: "sid", mirror: "https://me:hidden@x.example.org/debian" } },
      { dnf: { packages: "a", repos: [{ ...repo, username: "me", password: "hidden" }] } },
      { zypper: { packages: "a", repos: [{ ...repo, baseurl: "https://me:hidden@x.example.org/y" }] } },
      { pacstrap: { repos: [{ name: "core", server: "https://me:hidden@x.example.org/y" }] } },
      { ostree: { url: "https://me:hidden@x.example.org/y", ref: "z" } },
    ];
    for (const params of sources) {
      const plan = plans(params);
      const record = plan.changes.find((one) => one.kind === "writeFile");
      assert.ok(record?.kind === "writeFile");
      const text = Buffer.from(record.content.bytes ?? []).toString("utf8");
      assert.match(text, /example\.org/);
      assert.doesNotMatch(text, /hidden/);
      const { exec } = fillOf(plan);
      assert.doesNotMatch(JSON.stringify([exec.argv, exec.environment]), /hidden/);
      const files = (exec.files ?? []).filter(({ content }) =>
        Buffer.from(content.bytes ?? [])
          .toString("utf8")
          .includes("hidden"),
      );
      assert.ok(files.length > 0, JSON.stringify(params));
      for (const { name, mode } of files) assert.equal(mode, 0o600, name);
    }
  });

  it("mmdebstrap takes the host's own sources of the same release, and those alone", () => {
    const host = {
      "/etc/os-release": "ID=debian\nVERSION_CODENAME=bookworm\n",
      "/etc/apt/sources.list": "# deb http://old.example.org bookworm main\n",
      "/etc/apt/sources.list.d/debian.sources":
        "Types: deb\nURIs: http://mirror.example.org\nSuites: bookworm bookworm-updates\n",
      "/etc/apt/sources.list.d/other.sources": "Types: deb\nURIs: http://other.example.org\nSuites: bookworm\n",
    };
    const mirrors = (suite: string): string[] => {
      const words = wordsOf(plans({ mmdebstrap: suite }, host));
      return words.slice(words.indexOf("--") + 3);
    };
    assert.deepEqual(mirrors("bookworm"), ["/etc/apt/sources.list.d/debian.sources"]);
    assert.deepEqual(mirrors("trixie"), []);
  });

  it("dnf uses the described repositories and the named ones of the host, no others", () => {
    const words = wordsOf(plans({ dnf: { packages: "a", repos: [repo, "updates"] } }));
    assert.deepEqual(
      words.filter((word) => /^--(?:repo|setopt=reposdir)/.test(word)),
      ["--setopt=reposdir=@files@,/etc/yum.repos.d", "--repo=main", "--repo=updates"],
    );
    assert.ok(wordsOf(plans({ dnf: { packages: "a", repos: [repo] } })).includes("--setopt=reposdir=@files@"));
  });

  it("repositories are checked unless they say otherwise", () => {
    const text = (more: object): string =>
      fileOf(plans({ dnf: { packages: "a", repos: [{ ...repo, ...more }] } }), "main.repo");
    assert.match(text({}), /^gpgcheck=1$/m);
    assert.match(text({ gpgcheck: false }), /^gpgcheck=0$/m);
    assert.match(
      fileOf(plans({ pacstrap: { repos: [{ name: "core", server: "file:///x" }] } }), "pacman.conf"),
      /^SigLevel = Required DatabaseOptional$/m,
    );
    assert.ok(wordsOf(plans({ debootstrap: "sid" })).includes("--force-check-gpg"));
  });

  it("a path of the host will do as a repository's key or address; a password is for root alone", () => {
    const plan = plans({
      dnf: { packages: "a", repos: [{ id: "x", baseurl: "/srv/x", gpgkey: ["/a.asc", "https://h/b"], password: "p" }] },
    });
    assert.match(fileOf(plan, "x.repo"), /^baseurl=file:\/\/\/srv\/x\ngpgkey=file:\/\/\/a\.asc https:\/\/h\/b$/m);
    const modes = fillOf(plan).exec.files?.map(({ name, mode }) => [name, mode]);
    assert.deepEqual(
      modes?.filter(([name]) => name === "x.repo" || name === "dnf.conf"),
      [
        ["x.repo", 0o600],
        ["dnf.conf", 0o644],
      ],
    );
  });

  it("an architecture that the host cannot run is refused, unless QEMU is there for it", () => {
    const params = { mmdebstrap: { suite: "sid", architectures: ["riscv64"] } };
    assert.match(plans(params).refusal?.message ?? "", /the host \(x86_64\) cannot run programs of riscv64/);
    assert.equal(plans(params, { "/proc/sys/fs/binfmt_misc/qemu-riscv64": "enabled" }).refusal, undefined);
    assert.equal(plans({ mmdebstrap: { suite: "sid", architectures: ["i386"] } }).refusal, undefined);
    assert.equal(
      plans({ mmdebstrap: { suite: "sid", architectures: ["riscv64"], variant: "extract" } }).refusal,
      undefined,
    );
  });

  it("a failure is told by the lines that say why, with what to do", () => {
    const said = (source: string, stderr: string, stdout = ""): readonly [string | undefined, string | undefined] => {
      const plan = plans({ [source]: minimal[source] });
      const at = plan.changes.findIndex((one) => one.kind === "exec");
      const failed: Outcome = {
        exit: { kind: "exited", value: 1, wallMs: 1, cpuMs: 1 },
        stdout: Buffer.from(stdout),
        stderr: Buffer.from(stderr),
      };
      const { refusal } = plan.conclude?.([...plan.changes.slice(0, at).map(() => ({})), failed]) ?? {};
      return [refusal?.message, refusal?.remedy];
    };
    assert.deepEqual(
      said(
        "mmdebstrap",
        "I: running\nE: Unable to locate package x\nI: main() received signal\nE: mmdebstrap failed to run\n",
      ),
      [
        "mmdebstrap ended with 1: E: Unable to locate package x",
        "Check the names of the packages and whether the components have them.",
      ],
    );
    assert.deepEqual(
      said(
        "zypper",
        "",
        "Loading repository data...\nProblem: nothing provides y needed by x\n Solution 1: do not install x\n",
      ),
      [
        "zypper ended with 1: Problem: nothing provides y needed by x\n Solution 1: do not install x",
        "Add the repository that has what is missing.",
      ],
    );
    assert.deepEqual(said("dnf", "tar: No space left on device\n"), [
      "dnf ended with 1: tar: No space left on device",
      "The file system that the tree lies on is full.",
    ]);
    assert.deepEqual(said("ostree", ""), ["ostree ended with 1", undefined]);
  });

  it("the unfinished tree is what the program is told", () => {
    for (const [source, params] of Object.entries(minimal)) {
      const { argv } = fillOf(plans({ [source]: params })).exec;
      assert.equal(argv[argv.indexOf("@files@/fill.sh") + 2], making, source);
    }
  });
});
