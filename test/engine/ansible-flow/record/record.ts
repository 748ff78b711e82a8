// Records what ansible-playbook makes of the cases that have no fresh recording, or whose names hold one of the words given:
// npm run compile && node build/test/engine/ansible-flow/record/record.js [WORD…]    (FLOW_SHOW=1 shows its output)

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cases, FLOW_FOLDER, recordedOf, twinOf, type Case, type Recorded } from "../twin.js";
import { isAnsible214, playWithAnsible } from "./ansible.js";

async function record(one: Case): Promise<Recorded> {
  const folder = mkdtempSync(join(tmpdir(), "crun-flow-"));
  try {
    cpSync(dirname(one.file), folder, { recursive: true });
    translateAll(folder);
    writeFileSync(join(folder, ".case.yml"), one.twin);
    const inventories = ["-i", join(FLOW_FOLDER, "hosts"), "-i", join(FLOW_FOLDER, "record/connections")];
    const { output, ...told } = await playWithAnsible(folder, [...inventories, ...one.flags, ".case.yml"]);
    if (process.env["FLOW_SHOW"]) console.log(output);
    else if (Object.keys(told.recap).length === 0) console.log(`${one.name}: no recap\n${output.slice(0, 2000)}`);
    return { of: one.of, ...told };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Files that a case includes are in two dialects, too. */
function translateAll(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, name);
    if (name.endsWith(".yml")) writeFileSync(path, twinOf(readFileSync(path, "utf8")));
  }
}

async function recordAll(wanted: readonly string[]): Promise<void> {
  const chosen = cases().filter(
    ({ name, target, of }) =>
      wanted.some((part) => name.includes(part)) ||
      (wanted.length === 0 && recordedOf(target)[name.slice(target.length + 1)]?.of !== of),
  );
  const fresh = new Map<string, Recorded>();
  const queue = [...chosen];
  const worker = async (): Promise<void> => {
    for (let one = queue.shift(); one; one = queue.shift()) fresh.set(one.name, await record(one));
  };
  await Promise.all([worker(), worker()]);
  for (const target of new Set(cases().map((one) => one.target))) {
    const before = recordedOf(target);
    const names = cases().flatMap((one) => (one.target === target ? [one.name] : []));
    const entries = names.flatMap((name) => {
      const short = name.slice(target.length + 1);
      const entry = fresh.get(name) ?? before[short];
      return entry ? [[short, entry] as const] : [];
    });
    if (names.some((name) => fresh.has(name)) || entries.length !== Object.keys(before).length)
      writeFileSync(
        join(FLOW_FOLDER, target, "recorded.json"),
        `${JSON.stringify(Object.fromEntries(entries), null, 1)}\n`,
      );
  }
  console.log(`recorded ${[...fresh.keys()].join(" ") || "nothing: all is fresh"}`);
}

if (!(await isAnsible214())) {
  console.error("ansible-playbook of ansible-core 2.14 is needed");
  process.exitCode = 1;
} else await recordAll(process.argv.slice(2));
