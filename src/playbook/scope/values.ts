// How values of the playbook count and look: emptiness, text, omit.

/** The value of `omit`: an argument, key or item that is it is left out. */
export const OMIT: unique symbol = Symbol("omit");

/** What `{{#if}}` takes for no: false, null, undefined, 0, "" and the empty list. An empty map is something, as in Handlebars. */
export function isEmpty(value: unknown): boolean {
  return !value || (Array.isArray(value) && value.length === 0);
}

/** A value inside text: lists and maps as JSON, null as nothing, whole numbers without a point. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  if (typeof value === "object") return value instanceof Date ? value.toISOString() : JSON.stringify(value);
  return String(value);
}

/** The value's kind for messages, with a short look at it: `the text "yes"`, `the number 3`, `a list of 2 items`. */
export function describeValue(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  if (value === OMIT) return "omit";
  if (Array.isArray(value)) return `a list of ${value.length} ${value.length === 1 ? "item" : "items"}`;
  switch (typeof value) {
    case "string":
      return `the text ${JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value)}`;
    case "number":
    case "bigint":
      return `the number ${value}`;
    case "boolean":
      return String(value);
    default:
      return `a map with ${Object.keys(value).length} keys`;
  }
}

/** Same value, maps and lists compared by content; 1 and 1.0 are the same. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, index) => isSame(item, b[index]))
    );
  }
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && isSame(Reflect.get(a, key), Reflect.get(b, key)));
}
