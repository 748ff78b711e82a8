// Values of the playbook that may hold templates: compiled once, rendered for each scope.

import type { CrunError, Place } from "../../diagnostic/diagnostic.js";
import type { Renderable, Scope } from "../../module/value.js";
import { isEncrypted } from "../../vault/format.js";
import type { Vault } from "../../vault/vault.js";
import { EncryptedValue, encryptedScalar } from "./encrypted.js";
import { limitMessage } from "../helpers/definition.js";
import { rootFrame } from "./frame.js";
import { NO_SCOPE } from "../scope/no-scope.js";
import { TemplateFault } from "./template-ast.js";
import { compileTemplate, type CompiledTemplate, type Reference } from "./template-compile.js";
import type { PartialPlaces } from "./template-partials.js";
import { handlebarsOfTemplate, JINJA_TAG } from "../jinja/jinja-template.js";
import { handlebarsOfTag } from "../jinja/jinja-to-handlebars.js";
import { SourceFile, textOrigin, type TextOrigin } from "../yaml/source.js";
import { OMIT } from "../scope/values.js";
import { originOf, placeOf, plainOf, type YamlMap, type YamlNode, type YamlScalar } from "../yaml/yaml.js";

/** A renderable that can say where the variables stand that it reads. */
export interface Template extends Renderable {
  readonly references: readonly PlacedReference[];
  /** The texts with templates in them, as they are written; absent where there are none. */
  readonly texts?: readonly string[];
  /** The encrypted values in it; absent: none. */
  readonly encrypted?: readonly EncryptedValue[];
}

export interface PlacedReference extends Omit<Reference, "index" | "origin" | "isGuess"> {
  readonly origin: TextOrigin;
  readonly index: number;
}

export function isTemplate(value: Renderable): value is Template {
  return "references" in value;
}

/** References that are surely variables, with their places. */
function placed(references: readonly Reference[], origin: TextOrigin): PlacedReference[] {
  return references.filter((one) => one.isGuess !== true).map((one) => ({ ...one, origin: one.origin ?? origin }));
}

const NO_NAMES: ReadonlySet<string> = new Set();

class Static implements Template {
  readonly isStatic = true;
  readonly names = NO_NAMES;
  readonly references = [];
  readonly place: Place | undefined;
  readonly #value: unknown;
  constructor(value: unknown, place: Place | undefined) {
    this.#value = value;
    this.place = place;
  }
  render(): unknown {
    return this.#value;
  }
}

const compiled = new Map<string, CompiledTemplate>();

function compile(text: string, origin: TextOrigin): CompiledTemplate {
  const before = compiled.get(text);
  if (before) return before;
  try {
    const template = compileTemplate(text);
    compiled.set(text, template);
    return template;
  } catch (error) {
    throw faultAt(error, origin);
  }
}

function faultAt(error: unknown, origin: TextOrigin): unknown {
  if (error instanceof RangeError) return errorAt(origin, 0, limitMessage(error));
  return error instanceof TemplateFault ? errorAt(origin, error.index, error.message, error) : error;
}

export function errorAt(
  origin: TextOrigin,
  index: number,
  summary: string,
  more: { readonly detail?: string | undefined; readonly remedy?: string | undefined } = {},
): CrunError {
  return origin.source.error(origin.at(index), summary, more);
}

