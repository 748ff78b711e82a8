// The playbook's files: found, read, parsed once.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, relative, resolve } from "node:path";
import { CrunError, type Place } from "../../diagnostic/diagnostic.js";
import { readYaml, type YamlNode } from "../yaml/yaml.js";

/** `special`: a pipe or a device, which may never end; only the playbook itself may be one. */
export type PathKind = "file" | "directory" | "special";

/** What the loader needs of a file system. Paths are absolute. */
export interface FileReader {
  kind(path: string): PathKind | undefined;
  /** Throws what the system says. */
  read(path: string): string;
  /** Names in a directory; empty where there is none. */
  list(path: string): readonly string[];
}

export const realFiles: FileReader = {
  kind(path) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) return undefined;
    return stat.isDirectory() ? "directory" : stat.isFile() ? "file" : "special";
  },
  read: (path) => readFileSync(path, "utf8"),
  list: (path) => (statSync(path, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(path).sort() : []),
};

export class PlaybookFiles {
  readonly reader: FileReader;
  readonly #workingDirectory: string;
  readonly #parsed = new Map<string, YamlNode | undefined>();

  constructor(reader: FileReader = realFiles, workingDirectory = process.cwd()) {
    this.reader = reader;
    this.#workingDirectory = workingDirectory;
  }

  absolute(path: string): string {
    return resolve(this.#workingDirectory, path);
  }

  /** As messages show it: relative where it lies below the working directory. */
  shown(path: string): string {
    const short = relative(this.#workingDirectory, path);
    return short === "" || short.startsWith("..") || isAbsolute(short) ? path : short;
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

  read(path: string): string {
    try {
      return this.reader.read(path);
    } catch (error) {
      throw unreadable(this.shown(path), error);
    }
  }

  /** The document of a YAML file; undefined where it holds nothing. Throws a CrunError. */
  yaml(path: string): YamlNode | undefined {
    if (this.#parsed.has(path)) return this.#parsed.get(path);
    const node = readYaml(this.shown(path), this.read(path));
    this.#parsed.set(path, node);
    return node;
  }

  /** The line of source that a place points to. */
  sourceLine({ file, line }: Place): string | undefined {
    if (line === undefined) return undefined;
    const path = this.absolute(file);
    return this.isFile(path) ? this.read(path).split(/\r?\n/)[line - 1] : undefined;
  }

  /** The first of the paths that is a file. */
  firstFile(paths: readonly string[]): string | undefined {
    return paths.find((path) => this.isFile(path));
  }
}

function unreadable(path: string, error: unknown): CrunError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const reason =
    code === "ENOENT"
      ? "there is no such file"
      : code === "EACCES"
        ? "permission denied"
        : code === "EISDIR"
          ? "it is a directory"
          : String(error);
  return new CrunError({ severity: "error", summary: `cannot read ${path}: ${reason}` });
}
