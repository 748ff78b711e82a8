// Helpers that turn values into text of a format and back: JSON, YAML, base64, hashes, URLs.

import { createHash } from "node:crypto";
import { plainOf, readYaml, toYaml } from "../yaml/yaml.js";
import { CrunError } from "../../diagnostic/diagnostic.js";
import {
  helper,
  HelperError,
  isMap,
  numberArgument,
  option,
  textArgument,
  toBool,
  type HelperTable,
} from "./definition.js";
import { passwordHash } from "./password.js";

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
  to_json: helper("value", "As JSON in one line; `indent=`, `sort_keys=`, `ensure_ascii=`.", ([value], { hash }) =>
    jsonText(value, {
      indent: numberArgument(hash["indent"] ?? 0),
      sortsKeys: toBool(hash["sort_keys"]),
      isAscii: hash["ensure_ascii"] === undefined || toBool(hash["ensure_ascii"]),
    }),
  ),
  to_nice_json: helper("value [indent]", "As JSON over several lines, keys in order.", (args, options) =>
    jsonText(args[0], {
      indent: numberArgument(option(args, 1, options, "indent") ?? 4),
      sortsKeys: options.hash["sort_keys"] === undefined || toBool(options.hash["sort_keys"]),
      isAscii: options.hash["ensure_ascii"] === undefined || toBool(options.hash["ensure_ascii"]),
    }),
  ),
  to_yaml: helper("value", "As YAML, innermost lists and maps in one line.", ([value], { hash }) =>
    toYaml(value, numberArgument(hash["indent"] ?? 2), numberArgument(hash["width"] ?? 80), true),
  ),
  to_nice_yaml: helper("value [indent]", "As YAML, each item on a line of its own.", (args, options) =>
    toYaml(
      args[0],
      numberArgument(option(args, 1, options, "indent") ?? 4),
      numberArgument(options.hash["width"] ?? 80),
      false,
    ),
  ),
  from_json: helper("text", "The value of JSON text.", ([text]) => fromJson(textArgument(text))),
  from_yaml: helper("text", "The value of YAML text.", ([text]) => fromYaml(textArgument(text))),
  b64encode: helper("text", "In base64.", ([text]) => Buffer.from(textArgument(text), "utf8").toString("base64")),
  b64decode: helper("text", "The text of base64.", ([text]) =>
    Buffer.from(textArgument(text), "base64").toString("utf8"),
  ),
  urlencode: helper("value", "Escaped for a URL; a map becomes `a=1&b=2`.", ([value]) =>
    isMap(value)
      ? Object.entries(value)
          .map(([key, one]) => `${encodeURIComponent(key)}=${encodeURIComponent(String(one))}`)
          .join("&")
      : encodeURIComponent(textArgument(value)).replaceAll("%2F", "/"),
  ),
  urldecode: helper("text", "Without the escapes of a URL.", ([text]) => {
    try {
      return decodeURIComponent(textArgument(text).replaceAll("+", " "));
    } catch {
      // URIError says nothing more than that.
      throw new HelperError("the text has a broken % escape");
    }
  }),
  hash: helper("text [algorithm]", "The hash in hex: sha1, or md5, sha256, sha512 and others.", ([text, algorithm]) =>
    digest(text, textArgument(algorithm ?? "sha1")),
  ),
  checksum: helper("text", "The SHA-1 in hex.", ([text]) => digest(text, "sha1")),
  md5: helper("text", "The MD5 in hex.", ([text]) => digest(text, "md5")),
  sha1: helper("text", "The SHA-1 in hex.", ([text]) => digest(text, "sha1")),
  sha256: helper("text", "The SHA-256 in hex.", ([text]) => digest(text, "sha256")),
  sha512: helper("text", "The SHA-512 in hex.", ([text]) => digest(text, "sha512")),
  password_hash: helper(
    "password [method] [salt] [rounds]",
    "The password as /etc/shadow holds it: sha512 (or sha256). Give a salt: without one it is random, and the task changes at each run.",
    (args, options) => {
      const salt = option(args, 2, options, "salt");
      const rounds = option(args, 3, options, "rounds");
      return passwordHash(
        textArgument(args[0], "the password"),
        textArgument(option(args, 1, options, "hashtype") ?? "sha512"),
        salt === undefined || salt === null ? undefined : textArgument(salt, "the salt"),
        rounds === undefined || rounds === null ? undefined : numberArgument(rounds, "rounds"),
      );
    },
  ),
};