class TextTemplate implements Template {
  readonly isStatic = false;
  readonly names: ReadonlySet<string>;
  readonly place: Place;
  readonly #template: CompiledTemplate;
  readonly #origin: TextOrigin;
  readonly texts: readonly string[];
  constructor(template: CompiledTemplate, origin: TextOrigin, text: string) {
    this.#template = template;
    this.#origin = origin;
    this.texts = [text];
    this.names = new Set(template.references.map((one) => one.name));
    this.place = origin.place;
  }
  get references(): PlacedReference[] {
    return placed(this.#template.references, this.#origin);
  }
  render(scope: Scope): unknown {
    try {
      return this.#template.evaluate(scope);
    } catch (error) {
      throw faultAt(error, this.#origin);
    }
  }
}

class ListTemplate implements Template {
  readonly isStatic = false;
  readonly names: ReadonlySet<string>;
  readonly place: Place;
  readonly #items: readonly Template[];
  constructor(items: readonly Template[], place: Place) {
    this.#items = items;
    this.names = new Set(items.flatMap((one) => [...one.names]));
    this.place = place;
  }
  get references(): PlacedReference[] {
    return this.#items.flatMap((one) => one.references);
  }
  get texts(): string[] {
    return this.#items.flatMap((one) => one.texts ?? (one.isStatic ? [String(one.render(NO_SCOPE))] : []));
  }
  get encrypted(): EncryptedValue[] {
    return this.#items.flatMap((one) => one.encrypted ?? []);
  }
  render(scope: Scope): unknown {
    return this.#items.map((one) => one.render(scope)).filter((one) => one !== OMIT);
  }
}

class MapTemplate implements Template {
  readonly isStatic = false;
  readonly names: ReadonlySet<string>;
  readonly place: Place;
  readonly #entries: readonly (readonly [string, Template])[];
  constructor(entries: readonly (readonly [string, Template])[], place: Place) {
    this.#entries = entries;
    this.names = new Set(entries.flatMap(([, one]) => [...one.names]));
    this.place = place;
  }
  get references(): PlacedReference[] {
    return this.#entries.flatMap(([, one]) => one.references);
  }
  get encrypted(): EncryptedValue[] {
    return this.#entries.flatMap(([, one]) => one.encrypted ?? []);
  }
  render(scope: Scope): unknown {
    const result: [string, unknown][] = [];
    for (const [key, template] of this.#entries) {
      const value = template.render(scope);
      if (value !== OMIT) result.push([key, value]);
    }
    return Object.fromEntries(result);
  }
}

/** What a node of YAML renders to. Throws a CrunError where a template is broken. */
export function templateOf(node: YamlNode): Template {
  switch (node.kind) {
    case "scalar":
      return scalarTemplate(node);
    case "list": {
      const items = node.items.map(templateOf);
      return items.every((one) => one.isStatic)
        ? new Static(plainOf(node), placeOf(node))
        : new ListTemplate(items, placeOf(node));
    }
    case "map": {
      const encrypted = encryptedMap(node);
      if (encrypted) return encrypted;
      const entries = [...node.entries.values()].map((entry) => [entry.key, templateOf(entry.value)] as const);
      return entries.every(([, one]) => one.isStatic)
        ? new Static(plainOf(node), placeOf(node))
        : new MapTemplate(entries, placeOf(node));
    }
  }
}

/** `{"__ansible_vault": TEXT}`, as Ansible's JSON has encrypted values. */
function encryptedMap(node: YamlMap): EncryptedValue | undefined {
  const text = node.entries.get("__ansible_vault")?.value;
  if (node.entries.size !== 1 || text?.kind !== "scalar" || !isEncrypted(text.text)) return undefined;
  return new EncryptedValue({ text: text.text, place: placeOf(node), vault: node.source.vault });
}

function scalarTemplate(node: YamlScalar): Template {
  const { value } = node;
  if (node.isEncrypted) return encryptedScalar(node);
  if (typeof value !== "string" || node.isUnsafe) return new Static(value, placeOf(node));
  if (value.includes("{%")) refuseJinja(value, originOf(node));
  if (!value.includes("{{")) return new Static(value, placeOf(node));
  return textTemplate(value, originOf(node));
}

/** The text of a template, or of a value that is none, as it is written; undefined for lists and maps. */
export function writtenText(value: Renderable): string | undefined {
  if (value instanceof TextTemplate) return value.texts[0];
  const plain = value instanceof Static ? value.render() : undefined;
  return typeof plain === "object" || plain === undefined ? undefined : String(plain);
}

/** Longer texts are not shown whole in a message. */
const LONGEST_SHOWN = 300;

/** Tags of Jinja would stay in the text as they are: in a playbook nobody means that. */
function refuseJinja(text: string, origin: TextOrigin): void {
  const tag = JINJA_TAG.exec(text);
  if (!tag) return;
  const whole = handlebarsOfTemplate(text.trimEnd());
  const isShown = whole !== undefined && whole.length <= LONGEST_SHOWN;
  const words = isShown
    ? whole.includes("\n")
      ? `Write\n    ${whole.replaceAll("\n", "\n    ")}`
      : `Write ${whole}`
    : (handlebarsOfTag(tag[0]) ?? "There are {{#if x}} … {{/if}}, {{#each list}} … {{/each}}");
  throw errorAt(origin, tag.index, `${tag[0].replace(/\s+/g, " ")} is Jinja`, {
    detail: "Templates are Handlebars. Text that is to stay as it is has !unsafe before it.",
    remedy: words,
  });
}

/** Template of a text of known origin. */
export function textTemplate(text: string, origin: TextOrigin): Template {
  if (!text.includes("{{")) return new Static(text, origin.place);
  const template = compile(text, origin);
  return template.isStatic
    ? new Static(template.evaluate(NO_SCOPE), origin.place)
    : new TextTemplate(template, origin, text);
}

/** A value that is no template. */
export function staticValue(value: unknown, place?: Place): Template {
  return new Static(value, place);
}

/** Template of text that stands in no file, as `-e x=…`; `name` stands for it in messages. */
export function templateOfText(name: string, text: string): Template {
  return textTemplate(text, textOrigin(name, text));
}

/**
 * Data that is rendered as what YAML of it would be: text with {{ in it is a template. `place` is where the data stands. A map
 * `{"__ansible_vault": TEXT}`, as inventory programs print it, is an encrypted value.
 */
export function templateOfValue(name: string, value: unknown, place: Place = { file: name }, vault?: Vault): Template {
  if (typeof value === "string")
    return textTemplate(value, { source: new SourceFile(place.file, ""), place, at: () => place });
  if (Array.isArray(value)) {
    const items = value.map((one) => templateOfValue(name, one, place, vault));
    return items.every((one) => one.isStatic) ? new Static(value, place) : new ListTemplate(items, place);
  }
  if (typeof value === "object" && value !== null) {
    const encrypted = "__ansible_vault" in value ? value.__ansible_vault : undefined;
    if (typeof encrypted === "string" && isEncrypted(encrypted))
      return new EncryptedValue({ text: encrypted, place, vault });
    const entries = Object.entries(value).map(([key, one]) => [key, templateOfValue(name, one, place, vault)] as const);
    return entries.every(([, one]) => one.isStatic) ? new Static(value, place) : new MapTemplate(entries, place);
  }
  return new Static(value, place);
}

/**
 * Template of a file's text: always gives text, the last newline kept. `places`: where its partials are looked for. Throws a CrunError with
 * the file's line.
 */
export function fileTemplate(file: string, text: string, places?: PartialPlaces): FileTemplate {
  const origin = textOrigin(file, text);
  try {
    const reads = places !== undefined && READS_FILES.test(text);
    return new FileTemplate(reads ? compileTemplate(text, places) : compile(text, origin), origin);
  } catch (error) {
    throw faultAt(error, origin);
  }
}

/** What opens other files. Templates without it are the same wherever they stand, and compiled once: the check before the run has them. */
const READS_FILES = /\{\{[~#\s]*>|\{\{[~#\s]*\*|\btemplate\b/;

/** A template that always gives text. */
export class FileTemplate implements Template {
  readonly isStatic: boolean;
  readonly names: ReadonlySet<string>;
  readonly place: Place;
  readonly #template: CompiledTemplate;
  readonly #origin: TextOrigin;
  constructor(template: CompiledTemplate, origin: TextOrigin) {
    this.#template = template;
    this.#origin = origin;
    this.isStatic = template.isStatic;
    this.names = new Set(template.references.map((one) => one.name));
    this.place = { file: origin.source.name };
  }
  get references(): PlacedReference[] {
    return placed(this.#template.references, this.#origin);
  }
  render(scope: Scope): string {
    try {
      return this.#template.renderText(rootFrame(scope));
    } catch (error) {
      throw faultAt(error, this.#origin);
    }
  }
}
