// Runs that can be killed at any of their moments: what a tree or the journal was told before stays, nothing is told afterwards.

import { History } from "../../src/engine/journal/history.js";
import { Journal, type JournalStore } from "../../src/engine/journal/journal.js";
import { lineOf, parseJournal } from "../../src/engine/journal/records.js";
import type { RunOptions } from "../../src/engine/run-options.js";
import { Masker } from "../../src/engine/task/masker.js";
import type { Play } from "../../src/playbook/play.js";
import type { HostSession, TreeSession } from "../../src/target/session.js";
import { fakeInfo, type FakeTree } from "./fake-session.js";
import { runPlays, type Ran } from "./playbooks.js";

const forEver = (): Promise<never> => new Promise<never>(() => undefined);

/** Counts a run's moments, and ends it at one of them. */
export class Death {
  readonly #at: number;
  moments = 0;
  isDead = false;
  readonly came: Promise<void>;
  #tell: () => void = () => undefined;

  constructor(at = Infinity) {
    this.#at = at;
    this.came = new Promise((resolve) => (this.#tell = resolve));
  }

  /** Ends it here and now. */
  kill(): void {
    this.isDead = true;
    this.#tell();
  }

  /** True from the moment on at which the run is dead. */
  strikes(): boolean {
    if (!this.isDead && ++this.moments >= this.#at) {
      this.isDead = true;
      this.#tell();
    }
    return this.isDead;
  }
}

/** A tree's session of a run that may die: before something is done, or when it is done and before that is known. */
function mortalTree(tree: FakeTree, death: Death): TreeSession {
  const mortal = async <T>(work: () => Promise<T>): Promise<T> => {
    if (death.strikes()) return forEver();
    const came = await work();
    return death.strikes() ? forEver() : came;
  };
  return {
    observe: (probes) => mortal(() => tree.observe(probes)),
    apply: async (changes, options) => {
      if (death.strikes()) return forEver();
      if (changes.length > 1 && death.strikes()) {
        await tree.apply(changes.slice(0, changes.length >> 1), options);
        return forEver();
      }
      const outcomes = await tree.apply(changes, options);
      return death.strikes() ? forEver() : outcomes;
    },
    hold: () => mortal(() => tree.hold()),
    exec: () => tree.exec(),
    start: (spec) => mortal(() => tree.start(spec)),
    close: () => Promise.resolve(),
  };
}

/** Lines in memory. Of a line at which the run dies only a part is written. */
export class MemoryStore implements JournalStore {
  bytes: Buffer;
  readonly #death: Death;

  constructor(death: Death, before: Buffer = Buffer.alloc(0)) {
    this.#death = death;
    this.bytes = before;
  }

  append(text: string): void {
    if (this.#death.isDead) return;
    const isTorn = this.#death.strikes();
    const bytes = Buffer.from(text);
    this.bytes = Buffer.concat([this.bytes, isTorn ? bytes.subarray(0, bytes.length >> 1) : bytes]);
  }

  async sync(): Promise<void> {
    await Promise.resolve();
    if (this.#death.strikes()) await forEver();
  }
}

export interface MortalRun {
  readonly plays: readonly Play[];
  readonly trees: Readonly<Record<string, FakeTree>>;
  readonly options: NonNullable<Parameters<typeof runPlays>[2]>;
}

/** Runs until the end (what came of it) or the death (undefined). `before`: a journal that is gone on with. */
export async function runUntil(
  { plays, trees, options }: MortalRun,
  death: Death,
  before?: Buffer,
): Promise<{ readonly ran: Ran | undefined; readonly journal: Buffer }> {
  const read = before && parseJournal(before);
  if (read?.damagedLine !== undefined) throw new Error(`the journal is damaged in line ${read.damagedLine}`);
  const history = read && new History(read.records).prepare();
  const store = new MemoryStore(death, before?.subarray(0, read?.length));
  const masker = options.masker ?? new Masker();
  const journal = new Journal(store, masker, history);
  const runner = { pid: 1, ticks: "1", boot: "b", by: "tester" };
  if (history) store.append(lineOf({ kind: "resume", at: "", runner, isAnew: false }));
  const openHost: RunOptions["openHost"] = async (host) => {
    await Promise.resolve();
    if (death.strikes()) return forEver();
    const session: HostSession = {
      host,
      info: fakeInfo,
      openTree: (path) => {
        const tree = trees[path === "/" ? host : path] ?? trees[path];
        if (!tree) throw new Error(`no tree ${path}`);
        return mortalTree(tree, death);
      },
      close: () => Promise.resolve(),
    };
    return session;
  };
  const ran = await Promise.race([
    runPlays(plays, trees, { ...options, masker, openHost, journal, history }),
    death.came.then(() => undefined),
  ]);
  return { ran, journal: store.bytes };
}
