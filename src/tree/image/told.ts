// What the programs that take trees out of images say, in the words of a task.

import type { Outcome } from "../../module/change.js";
import type { Refusal } from "../../module/contract.js";
import type { ExecObservation } from "../../module/probe.js";
import { lastWords, programRefusal } from "../program.js";

const reason = /^crun: (.*)$/m;
const remedy = /^crun-remedy: (.*)$/m;

/** Why it failed: the script's own sentence, and before it what the tool said that it ran. */
export function toldRefusal(what: string, outcome: Outcome | ExecObservation | undefined): Refusal | undefined {
  const plain = programRefusal(what, outcome);
  if (!plain || outcome?.failure) return plain;
  const words = lastWords(outcome);
  const message = reason.exec(words)?.[1];
  if (message === undefined) return plain;
  const said = words
    .split("\n")
    .filter((line) => !reason.test(line) && !remedy.test(line))
    .join("\n");
  const advice = remedy.exec(words)?.[1];
  return {
    message: said === "" ? message : `${message}: ${said}`,
    // The script's own text, and its words a second time, tell nobody more.
    result: { cmd: what, stdout: "", stderr: "" },
    ...(advice === undefined ? {} : { remedy: advice }),
  };
}

/** What it did otherwise than one might think. */
export function toldWarnings(outcome: Outcome | undefined): string[] {
  const said = Buffer.from(outcome?.stdout ?? []).toString("utf8");
  let count = 0;
  const names: string[] = [];
  for (const [, number, some = ""] of said.matchAll(/^left-out (\d+) (.*)$/gm)) {
    count += Number(number);
    if (names.length === 0) names.push(...some.trim().split(/(?<=") (?=")/));
  }
  const lost = Number(/^lost-acl (\d+)$/m.exec(said)?.[1] ?? 0);
  const acls =
    lost === 0
      ? []
      : [`${lost === 1 ? "an ACL" : `${lost} ACLs`} left out: of users or groups by names that the tree does not have`];
  if (count === 0) return acls;
  const shown = `${names.join(", ")}${count > names.length ? ", …" : ""}`;
  return [
    ...acls,
    `${count === 1 ? "a device node" : `${count} device nodes`} of the image (${shown}) left out: crun makes what a process needs in /dev; devices: true makes them`,
  ];
}
