// Plays the same files with crun and with ansible-playbook, and reads what their debug tasks show.

import assert from "node:assert/strict";
import { ansible } from "../lab/ansible.js";
import { brief, type Workplace } from "./cli.js";

/** What each debug task showed, by `TARGET TASK`, in the order of the tasks. */
export type Shown = Readonly<Record<string, unknown>>;

function add(shown: Record<string, unknown>, target: string, task: string, msg: unknown): void {
  const key = `${target}: ${task}`;
  let number = 1;
  while (Object.hasOwn(shown, number === 1 ? key : `${key} (${number})`)) number++;
  shown[number === 1 ? key : `${key} (${number})`] = msg;
}

/** With crun. The run must end well. */
export async function shownByCrun(place: Workplace, args: readonly string[]): Promise<Shown> {
  const told = await place.play(args);
  assert.equal(told.status, 0, brief(told));
  const shown: Record<string, unknown> = {};
  for (const { target, task, module, result } of told.results)
    if (module === "debug" && "msg" in result) add(shown, target, task, result["msg"]);
  return shown;
}

/** With ansible-playbook, by its default output. The run must end well. */
export async function shownByAnsible(place: Workplace, args: readonly string[]): Promise<Shown> {
  const environment = { ...place.environment, ANSIBLE_NOCOLOR: "1", ANSIBLE_LOCALHOST_WARNING: "0" };
  const { status, stdout, stderr } = await ansible("ansible-playbook", args, {
    cwd: place.directory,
    env: environment,
  });
  assert.equal(status, 0, `${stdout}${stderr}`);
  const shown: Record<string, unknown> = {};
  for (const [, title = "", body = ""] of stdout.matchAll(
    /^TASK \[(.*)\] \*+\n([^]*?)(?=^(?:TASK|PLAY|RUNNING HANDLER) )/gm,
  )) {
    for (const [, target = "", json = ""] of body.matchAll(
      /^ok: \[([^\]]*)\](?: => \(item=.*\))? => (\{\n[^]*?^\})/gm,
    )) {
      const result = JSON.parse(json) as Readonly<Record<string, unknown>>;
      if ("msg" in result) add(shown, target, title, result["msg"]);
    }
  }
  return shown;
}
