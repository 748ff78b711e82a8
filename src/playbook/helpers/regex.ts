// Helpers with regular expressions, in Python's spelling.

import { firstMatch, matchesOf } from "./bounded-match.js";
import { BadRegex, expandTemplate, pythonRegex } from "../../module/regex.js";
import {
  helper,
  HelperError,
  literal,
  numberArgument,
  predicate,
  textArgument,
  toBool,
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

function flagsOf(ignorecase: unknown, multiline: unknown): string {
  return (toBool(ignorecase) ? "i" : "") + (toBool(multiline) ? "m" : "");
}

function expand(template: string, match: RegExpMatchArray): string {
  try {
    return expandTemplate(template, match);
  } catch (error) {
    if (error instanceof BadRegex) throw new HelperError(error.message);
    throw error;
  }
}

/** The expression is written out: it must be one. */
function checkPattern([, pattern]: readonly unknown[]): void {
  const text = literal(pattern);
  if (text !== undefined) regexOf(text, "");
}

const checked = { check: checkPattern };

export const regexHelpers: HelperTable = {
  regex_replace: helper(
    "text pattern [replacement] [ignorecase] [multiline] count=",
    "What matches replaced; `\\1` and `\\g<name>` are the groups; `count=` only so many.",
    (args, options) => {
      const text = textArgument(args[0]);
      const by = textArgument(args[2] ?? "");
      const count = options.hash["count"] === undefined ? 0 : numberArgument(options.hash["count"]);
      let done = 0;
      let result = "";
      let end = 0;
      for (const match of matchesOf(regexOf(textArgument(args[1]), flagsOf(args[3], args[4])), text)) {
        if (count > 0 && done++ >= count) break;
        result += text.slice(end, match.index) + expand(by, match);
        end = match.index + match[0].length;
      }
      return result + text.slice(end);
    },
    checked,
  ),
  regex_search: helper(
    "text pattern [group] ... ignorecase= multiline=",
    'What matches, or null; with groups (`"\\\\1"`) the list of them.',
    (args, options) => {
      const [text, pattern, ...groups] = args;
      const match = firstMatch(
        regexOf(textArgument(pattern), flagsOf(options.hash["ignorecase"], options.hash["multiline"])),
        textArgument(text),
      );
      if (!match) return null;
      return groups.length === 0
        ? match[0]
        : groups.map((group) => expand(/^\d+$/.test(String(group)) ? `\\g<${group}>` : textArgument(group), match));
    },
    checked,
  ),
  regex_findall: helper(
    "text pattern [multiline] [ignorecase]",
    "All that matches; the group where there is one, lists of them where there are several.",
    ([text, pattern, multiline, ignorecase]) =>
      matchesOf(regexOf(textArgument(pattern), flagsOf(ignorecase, multiline)), textArgument(text)).map((match) =>
        match.length === 1
          ? match[0]
          : match.length === 2
            ? (match[1] ?? "")
            : match.slice(1).map((group) => group ?? ""),
      ),
    checked,
  ),
  regex_escape: helper(
    "text [re_type]",
    "With what means something in expressions escaped.",
    ([value, kind = "python"]) => {
      const text = textArgument(value);
      if (kind === "posix_basic") return text.replace(/[[\].^$*\\]/g, "\\$&");
      if (kind !== "python")
        throw new HelperError(`there is no re_type ${JSON.stringify(kind)}`, "There are python and posix_basic.");
      return text.replace(/[.^$*+?{}[\]\\|()#&~\s-]/g, "\\$&");
    },
  ),
  match: predicate(
    "text pattern [ignorecase] [multiline]",
    "The text matches from its beginning.",
    ([text, pattern, ignorecase, multiline]) => {
      const match = firstMatch(regexOf(textArgument(pattern), flagsOf(ignorecase, multiline)), textArgument(text));
      return match?.index === 0;
    },
    checked,
  ),
  search: predicate("text pattern [ignorecase] [multiline]", "The text matches somewhere.", searches, checked),
  regex: predicate("text pattern [ignorecase] [multiline]", "The same as search.", searches, checked),
};

function searches([text, pattern, ignorecase, multiline]: readonly unknown[]): boolean {
  return firstMatch(regexOf(textArgument(pattern), flagsOf(ignorecase, multiline)), textArgument(text)) !== null;
}
