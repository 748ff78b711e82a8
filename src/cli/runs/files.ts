// The files that a run was made of, by their digests: what tells whether it is the same run that goes on.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { FileReader } from "../../playbook/load/files.js";

export const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** What was read so far, and what is read from now on. */
export class FilesRead {
  readonly digests = new Map<string, string>();
  #tell: ((path: string, digest: string) => void) | undefined;

  note(path: string, bytes: Uint8Array): void {
    const whole = resolve(path);
    if (this.digests.has(whole)) return;
    const digest = digestOf(bytes);
    this.digests.set(whole, digest);
    this.#tell?.(whole, digest);
  }

  /** Tells of each that is read from now on for the first time. */
  listen(tell: (path: string, digest: string) => void): void {
    this.#tell = tell;
  }

  /** The same reader, which tells what was read. */
  around(reader: FileReader): FileReader {
    return {
      kind: (path) => reader.kind(path),
      list: (path) => reader.list(path),
      bytes: (path, limit) => {
        const bytes = reader.bytes(path, limit);
        if (limit === undefined) this.note(path, bytes);
        return bytes;
      },
    };
  }

  /** The inventory: its sources, and the variables beside them and beside the playbook. */
  noteInventory(sources: readonly string[], playbook: string): void {
    const folders = [dirname(resolve(playbook)), ...sources.filter((one) => existsSync(one)).map(folderOf)];
    for (const source of sources) this.#below(source);
    for (const folder of new Set(folders))
      for (const name of ["group_vars", "host_vars"]) this.#below(join(folder, name));
  }

  #below(path: string): void {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isFile()) this.note(path, readFileSync(path));
    else if (stat?.isDirectory())
      for (const name of readdirSync(path).toSorted()) if (!name.endsWith("~")) this.#below(join(path, name));
  }
}

function folderOf(path: string): string {
  return statSync(path).isDirectory() ? path : dirname(path);
}

/** What is not as it was: one line for each file. `known`: read again already; others are looked at now. */
export function changedSince(
  before: ReadonlyMap<string, string>,
  known: ReadonlyMap<string, string>,
): readonly string[] {
  const changed: string[] = [];
  for (const [path, digest] of before) {
    const now = known.get(path) ?? digestNow(path);
    if (now === undefined) changed.push(`${path} is gone`);
    else if (now !== digest) changed.push(`${path} has changed`);
  }
  for (const path of known.keys()) if (!before.has(path)) changed.push(`${path} was not there, or was not read`);
  return changed;
}

function digestNow(path: string): string | undefined {
  try {
    return digestOf(readFileSync(path));
  } catch {
    // It is gone, or nobody may read it any more.
    return undefined;
  }
}
