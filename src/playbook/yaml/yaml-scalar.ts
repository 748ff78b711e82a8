// What a plain YAML scalar stands for: YAML 1.2's core schema, but numbers that would lose what was written stay text.

const NULLS = new Set(["", "~", "null", "Null", "NULL"]);
const BOOLEANS = new Map([
  ["true", true],
  ["True", true],
  ["TRUE", true],
  ["false", false],
  ["False", false],
  ["FALSE", false],
]);
const INTEGER = /^[-+]?[0-9]+$/;
const HEX = /^0x[0-9a-fA-F]+$/;
const DECIMAL = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
/** `0644` and `0o644` are modes, `007` an agent: never the number. */
const LEADING_ZERO = /^[-+]?0[0-9o]/;

/** Text, number, boolean or null. Leading zeros and integers beyond 2^53 stay text. */
export function resolvePlain(text: string): string | number | boolean | null {
  if (NULLS.has(text)) return null;
  const boolean = BOOLEANS.get(text);
  if (boolean !== undefined) return boolean;
  if (LEADING_ZERO.test(text)) return text;
  if (INTEGER.test(text) || HEX.test(text)) {
    const value = Number(text);
    return Number.isSafeInteger(value) ? value : text;
  }
  if (DECIMAL.test(text)) return Number(text);
  if (/^[-+]?\.(inf|Inf|INF)$/.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (/^\.(nan|NaN|NAN)$/.test(text)) return NaN;
  return text;
}
