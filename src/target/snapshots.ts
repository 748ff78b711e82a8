// Takes, lists, opens and removes snapshots of a tree on its host.

import { CrunError } from "../diagnostic/diagnostic.js";
import type { Change } from "../module/change.js";
import { outputText } from "../module/command-result.js";
import { contentOf } from "../module/content.js";
import { describeFailure } from "../module/failure-text.js";
import type { Failure, Observation, Probe, Stat } from "../module/probe.js";
import { parentOf } from "../module/tree-path.js";
import { isUntouched, settledBefore } from "../tree/difference/compare.js";
import type { TreeEntry } from "../tree/difference/entry.js";
import { manifestBytes, parseManifest } from "../tree/difference/manifest.js";
import { treePlace, type TreePlace } from "../tree/place.js";
import { infoText, numberIn, parseInfo, snapshotPaths, surplus, type SnapshotInfo } from "../tree/snapshot.js";
import { allDigests, hashesIn, listTree, type ComparedTree } from "./compare-trees.js";
import type { HostSession, TreeSession } from "./session.js";

/** The number that the root of a btrfs subvolume has. */
const subvolumeInode = 256;
const lockTimeoutMs = 60_000;
const largestManifest = 256 * 1024 * 1024;
/** Two runs may take the same number. */
const mostTries = 5;

/** A tree and its snapshots, through one host's session. */
export class Snapshots {
  readonly place: TreePlace;
  readonly #session: HostSession;
  readonly #root: TreeSession;
  readonly #name: string;
  readonly #isHeld: boolean;
  readonly #opened: TreeSession[] = [];
  #tree: TreeSession | undefined;

  /** `name` is how messages call the tree. `isHeld`: the tree's lock is held for whoever asks. */
  constructor(session: HostSession, path: string, name: string, isHeld = false) {
    this.#isHeld = isHeld;
    this.#session = session;
    this.#name = name;
    this.place = treePlace(path);
    this.#root = session.openTree("/", { entry: "auto", isHostRoot: true, isAsRoot: true });
  }

