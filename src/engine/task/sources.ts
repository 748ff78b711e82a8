// Files and directories of the controller that params name: found as Ansible finds them, read and hashed once per run.

import {
  closeSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  readlinkSync,
  statSync,
  type Stats,
} from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { whyUnreadable } from "../../diagnostic/unreadable.js";
import { textOfFile } from "../../diagnostic/utf8.js";
import { CrunError, withoutSource, type Place } from "../../diagnostic/diagnostic.js";
import { contentOf, digestOf } from "../../module/content.js";
import type { LocalEntry, LocalSource } from "../../module/contract.js";
import type { Content } from "../../module/probe.js";
import type { Scope } from "../../module/value.js";
import { isEncrypted } from "../../vault/format.js";
import { realFiles, shownPath } from "../../playbook/load/files.js";
import { sourceCandidates } from "../../playbook/load/find-source.js";
import { rawLayer } from "../../playbook/scope/scope.js";
import type { PartialPlaces } from "../../playbook/template/template-partials.js";

/** Files above this size, in bytes, are named, not held in memory. */
const inMemoryLimit = 8 * 1024 * 1024;

/** Makes a template of a file's text, whose partials are in the templates/ of the directories; throws a CrunError where its syntax is wrong. */
export type TextCompiler = (
  file: string,
  text: string,
  places: PartialPlaces,
) => { render(scope: Scope): string; readonly names: ReadonlySet<string> };

/** Opens a file that is encrypted; undefined: it is not. Throws a CrunError where no key fits. */
export type SourceOpener = (content: Uint8Array, path: string) => Uint8Array | undefined;

interface ReadOptions {
  /** Links beneath a directory are followed or stay links; one that leads back up always stays. */
  readonly followsLinks: boolean;
  /** Encrypted files are opened. */
  readonly isOpened: boolean;
}

export interface SourceQuery {
  readonly name: string;
  readonly folder: "files" | "templates" | "vars";
  readonly directories: readonly string[];
  readonly place: Place;
  /** For the message: module and param. */
  readonly asked: string;
}

/** What a template can use besides variables. */
const SPECIAL_NAMES = ["ansible_managed", "template_path", "template_fullpath", "template_destpath"];

/** Where a template was asked for, and what it may look through. */
type Origin = Pick<SourceQuery, "place" | "directories">;

interface TemplateFile {
  readonly template: ReturnType<TextCompiler>;
  readonly mode: number;
  readonly readsSpecial: boolean;
  /** The file, or a partial of it, is encrypted. */
  readonly isSecret: boolean;
  /** Targets often get the same text: its digests are computed once. */
  last?: { readonly text: string; readonly source: LocalSource };
}

interface Digests {
  readonly content: Content;
  readonly sha1: string;
  readonly md5: string;
}

export class Sources {
  readonly #compile: TextCompiler;
  readonly #open: SourceOpener;
  readonly #found = new Map<string, string>();
  readonly #plain = new Map<string, LocalSource>();
  readonly #templates = new Map<string, TemplateFile>();

  constructor(compile: TextCompiler, open: SourceOpener = () => undefined) {
    this.#compile = compile;
    this.#open = open;
  }

  /** The path that the name stands for. Throws a CrunError that lists where it was looked for. */
  find(query: SourceQuery): string {
    const key = `${query.folder}\0${query.name}\0${query.directories.join("\0")}`;
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    const tried = sourceCandidates(query.directories, query.folder, query.name);
    const path = tried.find((one) => statOrNothing(one) !== undefined);
    if (path === undefined) {
      throw new CrunError(
        {
          severity: "error",
          summary: `${query.asked}: there is no file ${JSON.stringify(query.name)} on the controller`,
          place: query.place,
          detail: `Looked for:\n${tried.map((one) => `  ${one}`).join("\n")}`,
          remedy: "Put the file there, or name its path from the playbook's directory.",
        },
        2,
      );
    }
    this.#found.set(key, path);
    return path;
  }

