// Opens what the plays will need of what is encrypted, so that a missing or wrong password is told before the first connection.

import { CrunError, type Diagnostic } from "../../diagnostic/diagnostic.js";
import type { EncryptedValue } from "../template/encrypted.js";
import { isTemplate, type Template } from "../template/template.js";
import type { Task } from "../play.js";
import { keywordsOf, partsOf, referencesOf, type Sources } from "./undefined.js";
import type { Walked } from "./walk.js";

/** So many findings are shown one by one. */
const mostShown = 5;

/** Variables that say how a host is reached: the run looks them up by itself. */
const connectionVariable = /^(?:crun|ansible)_/;

/**
 * The encrypted values that tasks lead to, through variables too. `sources`: undefined where no variable is encrypted. `isPlayed`: whether the
 * tags take the task. What `vars` and `hostvars` lead to is found when it is looked at.
 */
export function encryptedInUse(
  walked: Walked,
  sources: Sources | undefined,
  templatesOf: (task: Task) => readonly Template[],
  isPlayed: (task: Pick<Task, "tags">) => boolean,
): Set<EncryptedValue> {
  const values = new Set<EncryptedValue>();
  const queue = [...(sources?.names ?? [])].filter((name) => connectionVariable.test(name));
  const addParts = (parts: Iterable<object | undefined>): void => {
    const list = [...parts];
    if (sources) queue.push(...referencesOf(list).map(({ name }) => name));
    for (const part of list)
      if (part && isRenderable(part) && isTemplate(part)) for (const one of part.encrypted ?? []) values.add(one);
  };
  for (const { task } of walked.tasks) {
    if (!isPlayed(task)) continue;
    addParts(partsOf(task));
    addParts(templatesOf(task));
  }
  for (const { node } of walked.others) {
    addParts(keywordsOf(node));
    if (node.kind === "include") addParts([node.file, node.loop]);
  }
  const seen = new Set<string>();
  for (const name of queue) {
    if (seen.has(name)) continue;
    seen.add(name);
    for (const one of sources?.definitions(name) ?? []) {
      for (const value of one.encrypted ?? []) values.add(value);
      queue.push(...one.names);
    }
  }
  return values;
}

function isRenderable(part: object): part is Template {
  return "isStatic" in part && "render" in part;
}

/** Findings for the values that no key opens: the first ones, and how many more there are. */
export async function lockedValues(values: ReadonlySet<EncryptedValue>): Promise<Diagnostic[]> {
  const found: Diagnostic[] = [];
  await prepare(values);
  for (const value of values) {
    try {
      value.render();
    } catch (error) {
      if (!(error instanceof CrunError)) throw error;
      found.push(...error.diagnostics);
    }
  }
  if (found.length <= mostShown + 1) return found;
  const summary = `${found.length - mostShown} more encrypted values cannot be opened`;
  return [...found.slice(0, mostShown), { severity: "error", summary, place: found[mostShown]?.place }];
}

/** What cannot be prepared is told when it is opened. */
async function prepare(values: ReadonlySet<EncryptedValue>): Promise<void> {
  for (const vault of new Set([...values].map((one) => one.vault))) {
    try {
      await vault.prepare([...values].flatMap((one) => (one.vault === vault ? [one.text] : [])));
    } catch (error) {
      if (!(error instanceof CrunError)) throw error;
    }
  }
}
