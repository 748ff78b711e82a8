// Values on their way into CEL and back: whole numbers are CEL's integers there and plain numbers here.

import { types } from "node:util";
import { lazyMap, lazySourceOf, type LazySource } from "../scope/lazy-map.js";
import { OMIT } from "../scope/values.js";

const converted = new WeakMap<object, object>();

/** The value as CEL takes it. Maps and lists are converted once; lazy maps stay lazy. */
export function toCel(value: unknown): unknown {
  switch (typeof value) {
    case "number":
      return Number.isSafeInteger(value) ? BigInt(value) : value;
    case "object":
      return value === null ? null : objectToCel(value);
    case "symbol":
      return value === OMIT ? null : undefined;
    default:
      return value;
  }
}

function objectToCel(value: object): object {
  const before = converted.get(value);
  if (before) return before;
  const result = convert(value);
  converted.set(value, result);
  // Converting twice must change nothing.
  converted.set(result, result);
  return result;
}

/** A map that somebody else made lazy: its keys must not be walked. */
function proxySource(value: object): LazySource {
  return {
    has: (name) => name in value,
    get: (name): unknown => Reflect.get(value, name),
    names: () => Reflect.ownKeys(value).filter((one) => typeof one === "string"),
  };
}

function convert(value: object): object {
  const source = lazySourceOf(value) ?? (types.isProxy(value) ? proxySource(value) : undefined);
  if (source)
    return lazyMap({
      has: (name) => source.has(name),
      get: (name) => toCel(source.get(name)),
      names: () => source.names(),
    });
  if (Array.isArray(value)) return value.some((one) => toCel(one) !== one) ? value.map(toCel) : value;
  if (value instanceof Uint8Array || value instanceof Date) return value;
  const entries = Object.entries(value);
  const isPlain = Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null;
  if (isPlain && entries.every(([, one]) => toCel(one) === one)) return value;
  const copy = Object.fromEntries(entries.map(([key, one]) => [key, toCel(one)]));
  const names = Object.getOwnPropertyNames(value);
  if (names.length === entries.length) return copy;
  // What only a real run can tell (see PendingVariable) stays a field that says so when it is read.
  for (const name of names)
    if (!Object.hasOwn(copy, name))
      Object.defineProperty(copy, name, { enumerable: false, get: () => toCel(Reflect.get(value, name)) });
  return copy;
}

function pick(source: LazySource): Pick<LazySource, "has" | "names"> {
  return { has: (name) => source.has(name), names: () => source.names() };
}

/** The value as templates and modules take it. */
export function fromCel(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "object" || value === null) return value;
  const source = lazySourceOf(value);
  if (source) return lazyMap({ ...pick(source), get: (name) => fromCel(source.get(name)) });
  if (types.isProxy(value)) return value;
  if (Array.isArray(value)) return value.map(fromCel);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, one]) => [String(key), fromCel(one)]));
  if (value instanceof Set) return [...value].map(fromCel);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null)
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fromCel(one)]));
  const primitive: unknown = value.valueOf();
  return typeof primitive === "bigint" ? Number(primitive) : String(value);
}