  /** The file or directory. */
  read(path: string, place: Place, { followsLinks, isOpened }: ReadOptions): LocalSource {
    const key = `${followsLinks ? "follow" : "keep"} ${isOpened ? "open" : "closed"} ${path}`;
    let source = this.#plain.get(key);
    if (!source) {
      const open = isOpened ? this.#open : () => undefined;
      source = guarded(path, place, () => readSource(path, followsLinks, open));
      this.#plain.set(key, source);
    }
    return source;
  }

  /** The file rendered as a template for one target; it may also use `ansible_managed` and `template_path`, `_fullpath`, `_destpath`. */
  render(path: string, query: Origin, scope: Scope, destination: string): LocalSource {
    const entry = this.#template(path, query);
    const special = {
      ansible_managed: "Ansible managed",
      template_path: path,
      template_fullpath: path,
      template_destpath: destination,
    };
    const whole = entry.readsSpecial ? scope.with(rawLayer("the template", special)) : scope;
    const text = withoutSource(entry.isSecret, () => entry.template.render(whole));
    if (entry.last?.text === text) return entry.last.source;
    const content = contentOf(Buffer.from(text, "utf8"));
    if (entry.isSecret) scope.secrets?.keep(text);
    const source = new RenderedSource(path, entry.mode, entry.isSecret ? { ...content, isSecret: true } : content);
    entry.last = { text, source };
    return source;
  }

  /** Permissions of a template file. */
  modeOf(path: string, query: Origin): number {
    return this.#template(path, query).mode;
  }

  #template(path: string, { place, directories }: Origin): TemplateFile {
    // The same file may open other partials for another role.
    const key = [path, ...directories].join("\0");
    let entry = this.#templates.get(key);
    if (!entry) {
      entry = guarded(path, place, () => {
        const stat = statSync(path);
        if (stat.isDirectory()) throw new Error("it is a directory, and a template is a file");
        refuseEndless(stat);
        let isSecret = false;
        const reader = {
          ...realFiles,
          text: (one: string): string => {
            const bytes = readFileSync(one);
            const plain = this.#open(bytes, one);
            isSecret ||= plain !== undefined;
            return textOfFile(Buffer.from(plain ?? bytes), shownPath(one), plain !== undefined);
          },
        };
        const text = reader.text(path);
        const places = { file: path, directories, reader, shown: shownPath };
        const template = withoutSource(isSecret, () => this.#compile(shownPath(path), text, places));
        const readsSpecial =
          /\btemplate_|\bansible_managed\b/.test(text) || SPECIAL_NAMES.some((one) => template.names.has(one));
        return { template, mode: stat.mode & 0o7777, readsSpecial, isSecret };
      });
      this.#templates.set(key, entry);
    }
    return entry;
  }
}

/** A rendered template; the digests that few ask for are computed when they are. */
class RenderedSource {
  readonly kind = "file";
  readonly path: string;
  readonly mode: number;
  readonly content: Content;

  constructor(path: string, mode: number, content: Content) {
    this.path = path;
    this.mode = mode;
    this.content = content;
  }

  get sha1(): string {
    return digestOf("sha1", this.content.bytes ?? new Uint8Array());
  }

  get md5(): string {
    return digestOf("md5", this.content.bytes ?? new Uint8Array());
  }
}

/** What the path leads to; undefined where that is nothing, or a circle of links. */
function statOrNothing(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ELOOP") return undefined;
    throw error;
  }
}

function guarded<T>(path: string, place: Place, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CrunError) throw error;
    const { reason, remedy } = whyUnreadable(error);
    // In a directory it may be a file of it that cannot be read.
    const own = error instanceof Error && "path" in error && typeof error.path === "string" ? error.path : path;
    const summary = `cannot read ${own} on the controller: ${reason}`;
    throw new CrunError({ severity: "error", summary, place, remedy }, 2);
  }
}

