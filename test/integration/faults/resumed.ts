// A run that breaks at a frame and is gone on with: it ends as an undisturbed one, and each command and handler has run as often as it must.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { HelperStream } from "../../../src/connection/helper-stream.js";
import { readLog, type FaultyHelper } from "../../lab/faulty.js";
import { repositoryRoot, run } from "../../lab/process.js";
import { helperIn, layBench, noFault, playerIn, type Tried } from "./every-call.js";
import { breaking, type BrokenFrame, type FrameCounts } from "./frames.js";
import { groundOf, resetGround } from "./grounds.js";
import type { Played, Player } from "./player.js";
import { differences, stateOf, type TreeState } from "./tree-states.js";
import { historyIn, playWritten } from "./written.js";

const play = "resumed.yml";
const trees = ["tree", "web"];

/** Commands of a tree, in the order in which they ran. */
type Logs = Readonly<Record<string, readonly string[]>>;

export class ResumeBench {
  readonly #directory: string;
  readonly #player: Player;
  #end: TreeState = new Map();
  #logs: Logs = {};
  #counts: Played["counts"] = {};
  readonly #frames: FrameCounts = { up: 0, down: 0 };

  private constructor(directory: string, player: Player) {
    this.#directory = directory;
    this.#player = player;
  }

  static async make(directory: string): Promise<ResumeBench> {
    await layBench(directory, groundOf(play));
    const bench = new ResumeBench(directory, await playerIn(directory, play));
    await bench.#rehearse();
    return bench;
  }

  get #journal(): string {
    return join(this.#directory, "journal");
  }

  async #rehearse(): Promise<void> {
    await this.#reset();
    const { exitStatus, told, counts } = await this.#play((one) => breaking(one, undefined, this.#frames));
    if (exitStatus !== 0) throw new Error(`the play itself fails: ${told.join("\n")}`);
    this.#end = await this.#state();
    this.#logs = this.#logged();
    this.#counts = counts;
  }

  async #reset(): Promise<void> {
    await resetGround(groundOf(play), this.#directory);
    rmSync(this.#journal, { recursive: true, force: true });
    mkdirSync(this.#journal);
  }

  /** `wrap`: of the first helper; where the controller connects anew, the next one is sound. */
  async #play(wrap: (stream: HelperStream) => HelperStream): Promise<Played> {
    const helpers: FaultyHelper[] = [];
    const connect = async (): Promise<HelperStream> => {
      const helper = helperIn(this.#directory, noFault);
      helpers.push(helper);
      return helpers.length === 1 ? wrap(helper.stream) : helper.stream;
    };
    const played = await playWritten(this.#player, this.#journal, connect);
    await Promise.all(helpers.map(({ ended }) => ended));
    return played;
  }

  async #state(): Promise<TreeState> {
    return stateOf(join(this.#directory, "trees"), ["/.crun", ...trees.map((tree) => `/${tree}/srv/log`)]);
  }

  #logged(): Logs {
    const read = (tree: string): string[] => {
      try {
        return readFileSync(join(this.#directory, "trees", tree, "srv/log"), "utf8")
          .split("\n")
          .filter(Boolean);
      } catch {
        return []; // no command has run yet
      }
    };
    return Object.fromEntries(trees.map((tree) => [tree, read(tree)]));
  }

  /** Each boundary of a frame, at which the connection is cut or the controller killed. */
  get breaks(): readonly BrokenFrame[] {
    return (["up", "down"] as const).flatMap((direction) =>
      Array.from({ length: this.#frames[direction] }, (_, index) => index + 1).flatMap((number) =>
        (["cut", "kill"] as const).map((how) => ({ direction, number, how })),
      ),
    );
  }

  async try(broken: BrokenFrame): Promise<Tried> {
    await this.#reset();
    const { direction, number, how } = broken;
    const name = `${direction} ${number} ${how}`;
    const status = how === "kill" ? await this.#killed(broken) : await this.#cut(broken);
    const { history } = historyIn(this.#journal) ?? {};
    const before = this.#logged();
    if (history?.exitStatus === 0) return { name, end: `${how}: over`, told: [], problems: await this.#wrong() };
    const { exitStatus, told, counts } = await this.#play((one) => one);
    const problems = exitStatus === 0 ? [] : [`gone on with: status ${exitStatus}: ${told.join("; ")}`];
    problems.push(...(await this.#wrong()), ...this.#ranWrongly(before));
    // A transaction whose end is not known is begun anew in what it has made.
    const isTwice = (before["web"] ?? []).length > 0;
    const [is, wanted] = [counts, this.#counts].map((one) => JSON.stringify(isTwice ? one["local:tree"] : one));
    if (is !== wanted) problems.push(`counted ${is}, not ${wanted}`);
    return { name, end: `${how}: status ${status}`, told, problems };
  }

  async #cut(broken: BrokenFrame): Promise<number> {
    const { exitStatus } = await this.#play((one) => breaking(one, broken, { up: 0, down: 0 }));
    return exitStatus;
  }

  async #killed({ direction, number }: BrokenFrame): Promise<number> {
    const log = join(this.#directory, "log");
    rmSync(log, { force: true });
    const main = join(repositoryRoot(), "build/test/integration/faults/killed-player.js");
    const argv = [process.execPath, main, this.#directory, play, direction, String(number), "", this.#journal];
    const { signal, stderr } = await run(argv);
    if (signal !== "SIGKILL" && stderr !== "") throw new Error(stderr);
    for (let waited = 0; waited < 30_000 && !readLog(log).hasEnded; waited += 20) await sleep(20);
    return signal === "SIGKILL" ? 137 : 0;
  }

  async #wrong(): Promise<string[]> {
    return differences(await this.#state(), this.#end);
  }

  /** Once where it is known that it has run, or that it has not; twice where nobody could know. */
  #ranWrongly(before: Logs): string[] {
    const now = this.#logged();
    return trees.flatMap((tree) => {
      const wanted = this.#logs[tree] ?? [];
      const count = (list: readonly string[] | undefined, word: string): number =>
        (list ?? []).filter((one) => one === word).length;
      const problems = (now[tree] ?? []).filter((word) => !wanted.includes(word)).map((word) => `${word} ran`);
      for (const word of new Set(wanted)) {
        const [times, most] = [count(now[tree], word), count(wanted, word)];
        // The last ones alone: they were sent, and their end was not heard of. A transaction is begun anew as a whole.
        const last = (before[tree] ?? []).slice(tree === "web" ? 0 : -2);
        const ranUnknown = last.includes(word);
        if (times !== most && !(ranUnknown && times === most + 1))
          problems.push(`${word} ran ${times} times, not ${most}`);
      }
      return problems;
    });
  }
}
