// Sizes as people write them.

const units = ["", "K", "M", "G", "T", "P"];

/** `10G`, `1.5 TiB`, `4096` in bytes (a K is 1024); undefined: no size. */
export function bytesOf(text: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([KMGTP]?)(?:i?B)?\s*$/i.exec(text);
  if (!match) return undefined;
  const bytes = Math.round(Number(match[1]) * 1024 ** units.indexOf((match[2] ?? "").toUpperCase()));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