  /** The tree as it lies on the disk, whether a machine runs from it or not. */
  get tree(): TreeSession {
    return (this.#tree ??= this.open(this.place.path));
  }

  /** The root of the tree's host. */
  get root(): TreeSession {
    return this.#root;
  }

  open(path: string): TreeSession {
    const tree = this.#session.openTree(path, { entry: "chroot", isHostRoot: false });
    this.#opened.push(tree);
    return tree;
  }

  async close(): Promise<void> {
    // An end that does not go well is told by the connection's own.
    await Promise.all([...this.#opened, this.#root].map((one) => one.close().catch(() => undefined)));
  }

  /** Those that are whole, by number. Rejects with a CrunError where they cannot be read. */
  async list(): Promise<readonly SnapshotInfo[]> {
    return (await this.#look()).infos;
  }

  /** One of them. Rejects with a CrunError that says which there are. */
  async get(number: number): Promise<SnapshotInfo> {
    const infos = await this.list();
    const info = infos.find((one) => one.number === number);
    if (info) return info;
    const there = infos.map((one) => one.number).join(", ");
    throw this.#error(`there is no snapshot ${number}`, `There ${there === "" ? "is none" : `are ${there}`}.`, 1);
  }

  /** Its files, to compare with; of a manifest what was noted of them. */
  async compared(info: SnapshotInfo): Promise<ComparedTree> {
    const paths = snapshotPaths(this.place, info.number);
    if (info.storage === "btrfs") return { kind: "session", session: this.open(paths.tree) };
    const [answer] = await this.#root.observe([{ kind: "read", path: paths.manifest, limit: largestManifest }]);
    const bytes = answer?.kind === "read" ? answer.content : undefined;
    const entries = bytes ? parseManifest(bytes) : { problem: "it cannot be read" };
    if ("problem" in entries)
      throw this.#error(`the manifest of snapshot ${info.number}: ${entries.problem}`, "Remove the snapshot.", 2);
    return { kind: "noted", entries };
  }

  /**
   * Takes one: a read-only subvolume on btrfs, else a manifest. `keep`: how many runs' snapshots stay, this one included. Rejects with a CrunError; then
   * nothing of it is left that looks like a snapshot.
   */
  async take(
    wish: Omit<SnapshotInfo, "version" | "number" | "storage">,
    keep: number | undefined,
  ): Promise<SnapshotInfo> {
    for (let tries = 1; ; tries++) {
      const seen = await this.#look();
      if (seen.tree?.type !== "directory")
        throw this.#error("there is no such tree", "See what there is: crun tree list", 4);
      const storage = seen.isSubvolume ? "btrfs" : "manifest";
      const info: SnapshotInfo = { version: 1, number: seen.last + 1, storage, ...wish };
      const changes = [...seen.missing, ...(await this.#changesFor(info, seen.infos)), this.#note(info)];
      const failure = await this.#apply(changes);
      if (failure === undefined) {
        await this.#removeBroken(seen.broken);
        if (keep !== undefined) await this.#removeSurplus([...seen.infos, info], keep);
        return info;
      }
      // Somebody else took the number in between, or made the directories.
      if (failure.code !== "conflict" || tries === mostTries)
        throw this.#error(`no snapshot could be taken: ${describeFailure(failure)}`, undefined, 2);
    }
  }

  /** Removes them. Rejects with a CrunError where one is not there or cannot be removed. */
  async remove(numbers: readonly number[]): Promise<void> {
    const { infos } = await this.#look();
    const changes = numbers.flatMap((number) => {
      const info = infos.find((one) => one.number === number);
      if (!info) throw this.#error(`there is no snapshot ${number}`, "See what there is: crun tree snapshots TREE", 1);
      return this.#removal(info);
    });
    const failure = await this.#apply([this.#lock(), ...changes]);
    if (failure) throw this.#error(`a snapshot cannot be removed: ${describeFailure(failure)}`, undefined, 2);
  }

  /** Takes away the snapshots of all runs but the newest `keep`. Rejects with a CrunError. */
  async trim(keep: number): Promise<void> {
    await this.#removeSurplus(await this.list(), keep);
  }

  async #removeSurplus(infos: readonly SnapshotInfo[], keep: number): Promise<void> {
    const gone = new Set(surplus(infos, Math.max(1, keep)));
    const changes = infos.filter(({ number }) => gone.has(number)).flatMap((info) => this.#removal(info));
    const failure = changes.length === 0 ? undefined : await this.#apply([this.#lock(), ...changes]);
    if (failure) throw this.#error(`an old snapshot cannot be removed: ${describeFailure(failure)}`, undefined, 2);
  }

  /** What an interrupted run left behind. Whoever is at work on it holds the lock, and it is whole when he gives that back. */
  async #removeBroken(broken: Look["broken"]): Promise<void> {
    for (const { number, isTree } of broken) {
      const storage = isTree ? "btrfs" : "manifest";
      const info: SnapshotInfo = { version: 1, number, kind: "single", storage, takenAt: "" };
      // A note that is there already ends it: then it is no leftover.
      await this.#apply([this.#lock(), this.#note(info), ...this.#removal(info)]);
    }
  }

  /** Its note goes first: what an interruption leaves is no snapshot any more, and the next one that is taken removes it. */
  #removal({ number, storage }: SnapshotInfo): Change[] {
    const paths = snapshotPaths(this.place, number);
    return [
      { kind: "remove", path: paths.info, expect: {} },
      storage === "btrfs"
        ? { kind: "remove", path: paths.tree, isRecursive: true, withSubvolumes: true, expect: { type: "directory" } }
        : { kind: "remove", path: paths.manifest, expect: {} },
    ];
  }

  /** Of the snapshots alone: who works on the tree, and holds its own lock, may want one of it. */
  #lock(): Change {
    return { kind: "lock", path: `${this.place.snapshots}.lock`, timeoutMs: lockTimeoutMs, expect: {} };
  }

  async #changesFor(info: SnapshotInfo, infos: readonly SnapshotInfo[]): Promise<Change[]> {
    const paths = snapshotPaths(this.place, info.number);
    if (info.storage === "btrfs") {
      const from = this.place.path;
      return [
        this.#lock(),
        { kind: "subvolume", path: paths.tree, from, isReadOnly: true, expect: { type: "absent" } },
      ];
    }
    const content = contentOf(manifestBytes(await this.#noted(infos)));
    const expect = { type: "absent" } as const;
    return [this.#lock(), { kind: "writeFile", path: paths.manifest, content, mode: 0o600, expect }];
  }

  /** Everything in the tree with digests; of files that were not touched since the last manifest, those of that. */
  async #noted(infos: readonly SnapshotInfo[]): Promise<readonly TreeEntry[]> {
    const last = infos.findLast(({ storage }) => storage === "manifest");
    const before = last && (await this.compared(last).catch(() => undefined));
    if (before?.kind !== "noted") return listTree(this.tree, allDigests);
    const known = new Map(before.entries.map((entry) => [entry.path, entry]));
    const entries = await listTree(this.tree);
    const settled = settledBefore(before.entries);
    const touched = new Set<string>();
    for (const entry of entries)
      if (hasDigests(entry) && !isUntouched(known.get(entry.path), entry, settled)) touched.add(entry.path);
    const digests = await hashesIn(this.tree, [...touched], undefined);
    return entries.map((entry) => {
      const { sha256, xattrs } = (touched.has(entry.path) ? digests : known).get(entry.path) ?? {};
      return { ...entry, ...(sha256 === undefined ? {} : { sha256 }), ...(xattrs === undefined ? {} : { xattrs }) };
    });
  }

  #note(info: SnapshotInfo): Change {
    const { info: path } = snapshotPaths(this.place, info.number);
    return { kind: "writeFile", path, content: contentOf(infoText(info)), mode: 0o600, expect: { type: "absent" } };
  }

  async #look(): Promise<Look> {
    const { path, keep, snapshots } = this.place;
    const directories = [keep, parentOf(snapshots), snapshots];
    const [tree, ...rest] = await this.#root.observe([
      { kind: "stat", path, withFileSystem: true },
      ...directories.map((one): Probe => ({ kind: "stat", path: one })),
      { kind: "list", path: snapshots, depth: 1 },
    ]);
    const stat = statOf(tree);
    const isBtrfs = tree?.kind === "stat" && tree.fileSystem === "btrfs";
    const list = rest.pop();
    if (list?.kind !== "list") throw new Error("a list was asked for");
    if (list.failure)
      throw this.#error(`its snapshots cannot be listed: ${describeFailure(list.failure)}`, undefined, 4);
    const missing = directories.filter((_, index) => !statOf(rest[index]));
    const numbers = new Map<number, Set<string>>();
    for (const { name } of list.entries) {
      const number = numberIn(name);
      if (number !== undefined) numbers.set(number, (numbers.get(number) ?? new Set()).add(name));
    }
    const infos = await this.#read([...numbers.keys()].sort((one, other) => one - other));
    const whole = new Set(infos.map(({ number }) => number));
    const broken = [...numbers].flatMap(([number, names]) =>
      whole.has(number) ? [] : [{ number, isTree: names.has(String(number)) }],
    );
    return {
      tree: stat,
      isSubvolume: isBtrfs && stat?.inode === subvolumeInode,
      missing: missing.map((one) => ({ kind: "makeDirectory", path: one, mode: 0o700, expect: { type: "absent" } })),
      infos,
      broken,
      last: Math.max(0, ...numbers.keys()),
    };
  }

