// The trees that transactions have replaced: which there are, and back to one of them.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { contentOf } from "../../module/content.js";
import type { HostSession, TreeSession } from "../../target/session.js";
import { oldTree, parseInfo, writeInfo, type OldInfo } from "../../tree/old.js";
import { treePlace, type TreePlace } from "../../tree/place.js";
import { canonical } from "../../tree/recipe.js";
import { recordText } from "../../tree/record.js";
import { lookAtStandIn, type StandInSeen } from "../../tree/stand-in.js";
import { applyAll, withHost } from "./moment.js";
import { TreeHold, type HoldOptions } from "./tree-hold.js";
import { runningMachine, startUnit, stopUnit, type RunningMachine } from "./tree-machine.js";

/** One that can be gone back to. */
export interface KeptTree {
  readonly number: number;
  readonly info: OldInfo;
}

export interface RollbackWish extends HoldOptions {
  /** Undefined: the latest. */
  readonly to: number | undefined;
  /** A machine that runs from the tree is stopped and started again for it. */
  readonly restarts: boolean;
  /** What tells this run. */
  readonly run: string;
}

export class OldTrees {
  readonly #session: HostSession;
  readonly #path: string;
  readonly #name: string;

  /** `name` is how messages call the tree. */
  constructor(session: HostSession, path: string, name: string) {
    this.#session = session;
    this.#path = path;
    this.#name = name;
  }

  /** The latest first. Rejects with a CrunError where the tree is not there. */
  async list(): Promise<readonly KeptTree[]> {
    return withHost(this.#session, async (host) => {
      const place = await this.#place(host);
      return kept(host, await look(host, place));
    });
  }

  /**
   * Puts an old tree into the tree's place, at once; what was there is kept in its stead, under the same number. Gives what was gone back to. Rejects with a
   * CrunError where it cannot be done: then the tree is as it was.
   */
  async rollback(wish: RollbackWish): Promise<KeptTree> {
    const session = this.#session;
    return withHost(session, async (host) => {
      const place = await this.#place(host);
      const machine = await this.#machine(place, wish.restarts);
      const hold = await TreeHold.take(session, place, wish);
      try {
        const seen = await look(host, place);
        const chosen = this.#chosen(await kept(host, seen), wish.to);
        if (machine?.unit !== undefined) await stopUnit(host, machine.unit);
        if (seen.backend.mountsClones === true) await hold.letGoOfTree();
        await this.#exchange(host, place, seen, chosen, wish.run);
        if (machine?.unit !== undefined) await this.#start(host, place, machine.unit, chosen.number);
        return chosen;
      } finally {
        await hold.release();
      }
    });
  }

  async #place(host: TreeSession): Promise<TreePlace> {
    const [tree] = await host.observe([{ kind: "stat", path: this.#path, follow: true }]);
    if (tree?.kind === "stat" && tree.stat?.type === "directory") return treePlace(tree.real);
    throw this.#error(`there is no tree ${this.#path}`, "See what there is: crun tree list", 4);
  }

  async #machine(place: TreePlace, restarts: boolean): Promise<RunningMachine | undefined> {
    const machine = await runningMachine(this.#session, place.path);
    if (!machine) return undefined;
    if (!restarts)
      throw this.#error(
        `the machine ${machine.name} runs from it`,
        "Stop it first, or say --restart: it is stopped, and started again from the old tree.",
      );
    if (machine.unit === undefined)
      throw this.#error(
        `the machine ${machine.name} runs from it, but no service has started it, so it cannot be restarted`,
        "Stop it first.",
      );
    return machine;
  }

  #chosen(there: readonly KeptTree[], to: number | undefined): KeptTree {
    const found = to === undefined ? there[0] : there.find(({ number }) => number === to);
    if (found) return found;
    if (there.length === 0)
      throw this.#error(
        "no tree is kept that it could go back to",
        "Plays with transaction: true (or --atomic) keep the tree that they replace.",
      );
    const numbers = there.map(({ number }) => number).join(", ");
    throw this.#error(`there is no old tree ${to}`, `There ${there.length === 1 ? "is" : "are"} ${numbers}.`);
  }

  async #exchange(
    host: TreeSession,
    place: TreePlace,
    seen: StandInSeen,
    { number, info }: KeptTree,
    run: string,
  ): Promise<void> {
    const slot = oldTree(place, number);
    const { record } = seen;
    const noted: OldInfo = {
      version: 1,
      replacedAt: new Date().toISOString(),
      run,
      why: "rollback",
      ...(record ? { record } : {}),
    };
    const isSameRecord = canonical(record) === canonical(info.record);
    await applyAll(
      host,
      [
        ...seen.backend.exchange(slot.path, place),
        writeInfo(slot.infoPath, noted),
        ...(info.record && !isSameRecord
          ? [
              {
                kind: "writeFile",
                path: place.record,
                content: contentOf(recordText(info.record)),
                mode: 0o600,
                uid: 0,
                gid: 0,
                expect: {},
              } as const,
            ]
          : []),
      ],
      `${this.#name} cannot go back to ${number}`,
    );
  }

  /** A machine that does not come up from the old tree runs from the newer one again. */
  async #start(host: TreeSession, place: TreePlace, unit: string, number: number): Promise<void> {
    try {
      await startUnit(this.#session, host, unit, place.path);
    } catch (error) {
      if (!(error instanceof CrunError)) throw error;
      const words = error.diagnostics[0]?.summary ?? error.message;
      await stopUnit(host, unit).catch(() => undefined);
      const seen = await look(host, place);
      const [back] = (await kept(host, seen)).filter((one) => one.number === number);
      if (back) await this.#exchange(host, place, seen, back, back.info.run);
      await startUnit(this.#session, host, unit, place.path);
      throw this.#error(`it did not come up from the old tree, and runs from the newer one again: ${words}`);
    }
  }

  #error(what: string, remedy?: string, exitStatus: 2 | 4 = 2): CrunError {
    return new CrunError({ severity: "error", summary: `${this.#name}: ${what}`, remedy }, exitStatus);
  }
}

function look(host: TreeSession, place: TreePlace): Promise<StandInSeen> {
  return lookAtStandIn(place, place.path, (probes) => host.observe(probes));
}

/** Those that are whole: what a killed run has left has no note. */
async function kept(host: TreeSession, { old }: StandInSeen): Promise<readonly KeptTree[]> {
  const whole = old.filter(({ isThere, isNoted }) => isThere && isNoted);
  const answers = await host.observe(whole.map(({ infoPath: path }) => ({ kind: "read", path }) as const));
  return whole.flatMap(({ number }, index) => {
    const answer = answers[index];
    const text = answer?.kind === "read" && answer.content ? Buffer.from(answer.content).toString("utf8") : "";
    const info = parseInfo(text);
    return info ? [{ number, info }] : [];
  });
}
