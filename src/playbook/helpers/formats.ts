// Helpers for formats of configuration files: TOML, INI, CSV. The only importer of smol-toml.

import { parse as parseToml, stringify as stringifyToml, TomlDate, TomlError } from "smol-toml";
import { textOf } from "../scope/values.js";
import { helper, HelperError, isMap, mapArgument, listArgument, textArgument, type HelperTable } from "./definition.js";

type AnyMap = Readonly<Record<string, unknown>>;

function fromToml(text: string): unknown {
  try {
    return plain(parseToml(text));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const message = (error.message.split("\n")[0] ?? "").replace(/^Invalid TOML document: /, "");
    throw new HelperError(`this is no TOML: line ${error.line}, column ${error.column}: ${message}`);
  }
}

/** Dates as text, integers beyond 2^53 too: values are those of JSON. */
function plain(value: unknown): unknown {
  if (value instanceof TomlDate) return value.toISOString();
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(plain);
  return isMap(value) ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)])) : value;
}

function withoutNulls(value: unknown, path: string): unknown {
  if (value === null) throw new HelperError(`TOML has no null: ${path} is null`, "Leave it out: remove_keys, or omit.");
  if (Array.isArray(value)) return value.map((one, index) => withoutNulls(one, `${path}.${index}`));
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, withoutNulls(one, path === "" ? key : `${path}.${key}`)]),
  );
}

function toToml(value: AnyMap): string {
  const text = stringifyToml(mapArgument(withoutNulls(value, "")));
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

function iniValue(value: unknown, key: string): string {
  const text = typeof value === "boolean" ? String(value) : textOf(value);
  if (/[\r\n]/.test(text)) throw new HelperError(`the value of ${key} has several lines, which INI cannot hold`);
  return text;
}

/** Sections of keys; what is no map stands before them. A list writes its key again for each item. */
function toIni(value: AnyMap, separator: string): string {
  const lines = (fields: AnyMap): string[] =>
    Object.entries(fields).flatMap(([key, one]) => {
      if (isMap(one)) throw new HelperError(`${key} is a map inside a section, which INI cannot hold`);
      if (one === null) return [key];
      return (Array.isArray(one) ? one : [one]).map((item: unknown) =>
        `${key}${separator}${iniValue(item, key)}`.trimEnd(),
      );
    });
  const top = Object.fromEntries(Object.entries(value).filter(([, one]) => !isMap(one)));
  const parts = [
    lines(top),
    ...Object.entries(value).flatMap(([name, one]) => (isMap(one) ? [[`[${name}]`, ...lines(one)]] : [])),
  ];
  const text = parts.filter((part) => part.length > 0).map((part) => part.join("\n"));
  return text.length === 0 ? "" : `${text.join("\n\n")}\n`;
}

/** Sections and keys of INI text; keys before the first section stand at the top. A key without a value is null. */
export function fromIni(text: string): AnyMap {
  const result: Record<string, unknown> = {};
  let fields: Record<string, unknown> = result;
  let last: string | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*([#;].*)?$/.test(line)) continue;
    const section = /^\[([^\]]*)\]\s*([#;].*)?$/.exec(line)?.[1];
    const before = last === undefined ? undefined : fields[last];
    if (section !== undefined) {
      const known = Object.hasOwn(result, section) ? result[section] : undefined;
      fields = isMap(known) ? { ...known } : {};
      result[section] = fields;
      last = undefined;
    } else if (/^\s/.test(line) && last !== undefined && typeof before === "string") {
      fields[last] = `${before}\n${line.trim()}`;
    } else {
      const at = line.search(/[=:]/);
      last = (at < 0 ? line : line.slice(0, at)).trim();
      if (last === "") throw new HelperError(`this is no INI: line ${index + 1} has no key`);
      fields[last] = at < 0 ? null : line.slice(at + 1).trim();
    }
  }
  return result;
}

/** Rows of CSV (RFC 4180): fields in quotes may hold the delimiter, line ends and doubled quotes. */
export function csvRows(text: string, delimiter: string): string[][] {
  if (delimiter.length !== 1) throw new HelperError("the delimiter must be one character");
  const rows: string[][] = [];
  let row: string[] = [];
  let field = "";
  let isQuoted = false;
  const endField = (): void => {
    row.push(field);
    field = "";
  };
  const endRow = (): void => {
    endField();
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  };
  for (let at = 0; at < text.length; at++) {
    const one = text[at] ?? "";
    if (isQuoted) {
      if (one !== '"') field += one;
      else if (text[at + 1] === '"') {
        field += one;
        at++;
      } else isQuoted = false;
    } else if (one === '"' && field === "") isQuoted = true;
    else if (one === delimiter) endField();
    else if (one === "\n") endRow();
    else if (one !== "\r" || text[at + 1] !== "\n") field += one;
  }
  if (isQuoted) throw new HelperError("a quote of the CSV is not closed");
  if (field !== "" || row.length > 0) endRow();
  return rows;
}

function fromCsv(text: string, delimiter: string, fieldnames: unknown): AnyMap[] {
  const rows = csvRows(text, delimiter);
  const names =
    fieldnames === undefined || fieldnames === null ? rows.shift() : listArgument(fieldnames, "fieldnames").map(textOf);
  return rows.map((row) => Object.fromEntries((names ?? []).map((name, index) => [name, row[index] ?? null])));
}

export const formatHelpers: HelperTable = {
  to_toml: helper("map", "As TOML.", ([map]) => toToml(mapArgument(map))),
  from_toml: helper("text", "The value of TOML text; dates as text.", ([text]) => fromToml(textArgument(text))),
  to_ini: helper(
    "map [separator]",
    "As INI: a section for each map in it, keys with ` = ` or `separator` before their values, what is no map first.",
    ([map, separator = " = "]) => toIni(mapArgument(map), textArgument(separator)),
  ),
  from_ini: helper("text", "The sections and keys of INI text; values are text.", ([text]) =>
    fromIni(textArgument(text)),
  ),
  from_csv: helper(
    "text [delimiter] [fieldnames]",
    "A map for each row of CSV; the first row has the names unless `fieldnames=` does.",
    ([text, delimiter = ",", fieldnames]) => fromCsv(textArgument(text), textArgument(delimiter), fieldnames),
  ),
  to_properties: helper(
    "map [separator]",
    "A line `key=value` for each field; maps inside it with a dot: `a.b=1`.",
    ([map, separator = "="]) => {
      const lines = (fields: AnyMap, prefix: string): string[] =>
        Object.entries(fields).flatMap(([key, one]) =>
          isMap(one)
            ? lines(one, `${prefix}${key}.`)
            : [
                `${prefix}${key}${textArgument(separator)}${iniValue(Array.isArray(one) ? one.map(textOf).join(",") : one, key)}`,
              ],
        );
      return lines(mapArgument(map), "")
        .map((line) => `${line}\n`)
        .join("");
    },
  ),
};