function readSource(path: string, followsLinks: boolean, open: SourceOpener): LocalSource {
  const stat = statSync(path);
  const mode = stat.mode & 0o7777;
  const clean = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
  if (stat.isDirectory())
    return { kind: "directory", path: clean, mode, entries: entriesOf(clean, followsLinks, open) };
  refuseEndless(stat);
  return { kind: "file", path: clean, mode, ...digestsOf(clean, stat.size, open) };
}

/** A pipe or a device may never end, or never begin. */
function refuseEndless(stat: Stats): void {
  if (!stat.isFile()) throw new Error("it is neither a file nor a directory");
}

/** Bytes that are no UTF-8 were replaced when the name was read: nothing is called so. */
function refuseMangled(name: string, path: string): void {
  if (!name.includes("\uFFFD") || lstatSync(path, { throwIfNoEntry: false })) return;
  throw new Error(`the name ${JSON.stringify(name)} in it is no UTF-8; rename the file, or leave it out`);
}

function entriesOf(root: string, followsLinks: boolean, open: SourceOpener): LocalEntry[] {
  const entries: LocalEntry[] = [];
  /** `above`: device and inode of the directories that hold what is read now. */
  const walk = (prefix: string, above: ReadonlySet<string>): void => {
    for (const one of readdirSync(join(root, prefix)).sort()) {
      const name = prefix === "" ? one : `${prefix}/${one}`;
      const path = join(root, name);
      refuseMangled(one, path);
      const own = lstatSync(path);
      const target = own.isSymbolicLink() ? statOrNothing(path) : own;
      const isKept = own.isSymbolicLink() && (!followsLinks || !target || above.has(identity(target)));
      if (isKept) entries.push({ name, kind: "link", mode: 0o777, target: readlinkSync(path) });
      else if (target?.isDirectory()) {
        entries.push({ name, kind: "directory", mode: target.mode & 0o7777 });
        walk(name, new Set([...above, identity(target)]));
      } else if (target?.isFile()) {
        const { content, sha1 } = digestsOf(path, target.size, open);
        entries.push({ name, kind: "file", mode: target.mode & 0o7777, content, sha1 });
      }
    }
  };
  walk("", new Set([identity(statSync(root))]));
  return entries;
}

function identity(stat: Stats): string {
  return `${stat.dev}:${stat.ino}`;
}

function digestsOf(path: string, size: number, open: SourceOpener): Digests {
  if (size <= inMemoryLimit) {
    const bytes = readFileSync(path);
    const plain = open(bytes, path);
    return plain ? digestsOfBytes(plain, true) : digestsOfBytes(bytes, false);
  }
  const [sha256, sha1, md5] = [createHash("sha256"), createHash("sha1"), createHash("md5")];
  const descriptor = openSync(path, "r");
  let total = 0;
  try {
    const chunk = Buffer.allocUnsafe(1024 * 1024);
    for (let read = readSync(descriptor, chunk); read > 0; read = readSync(descriptor, chunk)) {
      // What is encrypted comes as one piece.
      if (total === 0 && isEncrypted(chunk.subarray(0, read))) {
        const plain = open(readFileSync(path), path);
        if (plain) return digestsOfBytes(plain, true);
      }
      for (const hash of [sha256, sha1, md5]) hash.update(chunk.subarray(0, read));
      total += read;
    }
  } finally {
    closeSync(descriptor);
  }
  return {
    content: { sha256: sha256.digest("hex"), size: total, file: path },
    sha1: sha1.digest("hex"),
    md5: md5.digest("hex"),
  };
}

function digestsOfBytes(bytes: Uint8Array, isSecret: boolean): Digests {
  const content = contentOf(bytes);
  return {
    content: isSecret ? { ...content, isSecret } : content,
    sha1: digestOf("sha1", bytes),
    md5: digestOf("md5", bytes),
  };
}
