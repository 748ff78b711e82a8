// Templates that `{{> name}}` opens: found beside the template, compiled once, told apart by their files.

import { dirname, extname } from "node:path";
import { CrunError } from "../../diagnostic/diagnostic.js";
import { suggest } from "../../diagnostic/near.js";
import { textOfFile } from "../../diagnostic/utf8.js";
import { sourceCandidates } from "../load/find-source.js";
import { realFiles, shownPath, type FileReader } from "../load/files.js";
import { readFileSync } from "node:fs";
import { textOrigin, type TextOrigin } from "../yaml/source.js";
import { TemplateFault } from "./template-ast.js";
import type { CompiledTemplate } from "./template-compile.js";

/** How partials are looked for and read. */
export interface PartialReader extends Pick<FileReader, "kind" | "list"> {
  /** What an encrypted file holds, too. Throws what the system says, or a CrunError. */
  text(path: string): string;
}

const onDisk: PartialReader = {
  kind: (path) => realFiles.kind(path),
  list: (path) => realFiles.list(path),
  text: (path) => textOfFile(readFileSync(path), shownPath(path)),
};

/** Where a template file's partials are looked for. */
export interface PartialPlaces {
  /** Of the role, then of the playbook: their templates/, then they themselves. */
  readonly directories: readonly string[];
  /** The template file itself: its own directory comes last. */
  readonly file: string;
  readonly reader?: PartialReader;
  /** How messages show a path. */
  readonly shown?: (path: string) => string;
}

export interface Partial {
  readonly name: string;
  readonly origin: TextOrigin;
  readonly text: string;
  /** Undefined as long as it is compiled: it may open itself. */
  template: CompiledTemplate | undefined;
}

/** How many partials may be open within one another: more is one that opens itself without end. */
const DEEPEST = 100;

/** The partials of one template file, and those that they open in turn. */
export class PartialTable {
  readonly #places: PartialPlaces | undefined;
  readonly #compile: (text: string, table: PartialTable) => CompiledTemplate;
  readonly #known = new Map<string, Partial | undefined>();
  /** Names that `{{#*inline "name"}}` defines anywhere. */
  readonly inlineNames = new Set<string>();
  /** Partials that are not there, unless one of those names is theirs. */
  readonly missing: {
    readonly name: string;
    readonly fault: TemplateFault;
    readonly origin: TextOrigin | undefined;
  }[] = [];
  readonly #open: string[] = [];
  /** What is compiled at the moment; undefined: the template file itself. */
  #current: TextOrigin | undefined;

  constructor(places: PartialPlaces | undefined, compile: (text: string, table: PartialTable) => CompiledTemplate) {
    this.#places = places;
    this.#compile = compile;
  }

  /** The partial, compiled; undefined where there is no such file. Throws a CrunError where it is broken. */
  get(name: string): Partial | undefined {
    if (this.#known.has(name)) return this.#known.get(name);
    const found = this.#find(name);
    const partial = found && {
      name,
      text: found.text,
      origin: textOrigin(this.#shown(found.path), found.text),
      template: undefined,
    };
    this.#known.set(name, partial);
    if (!partial) return undefined;
    const before = this.#current;
    this.#current = partial.origin;
    try {
      const whole: Partial = partial;
      whole.template = this.#compile(partial.text, this);
    } catch (error) {
      throw error instanceof TemplateFault ? faultIn(partial.origin, error) : error;
    } finally {
      this.#current = before;
    }
    return partial;
  }

  /** Remembers a partial that is not there: an inline one of that name may be found yet. */
  miss(name: string, fault: TemplateFault): void {
    this.missing.push({ name, fault, origin: this.#current });
  }

  /** Throws for a partial that neither a file nor an inline partial gives. */
  check(): void {
    const first = this.missing.find(({ name }) => !this.inlineNames.has(name));
    if (first) throw first.origin ? faultIn(first.origin, first.fault) : first.fault;
  }

  /** Renders within a partial. Throws a TemplateFault of the template that opens it where that goes on without end. */
  within(name: string, work: () => string, fault: (message: string, remedy: string) => TemplateFault): string {
    if (this.#open.length >= DEEPEST) {
      const loop = [...new Set(this.#open)].join(" → ");
      throw fault(
        `partials open each other without end: ${loop} → ${name}`,
        "Put {{#if …}} around the one that ends it.",
      );
    }
    this.#open.push(name);
    try {
      return work();
    } finally {
      this.#open.pop();
    }
  }

  /** What to say about a partial that is not there. */
  remedy(name: string): string {
    if (!this.#places) return "Partials are opened in template files alone (the module template).";
    const near = suggest(name, [...this.#names(), ...this.inlineNames]);
    return (
      near ??
      `It would be ${this.#candidates(`${name}.hbs`)
        .map((one) => this.#shown(one))
        .join(" or ")}.`
    );
  }

  #shown(path: string): string {
    return this.#places?.shown?.(path) ?? path;
  }

  #candidates(name: string): string[] {
    if (!this.#places) return [];
    return sourceCandidates([...this.#places.directories], "templates", name)
      .concat(sourceCandidates([dirname(this.#places.file)], "templates", name).slice(-1))
      .filter((one, index, all) => all.indexOf(one) === index);
  }

  #find(name: string): { readonly path: string; readonly text: string } | undefined {
    const reader = this.#places?.reader ?? onDisk;
    const path = [`${name}.hbs`, name].flatMap((one) => this.#candidates(one)).find((one) => isFile(reader, one));
    if (path === undefined) return undefined;
    try {
      return { path, text: reader.text(path) };
    } catch (error) {
      if (error instanceof CrunError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new CrunError({
        severity: "error",
        summary: `the partial ${JSON.stringify(name)} cannot be read: ${reason}`,
      });
    }
  }

  /** Files that could be partials, without .hbs at their end. */
  #names(): string[] {
    const reader = this.#places?.reader ?? onDisk;
    const directories = new Set(this.#candidates("x").map(dirname));
    return [...directories]
      .flatMap((one) => reader.list(one))
      .map((name) => (extname(name) === ".hbs" ? name.slice(0, -4) : name));
  }
}

function isFile(reader: PartialReader, path: string): boolean {
  try {
    return reader.kind(path) === "file";
  } catch (error) {
    // A file stands where the path has a directory.
    if (error instanceof Error && "code" in error && error.code === "ENOTDIR") return false;
    throw error;
  }
}

/** A fault of a text whose place is known. */
export function faultIn(origin: TextOrigin, fault: TemplateFault): CrunError {
  return origin.source.error(origin.at(fault.index), fault.message, fault);
}
