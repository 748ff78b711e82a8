// A tree that stands in for a target's own while a play acts: made beside it when the target is first opened, then swapped in or thrown away.

import { CrunError } from "../../diagnostic/diagnostic.js";
import type { Change } from "../../module/change.js";
import type { Timestamp } from "../../module/probe.js";
import { compareTrees, contentDiffs, listTree, touchedSince, type ComparedTree } from "../../target/compare-trees.js";
import type { HostSession, TreeSession } from "../../target/session.js";
import { isBefore, type Difference } from "../../tree/difference/compare.js";
import type { ContentDiff } from "../../tree/difference/content-diff.js";
import type { TreeEntry } from "../../tree/difference/entry.js";
import { keepChanges, ownDirectory } from "../../tree/keep.js";
import { makingPath, treePlace, type TreePlace } from "../../tree/place.js";
import {
  exchanged,
  lookAtStandIn,
  nextOld,
  placed,
  sharesInodes,
  standInChanges,
  swappedBack,
  swapRefusal,
  trims,
  type StandInSeen,
} from "../../tree/stand-in.js";
import { oldTree, type OldInfo } from "../../tree/old.js";
import { applyAll, statsOf, withHost, withTree } from "./moment.js";
import { Touched } from "./touched.js";
import { TreeHold, type HoldOptions } from "./tree-hold.js";

/** Trees that are listed whole at once, when plays have ended: each takes some memory. */
export const SETTLED_AT_ONCE = 16;

/** The kernel stamps files by a clock of at most this step: what is done afterwards has another time. */
const clockStepMs = 20;

/** One that was made. */
interface Made {
  /** What it is a copy of: where that really lies, and how it was asked for. */
  readonly origin: string;
  readonly asked: string;
  readonly at: string;
  /** By the host's clock: before it was made, and once it was. Nothing was done in it until then. */
  readonly before: Timestamp;
  readonly since: Timestamp;
  /** It is a mount, which this session's helper and nobody else has. */
  mountedBy: HostSession | undefined;
  /** Of a copy, which has inodes of its own: what lay in it at first. */
  readonly first: readonly TreeEntry[] | undefined;
}

/** Those of a run or a play, by the trees that they stand in for: several names may lead to one tree. */
export type StandIns = Map<string, StandIn>;

export interface StandInOptions extends HoldOptions {
  readonly others: StandIns;
  /** It is to be swapped in. */
  readonly isForSwap: boolean;
  /** Asked before anything is done. Rejects with a CrunError where the tree must not be stood in for. */
  readonly allow: (standIn: StandIn, session: HostSession) => Promise<void>;
}

let lastMark = 0;

export class StandIn {
  /** Where the tree really lies, once that is known. */
  place: TreePlace;
  readonly #path: string;
  readonly #options: StandInOptions;
  readonly #touched = new Touched();
  /** The tree has another name, by which it was opened before: that one's clone is this one's. */
  #same: StandIn | undefined;
  #hold: TreeHold | undefined;
  #made: Made | undefined;
  /** Of a swap that has begun: the tree's inode and its successor's. */
  #swapping: { readonly before: string | undefined; readonly after: string | undefined } | undefined;
  #entering: Promise<string | undefined> | undefined;
  #refusal: CrunError | undefined;

  constructor(path: string, options: StandInOptions) {
    this.#path = path;
    this.place = treePlace(path);
    this.#options = options;
  }

  /** The one that was made for the tree, by whatever name. */
  get real(): StandIn {
    return this.#same ?? this;
  }

  get isMade(): boolean {
    return this.real.#made !== undefined;
  }

  /** What tasks act in is opened where the helper's own mounts are. */
  get hasOwnMounts(): boolean {
    return this.real.#made?.mountedBy !== undefined;
  }

  /** This is about to be done in it. `isHidden`: whether a change's task has no_log. */
  touch(changes: readonly Change[], isHidden: (index: number) => boolean): void {
    this.real.#touched.note(changes, isHidden);
  }

