// Plays of the module tree on a directory of trees, and a tree with all that a copy can lose.

import assert from "node:assert/strict";
import { existsSync, linkSync, mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeDifferences, diffTrees } from "../lab/hash.js";
import { must } from "../lab/process.js";
import type { Scope } from "../lab/scope.js";
import { Workplace, type Told } from "./cli.js";

/** Plays one task of the module tree on the local host, whose trees lie in `trees`. */
type Wish = Readonly<Record<string, unknown>>;

/** Plays one task of the module tree at a time, on the local host, whose trees lie in `trees`. */
export class TreePlays {
  readonly #work: Workplace;

  constructor(
    scope: Scope,
    readonly trees: string,
    variables = "",
  ) {
    this.#work = new Workplace(scope, { hosts: `local crun_trees=${trees} ${variables}\n` });
  }

  path(name: string): string {
    return join(this.trees, name);
  }

  async play(wish: Wish, ...more: readonly string[]): Promise<Told> {
    this.#work.write("site.yml", `- hosts: local\n  tasks:\n    - tree: ${JSON.stringify(wish)}\n`);
    return await this.#work.play(["site.yml", "-i", "hosts", ...more]);
  }

  /** It changes something, and tells the result. */
  async makes(wish: Wish): Promise<Readonly<Record<string, unknown>>> {
    return await this.#ends(wish, "changed");
  }

  /** There is nothing to do. */
  async finds(wish: Wish): Promise<Readonly<Record<string, unknown>>> {
    return await this.#ends(wish, "ok");
  }

  async #ends(wish: Wish, status: string): Promise<Readonly<Record<string, unknown>>> {
    const told = await this.play(wish);
    assert.equal(told.status, 0, told.all);
    assert.equal(told.results[0]?.status, status, told.all);
    return told.results[0]?.result ?? {};
  }

  /** It fails with these words, and leaves the trees as they were and nothing half made. */
  async refuses(wish: Wish, words: RegExp): Promise<void> {
    const before = this.names();
    const told = await this.play(wish);
    assert.equal(told.status, 2, told.all);
    assert.match(`${told.results[0]?.message} ${told.results[0]?.remedy}`, words);
    assert.deepEqual(this.names(), before);
    assert.deepEqual(this.unfinished(), []);
  }

  names(): string[] {
    return readdirSync(this.trees)
      .filter((name) => name !== ".crun" && name !== "lost+found")
      .toSorted();
  }

  /** What is not whole. */
  unfinished(): string[] {
    const making = this.path(".crun/making");
    return existsSync(making) ? readdirSync(making) : [];
  }
}

/** A small tree with all that a copy can lose. */
export async function richTree(path: string): Promise<void> {
  mkdirSync(join(path, "etc"), { recursive: true });
  writeFileSync(join(path, "etc/plain"), "x".repeat(300_000), { mode: 0o640 });
  linkSync(join(path, "etc/plain"), join(path, "etc/other-name"));
  writeFileSync(join(path, "etc/sparse"), "begin");
  truncateSync(join(path, "etc/sparse"), 64 * 1024 * 1024);
  await must(["setfattr", "-n", "user.note", "-v", "kept", join(path, "etc/plain")]);
  await must(["setfattr", "-n", "trusted.note", "-v", "kept", join(path, "etc")]);
  await must(["setfacl", "-m", "u:1234:r", join(path, "etc/plain")]);
  await must(["mknod", join(path, "fifo"), "p"]);
  await must(["mknod", join(path, "null"), "c", "1", "3"]);
  await must(["ln", "-s", "../../../../etc/shadow", join(path, "etc/link")]);
  await must(["chown", "-R", "12:34", join(path, "etc")]);
  await must(["chmod", "6755", path]);
}

export async function assertSame(base: string, clone: string): Promise<void> {
  const differences = await diffTrees(base, clone);
  assert.deepEqual(differences, [], describeDifferences(differences));
  const [plain, other] = [join(clone, "etc/plain"), join(clone, "etc/other-name")].map((path) => statSync(path));
  assert.equal(plain?.ino, other?.ino);
  assert.ok(statSync(join(clone, "etc/sparse")).blocks < 1000, "the holes are kept");
  assert.match(
    await must(["getfattr", "--absolute-names", "-m", "-", "-d", join(clone, "etc")]),
    /trusted\.note="kept"/,
  );
  assert.match(await must(["getfacl", "--absolute-names", join(clone, "etc/plain")]), /user:1234:r--/);
}
