// Reads YAML 1.2 into nodes that know their place. The only importer of js-yaml.

import {
  COLLECTION_STYLE,
  dump,
  EVENT_ID,
  getScalarValue,
  parseEvents,
  SCALAR_STYLE,
  visit,
  YAMLException,
} from "js-yaml";
import type { Document, Event, ScalarEvent } from "js-yaml";
import { CrunError, type Place } from "../../diagnostic/diagnostic.js";
import { isEncrypted } from "../../vault/format.js";
import { Vault } from "../../vault/vault.js";
import { secretsOf } from "./secrets.js";
import { SourceFile, type TextOrigin } from "./source.js";
import { openQuote, remedyFor } from "./yaml-remedy.js";
import { resolvePlain } from "./yaml-scalar.js";

interface Located {
  readonly source: SourceFile;
  readonly offset: number;
  /** Marked `!unsafe`: never rendered. */
  readonly isUnsafe: boolean;
}

export interface YamlScalar extends Located {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
  /** As written, without quotes. */
  readonly text: string;
  readonly isQuoted: boolean;
  /** Marked `!vault`: the text is encrypted. */
  readonly isEncrypted: boolean;
  /** `literal`: a block whose lines stand as they are, `indent` columns in. */
  readonly layout: "inline" | "literal" | "folded";
  readonly indent: number;
}

export interface YamlList extends Located {
  readonly kind: "list";
  readonly items: readonly YamlNode[];
}

export interface YamlEntry {
  readonly key: string;
  readonly keyNode: YamlScalar;
  readonly value: YamlNode;
}

export interface YamlMap extends Located {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, YamlEntry>;
}

export type YamlNode = YamlScalar | YamlList | YamlMap;

export function placeOf(node: YamlNode): Place {
  return node.source.place(node.offset);
}

/** Where the characters of a scalar's text stand in the file; the scalar's beginning where that cannot be said. */
export function originOf(node: YamlScalar): TextOrigin {
  const { source, offset, text, layout, indent } = node;
  const isVerbatim = source.text.startsWith(text, offset);
  return {
    source,
    place: source.place(offset),
    at(index) {
      const start = source.place(offset);
      if (layout === "literal") {
        const before = text.slice(0, index);
        const lines = before.split("\n");
        return {
          file: source.name,
          line: (start.line ?? 1) + lines.length - 1,
          column: indent + (lines.at(-1) ?? "").length + 1,
        };
      }
      return isVerbatim ? source.place(offset + index) : start;
    },
  };
}

/** The value that a node stands for, without places. Maps become plain objects; an encrypted text stays so, as Ansible's JSON has it. */
export function plainOf(node: YamlNode): unknown {
  switch (node.kind) {
    case "scalar":
      return node.isEncrypted ? { __ansible_vault: node.text } : node.value;
    case "list":
      return node.items.map(plainOf);
    case "map":
      return Object.fromEntries([...node.entries.values()].map((entry) => [entry.key, plainOf(entry.value)]));
  }
}

/**
 * Reads one document. Undefined: there is none (the file is empty or has only comments). Throws a CrunError. `vault` opens a file that is
 * encrypted as a whole, and later the values in it that are.
 */
export function readYaml(file: string, text: string, vault?: Vault): YamlNode | undefined {
  const isSecret = isEncrypted(text);
  const plain = isSecret ? openFile(file, text, vault) : text;
  const source = new SourceFile(file, plain.startsWith("\uFEFF") ? plain.slice(1) : plain, { isSecret, vault });
  const node = new Builder(source, events(source)).document();
  if (isSecret && node) vault?.keep(secretsOf(node));
  return node;
}

/** A value as YAML text as PyYAML lays it out; `isCompact`: lists and maps that hold only scalars stand in one line. */
export function toYaml(value: unknown, indent: number, width: number, isCompact: boolean): string {
  return dump(value, {
    indent: Math.max(1, indent),
    lineWidth: width,
    noRefs: true,
    sortKeys: true,
    seqNoIndent: true,
    ...(isCompact ? { transform: compact } : {}),
  });
}

