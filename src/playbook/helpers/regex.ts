// Helpers with regular expressions, in Python's spelling.

import { BadRegex, expandTemplate, pythonRegex } from "../../module/regex.js";
import {
  helper,
  HelperError,
  numberArgument,
  option,
  predicate,
  textArgument,
  toBool,
  type HelperOptions,
  type HelperTable,
} from "./definition.js";

/** JavaScript's engine goes back and forth: what is longer could take for ever. */
const LONGEST_TEXT = 1_000_000;
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

export function boundedText(value: unknown): string {
  const text = textArgument(value);
  if (text.length > LONGEST_TEXT)
    throw new HelperError(`the text has ${text.length} characters; ${LONGEST_TEXT} can be searched`);
  return text;
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
      const text = boundedText(args[0]);
      const by = textArgument(args[2] ?? "");
      const count = options.hash["count"] === undefined ? 0 : numberArgument(options.hash["count"]);
      let done = 0;
      let result = "";
      let end = 0;
      for (const match of text.matchAll(regexOf(textArgument(args[1]), flagsOf(options)))) {
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
      const match = boundedText(text)
        .matchAll(regexOf(textArgument(pattern), flagsOf(options)))
        .next().value;
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
      [...boundedText(args[0]).matchAll(regexOf(textArgument(args[1]), flagsOf(options)))].map((match) =>
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
    const match = boundedText(args[0])
      .matchAll(regexOf(textArgument(args[1]), flagsOf(options)))
      .next().value;
    return match?.index === 0;
  }),
  search: predicate("text pattern", "The text matches somewhere.", (args, options) => {
    return (
      option(args, 1, options, "pattern") !== undefined &&
      !boundedText(args[0])
        .matchAll(regexOf(textArgument(args[1]), flagsOf(options)))
        .next().done
    );
  }),
};
