// Says what a test needs from the machine: it skips with the reason on a user's machine and fails in CI.
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** What a test cannot do without. */
export interface Needs {
  readonly root?: boolean;
  /** Programs that must be in the PATH or in an sbin directory. */
  readonly tools?: readonly string[];
  /** Paths that must exist, such as /dev/loop-control. */
  readonly paths?: readonly string[];
}

/** Finds a program as a root shell would; undefined when there is none. */
export function findTool(name: string): string | undefined {
  const directories = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  for (const directory of directories) {
    const candidate = join(directory, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // not in this directory
    }
  }
  return undefined;
}

/** The first thing that is missing, as a sentence; undefined when all is there. */
export function missing(needs: Needs): string | undefined {
  if (needs.root === true && process.getuid?.() !== 0) {
    return "needs root";
  }
  for (const tool of needs.tools ?? []) {
    if (findTool(tool) === undefined) {
      return `needs the program ${tool} (test/setup.sh installs it)`;
    }
  }
  for (const path of needs.paths ?? []) {
    if (!existsSync(path)) {
      return `needs ${path}`;
    }
  }
  return undefined;
}

/**
 * To be called first in a `before(function () { … })`: skips the block when something is missing, and says why on stderr.
 * With CI=true it throws instead, so that nothing is skipped in silence.
 */
export function requireOrSkip(context: Mocha.Context, needs: Needs): void {
  const reason = missing(needs);
  if (reason === undefined) {
    return;
  }
  const title = context.test?.parent?.fullTitle() ?? "test";
  if (process.env["CI"] === "true") {
    throw new Error(`${title}: ${reason}; nothing may be skipped in CI`);
  }
  process.stderr.write(`skipped: ${title}: ${reason}\n`);
  context.skip();
}
