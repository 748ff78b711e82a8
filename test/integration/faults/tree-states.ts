// What each path of a tree may be while and after a play changes it: as it was before or after a task, and nothing else.
import { lookAtTree, type Entry } from "../../lab/hash.js";

export type TreeState = ReadonlyMap<string, Entry>;

/** Times are no part of the promise, nor are link counts on the way (a name more or less of the same file). */
export async function stateOf(tree: string, ignore: readonly string[] = []): Promise<TreeState> {
  return lookAtTree(tree, { without: ["mtime"], ignore });
}

function text(entry: Entry | undefined): string {
  return entry === undefined
    ? "absent"
    : `${entry.type} ${entry.mode} ${entry.owner} ${entry.content} ${entry.xattrs}`.trim();
}

/** Names that crun gives to what is not whole. */
export function isTemporary(path: string): boolean {
  return path.split("/").some((name) => name.startsWith(".crun"));
}

/** The states of an undisturbed run: before it, and after each of its tasks. */
export class Milestones {
  readonly #states: readonly TreeState[];

  constructor(states: readonly TreeState[]) {
    this.#states = states;
  }

  get last(): TreeState {
    return this.after(this.#states.length - 1);
  }

  /** After so many tasks. */
  after(count: number): TreeState {
    const state = this.#states[count];
    if (!state) throw new Error(`no state after ${count} tasks`);
    return state;
  }

  /**
   * What is wrong with a tree: lines, none where all is well. `done`: how many tasks were told to be done that can concern a path. `mayBe`: whether a path may be
   * as it is whatever the tasks make of it.
   */
  problems(now: TreeState, done: (path: string) => number, mayBe: (path: string) => boolean): string[] {
    const paths = new Set(this.#states.flatMap((state) => [...state.keys()]));
    for (const path of now.keys()) paths.add(path);
    return [...paths]
      .filter((path) => !mayBe(path))
      .sort()
      .flatMap((path) => this.#problem(path, now, done(path)));
  }

  #problem(path: string, now: TreeState, done: number): string[] {
    if (isTemporary(path)) return [];
    const is = now.get(path);
    const may = this.#states.slice(done).map((state) => state.get(path));
    if (may.some((one) => text(one) === text(is))) return [];
    // Below a directory that is being removed or renamed as a whole.
    const all = this.#states.map((state) => state.get(path));
    const [from, to] = [may[0], may.at(-1)];
    if (isHalfMade(is, from, to) || isHalfChanged(is, from, to)) return [];
    if (all.some((one) => text(one) === text(is)))
      return [`${path}: told to be done, but it is ${text(is)}, not ${text(from)}`];
    return [`${path}: neither old nor new: ${text(is)}; old ${text(from)}; new ${text(to)}`];
  }
}

/** A directory cannot be made with its owner: until it has it, it is the helper's own and closed. */
function isHalfMade(is: Entry | undefined, from: Entry | undefined, to: Entry | undefined): boolean {
  if (from !== undefined || to?.type !== "directory" || is?.type !== "directory") return false;
  return is.mode === "0700" && (is.owner === "0:0" || is.owner === to.owner);
}

/** Owner and mode of what stays are two system calls: the new owner with the old mode (less setuid, which the kernel takes away), never the new mode with the old owner. */
function isHalfChanged(is: Entry | undefined, from: Entry | undefined, to: Entry | undefined): boolean {
  if (!is || !from || !to || is.type !== from.type || is.type !== to.type) return false;
  if (is.content !== from.content || is.content !== to.content || is.xattrs !== from.xattrs) return false;
  return is.owner === to.owner && Number.parseInt(is.mode, 8) === (Number.parseInt(from.mode, 8) & 0o1777);
}

/** What of a state lies in one of its trees. */
export function ofTree(state: TreeState, tree: string): TreeState {
  return new Map([...state].filter(([path]) => path === `/${tree}` || path.startsWith(`/${tree}/`)));
}

/** Whether two trees are the same, link counts included. */
export function differences(now: TreeState, wanted: TreeState): string[] {
  const paths = [...new Set([...now.keys(), ...wanted.keys()])].sort();
  return paths.flatMap((path) => {
    const [is, should] = [now.get(path), wanted.get(path)];
    const all = (entry: Entry | undefined): string => `${text(entry)} ${entry?.links ?? ""}`;
    return all(is) === all(should) ? [] : [`${path}: ${all(is)}, not ${all(should)}`];
  });
}
