// docs/ROOTLESS.md: each row of its tables on three hosts: with subordinate ids, with a single id, without user namespaces.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { modules as registry } from "../../modules/index.js";
import { backendNames } from "../../src/tree/record.js";
import { sources } from "../../src/tree/sources/index.js";
import { Login, type LoginOptions, type Told } from "../lab/login.js";
import { give, loginTree } from "../lab/login-tree.js";
import { requireOrSkip } from "../lab/needs.js";
import { ociLayout } from "../lab/oci-image.js";
import { labScript, repositoryRoot } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { tarBytes, type Member } from "../lab/tar-bytes.js";
import { crunPath } from "./crun-tasks.js";
import { PackageWorkshop } from "./package-workshop.js";

const page = readFileSync(join(repositoryRoot(), "docs/ROOTLESS.md"), "utf8");

/** Rows by what they are about: what is promised on each of the hosts. */
const rows = new Map(
  [...page.matchAll(/^\| (.*?) \| (yes.*?|no) \| (yes.*?|no) \| (yes.*?|no) \|/gm)].map(
    ([, what = "", ...promised]) => [what.replaceAll("`", ""), promised] as const,
  ),
);

/** Why something is refused: never a kernel's word alone. */
const reason = /not root|without root|takes root|user namespace|subordinate ids|crun_become|only as root/;

const owned = tarBytes([
  { name: "etc/" },
  { name: "etc/shadow", content: "x", mode: 0o640, gid: 42 },
] satisfies readonly Member[]);

