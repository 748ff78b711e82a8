// The playbook's files: found, read, parsed once.

import { shownLine } from "../../diagnostic/secret-lines.js";
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { isAbsolute, relative, resolve } from "node:path";
import { CrunError, type Place } from "../../diagnostic/diagnostic.js";
import { whyUnreadable } from "../../diagnostic/unreadable.js";
import { textOfFile } from "../../diagnostic/utf8.js";
import { isEncrypted } from "../../vault/format.js";
import { Vault } from "../../vault/vault.js";
import { readYaml, type YamlNode } from "../yaml/yaml.js";

/** `special`: a pipe or a device, which may never end; only the playbook itself may be one. */
export type PathKind = "file" | "directory" | "special";

/** What the loader needs of a file system. Paths are absolute. */
export interface FileReader {
  kind(path: string): PathKind | undefined;
  /** All of a file, or its beginning (`limit` in bytes). Throws what the system says. */
  bytes(path: string, limit?: number): Buffer;
  /** Names in a directory; empty where there is none. */
  list(path: string): readonly string[];
}

export const realFiles: FileReader = {
  kind(path) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) return undefined;
    return stat.isDirectory() ? "directory" : stat.isFile() ? "file" : "special";
  },
  bytes: (path, limit) => (limit === undefined ? readFileSync(path) : beginningOf(path, limit)),
  list: (path) => (statSync(path, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(path).sort() : []),
};

/** As much of a file as tells whether it is encrypted, in bytes. */
const startLength = 64;

function beginningOf(path: string, limit: number): Buffer {
  const descriptor = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(limit);
    return buffer.subarray(0, readSync(descriptor, buffer, 0, limit, 0));
  } finally {
    closeSync(descriptor);
  }
}

/** A path as messages show it: relative where it lies below the working directory. */
export function shownPath(path: string, workingDirectory = process.cwd()): string {
  const short = relative(workingDirectory, path);
  return short === "" || short.startsWith("..") || isAbsolute(short) ? path : short;
}

export class PlaybookFiles {
  readonly reader: FileReader;
  /** Opens what is encrypted. */
  readonly vault: Vault;
  readonly #workingDirectory: string;
  readonly #parsed = new Map<string, YamlNode | undefined>();

  constructor(reader: FileReader = realFiles, workingDirectory = process.cwd(), vault = new Vault()) {
    this.reader = reader;
    this.vault = vault;
    this.#workingDirectory = workingDirectory;
  }

  absolute(path: string): string {
    return resolve(this.#workingDirectory, path);
  }

  /** As messages show it: relative where it lies below the working directory. */
  shown(path: string): string {
    return shownPath(path, this.#workingDirectory);
  }

  isFile(path: string): boolean {
    return this.kind(path) === "file";
  }

  kind(path: string): PathKind | undefined {
    try {
      return this.reader.kind(path);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOTDIR") return undefined;
      throw unreadable(this.shown(path), error);
    }
  }

  /** As it is, encrypted or not. */
  read(path: string): string {
    return this.#guarded(path, () => this.reader.bytes(path)).toString("utf8");
  }

  #guarded<T>(path: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw error instanceof CrunError ? error : unreadable(this.shown(path), error);
    }
  }

  /** Whether a file is encrypted. */
  isSecret(path: string): boolean {
    return this.#guarded(path, () => isEncrypted(this.reader.bytes(path, startLength)));
  }

  /** A file's bytes, opened where they are encrypted. Throws a CrunError where no key opens them. */
  plainBytes(path: string): Buffer {
    const bytes = this.#guarded(path, () => this.reader.bytes(path));
    return this.vault.openFile(bytes, this.shown(path)) ?? bytes;
  }

  /** The same as text. */
  plainText(path: string): string {
    return textOfFile(this.plainBytes(path), this.shown(path), this.isSecret(path));
  }

  /** The document of a YAML file; undefined where it holds nothing. Throws a CrunError. */
  yaml(path: string): YamlNode | undefined {
    if (this.#parsed.has(path)) return this.#parsed.get(path);
    const bytes = this.#guarded(path, () => this.reader.bytes(path));
    const node = readYaml(this.shown(path), textOfFile(bytes, this.shown(path)), this.vault);
    this.#parsed.set(path, node);
    return node;
  }

  /** The line of source that a place points to; of an encrypted file none. */
  sourceLine(place: Place): string | undefined {
    return place.line === undefined ? undefined : shownLine(this.#lines(place), place.line - 1);
  }

  /** The line as it stands there, passwords and all. */
  writtenLine(place: Place): string | undefined {
    return place.line === undefined ? undefined : this.#lines(place)[place.line - 1];
  }

  #lines({ file }: Place): readonly string[] {
    const path = this.absolute(file);
    const text = this.isFile(path) ? this.read(path) : "";
    return isEncrypted(text) ? [] : text.split(/\r?\n/);
  }

  /** The first of the paths that is a file. */
  firstFile(paths: readonly string[]): string | undefined {
    return paths.find((path) => this.isFile(path));
  }
}

function unreadable(path: string, error: unknown): CrunError {
  const { reason, remedy } = whyUnreadable(error);
  return new CrunError({ severity: "error", summary: `cannot read ${path}: ${reason}`, remedy });
}
