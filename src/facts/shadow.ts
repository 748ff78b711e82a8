// Entries of /etc/shadow.

import { bytesOf, numberOf, textOf, type AccountFile } from "./account-file.js";

/** Days are days since 1970 or spans; undefined: the field is empty. */
export interface ShadowEntry {
  readonly name: string;
  readonly password: string;
  readonly changed: number | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly warn: number | undefined;
  readonly inactive: number | undefined;
  readonly expires: number | undefined;
  readonly reserved: string;
}

/** Undefined where the file has no entry of that name. */
export function shadowOf(file: AccountFile, name: string): ShadowEntry | undefined {
  const fields = file.find(name);
  if (!fields) return undefined;
  return {
    name: textOf(fields[0] ?? ""),
    password: textOf(fields[1] ?? ""),
    changed: numberOf(fields[2]),
    min: numberOf(fields[3]),
    max: numberOf(fields[4]),
    warn: numberOf(fields[5]),
    inactive: numberOf(fields[6]),
    expires: numberOf(fields[7]),
    reserved: fields[8] ?? "",
  };
}

/** The entry as fields of the file; negative days are empty, as putspent writes them. */
export function shadowFields(entry: ShadowEntry): string[] {
  const day = (value: number | undefined): string => (value === undefined || value < 0 ? "" : String(value));
  return [
    bytesOf(entry.name),
    bytesOf(entry.password),
    ...[entry.changed, entry.min, entry.max, entry.warn, entry.inactive, entry.expires].map(day),
    entry.reserved,
  ];
}
