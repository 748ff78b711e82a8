// Services where systemd runs: on the lab host itself and in a machine on it, through the scenarios of Ansible's integration target `service`.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { assertStates, crunPath, runTasks, type Task } from "../integration/crun-tasks.js";
import { requireOrSkip } from "./needs.js";
import { testScope } from "./scope.js";
import { labVm, type LabVm } from "./vm.js";

const unit =
  "[Unit]\nDescription=crun's test\n\n[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/true\n\n[Install]\nWantedBy=multi-user.target\n";
const broken = "[Service]\nType=oneshot\nExecStart=/bin/false\n";

for (const [target, where] of [
  ["lab", "the host itself"],
  ["lab:m1", "a machine that runs"],
] as const) {
  describe(`services in ${where}`, function () {
    this.timeout(600_000);
    const scope = testScope();
    let vm: LabVm;
    let inventory: string;
    const name = "crun-services-test";

    before(async function () {
      requireOrSkip(this, {
        root: true,
        tools: ["qemu-system-x86_64", "mmdebstrap", "mke2fs", "setpriv"],
        paths: [crunPath],
      });
      vm = await labVm(scope);
      await vm.startMachine("m1");
      scope.defer(async () => {
        await inside(
          `systemctl disable --now ${name}; rm -f /etc/systemd/system/${name}*.service; systemctl daemon-reload; systemctl reset-failed; true`,
        );
      });
      inventory = join(scope.tempDir("inventory"), "hosts.yml");
      const lab = vm.variables;
      writeFileSync(inventory, JSON.stringify({ all: { hosts: { lab, "lab:m1": {} } } }));
    });
    const service = (params: object, more: Task = {}): Task => ({ service: { name, ...params }, ...more });
    const states = async (...steps: readonly (readonly [Task, string])[]) => {
      const told = await runTasks(
        scope,
        target,
        steps.map(([task]) => task),
        ["-i", inventory],
      );
      assertStates(
        told,
        steps.map(([, state]) => state),
      );
      return told;
    };
    const inside = (command: string): Promise<string> =>
      vm.must(target === "lab" ? command : `systemd-run -q -M m1 --wait -P /bin/sh -c '${command}'`);
    const pid = async (): Promise<string> => (await inside(`systemctl show -P MainPID ${name}`)).trim();

    it("are enabled once, foretold by check mode", async () => {
      const told = await states(
        [{ copy: { dest: `/etc/systemd/system/${name}.service`, content: unit } }, "changed"],
        [{ copy: { dest: `/etc/systemd/system/${name}-broken.service`, content: broken } }, "changed"],
        [service({ enabled: true }, { check_mode: true }), "changed"],
        [service({ enabled: true }), "changed"],
        [service({ enabled: true }), "ok"],
      );
      assert.equal(told[3]?.result["enabled"], true);
      assert.equal((await inside(`systemctl is-enabled ${name}`)).trim(), "enabled");
    });

    it("are started once, restarted and reloaded each time, stopped once", async () => {
      const [started] = await states(
        [service({ state: "started" }), "changed"],
        [service({ state: "started", pattern: "sleep" }), "ok"],
      );
      assert.equal(started?.result["state"], "started");
      const first = await pid();
      assert.notEqual(first, "0");
      const [restarted] = await states([service({ state: "restarted" }), "changed"]);
      assert.equal(restarted?.result["state"], "started");
      const second = await pid();
      assert.notEqual(second, first);
      await states([service({ state: "reloaded" }), "changed"]);
      assert.equal(await pid(), second);
      const [stopped] = await states([service({ state: "stopped" }), "changed"], [service({ state: "stopped" }), "ok"]);
      assert.equal(stopped?.result["state"], "stopped");
      assert.equal(await pid(), "0");
    });

    it("are disabled once", async () => {
      await states([service({ enabled: false }), "changed"], [service({ enabled: false }), "ok"]);
      assert.notEqual((await inside(`systemctl is-enabled ${name} || true`)).trim(), "enabled");
    });

    it("fail with systemd's own words where they do not start, and where there are none", async () => {
      const [failed, missing] = await states(
        [{ service: { name: `${name}-broken`, state: "started" } }, "failed"],
        [{ service: { name: "nonexisting", state: "stopped" } }, "failed"],
      );
      assert.match(failed?.message ?? "", /Unable to start service crun-services-test-broken: Job for .* failed/);
      assert.match(missing?.message ?? "", /Could not find the requested service nonexisting/);
    });
  });
}
