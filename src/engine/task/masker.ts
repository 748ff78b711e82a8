// Hides secret values wherever text leaves the engine.

const shortest = 3;

/** Knows the run's secrets and takes them out of values of any shape. */
export class Masker {
  readonly #secrets = new Set<string>();
  #pattern: RegExp | undefined;

  /** Text of every scalar in the value is secret from now on; very short ones would hide everything and are left. */
  add(value: unknown): void {
    if (typeof value === "string" && value.length >= shortest && !this.#secrets.has(value)) {
      this.#secrets.add(value);
      this.#pattern = undefined;
    } else if (typeof value === "number" || typeof value === "bigint") this.add(String(value));
    else if (Array.isArray(value)) for (const one of value) this.add(one);
    else if (typeof value === "object" && value !== null && !(value instanceof Uint8Array))
      this.add(Object.values(value));
  }

  get isEmpty(): boolean {
    return this.#secrets.size === 0;
  }

  text(text: string): string {
    if (this.#secrets.size === 0) return text;
    this.#pattern ??= new RegExp(
      [...this.#secrets]
        .sort((a, b) => b.length - a.length)
        .map((one) => one.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
        .join("|"),
      "g",
    );
    return text.replace(this.#pattern, "********");
  }

  /** The same map with secrets hidden; the map itself where there are none. */
  map<T extends object>(map: T): T {
    if (this.#secrets.size === 0) return map;
    const copy = { ...map };
    for (const [key, one] of Object.entries(map)) Reflect.set(copy, key, this.#value(one));
    return copy;
  }

  #value(value: unknown): unknown {
    if (typeof value === "string") return this.text(value);
    if (typeof value === "number" && this.#secrets.has(String(value))) return "********";
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