  async #read(numbers: readonly number[]): Promise<readonly SnapshotInfo[]> {
    if (numbers.length === 0) return [];
    const probes = numbers.map((one): Probe => ({ kind: "read", path: snapshotPaths(this.place, one).info }));
    const answers = await this.#root.observe(probes);
    return answers.flatMap((answer, index): SnapshotInfo[] => {
      const info = answer.kind === "read" && answer.content ? parseInfo(outputText(answer.content)) : undefined;
      return info && info.number === numbers[index] ? [info] : [];
    });
  }

  /** Gives why it did not go well. */
  async #apply(changes: readonly Change[]): Promise<Failure | undefined> {
    const own = this.#isHeld ? changes.filter(({ kind }) => kind !== "lock") : changes;
    const outcomes = await this.#root.apply(own);
    return outcomes.find((outcome) => outcome.failure)?.failure;
  }

  #error(what: string, remedy: string | undefined, exitStatus: 1 | 2 | 4): CrunError {
    return new CrunError({ severity: "error", summary: `${this.#name}: ${what}`, remedy }, exitStatus);
  }
}

interface Look {
  readonly tree: Stat | undefined;
  readonly isSubvolume: boolean;
  /** What has to be made before something can be kept. */
  readonly missing: readonly Change[];
  /** By number. */
  readonly infos: readonly SnapshotInfo[];
  /** What is not whole. */
  readonly broken: readonly { readonly number: number; readonly isTree: boolean }[];
  readonly last: number;
}

function hasDigests({ type }: TreeEntry): boolean {
  return type === "file" || type === "directory";
}

function statOf(answer: Observation | undefined): Stat | undefined {
  return answer?.kind === "stat" ? answer.stat : undefined;
}
