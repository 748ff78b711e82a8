// Scenarios: tasks one after the other on one model, as Ansible's integration tests run them on one machine.

import assert from "node:assert/strict";
import type { AnyModule, Plan } from "../../src/module/contract.js";
import { modelOf, planFixture, textAt, type Fixture, type Tree } from "../module/harness.js";
import type { Model } from "../../src/module/model.js";

export interface Step {
  readonly module: AnyModule;
  readonly params: Readonly<Record<string, unknown>>;
  /** Whether the step must change the tree; `fails`: what its refusal or problem must say. */
  readonly changed?: boolean;
  readonly fails?: RegExp;
  /** Planned, but not done: a check mode run. */
  readonly isCheck?: boolean;
  readonly context?: Fixture["context"];
  readonly programs?: Fixture["programs"];
  readonly machine?: Fixture["machine"];
  /** More to look at, after the step. */
  readonly verify?: (model: Model, plan: Plan) => void;
}

/** Runs the steps on one model of the tree, and asks of every step that was done that it would find nothing left to do. */
export function runSteps(tree: Tree, steps: readonly Step[]): Model {
  const model = modelOf(tree);
  for (const [index, step] of steps.entries()) {
    const title = `step ${index + 1}: ${step.module.name} ${JSON.stringify(step.params)}`;
    const fixture = {
      name: title,
      params: step.params,
      expect: {},
      context: step.context,
      programs: step.programs,
      machine: step.machine,
    };
    const { problems, plan } = planFixture(step.module, clean(fixture), model);
    if (step.fails) {
      assert.match(
        [...problems, plan?.refusal?.message ?? "", plan?.refusal?.remedy ?? ""].join("\n"),
        step.fails,
        title,
      );
      continue;
    }
    assert.deepEqual(problems, [], title);
    assert.ok(plan, title);
    assert.equal(plan.refusal?.message, undefined, title);
    if (step.changed !== undefined)
      assert.equal(
        plan.changes.length > 0,
        step.changed,
        `${title}: ${JSON.stringify(plan.changes.map((one) => one.kind))}`,
      );
    if (!step.isCheck) {
      model.predict(plan.changes);
      const again = planFixture(step.module, clean(fixture), model).plan;
      assert.deepEqual(again?.changes, [], `${title}: a second run must find nothing to do`);
    }
    step.verify?.(model, plan);
  }
  return model;
}

function clean(fixture: { [K in keyof Fixture]: Fixture[K] | undefined }): Fixture {
  return Object.fromEntries(Object.entries(fixture).filter(([, value]) => value !== undefined)) as unknown as Fixture;
}

/** Fields of a line of an account file in the model, undefined where there is no such line. */
export function lineOf(model: Model, path: string, name: string): string[] | undefined {
  return textAt(model, path)
    ?.split("\n")
    .find((line) => line.startsWith(`${name}:`))
    ?.split(":");
}

/** The account files of a fresh Debian 12 tree, with its skeleton. */
export const debianAccounts: Tree = {
  "/etc/passwd": [
    "root:x:0:0:root:/root:/bin/bash",
    "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin",
    "bin:x:2:2:bin:/bin:/usr/sbin/nologin",
    "_apt:x:42:65534::/nonexistent:/usr/sbin/nologin",
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin",
    "",
  ].join("\n"),
  "/etc/group": [
    "root:x:0:",
    "daemon:x:1:",
    "adm:x:4:",
    "mail:x:8:",
    "audio:x:29:",
    "games:x:60:",
    "users:x:100:",
    "nogroup:x:65534:",
    "",
  ].join("\n"),
  "/etc/shadow": {
    content: ["root:*:20228:0:99999:7:::", "daemon:*:20228:0:99999:7:::", "nobody:*:20228:0:99999:7:::", ""].join("\n"),
    mode: 0o640,
    gid: 42,
  },
  "/etc/gshadow": {
    content: [
      "root:*::",
      "daemon:*::",
      "adm:*::",
      "mail:*::",
      "audio:*::",
      "games:*::",
      "users:*::",
      "nogroup:*::",
      "",
    ].join("\n"),
    mode: 0o640,
    gid: 42,
  },
  "/etc/subuid": "",
  "/etc/subgid": "",
  "/etc/login.defs": [
    "# comment",
    "MAIL_DIR        /var/mail",
    "UMASK\t\t022",
    "#HOME_MODE\t0700",
    "PASS_MAX_DAYS\t99999",
    "PASS_MIN_DAYS\t0",
    "PASS_WARN_AGE\t7",
    "UID_MIN\t\t\t 1000",
    "UID_MAX\t\t\t60000",
    "#SYS_UID_MIN\t\t  101",
    "GID_MIN\t\t\t 1000",
    "GID_MAX\t\t\t60000",
    "SUB_UID_MIN\t\t   100000",
    "SUB_UID_COUNT\t\t    65536",
    "USERGROUPS_ENAB yes",
    "",
  ].join("\n"),
  "/etc/default/useradd": "# defaults\nSHELL=/bin/sh\n# GROUP=100\n",
  "/etc/skel/.bashrc": "# bash\n",
  "/etc/skel/.profile": { content: "# profile\n", mode: 0o644, mtime: 1_700_000_000 },
  "/home": { type: "directory" },
  "/var/mail": { type: "directory", mode: 0o2775, gid: 8 },
};
