// Maps whose values are made when they are looked at: `vars`, `hostvars`.

export interface LazySource {
  has(name: string): boolean;
  get(name: string): unknown;
  names(): Iterable<string>;
}

const sources = new WeakMap<object, LazySource>();

/** A read-only map for templates and conditions. Looking at one key makes one value. */
export function lazyMap(source: LazySource): Readonly<Record<string, unknown>> {
  const map = new Proxy<Record<string, unknown>>(
    {},
    {
      has: (_, key) => typeof key === "string" && source.has(key),
      get: (target, key) =>
        typeof key === "string"
          ? source.has(key)
            ? source.get(key)
            : key === "constructor"
              ? Object
              : undefined
          : Reflect.get(target, key),
      ownKeys: () => [...source.names()],
      getOwnPropertyDescriptor: (_, key) =>
        typeof key === "string" && source.has(key)
          ? { configurable: true, enumerable: true, writable: false, value: undefined }
          : undefined,
      set: () => false,
      deleteProperty: () => false,
      defineProperty: () => false,
    },
  );
  sources.set(map, source);
  return map;
}

/** The source behind a lazy map; undefined for any other value. */
export function lazySourceOf(value: object): LazySource | undefined {
  return sources.get(value);
}

/** Maps of all variables: within each other they would never end. */
const endless = new Set(["vars", "hostvars"]);

/** The value with plain maps in the place of lazy ones. Throws what making a value throws. */
export function settled(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || value instanceof Date) return value;
  if (Array.isArray(value)) return value.map(settled);
  const source = lazySourceOf(value);
  const entries = source
    ? [...source.names()].flatMap((name) => (endless.has(name) ? [] : [[name, source.get(name)] as const]))
    : Object.entries(value);
  return Object.fromEntries(entries.map(([name, one]) => [name, settled(one)]));
}
