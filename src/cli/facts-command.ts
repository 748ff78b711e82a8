// `crun facts`: what is known of targets, as JSON.

import { CrunError } from "../diagnostic/diagnostic.js";
import { crunFacts } from "../engine/look/crun-facts.js";
import { FactLook } from "../engine/look/fact-look.js";
import { HostSlots } from "../engine/slots.js";
import type { Target } from "../inventory/inventory.js";
import { ConnectionPool } from "../target/connect.js";
import { cleanJson } from "../report/clean.js";
import { findFleet } from "./fleet.js";
import { limitOf } from "./limit.js";
import type { ReachOptions } from "./options.js";
import type { Masker } from "../engine/task/masker.js";
import { withMasker } from "./masked-errors.js";
import { terminalPrompt } from "./prompt.js";
import { setUp } from "./setup.js";

/** Prints one object with the targets' names as keys; gives the exit status. */
export async function runFacts(pattern: string, options: ReachOptions): Promise<number> {
  return withMasker((masker) => showFacts(pattern, options, masker));
}

async function showFacts(pattern: string, options: ReachOptions, masker: Masker): Promise<number> {
  const setup = await setUp(options, masker);
  const pool = new ConnectionPool(terminalPrompt(masker));
  const look = new FactLook(crunFacts);
  try {
    const lost = await findFleet(setup, pool, { patterns: [pattern], limit: options.limit });
    const limit = limitOf(options.limit, setup.inventory, lost.size > 0);
    const targets = setup.inventory.match(pattern).filter(({ name }) => !lost.has(name) && (limit?.has(name) ?? true));
    for (const error of lost.values()) process.stderr.write(`${masker.text(error.message)}\n`);
    const slots = new HostSlots(setup.forks);
    const ofTarget = async (target: Target): Promise<readonly [string, unknown]> => {
      const session = await slots.awaiting(target.host, pool.get(setup.addressOf(target.host)));
      const { path, entry, isHostRoot } = setup.locate(target);
      const question = look.ask(target.host, session.info, path);
      const answers = await session.openTree(path, { entry, isHostRoot }).observe(question.probes);
      return [target.name, (await question.answer(answers))()];
    };
    let isLost = lost.size > 0;
    const looks = targets.map((target) => slots.while(target.host, () => ofTarget(target)));
    const facts: (readonly [string, unknown])[] = [];
    for (const one of await Promise.allSettled(looks)) {
      if (one.status === "fulfilled") facts.push(one.value);
      else if (!(one.reason instanceof CrunError) || one.reason.exitStatus !== 4) throw one.reason;
      else {
        isLost = true;
        process.stderr.write(`${masker.text(one.reason.message)}\n`);
      }
    }
    const text = cleanJson(JSON.stringify(Object.fromEntries(facts), undefined, 2));
    process.stdout.write(`${masker.text(text)}\n`);
    return isLost ? 4 : 0;
  } finally {
    await pool.close();
  }
}
