// Plays whose recap and exit status ansible-core 2.14 gave (recaps.json was recorded from it): crun must come to the same.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { modules } from "../../modules/index.js";
import type { Counts } from "../../src/engine/events.js";
import { loadPlaybook } from "../../src/playbook/load/load.js";
import { FakeTree } from "./fake-session.js";
import { runPlays } from "./playbooks.js";

const folder = fileURLToPath(new URL("../../../test/engine/ansible-flow/", import.meta.url));
const recaps = JSON.parse(readFileSync(`${folder}recaps.json`, "utf8")) as Readonly<
  Record<string, { readonly exit: number; readonly recap: Readonly<Record<string, string>> }>
>;

function tree(): FakeTree {
  const made = new FakeTree();
  made.programs["false"] = { status: 1 };
  for (const word of ["true", "echo hi", "echo x", "echo 1"])
    made.programs[word] = { stdout: word.replace("echo ", "") };
  return made;
}

/** Counts that are not 0, in Ansible's order. */
function shown(counts: Counts): string {
  const order = ["ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored"] as const;
  return order.flatMap((key) => (counts[key] > 0 ? [`${key}=${counts[key]}`] : [])).join(" ");
}

describe("flow, as Ansible counts it", () => {
  for (const [name, expected] of Object.entries(recaps)) {
    it(name, async () => {
      const [file = "", ...args] = name.split(/(?=--?[a-z])/);
      const flag = args.join("").split("_");
      const tags = {
        only: new Set(flag[0] === "-t" ? [flag[1] ?? ""] : []),
        skip: new Set(flag[0] === "--skip-tags" ? [flag[1] ?? ""] : []),
      };
      const { playbook, findings } = await loadPlaybook(`${folder}${file}.yml`, { modules });
      assert.deepEqual(
        findings.filter(({ severity }) => severity === "error"),
        [],
      );
      const trees = { a: tree(), b: tree(), c: tree(), d: tree(), e: tree() };
      trees.e.breaksAfter = 0;
      const ran = await runPlays(playbook.plays, trees, { tags });
      const got = Object.fromEntries(
        Object.entries(ran.targets).flatMap(([target, counts]) =>
          shown(counts) === "" ? [] : [[target, shown(counts)]],
        ),
      );
      assert.deepEqual(got, expected.recap);
      assert.equal(ran.exitStatus, expected.exit);
    });
  }
});
