// The benchmark of expansion: a play of 200 tasks (templates, conditions, loops, facts that are set) for 1,000 targets, without any connection.
// usage (after `npm run build` and `npm run compile`): node build/test/bench/expand.js [--repeat N] [--tasks N] [--targets N]
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { repositoryRoot } from "../lab/process.js";
import { Scope } from "../lab/scope.js";
import type { Sample } from "./measure.js";
import { measure, median, onProcessorTime, processorMs } from "./measure.js";

const { values } = parseArgs({
  options: {
    repeat: { type: "string", default: "5" },
    tasks: { type: "string", default: "200" },
    targets: { type: "string", default: "1000" },
  },
});
const tasks = Number(values.tasks);
const targets = Number(values.targets);

/** Five kinds of tasks in turn; all they need is known on the controller. */
function task(index: number): object {
  const name = `task ${index}`;
  switch (index % 5) {
    case 0:
      return { name, debug: { msg: `{{base}}/${index} {{url}} {{upper domain}}` } };
    case 1:
      return { name, assert: { that: ["port > 100", "size(users) == 3", 'inventory_hostname.startsWith("node")'] } };
    case 2:
      return { name, set_fact: { [`fact${index}`]: "{{base}}/{{port}}" } };
    case 3:
      return {
        name,
        debug: { msg: "{{item.name}} {{item.uid}} {{url}}" },
        loop: "{{users}}",
        when: "item.uid > 0 && port > 8000",
      };
    default:
      return { name, debug: { msg: "{{url}}" }, when: `port == ${8000 + index}` };
  }
}

const play = {
  hosts: "web",
  gather_facts: false,
  vars: {
    base: "/srv/{{domain}}",
    url: "http://{{inventory_hostname}}:{{port}}/",
    users: ["ann", "bob", "cy"].map((name, uid) => ({ name, uid: uid + 1 })),
  },
  tasks: Array.from({ length: tasks }, (_, index) => task(index)),
};

/** Every target did every task, and none failed. */
function check({ status, output }: Sample): void {
  assert.equal(status, 0);
  const recaps = [...output.matchAll(/ : ok=(\d+) .*skipped=(\d+) /g)];
  assert.equal(recaps.length, targets);
  for (const [, ok, skipped] of recaps) assert.equal(Number(ok) + Number(skipped), tasks);
}

const scope = new Scope();
try {
  const directory = scope.tempDir("expand");
  const lines = Array.from({ length: targets }, (_, index) => `node${index % 20}:web${index} port=${8000 + index}`);
  writeFileSync(join(directory, "hosts"), `[web]\n${lines.join("\n")}\n[web:vars]\ndomain=example.org\n`);
  writeFileSync(join(directory, "site.yml"), JSON.stringify([play]));
  const crun = join(repositoryRoot(), "dist", "crun.js");
  const argv = [process.execPath, crun, "play", "-i", join(directory, "hosts"), join(directory, "site.yml")];
  const samples: Sample[] = [];
  for (let run = 0; run < Number(values.repeat); run++) {
    samples.push(await measure(onProcessorTime({ name: "crun play", argv, check })));
  }
  const wall = median(samples.map(({ ms }) => ms)) / 1000;
  const processor = median(samples.map(({ output }) => processorMs(output) ?? Number.NaN)) / 1000;
  const peak = (await measure({ name: "crun play", argv, check }, true)).peakMib;
  process.stdout.write(
    `${tasks} tasks for ${targets} targets, whole process: ${wall.toFixed(2)} s, of the processor ${processor.toFixed(2)} s (aim: 3 s), ${peak.toFixed(0)} MiB (aim: 400 MB)\n`,
  );
} finally {
  await scope.end();
}
