// `crun exec` from its options: which targets, reached how.

import { CrunError } from "../diagnostic/diagnostic.js";
import { parseAddress } from "../inventory/address.js";
import { ConnectionPool } from "../target/connect.js";
import { hostAddress, treeLocation } from "../target/address.js";
import { runExec, type ExecTarget } from "./exec.js";
import { findFleet, type LostRules } from "./fleet.js";
import { limitOf } from "./limit.js";
import type { ExecOptions } from "./options.js";
import type { Masker } from "../engine/task/masker.js";
import { withMasker } from "./masked-errors.js";
import { terminalPrompt } from "./prompt.js";
import { setUp, type Setup } from "./setup.js";

/** Gives the exit status: the command's own for one target. Throws a CrunError for a pattern that is unknown. */
export async function runExecCommand(options: ExecOptions): Promise<number> {
  return withMasker((masker) => execute(options, masker));
}

async function execute(options: ExecOptions, masker: Masker): Promise<number> {
  const setup = await setUp(options, masker);
  const prompt = terminalPrompt((text) => masker.text(text));
  const pool = new ConnectionPool(prompt);
  let targets: readonly ExecTarget[];
  try {
    const lost = await findFleet(setup, pool, { patterns: [options.pattern], limit: options.limit });
    targets = targetsOf(options, setup, lost);
    if (targets.length === 0) {
      throw new CrunError({
        severity: "error",
        summary: `${options.pattern} matches no target`,
        remedy: "See what there is: crun inventory --graph",
      });
    }
  } catch (error) {
    await pool.close();
    throw error;
  }
  return runExec({
    targets,
    command: options.command,
    user: options.asUser,
    forks: setup.forks,
    tty: options.tty,
    prompt,
    masker,
    pool,
  });
}

/** What the inventory knows by the pattern; else the address as it is. */
function targetsOf(options: ExecOptions, setup: Setup, lost: LostRules): ExecTarget[] {
  const limit = limitOf(options.limit, setup.inventory);
  try {
    const found = setup.inventory.match(options.pattern).filter(({ name }) => limit?.has(name) ?? true);
    return found.map((target) => ({
      name: target.name,
      address: setup.addressOf(target.host),
      ...setup.locate(target),
      lost: lost.get(target.name),
    }));
  } catch (error) {
    if (!(error instanceof CrunError)) throw error;
    const address = parseAddress(options.pattern);
    // A bare word is a name that was mistyped far more often than a host.
    if (!address || (address.tree === undefined && address.user === undefined && !/[.:]/.test(address.host)))
      throw error;
    const { name, host, tree, user } = address;
    const scope = setup.scopeOf(host);
    const connection = { ...setup.connection, ...(user === undefined ? {} : { user }) };
    return [
      {
        name,
        address: hostAddress(host, setup.hostScopeOf(host), connection),
        ...treeLocation({ name, host, tree, groups: [] }, scope, connection),
      },
    ];
  }
}
