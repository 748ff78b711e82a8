// `crun doctor` asks from inside of each entry, needs nothing in the tree, and tells what is less than promised.

import assert from "node:assert/strict";
import { chownSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { judgeEntry } from "../../src/facts/entry-report.js";
import { entryQuestions, hostQuestions } from "../../src/facts/entry-questions.js";
import { parseReport, reportArguments, textOf, type Report } from "../../src/facts/report.js";
import { requireOrSkip } from "../lab/needs.js";
import { repositoryRoot, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { clientHome, sshHost } from "../lab/sshd.js";
import { hostileScene, PLAIN_USER, runMachine, tools } from "../threats/hostile-entries.js";
import { crunPath } from "./crun-tasks.js";

interface Finding {
  readonly level: "ok" | "note" | "problem";
  readonly about: string;
  readonly text: string;
  readonly remedy?: string;
}

interface Diagnosis {
  readonly event: "doctor";
  readonly target: string;
  readonly unreachable?: string;
  readonly host: readonly Finding[];
  readonly entries: readonly {
    readonly entry: string;
    readonly isDefault: boolean;
    readonly isPossible: boolean;
    readonly findings: readonly Finding[];
  }[];
}

describe("crun doctor", function () {
  this.timeout(60_000);
  const scope = testScope();
  let tree = "";

  before(function () {
    requireOrSkip(this, { root: true, tools });
    tree = join(scope.tempDir("doctor"), "bare");
    // Not even a passwd.
    for (const name of ["proc", "sys", "dev", "run"]) mkdirSync(join(tree, name), { recursive: true });
  });

  async function doctor(
    ...words: readonly string[]
  ): Promise<{ readonly status: number | null; readonly found: readonly Diagnosis[]; readonly text: string }> {
    const done = await run([process.execPath, crunPath, "doctor", ...words], {
      timeoutMs: 50_000,
      cwd: scope.tempDir("cwd"),
    });
    const found = words.includes("json")
      ? done.stdout
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as Diagnosis)
      : [];
    return { status: done.status, found, text: done.stdout + done.stderr };
  }

  it("finds all as promised in a tree that holds nothing, root's rights and the user's, masks, devices, calls", async () => {
    const { status, found, text } = await doctor(`local:${tree}`, "--output", "json");
    const [one] = found;
    assert.equal(status, 0, text);
    const unshare = one?.entries.find(({ entry }) => entry === "unshare");
    assert.equal(unshare?.isDefault, true);
    assert.deepEqual(
      unshare?.findings.filter(({ level }) => level === "ok").map(({ about }) => about),
      [
        "namespaces",
        "capabilities of root",
        "system calls",
        "users (become_user, -u)",
        "masks of /proc and /sys",
        "devices",
        "processes",
      ],
    );
    const chroot = one?.entries.find(({ entry }) => entry === "chroot");
    assert.ok(
      chroot?.findings.some(({ level, text: said }) => level === "note" && /a chroot holds no root/.test(said)),
    );
    assert.ok(one?.host.some(({ about }) => about === "cgroups"));
  });

  it("tells for people what to do, and of a tree without /proc that programs run there and what they have is not known", async () => {
    const bare = join(scope.tempDir("bare"), "tree");
    mkdirSync(join(bare, "bin"), { recursive: true });
    const helper = join(repositoryRoot(), `dist/native/crun-helper-${process.arch === "arm64" ? "aarch64" : "x86_64"}`);
    copyFileSync(helper, join(bare, "bin/helper"));
    // Static, so that it runs in a tree that holds nothing else.
    const ran = await run([
      process.execPath,
      crunPath,
      "exec",
      `local:${bare}`,
      "--",
      "/bin/helper",
      "--report",
      "d/bin",
    ]);
    assert.match(ran.stdout, / helper\n/, ran.stderr);
    const { status, text } = await doctor(`local:${bare}`);
    assert.match(text, /unshare \(what this target gets\)\n/);
    assert.match(
      text,
      /BAD {3}entry: programs run there, but what is in force cannot be read: .*\n.*Make the directory \/proc in the tree/,
    );
    assert.match(text, /^ {2}chroot\n/m);
    assert.equal(status, 2, text);
  });

  it("tells of machined by whether systemd runs and it is installed, not by directories that lie about", async () => {
    const told = async (prepare: string): Promise<Finding | undefined> => {
      const script = `set -e; mount -t tmpfs none /run; mkdir -p /run/systemd/machines; ${prepare}; exec "$@"`;
      const done = await run(
        [
          "unshare",
          "--mount",
          "sh",
          "-c",
          script,
          "sh",
          process.execPath,
          crunPath,
          "doctor",
          `local:${tree}`,
          "--output",
          "json",
        ],
        { timeoutMs: 50_000, cwd: "/" },
      );
      assert.equal(done.status, 0, done.stdout + done.stderr);
      return (JSON.parse(done.stdout) as Diagnosis).host.find(({ about }) => about === "machined");
    };
    assert.match((await told(":"))?.text ?? "", /^not there: .*under systemd alone/);
    const booted = "mkdir /run/systemd/system";
    const installed = await told(
      `${booted}; mount -t tmpfs none /usr/lib/systemd; touch /usr/lib/systemd/systemd-machined`,
    );
    assert.deepEqual(installed, { level: "ok", about: "machined", text: "there: it starts when it is asked for" });
    const absent = await told(`${booted}; mount -t tmpfs none /usr/lib/systemd`);
    assert.match(absent?.text ?? "", /^not there/);
    assert.equal(absent?.remedy, "Install systemd-container.");
  });

  it("takes what an inventory allows for what it is, and an entry that does not come about for a problem", async () => {
    const directory = scope.tempDir("inventory");
    writeFileSync(join(directory, "hosts"), `local:${tree} crun_allow=CAP_SYS_ADMIN,keyrings\n`);
    const { status, found, text } = await doctor("-i", join(directory, "hosts"), "all", "--output", "json");
    const notes =
      found[0]?.entries[0]?.findings.filter(({ level }) => level === "note").map(({ text: said }) => said) ?? [];
    assert.ok(notes.includes("crun_allow gives SYS_ADMIN"), text);
    assert.ok(notes.includes("crun_allow lets keyrings through"), text);
    assert.equal(status, 0);
    const machine = await doctor("-e", "crun_entry=machine", `local:${tree}`, "--output", "json");
    assert.equal(machine.status, 4, "a machine that does not run is unreachable");
    rmSync(directory, { recursive: true });
  });

  it("looks at several hosts, over SSH as here, and says which were not reached", async () => {
    const host = await sshHost(scope, {});
    const home = clientHome(scope, [host]);
    const done = await run(
      [process.execPath, crunPath, "doctor", `${host.hostname}:${tree}`, "nowhere.invalid:x", "--output", "json"],
      { timeoutMs: 50_000, env: { ...process.env, HOME: home } },
    );
    const found = done.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Diagnosis);
    assert.equal(found[0]?.entries[0]?.findings[0]?.level, "ok", done.stdout + done.stderr);
    assert.match(found[1]?.unreachable ?? "", /nowhere\.invalid/);
    assert.equal(done.status, 4);
  });

  it("asks in a running machine, which has what its leader has and no more", async () => {
    const { tree: machine } = hostileScene(scope);
    await runMachine(scope, machine, ["wait"]);
    const { status, found, text } = await doctor(`local:${machine}`, "--output", "json");
    const joined = found[0]?.entries.find(({ entry }) => entry === "machine");
    assert.equal(joined?.isDefault, true, text);
    assert.deepEqual(
      joined?.findings.filter(({ level }) => level === "problem"),
      [],
    );
    assert.ok(
      joined?.findings.some(({ text: said }) => said.startsWith("those of the machine's leader")),
      text,
    );
    assert.equal(status, 0, text);
  });

  it("asks without root, and says who can be had and who not", async () => {
    const { tree: own } = hostileScene(scope, PLAIN_USER);
    const id = String(PLAIN_USER);
    const become = ["setpriv", "--reuid", id, "--regid", id, "--clear-groups", "--inh-caps=-all"];
    const home = scope.tempDir("home");
    chownSync(home, PLAIN_USER, PLAIN_USER);
    const argv = [...become, process.execPath, crunPath, "doctor", `local:${own}`, "--output", "json"];
    const done = await run(argv, { timeoutMs: 50_000, cwd: "/", env: { ...process.env, HOME: home } });
    const one = JSON.parse(done.stdout) as Diagnosis;
    const unshare = one.entries.find(({ entry }) => entry === "unshare");
    const about = (name: string): Finding | undefined => unshare?.findings.find((finding) => finding.about === name);
    assert.match(about("namespaces")?.text ?? "", /own: mnt, pid, ipc, uts, cgroup, user/);
    assert.match(about("ids")?.text ?? "", new RegExp(`0…0 are ${id}…${id} of the login's`));
    assert.match(about("users (become_user, -u)")?.text ?? "", /out of reach/);
    assert.deepEqual(
      unshare?.findings.filter(({ level }) => level === "problem"),
      [],
      done.stdout,
    );
    assert.match(one.host[0]?.text ?? "", /without root, as user/);
  });

  it("finds each thing that is missing where nothing is: on the host itself", async () => {
    const helper = join(repositoryRoot(), `dist/native/crun-helper-${process.arch === "arm64" ? "aarch64" : "x86_64"}`);
    const architecture = process.arch === "arm64" ? "aarch64" : "x86_64";
    const answers = async (questions: readonly string[]): Promise<Report> => {
      const done = await run([helper, ...reportArguments(questions).slice(1)]);
      const report = parseReport(Buffer.from(done.stdout));
      assert.ok(report, done.stdout);
      return report;
    };
    // Not mount and unshare: outside of an entry they would be done.
    const questions = entryQuestions(architecture).filter((one) => !/^s(165|40|272|97),/.test(one));
    const root = await answers(questions);
    const host = await answers(hostQuestions());
    const reports = { root, user: root, host, architecture, isRootless: false, allow: [] };
    const wrong = judgeEntry({ kind: "unshare", ...reports }).filter(({ level }) => level === "problem");
    assert.deepEqual(
      wrong.map(({ about }) => about),
      [
        "namespaces",
        "capabilities of root",
        "system calls",
        "users (become_user, -u)",
        "masks of /proc and /sys",
        "devices",
        "processes",
      ],
    );
    for (const { remedy } of wrong) assert.ok(remedy);
    // One right less than is promised is enough, each alone.
    const status = textOf(root, "r/proc/self/status") ?? "";
    const dropped = status
      .replace(/^(Uid|Gid):.*$/gm, "$1:\t65534\t65534\t65534\t65534")
      .replace(/^Groups:.*$/m, "Groups:\t65534 ")
      .replace(/^(Cap\w+):.*$/gm, "$1:\t0000000000000000")
      .replace(/^NoNewPrivs:.*$/m, "NoNewPrivs:\t1");
    const drops = (text: string): readonly string[] =>
      judgeEntry({ kind: "unshare", ...reports, user: new Map([["r/proc/self/status", { text }]]) })
        .filter(({ about, level }) => about.startsWith("users") && level === "problem")
        .map(({ text: said }) => said);
    assert.deepEqual(drops(dropped), []);
    assert.deepEqual(drops(dropped.replace("NoNewPrivs:\t1", "NoNewPrivs:\t0")), ["NoNewPrivs is 0"]);
    assert.deepEqual(drops(dropped.replace("Groups:\t65534", "Groups:\t0 65534")), ["Groups is 0 65534"]);
    assert.deepEqual(drops(dropped.replace("CapBnd:\t0000000000000000", "CapBnd:\t0000000000000080")), [
      "CapBnd is 0000000000000080",
    ]);
  });

  it("takes what is no report for none", () => {
    for (const text of ["x", "r/a 5\nabc", "r/a b\n", "\n"])
      assert.equal(parseReport(Buffer.from(text)), undefined, text);
    assert.deepEqual(
      parseReport(Buffer.from("r/a b 3\nx\ny\nl/c -2\n".replace("\nl", "l"))),
      new Map<string, unknown>([
        ["r/a b", { text: "x\ny" }],
        ["l/c", { errno: 2 }],
      ]),
    );
  });
});
