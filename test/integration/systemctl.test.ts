// Enabling and disabling beside `systemctl --root` and update-rc.d: the same links.

import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import service from "../../modules/service.js";
import { Model } from "../../src/module/model.js";
import type { Observation, Probe } from "../../src/module/probe.js";
import { requireOrSkip } from "../lab/needs.js";
import { run } from "../lab/process.js";
import { testScope, type Scope } from "../lab/scope.js";
import { bootableTree, overlayTree } from "../lab/trees.js";
import { crunPath, runTasks } from "./crun-tasks.js";
import { answer, observeDisk, runOnDisk } from "../modules/disk.js";

const usr = "/usr/lib/systemd/system";
const etc = "/etc/systemd/system";
const unit = (install: string): string => `[Service]\nExecStart=/bin/true\n[Install]\n${install}`;
const script = (header: string): string =>
  `#!/bin/sh\n### BEGIN INIT INFO\n# Provides: x\n${header}### END INIT INFO\n`;
const levels = "# Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n";

interface Case {
  readonly name: string;
  /** Files by path; a value that begins with `->` is a link. */
  readonly files: Readonly<Record<string, string>>;
  /** Units to enable (`+`) and disable (`-`), in order. */
  readonly steps: readonly string[];
  readonly fails?: boolean;
}

const a = { [`${usr}/a.service`]: unit("WantedBy=multi-user.target new.target\nRequiredBy=r.service\n") };
const cases: readonly Case[] = [
  { name: "wanted and required", files: a, steps: ["+a.service"] },
  { name: "there and back", files: a, steps: ["+a.service", "-a.service"] },
  {
    name: "aliases and auxiliary units, one of them missing",
    files: {
      [`${usr}/a.service`]: unit("WantedBy=x.target\nAlias=aa.service ab.service\nAlso=b.socket none.service\n"),
      [`${usr}/b.socket`]: "[Install]\nWantedBy=sockets.target\n",
    },
    steps: ["+a.service"],
  },
  {
    name: "aliases and auxiliary units, there and back",
    files: {
      [`${usr}/a.service`]: unit("WantedBy=x.target\nAlias=aa.service\nAlso=b.socket\n"),
      [`${usr}/b.socket`]: "[Install]\nWantedBy=sockets.target\nAlso=a.service\n",
    },
    steps: ["+a.service", "-a.service"],
  },
  {
    name: "an instance",
    files: { [`${usr}/t@.service`]: unit("WantedBy=multi-user.target %i.target %p.target %N.target\n") },
    steps: ["+t@one.service"],
  },
  {
    name: "a default instance",
    files: { [`${usr}/t@.service`]: unit("WantedBy=multi-user.target\nDefaultInstance=dd\n") },
    steps: ["+t@.service"],
  },
  {
    name: "a template that needs an instance",
    files: { [`${usr}/t@.service`]: unit("WantedBy=multi-user.target\n") },
    steps: ["+t@.service"],
    fails: true,
  },
  {
    name: "all instances disabled by their template",
    files: { [`${usr}/t@.service`]: unit("WantedBy=w.target\n") },
    steps: ["+t@a.service", "+t@b.service", "-t@.service"],
  },
  {
    name: "one instance disabled",
    files: { [`${usr}/t@.service`]: unit("WantedBy=w.target\n") },
    steps: ["+t@a.service", "+t@b.service", "-t@a.service"],
  },
  {
    name: "an administrator's unit over the vendor's",
    files: { ...a, [`${etc}/a.service`]: unit("WantedBy=multi-user.target\n") },
    steps: ["+a.service"],
  },
  {
    name: "drop-ins",
    files: {
      ...a,
      [`${etc}/a.service.d/z.conf`]: "[Install]\nWantedBy=d.target\n",
      [`${usr}/a.service.d/b.conf`]: "[Install]\nRequiredBy=q.service\n",
    },
    steps: ["+a.service"],
  },
  {
    name: "continued lines, quotes, comments and resets",
    files: {
      [`${usr}/e.service`]:
        '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=\\\n gone.target "gone2.target"\n; c\n# d\nWantedBy=\nWantedBy=default.target %N.target\n',
    },
    steps: ["+e.service"],
  },
  { name: "a masked unit", files: { ...a, [`${etc}/a.service`]: "->/dev/null" }, steps: ["+a.service"], fails: true },
  { name: "a masked unit disabled", files: { ...a, [`${etc}/a.service`]: "->/dev/null" }, steps: ["-a.service"] },
  {
    name: "an alias whose place is taken",
    files: { [`${usr}/a.service`]: unit("Alias=aa.service\n"), [`${etc}/aa.service`]: "->/nowhere" },
    steps: ["+a.service"],
    fails: true,
  },
  {
    name: "a unit linked from elsewhere, there and back",
    files: { "/opt/l.service": unit("WantedBy=l.target\n"), [`${etc}/l.service`]: "->/opt/l.service" },
    steps: ["+l.service", "-l.service"],
  },
  {
    name: "a unit linked from elsewhere",
    files: { "/opt/l.service": unit("WantedBy=l.target\n"), [`${etc}/l.service`]: "->/opt/l.service" },
    steps: ["+l.service"],
  },
  {
    name: "a unit without [Install]",
    files: { [`${usr}/s.service`]: "[Service]\nExecStart=/bin/true\n" },
    steps: ["+s.service"],
  },
  { name: "a unit that is not there", files: {}, steps: ["+none.service"], fails: true },
  { name: "a vendor's timer disabled and enabled again", files: {}, steps: ["-apt-daily.timer", "+apt-daily.timer"] },
  { name: "an init script", files: { "/etc/init.d/s": script(levels) }, steps: ["+s"] },
  {
    name: "an init script disabled that never was enabled",
    files: { "/etc/init.d/s": script(levels), "/etc/rc2.d/S01s": "->../init.d/s", "/etc/rc3.d/S05s": "->../init.d/s" },
    steps: ["-s"],
  },
  {
    name: "an init script there and back and there",
    files: { "/etc/init.d/s": script(levels) },
    steps: ["+s", "-s", "+s"],
  },
  {
    name: "an init script of the first run level",
    files: { "/etc/init.d/s": script("# Default-Start: S\n# Default-Stop:\n") },
    steps: ["+s"],
  },
  { name: "an init script without a header", files: { "/etc/init.d/s": "#!/bin/sh\n" }, steps: ["+s"], fails: true },
  {
    name: "a unit and an init script of one name",
    files: { ...a, "/etc/init.d/a": script(levels) },
    steps: ["+a.service"],
  },
];

