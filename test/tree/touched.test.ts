// A whole tree is told from what was touched in it: held to what random changes really make of random trees.

import assert from "node:assert/strict";
import fc from "fast-check";
import type { TreeEntry } from "../../src/tree/difference/entry.js";
import { completed } from "../../src/tree/difference/touched.js";

/** A file system in memory that stamps what is touched, as the kernel does. */
class Files {
  readonly #entries = new Map<string, TreeEntry>();
  #inode = 0;
  clock = 1;

  constructor() {
    this.#put("/", "directory");
  }

  #put(path: string, type: "file" | "directory", more: Partial<TreeEntry> = {}): void {
    const time = { seconds: this.clock, nanoseconds: 0 };
    const rest = { mode: 0o755, uid: 0, gid: 0, size: 1, rdev: 0, target: "", inode: ++this.#inode };
    this.#entries.set(path, { path, type, ...rest, mtime: time, ctime: time, ...more });
  }

  #touch(path: string, fields: Partial<TreeEntry> = {}): void {
    const entry = this.#entries.get(path);
    if (entry) this.#entries.set(path, { ...entry, ...fields, ctime: { seconds: this.clock, nanoseconds: 0 } });
  }

  /** Whether it can be done there: the parent is a directory. */
  make(path: string, type: "file" | "directory"): void {
    if (this.#entries.has(path) || this.#entries.get(parentOf(path))?.type !== "directory") return;
    this.#put(path, type);
    this.#touch(parentOf(path));
  }

  remove(path: string): void {
    if (path === "/" || !this.#entries.has(path)) return;
    for (const one of this.#entries.keys()) if (one === path || one.startsWith(`${path}/`)) this.#entries.delete(one);
    this.#touch(parentOf(path));
  }

  write(path: string, mode: number): void {
    this.#touch(path, { mode });
  }

  rename(from: string, to: string): void {
    const isInItself = to === from || to.startsWith(`${from}/`) || from.startsWith(`${to}/`);
    if (from === "/" || to === "/" || isInItself || !this.#entries.has(from)) return;
    if (this.#entries.get(parentOf(to))?.type !== "directory") return;
    this.remove(to);
    const all = [...this.#entries];
    for (const [path, entry] of all) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      this.#entries.delete(path);
      const moved = to + path.slice(from.length);
      this.#entries.set(moved, { ...entry, path: moved });
    }
    for (const path of [to, parentOf(to), parentOf(from)]) this.#touch(path);
  }

  /** Parents before what is in them. */
  list(beneath = "/"): TreeEntry[] {
    const all = [...this.#entries.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
    return all.filter(({ path }) => beneath === "/" || path === beneath || path.startsWith(`${beneath}/`));
  }

  /** What the helper lists with `since`. */
  listTouched(since: number): TreeEntry[] {
    const isTouched = (path: string): boolean => (this.#entries.get(path)?.ctime.seconds ?? 0) >= since;
    return this.list().filter(({ path }) => path === "/" || isTouched(path) || isTouched(parentOf(path)));
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

const names = fc.constantFrom("a", "b", "c");
const path = fc.array(names, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join("/")}`);
const step = fc.oneof(
  fc.record({ kind: fc.constant("make" as const), path, type: fc.constantFrom("file" as const, "directory" as const) }),
  fc.record({ kind: fc.constant("remove" as const), path }),
  fc.record({ kind: fc.constant("write" as const), path, mode: fc.constantFrom(0o600, 0o644) }),
  fc.record({ kind: fc.constant("rename" as const), path, to: path }),
);

function carryOut(files: Files, steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): void {
  for (const one of steps) {
    if (one.kind === "make") files.make(one.path, one.type);
    else if (one.kind === "remove") files.remove(one.path);
    else if (one.kind === "write") files.write(one.path, one.mode);
    else files.rename(one.path, one.to);
  }
}

describe("a tree from what was touched in it", () => {
  it("is the whole tree, whatever was done (random)", () => {
    const steps = fc.array(step, { maxLength: 25 });
    const makes = fc.array(fc.record({ path, type: fc.constantFrom("file" as const, "directory" as const) }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(makes, steps, (first, then) => {
        const files = new Files();
        for (const one of first) files.make(one.path, one.type);
        const before = files.list();
        files.clock = 2;
        carryOut(files, then);
        const whole = completed(before, files.listTouched(2), { seconds: 2, nanoseconds: 0 });
        assert.ok(whole);
        const beneath = whole.unknown.flatMap((one) => files.list(one).slice(1));
        const found = [...whole.entries, ...beneath].sort((one, other) => (one.path < other.path ? -1 : 1));
        assert.deepEqual(found, files.list());
      }),
      { numRuns: 2000 },
    );
  });

  it("does not follow from a tree that was itself touched since", () => {
    const files = new Files();
    files.clock = 2;
    files.make("/a", "file");
    assert.equal(completed(files.list(), files.listTouched(2), { seconds: 2, nanoseconds: 0 }), undefined);
  });
});