function compact(documents: Document[]): void {
  visit(documents, (node) => {
    if (node.kind !== "sequence" && node.kind !== "mapping") return;
    const children = node.kind === "sequence" ? node.items : node.items.map((one) => one.value);
    if (!children.every((one) => one.kind === "scalar")) return;
    node.style = COLLECTION_STYLE.FLOW;
    // Readers of YAML 1.1 know no plain text in one line that holds these, and PyYAML writes none.
    const texts = node.kind === "sequence" ? children : [...node.items.map((one) => one.key), ...children];
    for (const text of texts)
      if (text.kind === "scalar" && text.style === SCALAR_STYLE.PLAIN && /[?:]/.test(text.value))
        text.style = SCALAR_STYLE.SINGLE_QUOTED;
  });
}

function events(source: SourceFile): Event[] {
  try {
    return parseEvents(source.text, { filename: source.name, maxDepth: 200 });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const isUnclosed = /deficient indentation|unexpected end of the stream/.test(error.reason);
    const quote = isUnclosed ? openQuote(source, error.mark?.position) : undefined;
    if (quote !== undefined)
      throw source.error(source.place(quote), "this is not YAML: a quote is not closed", {
        remedy: "Write the same quote at the end of the text.",
      });
    const bracket = isUnclosed ? openBracket(source, error.mark?.position) : undefined;
    if (bracket !== undefined) {
      const closing = source.text[bracket] === "[" ? "]" : "}";
      throw source.error(source.place(bracket), "this is not YAML: a bracket is not closed", {
        remedy: `Write ${closing} where the ${closing === "]" ? "list" : "map"} ends.`,
      });
    }
    const place = error.mark ? source.place(Math.min(error.mark.position, source.text.length)) : { file: source.name };
    const line = place.line === undefined ? "" : (source.line(place.line) ?? "");
    throw source.error(place, `this is not YAML: ${error.reason}`, { remedy: remedyFor(line, error.reason) });
  }
}

