// Compares trees where they lie, with as few bytes on their way as can be: names first, digests only of what may differ.

import { CrunError } from "../diagnostic/diagnostic.js";
import { describeFailure } from "../module/failure-text.js";
import type { ListObservation, ListProbe, Probe, Timestamp } from "../module/probe.js";
import {
  differences,
  settledBefore,
  withDigests,
  type CompareOptions,
  type Difference,
  type Digests,
} from "../tree/difference/compare.js";
import { contentDiff, shownContentLimit, type ContentDiff, type Side } from "../tree/difference/content-diff.js";
import { entriesOf, type TreeEntry } from "../tree/difference/entry.js";
import { completed } from "../tree/difference/touched.js";
import type { TreeSession } from "./session.js";

/** A tree to look at, or what was noted of one. */
export type ComparedTree =
  /** `entries`: what was listed of it before; it is read alone. */
  | { readonly kind: "session"; readonly session: TreeSession; readonly entries?: readonly TreeEntry[] }
  | { readonly kind: "noted"; readonly entries: readonly TreeEntry[] };

/** All that tells whether a file or a directory is another one. */
export const allDigests = ["sha256", "xattrs"] as const;
/** Entries that one listing gives at most. */
const mostEntries = 400_000;
/** Files whose content is shown at most. */
const mostContents = 200;
/** Files that are read in one round trip. */
const readAtOnce = 16;

export interface TreesOptions extends CompareOptions {
  /**
   * `after` came from `before` (as a clone or as the same tree), which has stood still since: a snapshot, what was noted, a base that nobody works on. Files
   * that nobody touched are not read then.
   */
  readonly isSuccessor?: boolean;
}

/**
 * What differs, in order of the paths. Rejects with a CrunError where a tree cannot be read, and for two notes without digests, of which nothing can be
 * found out any more.
 */
export async function compareTrees(
  before: ComparedTree,
  after: ComparedTree,
  trees: TreesOptions = {},
): Promise<readonly Difference[]> {
  // Trees that share nothing: nearly each file has to be hashed, and one listing does it all.
  const isRelated = trees.isSuccessor === true || trees.sharedUntil !== undefined;
  const algorithms: ListProbe["algorithms"] = isRelated ? undefined : allDigests;
  const [one, other] =
    trees.sharedUntil === undefined
      ? await Promise.all([entriesIn(before, algorithms), entriesIn(after, algorithms)])
      : await bothSince(before, after, trees.sharedUntil);
  const options: CompareOptions = trees.isSuccessor ? { ...trees, sharedUntil: settledBefore(one) } : trees;
  const first = differences(one, other, options);
  if (first.undecided.length === 0) return first.differences;
  const missing = (entries: readonly TreeEntry[]): readonly string[] => {
    const undecided = new Set(first.undecided);
    const lacking = entries.filter((one) => undecided.has(one.path) && lacksDigests(one));
    return lacking.map(({ path }) => path);
  };
  const [ofOne, ofOther] = await Promise.all([
    digestsIn(before, missing(one), "unreadable before"),
    digestsIn(after, missing(other), "unreadable after"),
  ]);
  return differences(withDigests(one, ofOne), withDigests(other, ofOther), options).differences;
}

/** Of a tree and what was made of it at that moment: of the second one only what was touched since need travel. */
async function bothSince(
  before: ComparedTree,
  after: ComparedTree,
  since: Timestamp,
): Promise<readonly [readonly TreeEntry[], readonly TreeEntry[]]> {
  const [one, touched] = await Promise.all([
    entriesIn(before, undefined),
    after.kind === "session" && !after.entries ? listTouched(after.session, since) : undefined,
  ]);
  const whole = touched && completed(one, touched, since);
  if (!whole || after.kind === "noted") return [one, await entriesIn(after, undefined)];
  const beneath = await Promise.all(whole.unknown.map((path) => listBeneath(after.session, path, undefined)));
  return [one, [...whole.entries, ...beneath.flatMap((entries) => entries.slice(1))]];
}

/** What was touched in the tree, and all names in directories that were; undefined where that is too much for one answer. */
async function listTouched(session: TreeSession, since: Timestamp): Promise<TreeEntry[] | undefined> {
  const [answer] = await session.observe([{ kind: "list", path: "/", depth: 0, limit: mostEntries, since }]);
  if (answer?.kind !== "list") throw new Error("a list was asked for");
  return answer.failure || answer.isTruncated ? undefined : entriesOf(answer);
}

/** What has a ctime of `since` or later, and maybe more. Rejects with a CrunError (exitStatus 4) where the tree cannot be listed. */
export async function touchedSince(session: TreeSession, since: Timestamp): Promise<readonly TreeEntry[]> {
  return (await listTouched(session, since)) ?? listTree(session);
}

/** Everything in the tree of a session. Rejects with a CrunError (exitStatus 4) where it cannot be listed. */
export async function listTree(session: TreeSession, algorithms?: ListProbe["algorithms"]): Promise<TreeEntry[]> {
  return listBeneath(session, "/", algorithms);
}

