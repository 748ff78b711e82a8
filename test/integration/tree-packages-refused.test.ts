// Trees by the distributions' own tools that cannot be made, and runs that are killed meanwhile.

import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { runKilled, seeded } from "../lab/killed.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { crun, crunPath, runTasks, type Task } from "./crun-tasks.js";
import { PackageWorkshop } from "./package-workshop.js";

describe("trees by the distributions' own tools that cannot be made", function () {
  this.timeout(240_000);
  const scope = testScope();
  const shop = new PackageWorkshop(scope);
  const { tree, has, assertNothingLeft, mm, de, repos, pacman, nixBox } = shop;

  it("what is wrong is told in the tool's own words, with what to do, and leaves nothing", async () => {
    const temporary = (): string[] => readdirSync("/tmp").filter((name) => name.startsWith("mmdebstrap."));
    const earlier = temporary();
    const wrongKey = { keyring: shop.other.binary };
    const small = scope.tempDir("small");
    await must(["mount", "-t", "tmpfs", "-o", "size=4m", "small", small]);
    scope.defer(async () => void (await must(["umount", small])));
    const outward = `let box = builtins.path { path = ${nixBox()}; name = "box"; }; in derivation {
      name = "tree"; system = builtins.currentSystem; builder = "\${box}/busybox"; args = [ "ln" "-s" "/etc" (builtins.placeholder "out") ];
    }`;
    const refused = "http://127.0.0.1:9/archive";
    const foreign = process.arch === "x64" ? "s390x" : "amd64";
    const cases: readonly (readonly [source: object, message: RegExp, remedy?: RegExp])[] = [
      [
        mm({ include: ["nosuch"], variant: "extract" }),
        /^mmdebstrap ended with \d+: E: Unable to locate package nosuch/,
        /names of the packages/,
      ],
      [mm({ suite: "nosuch" }), /mmdebstrap ended with .*nosuch/s, /name of the suite/],
      [mm(wrongKey), /NO_PUBKEY/, /keyring/],
      [
        mm({ mirror: refused, variant: "extract", aptopt: ['Acquire::Retries "0"'] }),
        /Could not connect to 127\.0\.0\.1:9/,
        /cannot reach the mirror/,
      ],
      [mm({ include: ["broken"], variant: "essential" }), /the disk of broken is upside down|broken/],
      [mm({ architectures: [foreign] }), new RegExp(`cannot run programs of ${foreign}`), /user emulation/],
      [mm({ keyring: "/nosuch.gpg" }), /keyring: \/nosuch\.gpg is not there/],
      [mm({ mirror: shop.silent, timeout: 2 }), /^mmdebstrap took longer than its time limit/, /timeout/],
      [de({ include: ["nosuch"] }), /debootstrap ended with 1: .*nosuch/s, /names of the packages/],
      [de({ suite: "nosuch" }), /No such script/, /name of the suite/],
      [de(wrongKey), /Release signed by unknown key|Invalid Release signature|unknown key/, /keyring/],
      [de({ mirror: refused }), /Failed getting release file/, /suite|mirror/],
      [de({ include: ["broken"], variant: "minbase" }), /the disk of broken is upside down/],
      [de({ architecture: foreign }), new RegExp(`cannot run programs of ${foreign}`)],
      [
        { dnf: { packages: ["nosuch"], repos: repos() } },
        /^dnf ended with 1: Error: Unable to find a match: nosuch/,
        /names of the packages/,
      ],
      [
        { dnf: { packages: ["demo-unmet"], repos: repos() } },
        /nothing provides nowhere-to-be-found/,
        /repository that has/,
      ],
      [
        { dnf: { packages: ["demo"], repos: repos({ gpgkey: `file://${shop.other.armored}` }) } },
        /signature verification error|GPG/,
        /gpgkey/,
      ],
      [
        { dnf: { packages: ["demo"], repos: repos({ gpgkey: `file://${shop.other.armored}`, repo_gpgcheck: false }) } },
        /GPG/,
        /gpgkey/,
      ],
      [
        { dnf: { packages: ["demo"], repos: repos({ baseurl: refused, retries: 1 }) } },
        /Failed to download metadata for repo 'demo'/,
      ],
      [{ dnf: { packages: ["demo"], repos: ["nosuch"] } }, /nosuch/],
      [
        { dnf: { packages: ["demo"], repos: repos({ baseurl: shop.silent }), timeout: 2 } },
        /^dnf took longer than its time limit/,
      ],
      [
        { zypper: { packages: ["nosuch"], repos: repos() } },
        /^zypper ended with 104: .*No provider of 'nosuch' found/s,
        /names of the packages/,
      ],
      [
        { zypper: { packages: ["demo-unmet"], repos: repos() } },
        /nothing provides (?:'?)nowhere-to-be-found/,
        /repository that has/,
      ],
      [
        { zypper: { packages: ["demo"], repos: repos({ gpgkey: `file://${shop.other.armored}` }) } },
        /[Ss]ignature|key/,
        /gpgkey/,
      ],
      [
        { zypper: { packages: ["demo"], repos: repos({ gpgkey: "file:///nosuch" }) } },
        /gpgkey \/nosuch cannot be read/,
      ],
      [
        { zypper: { packages: ["demo"], repos: repos({ baseurl: refused }) } },
        /127\.0\.0\.1/,
        /cannot reach the mirror/,
      ],
      [{ zypper: { packages: ["demo"], repos: ["nosuch"] } }, /nosuch\.repo/],
      [
        { pacstrap: pacman({ packages: ["nosuch"] }) },
        /^pacstrap ended with 1: error: target not found: nosuch/,
        /names of the packages/,
      ],
      [{ pacstrap: pacman(wrongKey) }, /key "[0-9A-F]+" is unknown/, /keyring/],
      [
        { pacstrap: pacman({ repos: [{ name: "demo", server: refused }] }) },
        /failed retrieving file 'demo\.db'/,
        /cannot reach/,
      ],
      [{ pacstrap: { packages: ["demo"], config: "/nosuch.conf" } }, /the host has no \/nosuch\.conf/],
      [{ nix: { expression: "throw ''upside down''", substituters: [] } }, /^nix ended with 1: error: upside down/],
      [
        {
          nix: {
            expression: 'derivation { name = "x"; system = builtins.currentSystem; builder = "/nosuch"; }',
            substituters: [],
          },
        },
        /nix ended with/,
      ],
      [{ nix: { expression: outward, substituters: [] } }, /-tree is no directory that could be a tree/],
      [{ nix: { file: "/nosuch.nix" } }, /the host has no \/nosuch\.nix/],
      [{ nix: { store_paths: [`/nix/store/${"a".repeat(32)}-x`], store: "/nosuch" } }, /no Nix store beneath \/nosuch/],
      [
        { ostree: { repo: shop.ostree, ref: "nosuch" } },
        /^ostree ended with 1: error: Refspec 'nosuch' not found/,
        /ref/,
      ],
      [{ ostree: { repo: "/nosuch", ref: "x" } }, /\/nosuch is no OSTree repository/],
      [
        { ostree: { repo: shop.ostree, ref: "demo/stable", subpath: "/nosuch" } },
        /No such file or directory: \/nosuch/,
      ],
      [{ ostree: { repo: shop.ostree, ref: "demo/stable", ...wrongKey } }, /public key not found/, /keyring/],
      [{ ostree: { url: refused, ref: "demo/stable" } }, /127\.0\.0\.1/, /cannot reach/],
      [
        { name: join(small, "full"), ...mm({ variant: "essential", include: ["big"] }) },
        /No space left on device|enough (?:free )?space/,
        /full/,
      ],
      [
        { name: join(small, "full"), dnf: { packages: ["demo-big"], repos: repos() } },
        /more space|No space left|Failed writing received data to disk/,
        /full/,
      ],
    ];

    const told = await runTasks(
      scope,
      "local",
      cases.map(([source]) => tree("bad", source as Task)),
    );
    const wrong = cases.flatMap(([source, message, remedy], index) => {
      const one = told[index];
      const isRight =
        one?.status === "failed" && message.test(one.message) && (remedy === undefined || remedy.test(one.remedy));
      return isRight ? [] : [{ source, ...one, result: undefined }];
    });
    assert.deepEqual(wrong, []);
    assert.deepEqual(readdirSync(shop.trees), [".crun"]);
    // Another test's mmdebstrap takes its own away again.
    const left = (): string[] => temporary().filter((name) => !earlier.includes(name));
    for (let tries = 0; tries < 30 && left().length > 0; tries++) await wait(1000);
    assert.deepEqual(left(), [], "what was stopped leaves nothing in /tmp");
    await assertNothingLeft();
    assert.deepEqual(readdirSync(join(small, ".crun/making")), []);
  });

  it("a run that is killed while it waits leaves no process and no mount, and the next one makes the tree", async () => {
    const playbook = join(scope.tempDir("play"), "site.yml");
    const play = (mirror: string): void => {
      const tasks = [tree("waits", de({ mirror, variant: "minbase" }))];
      writeFileSync(playbook, JSON.stringify([{ hosts: "local", gather_facts: false, tasks }]));
    };
    play(shop.silent);
    const argv = [process.execPath, crunPath, "play", playbook];
    const making = (): number => readdirSync(join(shop.trees, ".crun/making")).length;
    // On a busy machine it comes to its work later.
    for (let afterMs = 2000; making() === 0 && afterMs <= 18_000; afterMs *= 3) {
      const left = await runKilled(argv, "controller", afterMs);
      assert.deepEqual([left.end, left.processes, left.mounts], ["SIGKILL", [], []]);
      assert.equal(has("waits", ""), false);
    }
    assert.equal(making(), 1, "it was killed while it was at work");
    play(`${shop.web}/deb`);
    await must(argv);
    assert.ok(has("waits", "/etc/os-release"));
    await assertNothingLeft();
  });

  it("a run that is killed at any moment does the same", async () => {
    const random = seeded(Number(process.env["CRUN_KILL_SEED"] ?? 20_262));
    const moments = Number(process.env["CRUN_KILL_MOMENTS"] ?? 1);
    const sources: readonly Task[] = [mm({ variant: "essential" }), { dnf: { packages: ["demo"], repos: repos() } }];
    for (const [index, source] of sources.entries()) {
      const name = `killed${index}`;
      const playbook = join(scope.tempDir("play"), "site.yml");
      const tasks = [tree(name, source)];
      writeFileSync(playbook, JSON.stringify([{ hosts: "local", gather_facts: false, tasks }]));
      const argv = [process.execPath, crunPath, "play", playbook];
      const whole = await runKilled(argv, "nobody", 0);
      assert.equal(whole.end, "0", whole.output);
      for (let moment = 0; moment < moments; moment++) {
        await must(["rm", "-rf", join(shop.trees, name), join(shop.trees, `.crun/${name}.json`)]);
        const victim = (moment + index) % 2 === 0 ? "controller" : "helper";
        const afterMs = ((moment + random()) / moments) * whole.ranMs;
        const left = await runKilled(argv, victim, afterMs);
        const what = `${victim} killed after ${afterMs} of ${whole.ranMs} ms`;
        assert.deepEqual([left.processes, left.mounts], [[], []], what);
        if (has(name, "")) assert.ok(has(name, "/etc/os-release"), what);
        await must(argv);
        assert.ok(has(name, "/etc/os-release"), what);
        await assertNothingLeft();
      }
    }
  });

  it("what cannot be right is refused before anything is looked at", async () => {
    const playbook = join(scope.tempDir("play"), "site.yml");
    writeFileSync(playbook, JSON.stringify([{ hosts: "local", tasks: [tree("never", { ostree: { ref: "x" } })] }]));
    const { status, stderr } = await crun(["play", playbook]);
    assert.equal(status, 1);
    assert.match(stderr, /one of repo and url says where the commit is/);
  });
});
