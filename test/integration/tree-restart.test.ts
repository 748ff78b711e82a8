// Overlays on a host with systemd that is started again: units mount them, and hold their base, before anything else runs.

import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { bootableTree, overlayTree } from "../lab/trees.js";
import { crunPath } from "./crun-tasks.js";

/** What the machine does at each start: the first makes an overlay, the second looks and removes it. */
const script = `
cd /srv/crun
export HOME=/root
play() { ./node dist/crun.js play -i hosts "$1.yml" | grep '^local'; }
shown() { mount | sed -n 's/ (\\(r.\\),.*/ \\1/; s/^.* on \\(\\/srv\\/trees\\/.*\\)/\\1/p' | sort; ls /etc/systemd/system | grep '^srv-trees'; }
exec >>told 2>&1
if [ -e second ]; then
  shown
  cat /srv/trees/web1/etc/base
  play make
  play gone
  shown
else
  : >second
  play make
fi
systemctl --failed --plain --no-legend
systemctl poweroff
`;

const unit = `[Unit]
After=local-fs.target

[Service]
Type=oneshot
ExecStart=/bin/sh /srv/crun/script.sh

[Install]
WantedBy=multi-user.target
`;

describe("overlays after a restart of the host", function () {
  this.timeout(180_000);
  const scope = testScope();

  before(function () {
    requireOrSkip(this, { root: true, tools: ["systemd-nspawn"], paths: [crunPath] });
  });

  it("are mounted by units of systemd, which go with them", async () => {
    const root = await overlayTree(scope, await bootableTree());
    const work = scope.tempDir("restart");
    const [trees, crun] = [join(work, "trees"), join(work, "crun")];
    mkdirSync(join(trees, "base/etc"), { recursive: true });
    writeFileSync(join(trees, "base/etc/base"), "base\n");
    cpSync(dirname(crunPath), join(crun, "dist"), { recursive: true });
    cpSync(process.execPath, join(crun, "node"));
    writeFileSync(join(crun, "hosts"), "local crun_trees=/srv/trees\n");
    const play = (task: object): string => JSON.stringify([{ hosts: "local", tasks: [{ tree: task }] }]);
    writeFileSync(join(crun, "make.yml"), play({ name: "web1", clone: "base", backend: "overlay" }));
    writeFileSync(join(crun, "gone.yml"), play({ name: "web1", state: "absent" }));
    writeFileSync(join(crun, "script.sh"), script);
    writeFileSync(join(root, "etc/systemd/system/trial.service"), unit);
    await must(["systemctl", `--root=${root}`, "--quiet", "enable", "trial.service"]);
    const binds = [`--bind=${trees}:/srv/trees`, `--bind=${crun}:/srv/crun`];
    const machine = ["systemd-nspawn", "--register=no", "--keep-unit", "--boot", "-D", root, ...binds];
    for (let start = 0; start < 2; start++) await must(machine, { timeoutMs: 80_000 });
    const done = (changed: number): string =>
      `local : ok=1    changed=${changed}    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0`;
    assert.deepEqual(readFileSync(join(crun, "told"), "utf8").trimEnd().split("\n"), [
      done(1),
      "/srv/trees/base type ext4 ro",
      "/srv/trees/web1 type overlay rw",
      "srv-trees-base.mount",
      "srv-trees-web1.mount",
      "base",
      done(0),
      done(1),
    ]);
  });
});