describe("services beside systemctl --root and update-rc.d", function () {
  this.timeout(300_000);
  before(function () {
    requireOrSkip(this, { root: true, tools: ["mmdebstrap", "chroot", "systemctl"] });
  });
  const scope = testScope();
  for (const one of cases) it(`${one.name}, as planned`, () => compare(scope, one, plan));
});

describe("services by crun on a tree, beside systemctl --root and update-rc.d", function () {
  this.timeout(300_000);
  before(function () {
    requireOrSkip(this, { root: true, tools: ["mmdebstrap", "chroot", "systemctl"], paths: [crunPath] });
  });
  const scope = testScope();
  for (const one of cases) it(one.name, () => compare(scope, one, (tree) => play(scope, tree, one)));
});

interface Done {
  readonly refusals: readonly string[];
  look(probe: Probe): Observation;
}

const taskOf = (step: string) => ({ name: step.slice(1), enabled: step.startsWith("+") });

function plan(tree: string, one: Case): Promise<Done> {
  const model = new Model();
  const refusals = one.steps.flatMap((step) => runOnDisk(tree, model, service, taskOf(step)).refusal?.message ?? []);
  return Promise.resolve({ refusals, look: (probe) => answer(tree, model, probe) });
}

async function play(scope: Scope, tree: string, one: Case): Promise<Done> {
  const told = await runTasks(
    scope,
    tree,
    one.steps.map((step) => ({ service: taskOf(step) })),
  );
  const refusals = told.flatMap(({ status, message }) => (status === "failed" ? [message] : []));
  return { refusals, look: (probe) => observeDisk(tree, probe) };
}

async function compare(scope: Scope, one: Case, carryOut: (tree: string, one: Case) => Promise<Done>): Promise<void> {
  const pristine = await bootableTree();
  const [theirs, ours] = [await overlayTree(scope, pristine), await overlayTree(scope, pristine)];
  for (const tree of [theirs, ours]) {
    for (const [path, content] of Object.entries(one.files)) {
      mkdirSync(dirname(tree + path), { recursive: true });
      if (content.startsWith("->")) symlinkSync(content.slice(2), tree + path);
      else writeFileSync(tree + path, content, { mode: path.includes("/init.d/") ? 0o755 : 0o644 });
    }
  }
  let hasFailed = false;
  for (const step of one.steps) {
    const { name, enabled } = taskOf(step);
    hasFailed ||= (await run(["systemctl", `--root=${theirs}`, enabled ? "enable" : "disable", name])).status !== 0;
  }
  const done = await carryOut(ours, one);
  assert.equal(hasFailed, one.fails === true, "systemctl");
  assert.equal(done.refusals.length > 0, hasFailed, done.refusals.join());
  if (hasFailed) return;
  const all = { kind: "list", path: etc, depth: 0 } as const;
  assert.deepEqual(linksOf(done.look(all)), linksOf(observeDisk(theirs, all)));
  for (const level of "0123456S") {
    const probe = { kind: "list", path: `/etc/rc${level}.d`, depth: 1 } as const;
    assert.deepEqual(linksOf(done.look(probe)), linksOf(observeDisk(theirs, probe)), probe.path);
  }
}

function linksOf(seen: Observation): unknown {
  return seen.kind === "list" ? seen.entries.map(({ name, stat }) => [name, stat.type, stat.target]) : undefined;
}
