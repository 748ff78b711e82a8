// Transactions of trees that machines run from, with a stand-in for systemd that starts and stops them: systemd-nspawn itself is real.

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { smallMachine } from "../lab/small-machine.js";
import { Workplace } from "./cli.js";
import { crunPath } from "./crun-tasks.js";
import { eventsIn } from "./tree-fixtures.js";

/** Asks whoever keeps the machine, as the real one asks its manager. */
const systemctl = `#!/bin/sh
case $1 in
  is-active) cat "$KEPT/state" 2>/dev/null || echo inactive ;;
  start | stop) echo "$1" >"$KEPT/ask"; read -r answer <"$KEPT/answer"; [ "$answer" = ok ] ;;
esac
`;

/** Keeps the machine, then does the steps, each with its output and status in a file. */
const script = `set -u
KEPT=$1; export KEPT; shift
mount -t tmpfs none /run
mkdir -p /run/systemd/machines /run/systemd/system
sed "2i KEPT=$KEPT" "$KEPT/systemctl.sh" >"$KEPT/systemctl"; chmod 755 "$KEPT/systemctl"
mount --bind "$KEPT/systemctl" "$(command -v systemctl || echo /usr/bin/systemctl)"
mkfifo "$KEPT/ask" "$KEPT/answer"
keep() {
  while read -r verb <"$KEPT/ask"; do
    echo "$verb" >>"$KEPT/log"
    if [ "$verb" = start ]; then
      systemd-nspawn --quiet --register=no --keep-unit --boot --directory "$KEPT/trees/web" </dev/null >/dev/null 2>&1 &
      machine=$!
      printf 'NAME=web\\nSCOPE=systemd-nspawn@web.service\\nROOT=%s\\n' "$KEPT/trees/web" >/run/systemd/machines/web
      sleep 1
      if kill -0 $machine 2>/dev/null; then echo active; else echo failed; fi >"$KEPT/state"
    else
      kill -TERM $machine 2>/dev/null; wait $machine
      rm -f /run/systemd/machines/web "$KEPT/state"
    fi
    echo ok >"$KEPT/answer"
  done
}
keep &
systemctl start -- web
number=0
for step; do
  eval "$step" >"$KEPT/out.$number" 2>&1
  echo $? >"$KEPT/status.$number"
  wc -l <"$KEPT/log" >"$KEPT/asked.$number"
  number=$((number + 1))
done
systemctl stop -- web
`;

describe("transactions of running machines", function () {
  this.timeout(180_000);
  const scope = testScope();

  before(function () {
    const tools = ["systemd-nspawn", "systemctl", "unshare", "ldd"];
    requireOrSkip(this, { root: true, tools, paths: [crunPath] });
  });

  it("restart them where that is asked for, give them back their old tree, and are gone back from with a restart", async () => {
    const kept = scope.tempDir("restart");
    mkdirSync(join(kept, "trees"));
    await must(["cp", "--archive", "--no-target-directory", await smallMachine(scope), join(kept, "trees/web")]);
    writeFileSync(join(kept, "systemctl.sh"), systemctl);
    writeFileSync(join(kept, "script"), script);
    chmodSync(join(kept, "script"), 0o755);
    const work = new Workplace(scope, { hosts: `web crun_host=local crun_path=${kept}/trees/web\n` });
    const site = (name: string, transaction: string, task: object): string => {
      work.write(name, JSON.stringify([{ hosts: "all", gather_facts: false, transaction, tasks: [task] }]));
      return `${process.execPath} ${crunPath} play --output json -i hosts ${name}`;
    };
    const motd = { copy: { dest: "/etc/motd", content: "new\n" } };
    const broken = { copy: { dest: "/sbin/init", content: "#!/bin/sh\nexit 3\n", mode: "0755" } };
    const rollback = `${process.execPath} ${crunPath} tree rollback -i hosts web`;
    const steps = [
      site("refused.yml", "refuse", motd),
      site("swapped.yml", "restart", motd),
      site("again.yml", "restart", motd),
      site("broken.yml", "restart", broken),
      rollback,
      `${rollback} --restart`,
    ];
    const own = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"];
    await must([...own, "bash", join(kept, "script"), kept, ...steps], {
      cwd: work.directory,
      env: work.environment,
    });
    const file = (name: string): string => readFileSync(join(kept, name), "utf8").trim();
    const came = steps.map((_, index) => ({
      status: Number(file(`status.${index}`)),
      said: file(`out.${index}`),
      // What was asked of the machine's keeper until then.
      asked: Number(file(`asked.${index}`)),
    }));
    const outcomes = came.slice(0, 4).map(({ said }) => eventsIn(said, "transaction").map(({ outcome }) => outcome));
    const told = came.map(({ said }) => said).join("\n");
    assert.deepEqual(outcomes, [[], ["swapped"], ["unchanged"], ["failed"]], told);
    assert.deepEqual(
      came.map(({ status }) => status),
      [2, 0, 0, 2, 2, 0],
      told,
    );
    assert.deepEqual(
      came.map(({ asked }) => asked),
      [1, 3, 3, 7, 7, 9],
      file("log"),
    );
    assert.match(came[0]?.said ?? "", /the machine web runs from .*, whose tree a transaction would swap/);
    assert.match(came[3]?.said ?? "", /it did not come up from the new tree, and runs from the old one again/);
    assert.match(came[4]?.said ?? "", /the machine web runs from it/);
  });
});