describe("docs/ROOTLESS.md", function () {
  this.timeout(300_000);
  const scope = testScope();
  const shop = new PackageWorkshop(scope);
  let refusing: string;
  const missed = new Set(rows.keys());

  before(function () {
    const tools = ["newuidmap", "newgidmap", "gcc", "busybox", "skopeo"];
    requireOrSkip(this, { root: true, tools, paths: [crunPath, "/bin/busybox"] });
    // Its own home is GnuPG's; what a login reads of it is public.
    execFileSync("chmod", ["-R", "a+rX", dirname(shop.key.armored), dirname(shop.key.binary)]);
    refusing = join(scope.tempDir("bin"), "refusing");
    execFileSync("gcc", ["-O1", "-Wall", "-Werror", "-o", refusing, labScript("refusing.c")]);
  });

  const hosts = [
    ["subordinate ids", (): LoginOptions => ({})],
    ["a single id", (): LoginOptions => ({ subordinateIds: "" })],
    ["no namespaces", (): LoginOptions => ({ around: [refusing, "namespaces", "1"] })],
  ] as const;

  /** The tree, with a login of its own. */
  function place(): { readonly login: Login; readonly tree: string } {
    const login = new Login(scope);
    return { login, tree: loginTree(join(login.home, "tree")) };
  }

  function judge(what: string, host: number, told: Told | undefined): void {
    missed.delete(what);
    const promised = rows.get(what)?.[host];
    assert.ok(promised !== undefined && told !== undefined, `${what}: no row, or not played`);
    const seen = `${what}: ${promised} is promised: ${JSON.stringify(told)}`;
    assert.equal(told.status !== "failed", promised.startsWith("yes"), seen);
    assert.equal(
      told.warnings.some((one) => one.includes("all files belong to root")),
      promised.includes("owners are root's"),
      seen,
    );
    if (promised === "no") assert.match(`${told.message} ${told.remedy}`, reason, seen);
  }

  it("has a row for each module, source and backend", () => {
    const named = [
      ...registry.names,
      ...sources.map(({ name }) => name),
      ...backendNames.map((name) => `backend ${name}`),
    ];
    assert.deepEqual(
      named.filter((name) => !rows.has(name)),
      [],
    );
    assert.ok(rows.size > 60, `${rows.size} rows`);
  });

  const files = scope.tempDir("files");
  const write = (name: string, text: string): string => {
    writeFileSync(join(files, name), text, { mode: 0o755 });
    return join(files, name);
  };
  const script = write("s.sh", "#!/bin/sh\ntrue\n");
  const template = write("t.conf", "{{1}}\n");
  const vars = write("v.yml", "a: 1\n");

  const modules: Readonly<Record<string, object>> = {
    add_host: { add_host: { name: "local:/nowhere" } },
    apt: { apt: { update_cache: true } },
    assert: { assert: { that: "true" } },
    blockinfile: { blockinfile: { path: "/etc/block", create: true, block: "x" } },
    cgroup: { cgroup: { memory_max: "1G" } },
    checkpoint: { checkpoint: { name: "x", pid: 4_000_000 } },
    command: { command: "true" },
    "command with become_user": { command: "true", become: true, become_user: "app" },
    copy: { copy: { dest: "/etc/copy", content: "x" } },
    "copy with owner": { copy: { dest: "/etc/copy-owner", content: "x", owner: "app" } },
    debug: { debug: { msg: "x" } },
    fail: { fail: { msg: "x" }, failed_when: false },
    file: { file: { path: "/srv/d", state: "directory" } },
    "file with group": { file: { path: "/srv/g", state: "directory", group: "app" } },
    gather_facts: { gather_facts: {} },
    group: { group: { name: "g" } },
    group_by: { group_by: { key: "x" } },
    include_vars: { include_vars: { file: vars } },
    lineinfile: { lineinfile: { path: "/etc/line", create: true, line: "x" } },
    machine: { machine: { state: "started" } },
    package: { package: { name: [], update_cache: true } },
    pause: { pause: { seconds: 0 } },
    ping: { ping: {} },
    script: { script },
    service: { service: { name: "x", enabled: true } },
    set_fact: { set_fact: { a: 1 } },
    set_stats: { set_stats: { data: { a: 1 } } },
    setup: { setup: {} },
    shell: { shell: "true" },
    stat: { stat: { path: "/etc" } },
    systemd: { systemd: { name: "x", enabled: true } },
    template: { template: { src: template, dest: "/etc/template" } },
    tree: { tree: { name: "/nowhere-at-all/x", state: "absent" } },
    user: { user: { name: "u" } },
    validate_argument_spec: { validate_argument_spec: { argument_spec: {} } },
    wait_for: { wait_for: { path: "/etc", timeout: 1 } },
    wait_for_connection: { wait_for_connection: { timeout: 5 } },
    limits: { command: "true", limits: { pids_max: 50 } },
    "async with poll: 0": { command: "true", async: 20, poll: 0, register: "job" },
    async_status: {
      async_status: { jid: "{{default job.ansible_job_id '0'}}" },
      register: "end",
      until: "end.finished == 1",
      retries: 20,
      delay: 1,
    },
  };

  for (const [host, [name, options]] of hosts.entries()) {
    it(`modules with ${name}`, async () => {
      const { login, tree } = place();
      const list = { ...modules, tree: { tree: { name: join(login.home, "new"), scratch: {} } } };
      const told = await login.tasks(tree, Object.values(list), options());
      for (const [index, what] of Object.keys(list).entries()) {
        if (what === "async_status" && told[index - 1]?.status === "failed") missed.delete(what);
        else judge(what, host, told[index]);
      }
      assert.equal(existsSync(join(tree, "etc/copy-owner")), host === 0);
    });

    it(`commands and ways to play with ${name}`, async () => {
      const { login, tree } = place();
      const at = `local:${tree}`;
      const site = write(
        `site-${host}.yml`,
        JSON.stringify([
          { hosts: "all", gather_facts: false, tasks: [{ copy: { dest: "/etc/n", content: "{{word}}" } }] },
        ]),
      );
      const plan = join(login.home, "plan");
      const play = (word: string, ...more: readonly string[]): string[] => [
        "play",
        "-i",
        `${at},`,
        "-e",
        `word=${word}`,
        ...more,
        site,
      ];
      const commands: readonly (readonly [string, ...(readonly string[])[]])[] = [
        ["--check --diff", play("a", "-C", "-D")],
        ["crun tree snapshot, crun tree verify", ["tree", "snapshot", at], ["tree", "verify", at]],
        ["track", play("b", "--track", "snapshot")],
        ["--rehearse", play("c", "--rehearse")],
        ["transaction", play("d", "--atomic")],
        ["crun exec", ["exec", at, "--", "true"]],
        ["crun exec -u USER", ["exec", "-u", "app", at, "--", "true"]],
        ["crun exec on the host", ["exec", "local", "--", "true"]],
        ["crun facts", ["facts", at]],
        [
          "crun plan, crun apply",
          ["plan", "-i", `${at},`, "-e", "word=e", "-o", plan, site],
          ["apply", "-i", `${at},`, plan],
        ],
        ["crun tree diff", ["tree", "diff", at, at]],
        ["crun tree list", ["tree", "list", "local", "-e", `crun_trees=${login.home}`]],
        ["crun tree export", ["tree", "export", at, join(login.home, "out.tar")]],
        ["crun tree clone", ["tree", "clone", at, join(login.home, "copy")]],
        [
          "crun tree create, crun tree rm",
          ["tree", "create", `local:${login.home}/made`, "scratch"],
          ["tree", "rm", `local:${login.home}/made`],
        ],
        ["crun machine start", ["machine", "start", at]],
      ];
      for (const [what, ...steps] of commands) {
        const all = [];
        for (const args of steps) all.push(await login.crun(args, options()));
        const worst = all.find(({ status }) => status !== 0);
        const message = all.map(({ stdout, stderr }) => stdout + stderr).join("\n");
        judge(what, host, { status: worst ? "failed" : "ok", message, remedy: "", warnings: [] });
      }
      assert.deepEqual(
        existsSync(join(login.home, ".crun/making")) ? readdirSync(join(login.home, ".crun/making")) : [],
        [],
      );
    });

    it(`trees with ${name}`, async () => {
      const { login, tree } = place();
      const archive = join(login.home, "owned.tar");
      writeFileSync(archive, owned);
      ociLayout(join(login.home, "layout"), [{ tag: "x", layers: [{ bytes: owned }] }]);
      give(join(login.home, "layout"));
      const rpm = { packages: ["demo"], repos: shop.repos() };
      const expression = `derivation { name = "tree"; system = builtins.currentSystem; builder = "\${builtins.path { path = ${shop.nixBox()}; name = "box"; }}/busybox"; args = [ "mkdir" "-p" (placeholder "out") ]; }`;
      const wishes: Readonly<Record<string, object>> = {
        scratch: { scratch: {} },
        clone: { clone: tree },
        tarball: { tarball: { path: archive } },
        oci: { oci: `oci:${join(login.home, "layout")}:x` },
        ostree: { ostree: { repo: shop.ostree, ref: "demo/stable" } },
        dnf: { dnf: { ...rpm, releasever: 41 } },
        zypper: { zypper: { ...rpm, recommends: false } },
        mmdebstrap: shop.mm({ variant: "essential" }),
        nix: { nix: { expression, substituters: [] } },
        debootstrap: shop.de({ variant: "minbase" }),
        pacstrap: { pacstrap: shop.pacman() },
        raw: { raw: { path: archive } },
        host: { host: true },
        "backend directory": { scratch: {}, backend: "directory" },
        "backend overlay": { clone: tree, backend: "overlay" },
        "backend zfs": { scratch: {}, backend: "zfs" },
      };
      const names = Object.keys(wishes);
      const tasks = Object.values(wishes).map((wish, index) => ({
        tree: { name: join(login.home, `made-${index}`), ...wish },
      }));
      const told = await login.tasks("local", tasks, options());
      for (const [index, what] of names.entries()) {
        judge(what, host, told[index]);
        assert.equal(existsSync(join(login.home, `made-${index}`)), told[index]?.status === "changed", what);
      }
      assert.deepEqual(
        existsSync(join(login.home, ".crun/making")) ? readdirSync(join(login.home, ".crun/making")) : [],
        [],
      );
      const again = await login.tasks("local", tasks, options());
      for (const [index, what] of names.entries())
        if (told[index]?.status === "changed") assert.equal(again[index]?.status, "ok", `${what}: the second run`);
    });
  }

  it("has no row that nothing was tried of", () => {
    // On a file system of its own: rootless-elsewhere.test.ts.
    missed.delete("backend btrfs");
    assert.deepEqual([...missed], []);
  });
});
