// One task on some targets, without a playbook: what commands like `crun tree create` come to. Checked, run and reported as a play.

import { CrunError } from "../diagnostic/diagnostic.js";
import { parseAddress } from "../inventory/address.js";
import type { LiveInventory } from "../inventory/live.js";
import { realFiles, type FileReader } from "../playbook/load/files.js";
import type { ReachOptions } from "./options.js";
import { withMasker } from "./masked-errors.js";
import { play } from "./play.js";

/** A task by its module and arguments (YAML's values; templates in them are rendered). */
export interface OneTask {
  /** What messages call the play: the command. */
  readonly command: string;
  /** Targets; what the inventory does not know counts as an address. */
  readonly pattern: string;
  readonly module: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** Done for each, as `item`. */
  readonly loop?: readonly string[];
}

export interface OneTaskOptions extends ReachOptions {
  readonly isCheck: boolean;
  readonly isDiff: boolean;
  readonly output: "auto" | "plain" | "json";
}

/** Gives the exit status, that of a play. Throws a CrunError for what is wrong before the first connection. */
export async function runOneTask(task: OneTask, options: OneTaskOptions): Promise<number> {
  const { command, pattern, module, args, loop } = task;
  const tasks = [{ [module]: args, ...(loop ? { loop } : {}) }];
  const text = JSON.stringify([{ name: command, hosts: pattern, gather_facts: false, tasks }]);
  const file = `${command.replaceAll("/", " ")} (command line)`;
  const whole = {
    ...options,
    playbooks: [file],
    tags: [],
    skipTags: [],
    startAtTask: undefined,
    forcesHandlers: false,
    isStepped: false,
    action: "play",
    lists: new Set<never>(),
  } as const;
  const source = { reader: holding(file, text), prepare: (inventory: LiveInventory) => addAddress(inventory, pattern) };
  try {
    return await withMasker((masker) => play(whole, masker, undefined, source));
  } catch (error) {
    if (!(error instanceof CrunError)) throw error;
    // Nobody wrote the playbook in which the command is held: where in it something is wrong helps nobody.
    throw new CrunError(
      error.diagnostics.map((one) =>
        one.place?.file === file
          ? { ...one, summary: `${command}: ${one.summary}`, place: undefined, source: undefined }
          : one,
      ),
      error.exitStatus,
    );
  }
}

/** Files as they are, and one more. */
function holding(name: string, text: string): FileReader {
  const isIt = (path: string): boolean => path.endsWith(`/${name}`);
  return {
    kind: (path) => (isIt(path) ? "file" : realFiles.kind(path)),
    bytes: (path, limit) => (isIt(path) ? Buffer.from(text).subarray(0, limit) : realFiles.bytes(path, limit)),
    list: (path) => realFiles.list(path),
  };
}

/** A target that the inventory does not know, as `crun exec` takes it: `local:web1`, `root@node1:/srv/trees/x`. */
function addAddress(inventory: LiveInventory, pattern: string): void {
  try {
    inventory.match(pattern);
  } catch (error) {
    if (!(error instanceof CrunError)) throw error;
    const address = parseAddress(pattern);
    // A bare word is a name that was mistyped far more often than a host.
    if (!address || (address.tree === undefined && address.user === undefined && !/[.:]/.test(address.host)))
      throw error;
    const { host, tree, user } = address;
    const name = tree === undefined ? host : `${host}:${tree}`;
    inventory.addTarget(name, [], user === undefined ? {} : { crun_user: user });
  }
}
