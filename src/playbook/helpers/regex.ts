// Helpers with regular expressions, in Python's spelling.

import { firstMatch, matchesOf } from "./bounded-match.js";
import { BadRegex, expandTemplate, pythonRegex } from "../../module/regex.js";
import {
  helper,
  HelperError,
  numberArgument,
  predicate,
  textArgument,
  toBool,
  type HelperOptions,
  type HelperTable,
} from "./definition.js";

const LONGEST_PATTERN = 2000;

const compiled = new Map<string, RegExp>();

/** A regular expression of a playbook. Throws a HelperError. */
export function regexOf(pattern: string, flags: string): RegExp {
  const key = `${flags}/${pattern}`;
  const before = compiled.get(key);
  if (before) return before;
  if (pattern.length > LONGEST_PATTERN)
    throw new HelperError(`the expression has ${pattern.length} characters; ${LONGEST_PATTERN} are allowed`);
  try {
    const inline = /^\(\?([imsx]+)\)/.exec(pattern)?.[1] ?? "";
    const all = [...new Set(inline + flags)].join("");
    const { regex } = pythonRegex(
      (all === "" ? "" : `(?${all})`) + (inline === "" ? pattern : pattern.slice(inline.length + 3)),
    );
    const result = new RegExp(regex.source, `${regex.flags.replace("g", "")}g`);
    compiled.set(key, result);
    return result;
  } catch (error) {
    if (error instanceof BadRegex) throw new HelperError(error.message);
    throw error;
  }
}

function flagsOf({ hash }: HelperOptions): string {
  return (toBool(hash["ignorecase"]) ? "i" : "") + (toBool(hash["multiline"]) ? "m" : "");
}

function expand(template: string, match: RegExpMatchArray): string {
  try {
    return expandTemplate(template, match);
  } catch (error) {
    if (error instanceof BadRegex) throw new HelperError(error.message);
    throw error;
  }
}

export const regexHelpers: HelperTable = {
  regex_replace: helper(
    "text pattern [by]",
    "What matches replaced; `\\1` and `\\g<name>` are the groups; `ignorecase=`, `multiline=`, `count=`.",
    (args, options) => {
      const text = textArgument(args[0]);
      const by = textArgument(args[2] ?? "");
      const count = options.hash["count"] === undefined ? 0 : numberArgument(options.hash["count"]);
      let done = 0;
      let result = "";
      let end = 0;
      for (const match of matchesOf(regexOf(textArgument(args[1]), flagsOf(options)), text)) {
        if (count > 0 && done++ >= count) break;
        result += text.slice(end, match.index) + expand(by, match);
        end = match.index + match[0].length;
      }
      return result + text.slice(end);
    },
  ),
  regex_search: helper(
    "text pattern [group] ...",
    'What matches, or null; with groups (`"\\\\1"`) the list of them.',
    (args, options) => {
      const [text, pattern, ...groups] = args;
      const match = firstMatch(regexOf(textArgument(pattern), flagsOf(options)), textArgument(text));
      if (!match) return null;
      return groups.length === 0
        ? match[0]
        : groups.map((group) => expand(/^\d+$/.test(String(group)) ? `\\g<${group}>` : textArgument(group), match));
    },
  ),
  regex_findall: helper(
    "text pattern",
    "All that matches; the group where there is one, lists of them where there are several.",
    (args, options) =>
      matchesOf(regexOf(textArgument(args[1]), flagsOf(options)), textArgument(args[0])).map((match) =>
        match.length === 1
          ? match[0]
          : match.length === 2
            ? (match[1] ?? "")
            : match.slice(1).map((group) => group ?? ""),
      ),
  ),
  regex_escape: helper("text", "With what means something in expressions escaped.", ([text]) =>
    textArgument(text).replace(/[.^$*+?{}[\]\\|()#&~\s-]/g, "\\$&"),
  ),
  match: predicate("text pattern", "The text matches from its beginning.", (args, options) => {
    const match = firstMatch(regexOf(textArgument(args[1]), flagsOf(options)), textArgument(args[0]));
    return match?.index === 0;
  }),
  search: predicate(
    "text pattern",
    "The text matches somewhere.",
    (args, options) => firstMatch(regexOf(textArgument(args[1]), flagsOf(options)), textArgument(args[0])) !== null,
  ),
};