/** Offset of the bracket before the place that begins the value of its line and has no partner there. */
function openBracket(source: SourceFile, before = source.text.length): number | undefined {
  const start = source.text.lastIndexOf("\n", source.text.slice(0, before).trimEnd().length - 1) + 1;
  const line = source.text.slice(start, before).replace(/\n[^]*/, "");
  const value = /^\s*(?:- )*(?:[^\s:#][^:#]*:\s+)?([[{])/.exec(line);
  if (!value || line.includes("{{")) return undefined;
  const count = (characters: RegExp): number => line.match(characters)?.length ?? 0;
  return count(/[[{]/g) > count(/[\]}]/g) ? start + value[0].length - 1 : undefined;
}

class Builder {
  readonly #source: SourceFile;
  readonly #events: Event[];
  readonly #anchors = new Map<string, YamlNode | undefined>();
  #at = 0;
  #last = 0;

  constructor(source: SourceFile, list: Event[]) {
    this.#source = source;
    this.#events = list;
  }

  document(): YamlNode | undefined {
    if (this.#events.length === 0) return undefined;
    const documents = this.#events.filter((event) => event.type === EVENT_ID.DOCUMENT).length;
    if (documents > 1) throw this.#secondDocument();
    this.#at = 1;
    if (this.#peek().type === EVENT_ID.POP) return undefined;
    const node = this.#node();
    return node.kind === "scalar" && node.value === null && node.text === "" ? undefined : node;
  }

  #secondDocument(): Error {
    const first = /^---(?=\s|$)/m.exec(this.#source.text);
    const from =
      first && this.#source.text.slice(0, first.index).replace(/#.*$/gm, "").trim() === "" ? first.index + 3 : 0;
    const next = /^(---|\.\.\.)(?=\s|$)/m.exec(this.#source.text.slice(from));
    return this.#source.error(this.#source.place(from + (next?.index ?? 0)), "a second document begins here", {
      detail: "A file holds one YAML document.",
      remedy: 'Remove the "---", or put the second part into a file of its own.',
    });
  }

  #peek(): Event {
    return this.#events[this.#at] ?? { type: EVENT_ID.POP };
  }

  #fail(offset: number, summary: string, more: { detail?: string; remedy?: string } = {}): never {
    throw this.#source.error(this.#source.place(Math.max(0, offset)), summary, more);
  }

  #slice(start: number, end: number): string {
    return this.#source.text.slice(start, end);
  }

  #node(): YamlNode {
    const event = this.#peek();
    this.#at++;
    switch (event.type) {
      case EVENT_ID.SCALAR:
        return this.#remember(event, this.#scalar(event));
      case EVENT_ID.SEQUENCE:
      case EVENT_ID.MAPPING: {
        this.#last = event.start;
        const isUnsafe = this.#isUnsafeCollection(event.tagStart, event.tagEnd, event.type === EVENT_ID.SEQUENCE);
        if (event.anchorStart >= 0) this.#anchors.set(this.#slice(event.anchorStart, event.anchorEnd), undefined);
        const base = { source: this.#source, offset: event.start, isUnsafe };
        const node: YamlNode =
          event.type === EVENT_ID.SEQUENCE
            ? { ...base, kind: "list", items: this.#items() }
            : { ...base, kind: "map", entries: this.#entries() };
        return this.#remember(event, isUnsafe ? asUnsafe(node) : node);
      }
      case EVENT_ID.ALIAS: {
        const name = this.#slice(event.anchorStart, event.anchorEnd);
        const node = this.#anchors.get(name);
        if (node) return node;
        if (this.#anchors.has(name)) return this.#fail(event.anchorStart, `the anchor "${name}" contains itself`);
        return this.#fail(event.anchorStart, `there is no anchor "${name}" above`, {
          remedy: `Mark the value with &${name} first.`,
        });
      }
      default:
        return this.#fail(this.#last, "this is not YAML: a value was expected");
    }
  }

  #remember(event: { anchorStart: number; anchorEnd: number }, node: YamlNode): YamlNode {
    if (event.anchorStart >= 0) this.#anchors.set(this.#slice(event.anchorStart, event.anchorEnd), node);
    return node;
  }

  #items(): YamlNode[] {
    const items: YamlNode[] = [];
    while (this.#peek().type !== EVENT_ID.POP) items.push(this.#node());
    this.#at++;
    return items;
  }

  #entries(): Map<string, YamlEntry> {
    const own = new Map<string, YamlEntry>();
    const merged = new Map<string, YamlEntry>();
    while (this.#peek().type !== EVENT_ID.POP) {
      const keyNode = this.#key();
      const value = this.#node();
      if (keyNode.text === "<<" && !keyNode.isQuoted) {
        this.#merge(keyNode, value, merged);
        continue;
      }
      const key = keyNode.text;
      const earlier = own.get(key);
      if (earlier) {
        const first = this.#source.place(earlier.keyNode.offset);
        this.#fail(keyNode.offset, `the key "${key}" stands here a second time`, {
          detail: `It was first given in line ${first.line}. Only one of the two could count.`,
          remedy: "Remove one of them.",
        });
      }
      own.set(key, { key, keyNode, value });
    }
    this.#at++;
    for (const [key, entry] of merged) if (!own.has(key)) own.set(key, entry);
    return own;
  }

  #key(): YamlScalar {
    const before = this.#last;
    const node = this.#node();
    if (node.kind === "scalar") return node;
    if (this.#source.text.startsWith("{{", before)) {
      const end = this.#source.text.indexOf("}}", before);
      const text = this.#slice(before, end === -1 ? before + 10 : end + 2);
      this.#fail(before, "a value that begins with {{ must be in quotes", {
        detail: "YAML reads the braces as a map.",
        remedy: `Write "${text.replaceAll('"', "'")}"`,
      });
    }
    return this.#fail(node.offset, `a key must be text, not a ${node.kind}`);
  }

  #merge(keyNode: YamlScalar, value: YamlNode, into: Map<string, YamlEntry>): void {
    const maps = value.kind === "list" ? value.items : [value];
    for (const map of maps) {
      if (map.kind !== "map")
        this.#fail(keyNode.offset, '"<<" takes a map or a list of maps', { remedy: "Name one with *anchor." });
      for (const [key, entry] of map.entries) if (!into.has(key)) into.set(key, entry);
    }
  }

  #isUnsafeCollection(start: number, end: number, isList: boolean): boolean {
    const tag = start < 0 ? "" : this.#slice(start, end);
    if (tag === "!unsafe") return true;
    if (tag === "" || tag === (isList ? "!!seq" : "!!map")) return false;
    return this.#unknownTag(start, tag);
  }

  #unknownTag(offset: number, tag: string): never {
    if (tag === "!vault" || tag === "!vault-encrypted")
      this.#fail(offset, `${tag} marks text that is encrypted, not a list or a map`, {
        remedy: "Encrypt each value, or the whole file.",
      });
    return this.#fail(offset, `unknown tag ${tag}`, {
      remedy: "crun knows !!str, !!int, !!float, !!bool, !!null, !unsafe and !vault.",
    });
  }

  #scalar(event: ScalarEvent): YamlScalar {
    const text = event.valueStart < 0 ? "" : getScalarValue(this.#source.text, event);
    const isQuoted = event.style !== SCALAR_STYLE.PLAIN;
    const tag = event.tagStart < 0 ? "" : this.#slice(event.tagStart, event.tagEnd);
    const offset = event.valueStart < 0 ? this.#last : event.valueStart;
    this.#last = event.valueStart < 0 ? this.#last : event.valueEnd;
    return {
      kind: "scalar",
      value: isQuoted && tag === "" ? text : this.#tagged(tag, text, event.tagStart),
      text,
      isQuoted,
      isEncrypted: isVaultTag(tag) && this.#isVault(text, event.tagStart),
      layout:
        event.style === SCALAR_STYLE.LITERAL_BLOCK
          ? "literal"
          : event.style === SCALAR_STYLE.FOLDED_BLOCK
            ? "folded"
            : "inline",
      indent: Math.max(0, event.indent),
      source: this.#source,
      // Of what is encrypted nobody wants to see the first line.
      offset: isVaultTag(tag) ? event.tagStart : offset,
      isUnsafe: tag === "!unsafe",
    };
  }

  #isVault(text: string, offset: number): true {
    if (isEncrypted(text)) return true;
    const finding = this.#source.finding(this.#source.place(offset), "!vault marks text that is not encrypted", {
      remedy: "Encrypt it with crun vault encrypt-string, or remove the tag.",
    });
    // The line holds what was to be a secret.
    throw new CrunError({ ...finding, source: undefined });
  }

  #tagged(tag: string, text: string, offset: number): string | number | boolean | null {
    if (tag === "!unsafe" || tag === "!!str" || tag === "!" || isVaultTag(tag)) return text;
    const value = resolvePlain(text);
    const isRight =
      tag === "" ||
      (tag === "!!null" && value === null) ||
      (tag === "!!bool" && typeof value === "boolean") ||
      (tag === "!!int" && Number.isInteger(value)) ||
      (tag === "!!float" && typeof value === "number");
    if (isRight) return value;
    if (["!!null", "!!bool", "!!int", "!!float"].includes(tag)) return this.#fail(offset, `"${text}" is no ${tag}`);
    return this.#unknownTag(offset, tag);
  }
}

function isVaultTag(tag: string): boolean {
  return tag === "!vault" || tag === "!vault-encrypted";
}

function asUnsafe(node: YamlNode): YamlNode {
  switch (node.kind) {
    case "scalar":
      return { ...node, isUnsafe: true };
    case "list":
      return { ...node, isUnsafe: true, items: node.items.map(asUnsafe) };
    case "map": {
      const entries = new Map(
        [...node.entries].map(([key, entry]) => [key, { ...entry, value: asUnsafe(entry.value) }]),
      );
      return { ...node, isUnsafe: true, entries };
    }
  }
}

function openFile(file: string, text: string, vault: Vault | undefined): string {
  return (vault ?? new Vault()).openText(text, { what: "the file", place: { file } });
}
