// Helpers that turn values into text and back: JSON, YAML, base64, hashes.

import { createHash } from "node:crypto";
import { plainOf, readYaml, toYaml } from "../yaml/yaml.js";
import { CrunError } from "../../diagnostic/diagnostic.js";
import {
  helper,
  HelperError,
  isMap,
  literal,
  numberArgument,
  textArgument,
  toBool,
  type HelperTable,
} from "./definition.js";
import { checkMethod, passwordHash } from "./password.js";

interface JsonStyle {
  readonly indent: number;
  readonly sortsKeys: boolean;
  readonly isAscii: boolean;
}

/** JSON as Python writes it: a space after commas and colons, non-ASCII escaped unless told otherwise. */
export function jsonText(value: unknown, style: JsonStyle, level = 0): string {
  const line = style.indent > 0 ? `\n${" ".repeat(style.indent * (level + 1))}` : "";
  const end = style.indent > 0 ? `\n${" ".repeat(style.indent * level)}` : "";
  const comma = style.indent > 0 ? `,${line}` : ", ";
  if (Array.isArray(value)) {
    return value.length === 0
      ? "[]"
      : `[${line}${value.map((one) => jsonText(one, style, level + 1)).join(comma)}${end}]`;
  }
  if (isMap(value)) {
    const keys = style.sortsKeys ? Object.keys(value).sort() : Object.keys(value);
    if (keys.length === 0) return "{}";
    return `{${line}${keys.map((key) => `${jsonString(key, style)}: ${jsonText(value[key], style, level + 1)}`).join(comma)}${end}}`;
  }
  if (typeof value === "string") return jsonString(value, style);
  return JSON.stringify(value) ?? "null";
}

function jsonString(text: string, style: JsonStyle): string {
  const json = JSON.stringify(text);
  return style.isAscii
    ? json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    : json;
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HelperError(`this is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function fromYaml(text: string): unknown {
  try {
    const node = readYaml("the text", text);
    return node === undefined ? null : plainOf(node);
  } catch (error) {
    if (error instanceof CrunError) throw new HelperError(error.diagnostics[0]?.summary ?? "this is no YAML");
    throw error;
  }
}

/** The documents of a text, which lines of three hyphens begin. */
function documents(text: string): string[] {
  const parts = text.split(/^---(?=\s|$)/m);
  return parts.filter((part, index) => part.trim() !== "" || (index > 0 && parts.length > 1));
}

const ENCODINGS: Readonly<Record<string, BufferEncoding>> = {
  "utf-8": "utf8",
  utf8: "utf8",
  "utf-16-le": "utf16le",
  "utf-16le": "utf16le",
  latin1: "latin1",
  "iso-8859-1": "latin1",
  ascii: "ascii",
};

function encodingOf(name: unknown): BufferEncoding {
  const word = name === undefined || name === null ? "utf-8" : textArgument(name, "encoding").toLowerCase();
  const encoding = Object.hasOwn(ENCODINGS, word) ? ENCODINGS[word] : undefined;
  if (encoding) return encoding;
  throw new HelperError(`there is no encoding ${JSON.stringify(name)}`, "There are utf-8, utf-16-le, latin1, ascii.");
}

function digest(text: unknown, algorithm: string): string {
  try {
    return createHash(algorithm).update(textArgument(text)).digest("hex");
  } catch (error) {
    if (error instanceof HelperError) throw error;
    throw new HelperError(
      `there is no hash ${JSON.stringify(algorithm)}`,
      "There are md5, sha1, sha224, sha256, sha384, sha512.",
    );
  }
}

export const encodingHelpers: HelperTable = {
  to_json: helper(
    "value indent= sort_keys= ensure_ascii=",
    "As JSON in one line, or over several with `indent=`.",
    ([value], { hash }) =>
      jsonText(value, {
        indent: numberArgument(hash["indent"] ?? 0),
        sortsKeys: toBool(hash["sort_keys"]),
        isAscii: hash["ensure_ascii"] === undefined || toBool(hash["ensure_ascii"]),
      }),
  ),
  to_nice_json: helper(
    "value [indent] sort_keys= ensure_ascii=",
    "As JSON over several lines, keys in order.",
    (args, options) =>
      jsonText(args[0], {
        indent: numberArgument(args[1] ?? 4),
        sortsKeys: options.hash["sort_keys"] === undefined || toBool(options.hash["sort_keys"]),
        isAscii: options.hash["ensure_ascii"] === undefined || toBool(options.hash["ensure_ascii"]),
      }),
  ),
  to_yaml: helper("value indent= width=", "As YAML, innermost lists and maps in one line.", ([value], { hash }) =>
    toYaml(value, numberArgument(hash["indent"] ?? 2), numberArgument(hash["width"] ?? 80), true),
  ),
  to_nice_yaml: helper("value [indent] width=", "As YAML, each item on a line of its own.", (args, options) =>
    toYaml(args[0], numberArgument(args[1] ?? 4), numberArgument(options.hash["width"] ?? 80), false),
  ),
  from_json: helper("text", "The value of JSON text.", ([text]) => fromJson(textArgument(text))),
  from_yaml: helper("text", "The value of YAML text.", ([text]) => fromYaml(textArgument(text))),
  from_yaml_all: helper("text", "A list of the values of several YAML documents in a text.", ([text]) =>
    documents(textArgument(text)).map(fromYaml),
  ),
  b64encode: helper("text [encoding]", "In base64.", ([text, encoding]) =>
    Buffer.from(textArgument(text), encodingOf(encoding)).toString("base64"),
  ),
  b64decode: helper("text [encoding]", "The text of base64.", ([text, encoding]) => {
    const given = textArgument(text);
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(given.replace(/\s+/g, ""))) throw new HelperError("this is no base64");
    return Buffer.from(given, "base64").toString(encodingOf(encoding));
  }),
  hash: helper(
    "text [hashtype]",
    "The hash in hex: sha1, or md5, sha256, sha512 and others.",
    ([text, algorithm]) => digest(text, textArgument(algorithm ?? "sha1")),
    { check: ([, algorithm]) => void digest("", literal(algorithm) ?? "sha1") },
  ),
  checksum: helper("text", "The SHA-1 in hex.", ([text]) => digest(text, "sha1")),
  md5: helper("text", "The MD5 in hex.", ([text]) => digest(text, "md5")),
  sha1: helper("text", "The SHA-1 in hex.", ([text]) => digest(text, "sha1")),
  sha256: helper("text", "The SHA-256 in hex.", ([text]) => digest(text, "sha256")),
  sha512: helper("text", "The SHA-512 in hex.", ([text]) => digest(text, "sha512")),
  password_hash: helper(
    "password [hashtype] [salt] [salt_size] [rounds]",
    "The password as /etc/shadow holds it: sha512 (or sha256). Give a salt: without one it is random, and the task changes at each run.",
    (args) => {
      const salt = args[2];
      const rounds = args[4];
      return passwordHash(
        textArgument(args[0], "the password"),
        textArgument(args[1] ?? "sha512"),
        salt === undefined || salt === null ? undefined : textArgument(salt, "the salt"),
        rounds === undefined || rounds === null ? undefined : numberArgument(rounds, "rounds"),
      );
    },
    { check: ([, method, salt]) => void checkMethod(literal(method) ?? "sha512", literal(salt)) },
  ),
};
