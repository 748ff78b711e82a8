// Playbooks in words that both understand: crun's recap and exit status are those of ansible-core 2.14 (recaps.json; CRUN_WRITE_EXPECTED=1
// plays them by ansible-playbook again).

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { Workplace } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

const folder = join(process.cwd(), "test/integration/ansible-keywords");
const inventory = "testhost ansible_connection=local\nnowhere ansible_host=127.0.0.1 ansible_port=1\n";
const counted = ["ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored"];

interface Recap {
  readonly status: number | null;
  readonly targets: Readonly<Record<string, string>>;
}

/** `ok=1 changed=0 …` of each target, as both print it beneath RECAP. */
function recapOf(status: number | null, shown: string): Recap {
  const targets: Record<string, string> = {};
  for (const [, name = "", counts = ""] of shown.matchAll(/^(\w+) +: (ok=.*\d) *$/gm)) {
    const found = Object.fromEntries(counts.split(/ +/).map((one) => one.split("=")));
    targets[name] = counted.flatMap((key) => (found[key] === "0" ? [] : [`${key}=${found[key]}`])).join(" ");
  }
  return { status, targets };
}

describe("keywords, as Ansible carries them out", function () {
  this.timeout(300_000);
  const scope = testScope();
  let work: Workplace;
  before(function () {
    requireOrSkip(this, { root: true, tools: ["sudo"], paths: [crunPath] });
    work = new Workplace(scope, { inventory });
  });
  const recapsFile = join(folder, "recaps.json");
  const isWriting = process.env["CRUN_WRITE_EXPECTED"] !== undefined;
  const recaps = JSON.parse(readFileSync(recapsFile, "utf8")) as Record<string, Recap>;

  for (const file of readdirSync(folder).filter((one) => one.endsWith(".yml"))) {
    const name = file.slice(0, -".yml".length);
    it(name.replaceAll("-", " "), async () => {
      const args = (): string[] => [
        "-i",
        "inventory",
        "-e",
        `place=${join(scope.tempDir("place"), "file")}`,
        join(folder, file),
      ];
      if (isWriting) {
        const env = { ...process.env, ANSIBLE_HOST_KEY_CHECKING: "0", ANSIBLE_RETRY_FILES_ENABLED: "0" };
        const theirs = await run(["ansible-playbook", ...args()], { cwd: work.directory, env });
        recaps[name] = recapOf(theirs.status, theirs.stdout);
        writeFileSync(recapsFile, `${JSON.stringify(recaps, undefined, 2)}\n`);
      }
      const ran = await work.crun(["play", "--diff", "-v", ...args()]);
      assert.deepEqual(recapOf(ran.status, ran.stdout), recaps[name], ran.all);
      assert.doesNotMatch(ran.all, /HIDE/);
      const shown = /SHOW_\d/.exec(readFileSync(join(folder, file), "utf8"));
      if (!shown) return;
      const told = await work.crun(["play", "--output", "json", "--diff", ...args()]);
      assert.doesNotMatch(told.all, /HIDE/);
      assert.match(told.all, new RegExp(shown[0]));
    });
  }
});
