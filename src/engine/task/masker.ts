// Hides secret values wherever text leaves the engine.

import type { Diagnostic } from "../../diagnostic/diagnostic.js";
import { formsOf } from "./secret-forms.js";
import { MASK, SecretIndex, SHORTEST } from "./secret-index.js";

/** Knows the run's secrets and takes them, and the shapes in which they turn up, out of values of any kind. */
export class Masker {
  readonly #secrets = new Set<string>();
  readonly #index = new SecretIndex();
  /** The same for bytes, each of them one character. */
  #byteIndex: SecretIndex | undefined;

  /**
   * Text of every scalar in the value is secret from now on. What is shorter than three characters would hide everything: it is hidden
   * only where it is the whole of a value.
   */
  add(value: unknown): void {
    if (typeof value === "string") this.#addText(value);
    else if (typeof value === "number" || typeof value === "bigint") {
      const digits = String(value);
      if (digits.length >= SHORTEST) this.#addText(digits);
    } else if (Array.isArray(value)) for (const one of value) this.add(one);
    else if (typeof value === "object" && value !== null && !(value instanceof Uint8Array))
      this.add(Object.values(value));
  }

  #addText(text: string): void {
    if (text.trim() === "" || this.#secrets.has(text)) return;
    this.#secrets.add(text);
    for (const form of formsOf(text)) {
      if (form.length >= SHORTEST) this.#index.add(form);
      if (this.#byteIndex) addBytes(this.#byteIndex, form);
    }
  }

  get isEmpty(): boolean {
    return this.#secrets.size === 0;
  }

  text(text: string): string {
    return this.#secrets.size === 0 ? text : this.#index.hide(text);
  }

  /** Whether the text is a secret as a whole. */
  isSecret(text: string): boolean {
    return this.#secrets.has(text);
  }

  /** Whether something secret stands in the value, at any depth. */
  knows(value: unknown): boolean {
    if (this.#secrets.size === 0) return false;
    if (typeof value === "string") return this.#secrets.has(value) || this.#index.hide(value) !== value;
    if (typeof value === "number") return this.#secrets.has(String(value));
    if (Array.isArray(value)) return value.some((one) => this.knows(one));
    return typeof value === "object" && value !== null && !(value instanceof Uint8Array)
      ? Object.values(value).some((one) => this.knows(one))
      : false;
  }

  /** The same map with secrets hidden; the map itself where there are none. */
  map<T extends object>(map: T): T {
    if (this.#secrets.size === 0) return map;
    const copy = { ...map };
    for (const [key, one] of Object.entries(map)) Reflect.set(copy, key, this.#value(one));
    return copy;
  }

  /** A finding with secrets hidden, in the source line too. */
  diagnostic(finding: Diagnostic): Diagnostic {
    if (this.#secrets.size === 0) return finding;
    const hide = (text: string | undefined): string | undefined => (text === undefined ? undefined : this.text(text));
    return {
      ...finding,
      summary: this.text(finding.summary),
      source: hide(finding.source),
      detail: hide(finding.detail),
      remedy: hide(finding.remedy),
    };
  }

  /** Hides secrets in bytes that come piece by piece, also those that lie across two pieces. */
  stream(): StreamMasker {
    return new StreamMasker(() => {
      if (this.#secrets.size === 0) return undefined;
      this.#byteIndex ??= this.#indexOfBytes();
      return this.#byteIndex;
    });
  }

  #indexOfBytes(): SecretIndex {
    const index = new SecretIndex();
    for (const secret of this.#secrets) for (const form of formsOf(secret)) addBytes(index, form);
    return index;
  }

  #value(value: unknown): unknown {
    if (typeof value === "string") return value.length < SHORTEST && this.#secrets.has(value) ? MASK : this.text(value);
    if (typeof value === "number" && this.#secrets.has(String(value))) return MASK;
    if (Array.isArray(value)) return value.map((one: unknown) => this.#value(one));
    if (value instanceof Uint8Array) return value;
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, one]) => [this.text(key), this.#value(one as unknown)]),
      );
    }
    return value;
  }
}

function addBytes(index: SecretIndex, form: string): void {
  const bytes = Buffer.from(form, "utf8").toString("latin1");
  if (bytes.length >= SHORTEST) index.add(bytes);
}

/** One stream of bytes. What may be the beginning of a secret is held back until more of it is known. */
export class StreamMasker {
  readonly #index: () => SecretIndex | undefined;
  #held = "";

  constructor(index: () => SecretIndex | undefined) {
    this.#index = index;
  }

  /** What can be shown by now. */
  push(data: Uint8Array): Uint8Array {
    const index = this.#index();
    if (!index && this.#held === "") return data;
    const text = this.#held + latin1(data);
    const end = index ? index.settled(text) : text.length;
    this.#held = text.slice(end);
    const shown = text.slice(0, end);
    return Buffer.from(index ? index.hide(shown) : shown, "latin1");
  }

  /** The rest, when nothing more comes. */
  end(): Uint8Array {
    const rest = this.#index()?.hide(this.#held) ?? this.#held;
    this.#held = "";
    return Buffer.from(rest, "latin1");
  }
}

function latin1(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("latin1");
}
