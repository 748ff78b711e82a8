// The life of fixtures: what a test file borrows is given back when its describe block ends, last borrowed first.
import { after } from "mocha";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mountPointsBelow } from "./mounts.js";

type Release = () => Promise<void> | void;

/** A stack of things to undo. Fixtures take one as their first argument and put their own undoing on it. */
export class Scope {
  readonly #releases: Release[] = [];

  /** Runs `release` when the scope ends, before everything that was deferred earlier. */
  defer(release: Release): void {
    this.#releases.push(release);
  }

  /**
   * A directory (mode 0755, below the system's temporary one) that is removed at the end. A mount that is still there then
   * is detached first, lest its content be removed, and is an error.
   */
  tempDir(label = "lab"): string {
    const directory = mkdtempSync(join(tmpdir(), `crun-test-${label}-`));
    chmodSync(directory, 0o755);
    this.defer(() => {
      const left = mountPointsBelow(directory);
      for (const mountPoint of left.reverse()) {
        execFileSync("umount", ["--lazy", mountPoint]);
      }
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
      if (left.length > 0) {
        throw new Error(`still mounted at the end: ${left.join(", ")}`);
      }
    });
    return directory;
  }

  /** Undoes everything; goes on after an error and throws them all together. */
  async end(): Promise<void> {
    const errors: unknown[] = [];
    for (let release = this.#releases.pop(); release !== undefined; release = this.#releases.pop()) {
      try {
        await release();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) {
      throw new AggregateError(errors, `fixtures could not be given back: ${errors.map(String).join("; ")}`);
    }
  }
}

/** A scope that ends with the surrounding describe block (or, outside of any, with the whole run). */
export function testScope(): Scope {
  const scope = new Scope();
  after(async function () {
    this.timeout(120_000);
    await scope.end();
  });
  return scope;
}