/** A tree that is too large for one answer comes directory by directory. */
async function listBeneath(
  session: TreeSession,
  path: string,
  algorithms: ListProbe["algorithms"],
): Promise<TreeEntry[]> {
  const whole = await list(session, path, 0, algorithms);
  if (!whole.isTruncated) return entriesOf(whole, path);
  const level = await list(session, path, 1, algorithms);
  if (level.isTruncated) throw unreadable(path, `it holds more than ${mostEntries} names`);
  const entries = entriesOf(level, path);
  const directories = entries.slice(1).filter(({ type }) => type === "directory");
  const deeper: TreeEntry[] = [];
  for (const directory of directories)
    for (const entry of (await listBeneath(session, directory.path, algorithms)).slice(1)) deeper.push(entry);
  return [...entries, ...deeper];
}

async function list(
  session: TreeSession,
  path: string,
  depth: number,
  algorithms: ListProbe["algorithms"],
): Promise<ListObservation> {
  const probe: ListProbe = { kind: "list", path, depth, limit: mostEntries, ...(algorithms ? { algorithms } : {}) };
  const [answer] = await session.observe([probe]);
  if (answer?.kind !== "list") throw new Error("a list was asked for");
  if (answer.failure) throw unreadable(path, describeFailure(answer.failure));
  if (!answer.stat) throw unreadable(path, "it is not there any more");
  return answer;
}

function unreadable(path: string, why: string): CrunError {
  const remedy = "Look at it on the host; compare again when nothing else changes it.";
  return new CrunError({ severity: "error", summary: `${path} of the tree cannot be listed: ${why}`, remedy }, 4);
}

function entriesIn(tree: ComparedTree, algorithms: ListProbe["algorithms"]): Promise<readonly TreeEntry[]> {
  if (tree.kind === "noted") return Promise.resolve(tree.entries);
  return tree.entries ? Promise.resolve(tree.entries) : listTree(tree.session, algorithms);
}

function lacksDigests({ type, sha256, xattrs }: TreeEntry): boolean {
  return xattrs === undefined || (type === "file" && sha256 === undefined);
}

/** Of what was noted nothing more can be found out. */
function digestsIn(tree: ComparedTree, paths: readonly string[], unreadable: string): Promise<Map<string, Digests>> {
  return tree.kind === "session" ? hashesIn(tree.session, paths, unreadable) : Promise.resolve(new Map());
}

/**
 * Digests of regular files and directories by path, computed on the host. `unreadable` stands for the content of what went away or cannot be read (undefined:
 * it has none): another text for each side of a comparison.
 */
export async function hashesIn(
  session: TreeSession,
  paths: readonly string[],
  unreadable: string | undefined,
): Promise<Map<string, Digests>> {
  const found = new Map<string, Digests>();
  if (paths.length === 0) return found;
  const probes = paths.map((path): Probe => ({ kind: "hash", path, follow: false, algorithms: allDigests }));
  const answers = await session.observe(probes);
  for (const [index, path] of paths.entries()) {
    const answer = answers[index];
    const { sha256, xattrs } = answer?.kind === "hash" ? answer.digests : {};
    if (xattrs !== undefined) found.set(path, sha256 === undefined ? { xattrs } : { sha256, xattrs });
    else if (unreadable !== undefined) found.set(path, { sha256: unreadable });
  }
  return found;
}

/** What changed in files that are text, for people: at most so many, in order. */
export async function contentDiffs(
  found: readonly Difference[],
  before: ComparedTree,
  after: ComparedTree,
): Promise<ReadonlyMap<string, ContentDiff>> {
  const wanted = found
    .filter(({ kind, fields, before: old, after: now }) => {
      const isFile = old?.type === "file" || now?.type === "file";
      return isFile && (kind !== "changed" || fields.includes("content") || fields.includes("type"));
    })
    .slice(0, mostContents);
  const shown = new Map<string, ContentDiff>();
  for (let from = 0; from < wanted.length; from += readAtOnce) {
    const part = wanted.slice(from, from + readAtOnce);
    const [ofOld, ofNew] = await Promise.all([
      contentsIn(before, part, (one) => one.before),
      contentsIn(after, part, (one) => one.after),
    ]);
    for (const { path, before: old, after: now } of part) {
      const was = ofOld.get(path);
      const is = ofNew.get(path);
      // Of what was only noted there is no content to show.
      if ((old?.type === "file" && !was) || (now?.type === "file" && !is)) continue;
      const diff = contentDiff(path, was, is);
      if (diff) shown.set(path, diff);
    }
  }
  return shown;
}

async function contentsIn(
  tree: ComparedTree,
  part: readonly Difference[],
  entryOf: (one: Difference) => TreeEntry | undefined,
): Promise<Map<string, Side>> {
  const contents = new Map<string, Side>();
  if (tree.kind === "noted") return contents;
  const paths = part.filter((one) => entryOf(one)?.type === "file").map(({ path }) => path);
  const probes = paths.map((path): Probe => ({ kind: "read", path, follow: false, limit: shownContentLimit }));
  const answers = await tree.session.observe(probes);
  for (const [index, path] of paths.entries()) {
    const answer = answers[index];
    if (answer?.kind !== "read" || answer.failure || answer.stat?.type !== "file") continue;
    contents.set(path, { bytes: answer.isTooLarge ? undefined : answer.content });
  }
  return contents;
}
