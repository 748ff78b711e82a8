// Carries out the swap of a directory for a link while root changes what is beneath it.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Workplace } from "../integration/cli.js";
import { repositoryRoot } from "../lab/process.js";
import { testScope } from "../lab/scope.js";

describe("threats: swapped parents", function () {
  this.timeout(60_000);
  const scope = testScope();

  it("row 4: recursive owners and modes reach no file of the tree or the host that a swapped directory leads to", async function () {
    if (process.getuid?.() !== 0) return this.skip();
    const base = scope.tempDir("swap");
    const payload = join(base, "payload");
    execFileSync("gcc", ["-O1", "-static", "-o", payload, join(repositoryRoot(), "test/threats/payload.c")]);
    const tree = join(base, "tree");
    for (const name of ["tree", "tree/etc", "tree/srv", "tree/srv/d", "host"]) mkdirSync(join(base, name));
    const victims = ["tree/etc/shadow", "host/shadow"].map((name) => join(base, name));
    // The bait has owner and mode of what it is mistaken for: a file of root's that the user could rename.
    for (const file of [...victims, join(tree, "srv/d/shadow")]) {
      writeFileSync(file, "canary");
      chmodSync(file, 0o640);
    }
    symlinkSync("../etc", join(tree, "srv/inside"));
    symlinkSync(join(base, "host"), join(tree, "srv/outside"));
    const before = victims.map((file) => statSync(file));
    const place = new Workplace(scope, {
      "site.yml": JSON.stringify([
        {
          hosts: `local:${tree}`,
          gather_facts: false,
          tasks: Array.from({ length: 30 }, (_, index) => ({
            file: {
              path: "/srv",
              state: "directory",
              recurse: true,
              follow: false,
              owner: index % 2 === 0 ? "1000" : "0",
              mode: "u=rwX,g=rX,o=",
            },
            ignore_errors: true,
          })),
        },
      ]),
    });
    for (const link of ["inside", "outside"]) {
      for (const file of [join(tree, "srv/d/shadow"), join(tree, "srv/d")]) chownSync(file, 0, 0);
      chmodSync(join(tree, "srv/d/shadow"), 0o640);
      const racer = spawn(payload, ["exchange", join(tree, "srv/d"), join(tree, "srv", link)], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      await new Promise((resolve) => racer.stdout.once("data", resolve));
      try {
        await place.play(["site.yml"], { timeoutMs: 25_000 });
      } finally {
        racer.kill("SIGKILL");
        await new Promise((resolve) => racer.once("close", resolve));
      }
      const kept = (one: (typeof before)[number]): unknown => [one.ino, one.uid, one.gid, one.mode, one.nlink];
      assert.deepEqual(
        victims.map((file) => kept(statSync(file))),
        before.map(kept),
        link,
      );
      // An odd number of exchanges leaves the names crossed.
      if (!statSync(join(tree, "srv", "d")).isDirectory()) continue;
      execFileSync("sh", [
        "-c",
        'cd "$1/srv"; [ -L d ] && { mv -T d x; mv -T "$2" d; mv -T x "$2"; }; true',
        "sh",
        tree,
        link,
      ]);
    }
  });
});