  /**
   * Where tasks act: the path of what stands in for the tree, made now where it was not made yet. Undefined: there is no tree to be stood in for. `origin`: what it
   * is to be a copy of. Rejects with a CrunError: exitStatus 4 where the connection is lost; 2 where it cannot be, now and from then on.
   */
  async enter(session: HostSession, origin: string): Promise<string | undefined> {
    if (this.#same) return this.#same.enter(session, origin);
    while (this.#entering) await this.#entering.catch(() => undefined);
    this.#entering = this.#enter(session, origin);
    try {
      return await this.#entering;
    } finally {
      this.#entering = undefined;
    }
  }

  async #enter(session: HostSession, origin: string): Promise<string | undefined> {
    if (this.#refusal) throw this.#refusal;
    try {
      if (this.#made && this.#made.asked !== origin) await this.discard(session);
      if (this.#made) return await this.#returnTo(session, this.#made);
      return await withHost(session, (host) => this.#make(session, host, origin));
    } catch (error) {
      await this.#release();
      if (error instanceof CrunError && error.exitStatus !== 4) this.#refusal = error;
      throw error;
    }
  }

  /** After a connection was given up: the lock is taken anew, and nobody may have had it meanwhile. */
  async #returnTo(session: HostSession, made: Made): Promise<string> {
    if (this.#hold && !this.#hold.isLost) {
      await this.#follow(session, made);
      return made.at;
    }
    await this.#release();
    this.#hold = await TreeHold.take(session, this.place, this.#options);
    const [found] = await withHost(session, (host) => host.observe([{ kind: "stat", path: made.at }]));
    if (found?.kind === "stat" && found.stat) {
      await this.#follow(session, made);
      return made.at;
    }
    this.#made = undefined;
    throw new CrunError(
      {
        severity: "error",
        summary: `what stood in for ${this.place.path} is gone: another run took it away while the connection was lost`,
        remedy: "The tree itself is as it was. Run it again.",
      },
      2,
    );
  }

  /** A mount of another helper's, which may be gone with it, is made anew by this one's. */
  async #follow(session: HostSession, made: Made): Promise<void> {
    const { at, mountedBy } = made;
    if (mountedBy === undefined || mountedBy === session) return;
    await this.#unmount(made);
    await withHost(
      session,
      async (host) => {
        const { backend } = await look(host, this.place, made.origin);
        await applyAll(host, backend.remount?.(at, this.place) ?? [], `${at} cannot be mounted again`);
      },
      true,
    );
    made.mountedBy = session;
  }

  async #make(session: HostSession, host: TreeSession, origin: string): Promise<string | undefined> {
    const isOwn = origin === this.#path;
    const first = { kind: "stat", path: origin, follow: true } as const;
    const bootId = { kind: "read", path: "/proc/sys/kernel/random/boot_id" } as const;
    const [[tree], [boot]] = await Promise.all([statsOf(host, [first]), host.observe([bootId])]);
    if (tree?.stat?.type !== "directory") return undefined;
    // A tree's name may be a link: what it leads to is stood in for, beside where that lies.
    if (isOwn) this.place = treePlace(tree.real);
    const { place } = this;
    const from = isOwn ? place.path : tree.real;
    if (isOwn && boot?.kind === "read" && boot.content) {
      const { device, inode } = tree.stat;
      const key = [Buffer.from(boot.content).toString("utf8").trim(), device, inode].join(" ");
      const { others } = this.#options;
      const same = others.get(key);
      if (same && same !== this) return (this.#same = same).enter(session, origin);
      others.set(key, this);
    }
    if (isOwn) await this.#options.allow(this, session);
    const beside = [place.keep, place.making].map((path) => ({ kind: "stat", path }) as const);
    const [keep, makingThere] = await statsOf(host, beside);
    if (!keep || !makingThere) throw new Error("two stats were asked for");
    // Another target of the host may just be making the same directories.
    for (const change of keepChanges({ keep, makingThere }, place)) await host.apply([change]);
    this.#hold = await TreeHold.take(session, place, this.#options);
    const seen = await look(host, place, from);
    const refusal = this.#options.isForSwap ? swapRefusal(seen, place) : undefined;
    if (refusal) throw new CrunError({ severity: "error", summary: refusal.message, remedy: refusal.remedy }, 2);
    if (this.#hold.isLost)
      throw new CrunError({ severity: "error", summary: `the lock of ${place.path} could not be held` }, 2);
    const mark = `${Date.now().toString(36)}x${(lastMark = (lastMark + 1) % 1296).toString(36)}-${process.pid.toString(36)}`;
    const at = makingPath(place, mark);
    const before = await now(host, place);
    await pause();
    const what = `${place.path} cannot be copied`;
    const hasOwnMounts = seen.backend.mountsClones === true;
    await withHost(
      session,
      (one) =>
        applyAll(one, standInChanges(seen, place, from, at), what).catch(async (error: unknown) => {
          await this.#remove(one, from, at).catch(() => undefined);
          throw error;
        }),
      hasOwnMounts,
    );
    const copied = sharesInodes(seen.backend)
      ? undefined
      : await withTree(session, at, (one) => listTree(one), hasOwnMounts);
    const since = await now(host, place);
    await pause();
    const mountedBy = hasOwnMounts ? session : undefined;
    this.#made = { origin: from, asked: origin, at, before, since, first: copied, mountedBy };
    return at;
  }

  /** What was done in it, in order of the paths, and, if wanted, to the contents of files. Rejects with a CrunError. */
  async differences(
    session: HostSession,
    withContents: boolean,
  ): Promise<{ readonly found: readonly Difference[]; readonly contents: ReadonlyMap<string, ContentDiff> }> {
    const made = this.#made;
    if (!made || !this.#touched.isTouched) return { found: [], contents: new Map() };
    await this.#follow(session, made);
    await this.#checkClock(session, made);
    const compare = (own: TreeSession): ReturnType<StandIn["differences"]> =>
      withOther(async (other) => {
        const { first, before: start, since } = made;
        const before: ComparedTree = { kind: "session", session: own, ...(first ? { entries: first } : {}) };
        const after: ComparedTree = { kind: "session", session: other };
        const found = await compareTrees(before, after, { sharedUntil: first ? since : start });
        const shown = withContents ? found.filter(({ path }) => this.#touched.mayShow(path)) : [];
        return { found, contents: await contentDiffs(shown, before, after) };
      });
    const withOther = <T>(work: (other: TreeSession) => Promise<T>): Promise<T> =>
      withTree(session, made.at, work, made.mountedBy !== undefined);
    return withTree(session, made.origin, compare);
  }

  /** What was touched since then is told by times of the host's clock: none are, where it was set back. */
  async #checkClock(session: HostSession, { since }: Made): Promise<void> {
    if (!isBefore(await withHost(session, (host) => now(host, this.place)), since)) return;
    throw new CrunError(
      {
        severity: "error",
        summary: `the host's clock was set back meanwhile: what has changed in ${this.place.path} cannot be told`,
        remedy: "The tree is as it was. Run it again.",
      },
      2,
    );
  }

  /** Whether anything in it was touched since it was made. */
  async isChanged(session: HostSession): Promise<boolean> {
    const made = this.#made;
    if (!made || !this.#touched.isTouched) return false;
    await this.#follow(session, made);
    await this.#checkClock(session, made);
    const touched = (tree: TreeSession): ReturnType<typeof touchedSince> => touchedSince(tree, made.since);
    const entries = await withTree(session, made.at, touched, made.mountedBy !== undefined);
    return entries.some(({ ctime }) => isBefore(made.since, ctime));
  }

  /** What somebody has touched in the tree itself since it is stood in for. */
  async movedMeanwhile(session: HostSession): Promise<readonly string[]> {
    const made = this.#made;
    if (!made) return [];
    await this.#checkClock(session, made);
    const entries = await withTree(session, made.origin, (tree) => touchedSince(tree, made.before));
    return entries.filter(({ ctime }) => isBefore(made.before, ctime)).map(({ path }) => path);
  }

  /**
   * Puts it into the tree's place. Its sessions are closed by then. Gives the number under which the tree is kept, until `trim` at least. Rejects with a
   * CrunError where it cannot be done; the tree is then the old one or the new one, whole.
   */
  async swap(session: HostSession, infoOf: (seen: StandInSeen) => OldInfo): Promise<number> {
    const made = this.#made;
    if (!made) throw new Error("nothing stands in for the tree");
    await this.#unmount(made);
    return withHost(session, async (host) => {
      const { place } = this;
      const what = `${place.path} cannot be swapped`;
      const seen = await look(host, place, made.origin);
      // Another target of the host may just be making the same directory.
      if (!seen.hasOld) await host.apply([ownDirectory(place.old)]);
      const { number } = nextOld(seen, place);
      await applyAll(host, placed(seen, place, made.at, infoOf(seen)), what);
      if (seen.backend.mountsClones === true) await this.#hold?.letGoOfTree();
      const fresh = await look(host, place, made.origin);
      const both = [place.path, oldTree(place, number).path];
      const [before, after] = await Promise.all(both.map((path) => inodeOf(host, path)));
      this.#swapping = { before, after };
      await applyAll(host, exchanged(fresh, place, number), what);
      this.#made = undefined;
      return number;
    });
  }

  /** A swap has begun, and perhaps come to its end. */
  get isSwapping(): boolean {
    return this.#swapping !== undefined;
  }

  /** Whether it has taken the tree's place; undefined where that cannot be told. */
  async hasTakenPlace(session: HostSession): Promise<boolean | undefined> {
    const { before, after } = this.#swapping ?? {};
    const now = await withHost(session, (host) => inodeOf(host, this.place.path));
    if (now === undefined || before === after) return undefined;
    return now === after ? true : now === before ? false : undefined;
  }

  /** Takes the oldest of those away that transactions have replaced. */
  async trim(session: HostSession, keep: number): Promise<void> {
    await withHost(session, async (host) => {
      const changes = trims(await look(host, this.place, this.place.path), this.place, keep);
      for (const change of changes) await host.apply([change]);
    });
  }

  /** Undoes a swap. Rejects with a CrunError. */
  async swapBack(session: HostSession, number: number): Promise<void> {
    await withHost(session, async (host) => {
      const seen = await look(host, this.place, this.place.path);
      await applyAll(host, swappedBack(seen, this.place, number), `${this.place.path} cannot be swapped back`);
      this.#swapping = undefined;
    });
  }

  /** Takes it away; the lock is given back. Rejects with a CrunError where that cannot be done: the next run does it then. */
  async discard(session: HostSession): Promise<void> {
    const made = this.#made;
    try {
      if (made) await this.#unmount(made);
      if (made) await withHost(session, (host) => this.#remove(host, made.origin, made.at));
      this.#made = undefined;
    } finally {
      await this.#release();
    }
  }

  /** Where it lies, for messages. */
  get path(): string | undefined {
    return this.#made?.at;
  }

  /** Gives back the lock. */
  async leave(): Promise<void> {
    await this.#release();
  }

  /** Where only its helper sees it. Gone with that, there is none. */
  async #unmount({ at, mountedBy }: Made): Promise<void> {
    if (!mountedBy) return;
    const unmounted = [{ kind: "unmount", path: at, expect: {} }] as const;
    await withHost(mountedBy, (host) => host.apply(unmounted), true).catch(() => undefined);
  }

  async #remove(host: TreeSession, origin: string, at: string): Promise<void> {
    const [there] = await statsOf(host, [{ kind: "stat", path: at }]);
    if (!there?.stat) return;
    const { backend } = await look(host, this.place, origin);
    await applyAll(host, backend.remove(at, this.place), `${at} cannot be removed`);
  }

  async #release(): Promise<void> {
    const hold = this.#hold;
    this.#hold = undefined;
    await hold?.release();
  }
}

/** What tells a tree from its successor. */
async function inodeOf(host: TreeSession, path: string): Promise<string | undefined> {
  const [found] = await statsOf(host, [{ kind: "stat", path }]);
  return found?.stat && `${found.stat.device}:${found.stat.inode}`;
}

function look(host: TreeSession, place: TreePlace, origin: string): Promise<StandInSeen> {
  return lookAtStandIn(place, origin, (probes) => host.observe(probes));
}

/** The time by the clock of the file system that the trees lie on. */
async function now(host: TreeSession, { lock }: TreePlace): Promise<Timestamp> {
  await applyAll(host, [{ kind: "setAttributes", path: lock, mtime: "now", expect: { type: "file" } }], lock);
  const [answer] = await statsOf(host, [{ kind: "stat", path: lock }]);
  if (answer?.stat) return answer.stat.mtime;
  throw new CrunError({ severity: "error", summary: `${lock} is gone: somebody has removed it` }, 2);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, clockStepMs));
}
