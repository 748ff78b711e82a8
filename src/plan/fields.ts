// Reads the JSON of a plan file strictly: every key is known, every value is what it should be, and what is not is named.

/** What is wrong, and where in the line: `changes[2].mode`. */
export class FieldFault extends Error {
  readonly at: string;
  constructor(at: string, problem: string) {
    super(at === "" ? problem : `${at} ${problem}`);
    this.at = at;
  }
}

/** Takes a value of one kind, or throws a FieldFault. */
export type Take<T> = (value: unknown, at: string) => T;

export const text: Take<string> = (value, at) => {
  if (typeof value !== "string") throw new FieldFault(at, `must be text, not ${kindOf(value)}`);
  return value;
};

export const integer: Take<number> = (value, at) => {
  if (typeof value !== "number" || !Number.isSafeInteger(value))
    throw new FieldFault(at, `must be a whole number, not ${kindOf(value)}`);
  return value;
};

export const number: Take<number> = (value, at) => {
  if (typeof value !== "number") throw new FieldFault(at, `must be a number, not ${kindOf(value)}`);
  return value;
};

export const flag: Take<boolean> = (value, at) => {
  if (typeof value !== "boolean") throw new FieldFault(at, `must be true or false, not ${kindOf(value)}`);
  return value;
};

export const anything: Take<unknown> = (value) => value;

/** Hex sha256. */
export const digest: Take<string> = (value, at) => {
  const hex = text(value, at);
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new FieldFault(at, "must be a sha256");
  return hex;
};

/** An absolute path. */
export const path: Take<string> = (value, at) => {
  const name = text(value, at);
  if (!name.startsWith("/") || name.includes("\0")) throw new FieldFault(at, "must be an absolute path");
  return name;
};

export function oneOf<const T extends string>(choices: readonly T[]): Take<T> {
  return (value, at) => {
    const found = choices.find((one) => one === value);
    if (found === undefined) throw new FieldFault(at, `${JSON.stringify(value) ?? "nothing"} is not known`);
    return found;
  };
}

export function listOf<T>(take: Take<T>): Take<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw new FieldFault(at, `must be a list, not ${kindOf(value)}`);
    return value.map((one: unknown, index) => take(one, `${at}[${index}]`));
  };
}

export function mapOf<T>(take: Take<T>): Take<Readonly<Record<string, T>>> {
  return (value, at) => {
    const entries = entriesOf(value, at).map(([key, one]): [string, T] => [key, take(one, `${at}.${key}`)]);
    return Object.fromEntries(entries);
  };
}

/** A map of known keys; `read` takes them all. */
export function fields<T>(read: (fields: Fields) => T): Take<T> {
  return (value, at) => {
    const all = new Fields(value, at);
    const result = read(all);
    all.end();
    return result;
  };
}

/** The keys of one map, each to be taken once. */
export class Fields {
  readonly #values: Map<string, unknown>;
  readonly #at: string;

  constructor(value: unknown, at: string) {
    this.#values = new Map(entriesOf(value, at));
    this.#at = at;
  }

  get<T>(key: string, take: Take<T>): T {
    if (!this.#values.has(key)) throw new FieldFault(this.#at, `lacks ${JSON.stringify(key)}`.trim());
    return this.#take(key, take);
  }

  /** Under its key, or nothing where it is absent. */
  maybe<K extends string, T>(key: K, take: Take<T>): Partial<Record<K, T>> {
    const found: Partial<Record<K, T>> = {};
    if (this.#values.has(key)) found[key] = this.#take(key, take);
    return found;
  }

  end(): void {
    const [key] = this.#values.keys();
    if (key !== undefined) throw new FieldFault(this.#at, `has ${JSON.stringify(key)}, which is not known`.trim());
  }

  #take<T>(key: string, take: Take<T>): T {
    const value = this.#values.get(key);
    this.#values.delete(key);
    return take(value, this.#at === "" ? key : `${this.#at}.${key}`);
  }
}

function entriesOf(value: unknown, at: string): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new FieldFault(at, `must be a map, not ${kindOf(value)}`);
  return Object.entries(value);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a map" : `the ${typeof value} ${JSON.stringify(value)}`;
}
