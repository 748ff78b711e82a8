// Plays a playbook in this process, over connections that the caller makes: what spawns no crun can be done thousands of times.
import { modules } from "../../../modules/index.js";
import { findFleet, wantedRules } from "../../../src/cli/fleet.js";
import { setUp, type Setup } from "../../../src/cli/setup.js";
import { noVaultFlags } from "../../../src/cli/vault-keys.js";
import type { Counts, EngineEvent, TaskResultEvent } from "../../../src/engine/events.js";
import { crunFacts } from "../../../src/engine/look/crun-facts.js";
import type { RunOptions } from "../../../src/engine/run-options.js";
import { Run } from "../../../src/engine/run.js";
import { Masker } from "../../../src/engine/task/masker.js";
import { loadPlaybook } from "../../../src/playbook/load/load.js";
import { PlaybookFiles } from "../../../src/playbook/load/files.js";
import { loadVarsFile } from "../../../src/playbook/load/vars-files.js";
import type { Playbook } from "../../../src/playbook/play.js";
import { createScope } from "../../../src/playbook/scope/scope.js";
import { fileTemplate } from "../../../src/playbook/template/template.js";
import { ConnectionPool } from "../../../src/target/connect.js";
import { openHostSession } from "../../../src/target/host-session.js";
import type { HostSession } from "../../../src/target/session.js";
import type { Patience } from "../../../src/target/liveness.js";
import type { HelperStream } from "../../../src/connection/helper-stream.js";

/** What a run came to. */
export interface Played {
  readonly exitStatus: number;
  /** Of tasks, in order; items of loops not apart. */
  readonly results: readonly TaskResultEvent[];
  /** All that a user is told of failures: messages of failed tasks, lost targets, warnings. */
  readonly told: readonly string[];
  readonly counts: Readonly<Record<string, Counts>>;
}

export interface PlayWish {
  /** The first so many tasks, of all plays. */
  readonly count?: number | undefined;
  /** What stands before the session: sees what is asked, and may change what is answered. */
  readonly between?: ((session: HostSession) => HostSession) | undefined;
  /** Where it is written down, and what was done before. */
  readonly written?: Pick<RunOptions, "journal" | "history" | "runId"> | undefined;
  /** With a helper that does not answer. */
  readonly patience?: Patience | undefined;
}

/** A playbook that was read once. */
export class Player {
  readonly #setup: Setup;
  readonly #playbook: Playbook;
  readonly #masker: Masker;

  private constructor(setup: Setup, playbook: Playbook, masker: Masker) {
    this.#setup = setup;
    this.#playbook = playbook;
    this.#masker = masker;
  }

  /** `inventory`: as for -i. */
  static async load(playbook: string, inventory: string): Promise<Player> {
    const masker = new Masker();
    const setup = await setUp(
      {
        inventory: [inventory],
        limit: undefined,
        extraVars: [],
        forks: 1,
        verbosity: 0,
        user: undefined,
        become: false,
        becomeMethod: undefined,
        becomeUser: undefined,
        asksBecomePass: false,
        asksPass: false,
        acceptsNewHostKeys: false,
        connectTimeoutSeconds: 20,
        connectRetries: 0,
        entry: undefined,
        vault: noVaultFlags,
      },
      masker,
      playbook,
    );
    const loaded = await loadPlaybook(playbook, { modules, extra: setup.extra, vault: setup.vault, rolesPath: [] });
    return new Player(setup, loaded.playbook, masker);
  }

  get masker(): Masker {
    return this.#masker;
  }

  /** How many tasks there are. */
  get size(): number {
    return this.#playbook.plays.reduce((sum, play) => sum + play.nodes.length, 0);
  }

  /** How many of them come before the first transaction. */
  get sizeBeforeTransaction(): number {
    const { plays } = this.#playbook;
    return plays
      .slice(
        0,
        plays.findIndex(({ transaction }) => transaction),
      )
      .reduce((sum, play) => sum + play.nodes.length, 0);
  }

  /** Plays it; `connect` gives the helper of each connection that is made. */
  async play(
    connect: () => Promise<HelperStream>,
    { count = Infinity, patience, between = (one) => one, written = {} }: PlayWish = {},
  ): Promise<Played> {
    const setup = this.#setup;
    const results: TaskResultEvent[] = [];
    const told: string[] = [];
    let counts: Played["counts"] = {};
    const sink = (event: EngineEvent): void => {
      if (event.event === "result") results.push(event);
      if (event.event === "result" && event.status === "failed") told.push(event.message ?? "");
      if (event.event === "unreachable") told.push(event.message);
      if (event.event === "warning") told.push(event.diagnostic.summary);
      if (event.event === "transaction") told.push(`transaction ${event.outcome}: ${event.message}`);
      if (event.event === "recap") counts = event.targets;
    };
    const pool = new ConnectionPool(
      async () => undefined,
      async (address) =>
        between(
          await openHostSession(address.name, await connect(), patience ? 1000 : address.connectTimeoutMs, patience),
        ),
    );
    const files = new PlaybookFiles(undefined, undefined, setup.vault);
    const wish = { patterns: ["all"], limit: undefined, delegates: new Set<string>() };
    try {
      if (wantedRules(setup, wish).rules.length > 0) await findFleet(setup, pool, wish);
      const run = new Run({
        inventory: setup.inventory,
        openHost: (host, play) => pool.get(setup.addressOf(host, play)),
        locate: setup.locate,
        makeScope: (layers) => createScope(layers, setup.secrets),
        compileText: fileTemplate,
        loadVarsFile: (path, play) => loadVarsFile(play.directory, path, files),
        dropHost: (host, session, play) => pool.drop(setup.addressOf(host, play), session),
        leaveHost: (host, session, play) => pool.leave(setup.addressOf(host, play), session),
        masker: this.#masker,
        // Whoever finds a tree held by a run that is over fails at once.
        holding: { holder: { by: "bench@here", pid: process.pid, command: "a bench" }, timeoutMs: 0 },
        facts: crunFacts,
        extraVars: [setup.extra],
        sink,
        ...written,
      });
      let left = count;
      const plays = this.#playbook.plays.flatMap((play) => {
        const nodes = play.nodes.slice(0, left);
        left -= nodes.length;
        return nodes.length === 0 ? [] : [{ ...play, nodes }];
      });
      const { exitStatus } = await run.plays([{ ...this.#playbook, plays }]);
      return { exitStatus, results, told, counts };
    } finally {
      await pool.close();
    }
  }
}
