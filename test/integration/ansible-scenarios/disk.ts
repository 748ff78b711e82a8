// Scenarios on a real file system: lays out a tree beneath a directory, and checks what is there.

import assert from "node:assert/strict";
import {
  chmodSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import type { Stats } from "node:fs";
import { dirname, join } from "node:path";
import type { Entry, Tree } from "../../module/harness.js";

/** Writes the tree beneath `root`. `base` is put before absolute targets of links into /t, for those who do not live in the tree. */
export function writeTree(root: string, tree: Tree, base = ""): void {
  const later: (() => void)[] = [];
  for (const [path, entry] of Object.entries(tree)) {
    const item = typeof entry === "string" ? { content: entry } : entry;
    const full = join(root, path);
    mkdirSync(dirname(full), { recursive: true, mode: 0o755 });
    if (item.target !== undefined) symlinkSync(rebase(item.target, base), full);
    else if (item.type === "directory") mkdirSync(full, { recursive: true });
    else writeFileSync(full, item.content ?? "");
    lchownSync(full, item.uid ?? 0, item.gid ?? 0);
    if (item.target !== undefined) continue;
    chmodSync(full, item.mode ?? (item.type === "directory" ? 0o755 : 0o644));
    const { atime, mtime } = item;
    if (atime !== undefined || mtime !== undefined)
      later.push(() => utimesSync(full, atime ?? mtime ?? 0, mtime ?? atime ?? 0));
  }
  for (const one of later) one();
}

/** Asserts what lies at a path of the tree beneath `root`. */
export function checkDisk(root: string, path: string, entry: Entry | undefined, base = ""): void {
  const stat = look(join(root, path));
  if (entry === undefined) {
    assert.equal(stat, undefined, `${path} must be absent`);
    return;
  }
  assert.ok(stat, `${path} must be there`);
  const item = typeof entry === "string" ? { content: entry } : entry;
  const type = stat.isSymbolicLink() ? "link" : stat.isDirectory() ? "directory" : "file";
  assert.equal(
    type,
    item.type ?? (item.target !== undefined ? "link" : item.content !== undefined ? "file" : type),
    `type of ${path}`,
  );
  if (item.content !== undefined) {
    assert.equal(readFileSync(join(root, path)).toString("latin1"), Buffer.from(item.content).toString("latin1"), path);
  }
  if (item.target !== undefined) assert.equal(readlinkSync(join(root, path)), rebase(item.target, base), path);
  if (item.mode !== undefined) assert.equal((stat.mode & 0o7777).toString(8), item.mode.toString(8), `mode of ${path}`);
  if (item.uid !== undefined) assert.equal(stat.uid, item.uid, `owner of ${path}`);
  if (item.gid !== undefined) assert.equal(stat.gid, item.gid, `group of ${path}`);
  if (item.mtime !== undefined) assert.equal(Math.floor(stat.mtimeMs / 1000), item.mtime, `mtime of ${path}`);
  if (item.atime !== undefined) assert.equal(Math.floor(stat.atimeMs / 1000), item.atime, `atime of ${path}`);
}

/** Asserts whether two paths are names of one file. */
export function checkHardLink(root: string, one: string, other: string, isSame: boolean): void {
  const [first, second] = [look(join(root, one)), look(join(root, other))];
  assert.equal(
    first !== undefined && first.ino === second?.ino,
    isSame,
    `${one} and ${other} are ${isSame ? "" : "not "}one file`,
  );
}

function look(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function rebase(target: string, base: string): string {
  return base !== "" && /^\/t(\/|$)/.test(target) ? base + target : target;
}
