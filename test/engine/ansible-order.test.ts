// Scenarios of Ansible's own tests, written anew: ansible-core 2.14 gave results in this order, with these messages (recorded.json, by
// record/record.py). A scenario is a playbook and arguments; where Jinja and crun's language part, NAME.jinja.yml was recorded instead.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { modules } from "../../modules/index.js";
import { extraVars } from "../../src/cli/extra-vars.js";
import type { Counts, TaskResultEvent } from "../../src/engine/events.js";
import { StartGate } from "../../src/playbook/start-at.js";
import { loadPlaybook } from "../../src/playbook/load/load.js";
import { loadVarsFile } from "../../src/playbook/load/vars-files.js";
import { preflight } from "../../src/playbook/preflight/preflight.js";
import { FakeTree } from "./fake-session.js";
import { runPlays } from "./playbooks.js";

const folder = fileURLToPath(new URL("../../../test/engine/ansible-order/", import.meta.url));
const read = (name: string): unknown => JSON.parse(readFileSync(`${folder}${name}`, "utf8"));
const scenarios = read("scenarios.json") as Readonly<Record<string, readonly [string, ...string[]]>>;
const recorded = read("recorded.json") as Readonly<
  Record<
    string,
    { readonly exit: number; readonly recap: Readonly<Record<string, string>>; readonly lines: readonly string[] }
  >
>;

function tree(): FakeTree {
  const made = new FakeTree({
    "/etc/passwd": "root:x:0:0::/root:/bin/sh\n",
    "/etc/group": "root:x:0:\n",
    "/tmp/there": "",
  });
  made.programs["false"] = { status: 1 };
  made.programs["true"] = {};
  return made;
}

function shown(counts: Counts): string {
  const order = ["ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored"] as const;
  return order.flatMap((key) => (counts[key] > 0 ? [`${key}=${counts[key]}`] : [])).join(" ");
}

/** As the recorder writes a result: target, task, status, and what debug and fail say. */
function lineOf(event: TaskResultEvent): string {
  const status = event.status === "failed" && event.isIgnored ? "ignored" : event.status;
  const words = [event.target, event.task, status];
  const { results } = event.result as { readonly results?: readonly Readonly<Record<string, unknown>>[] };
  if (results) {
    const messages = results.filter((one) => one["skipped"] !== true).map((one) => text(one["msg"] ?? "-"));
    if (messages.some((one) => one !== "-")) words.push(messages.join(" "));
  } else if (status !== "skipped" && ["debug", "fail"].includes(event.module) && event.result["msg"] !== undefined)
    words.push(text(event.result["msg"]));
  return words.join(" | ");
}

function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Python writes lists and booleans in its own way. */
function likeJson(line: string): string {
  return line
    .replaceAll("'", '"')
    .replaceAll(/([,:]) /g, "$1")
    .replace(/\b(True|False)\b/g, (word) => word.toLowerCase());
}

/** Each target's own lines, in order: which target is first at a task is chance in Ansible. */
function byTarget(lines: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const all = lines.map(likeJson);
  const targets = [...new Set(all.map((line) => line.split(" ")[0] ?? ""))].sort();
  return Object.fromEntries(targets.map((target) => [target, all.filter((line) => line.startsWith(`${target} `))]));
}

/** What the command line's words mean to a run. */
function optionsOf(words: readonly string[]): {
  readonly tags: readonly string[];
  readonly skipTags: readonly string[];
  readonly extra: readonly string[];
  readonly startAt: string | undefined;
} {
  const after = (...names: string[]): string[] =>
    words.flatMap((word, index) => (names.includes(words[index - 1] ?? "") ? [word] : []));
  const listed = (values: readonly string[]): string[] => values.flatMap((one) => one.split(","));
  return {
    tags: listed(after("-t", "--tags")),
    skipTags: listed(after("--skip-tags")),
    extra: after("-e"),
    startAt: after("--start-at-task")[0],
  };
}

describe("Ansible's scenarios, in Ansible's order", () => {
  for (const [name, [playbookName, ...words]] of Object.entries(scenarios)) {
    it(name, async () => {
      const expected = recorded[name];
      assert.ok(expected, "record it: python3 test/engine/ansible-order/record/record.py");
      const { tags, skipTags, extra, startAt } = optionsOf(words);
      const extraLayer = extraVars(extra);
      const loaded = await loadPlaybook(`${folder}${playbookName}.yml`, { modules, extra: extraLayer });
      const found = await preflight([loaded], { layers: [extraLayer], tags, skipTags, startAtTask: startAt });
      assert.deepEqual(
        found.filter(({ severity }) => severity === "error"),
        [],
      );
      const trees = { a: tree(), b: tree(), c: tree() };
      const ran = await runPlays(loaded.playbook.plays, trees, {
        tags: { only: new Set(tags), skip: new Set(skipTags) },
        startAt: startAt === undefined ? undefined : new StartGate(startAt),
        extraVars: [extraLayer],
        loadVarsFile: (path, play) => loadVarsFile(play.directory, path),
      });
      assert.deepEqual(byTarget(ran.results.map(lineOf)), byTarget(expected.lines));
      const recap = Object.entries(ran.targets).flatMap(([target, counts]) =>
        shown(counts) === "" ? [] : [[target, shown(counts)]],
      );
      assert.deepEqual(Object.fromEntries(recap), expected.recap);
      assert.equal(ran.exitStatus, expected.exit);
    });
  }
});
