// Reads an inventory in INI form into entries, groups and variables, with their places.

import { CrunError, type Diagnostic, type Place } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import { expandRanges } from "./ranges.js";
import type { InventorySource } from "./source.js";

const sectionKinds = ["hosts", "children", "vars"];

/** Throws a CrunError with all that is wrong in the file. */
export function readIni(text: string, file: string): InventorySource {
  const source: InventorySource = { entries: [], groups: new Map() };
  const problems: Diagnostic[] = [];
  let group = "ungrouped";
  let kind = "hosts";
  const groupOf = (name: string, place: Place) => {
    let known = source.groups.get(name);
    if (!known) source.groups.set(name, (known = { place, children: [], vars: [] }));
    return known;
  };
  for (const [index, line] of text.split("\n").entries()) {
    const raw = line.replace(/\r$/, "");
    const start = raw.length - raw.trimStart().length;
    const body = raw.slice(start);
    if (body === "" || body.startsWith("#") || body.startsWith(";")) continue;
    const place = { file, line: index + 1, column: start + 1 };
    const report = (summary: string, remedy?: string, column = place.column): void =>
      void problems.push({ severity: "error", summary, place: { ...place, column }, source: raw, remedy });
    if (body.startsWith("[") && /^\[[^\]]*\]\s*(?:[#;].*)?$/.test(body)) {
      const title = body.slice(1, body.indexOf("]"));
      const colon = title.lastIndexOf(":");
      kind = colon < 0 ? "hosts" : title.slice(colon + 1);
      group = colon < 0 ? title : title.slice(0, colon);
      if (group === "") report("a group without a name", "Write [NAME].");
      if (!sectionKinds.includes(kind)) {
        report(
          `unknown kind of section ${JSON.stringify(kind)}`,
          suggest(kind, sectionKinds) ?? "It is [GROUP], [GROUP:children] or [GROUP:vars].",
        );
      }
      groupOf(group, place);
    } else if (body.startsWith("[") && !body.includes("]")) {
      report("a section without its closing bracket", "Write [NAME].");
    } else if (kind === "children") {
      const name = body.replace(/\s+[#;].*$/, "").trim();
      groupOf(group, place).children.push(name);
    } else if (kind === "vars") {
      const equals = body.indexOf("=");
      if (equals < 1) report("a variable needs the form NAME=VALUE", "Write NAME=VALUE.");
      else {
        const name = body.slice(0, equals).trim();
        const value = stripComment(body.slice(equals + 1)).trim();
        groupOf(group, place).vars.push({
          name,
          value: literalOf(value),
          place: { ...place, column: start + equals + 2 },
        });
      }
    } else readEntry(raw, start, place, report);
  }
  if (problems.length > 0) throw new CrunError(problems);
  return source;

  function readEntry(
    raw: string,
    start: number,
    place: Place,
    report: (summary: string, remedy?: string, column?: number) => void,
  ): void {
    const words = entryWords(raw, start);
    if ("problem" in words) {
      report(words.problem, "Close the quote.");
      return;
    }
    const [first, ...rest] = words;
    if (!first) return;
    const names = expandRanges(first.text);
    if ("problem" in names) {
      report(names.problem);
      return;
    }
    const vars = rest.flatMap((word) => {
      const equals = word.text.indexOf("=");
      if (equals < 1) {
        report(
          `${JSON.stringify(word.text)} is no variable`,
          "After the name come variables as NAME=VALUE.",
          word.column,
        );
        return [];
      }
      const value = word.text.slice(equals + 1);
      return [{ name: word.text.slice(0, equals), value: literalOf(value), place: { ...place, column: word.column } }];
    });
    for (const name of names) source.entries.push({ name, group, vars, place });
    groupOf(group, place);
  }
}

interface Word {
  readonly text: string;
  readonly column: number;
}

/** Words at blanks; quotes hold words together and stay part of a value only where they are inside it. `#` begins a comment. */
function entryWords(raw: string, start: number): readonly Word[] | { readonly problem: string } {
  const words: Word[] = [];
  let text = "";
  let column = 0;
  let quote = "";
  for (let index = start; index <= raw.length; index++) {
    const character = raw[index] ?? "";
    if (quote !== "") {
      if (character === "") return { problem: `an open ${quote === '"' ? "double" : "single"} quote` };
      if (character === quote) quote = "";
      else if (character === "\\" && quote === '"' && (raw[index + 1] === '"' || raw[index + 1] === "\\"))
        text += raw[++index] ?? "";
      else text += character;
      continue;
    }
    if (character === "" || /\s/.test(character)) {
      if (column > 0) words.push({ text, column });
      text = "";
      column = 0;
      continue;
    }
    if (character === "#" && column === 0) break;
    if (column === 0) column = index + 1;
    if (character === '"' || character === "'") quote = character;
    else text += character;
  }
  return words;
}

function stripComment(text: string): string {
  return text.replace(/\s[#;].*$/, "");
}

/** A Python literal (number, quoted text, True, False, None, list, map) as its value; anything else as the text that it is. */
export function literalOf(text: string): unknown {
  if (/^[+-]?\d+$/.test(text) && !/^[+-]?0\d/.test(text)) {
    const number = Number(text);
    return Number.isSafeInteger(number) ? number : text;
  }
  if (/^[+-]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?$/.test(text) && !/^[+-]?0\d/.test(text)) return Number(text);
  if (text === "True" || text === "true") return true;
  if (text === "False" || text === "false") return false;
  if (text === "None") return null;
  if (/^(?:\[.*\]|\{.*\})$/s.test(text) && !text.includes("{{")) return structureOf(text) ?? text;
  const quoted = /^(['"])(.*)\1$/s.exec(text);
  return quoted ? (quoted[2] ?? "") : text;
}

/** A list or map in Python's or JSON's words. */
function structureOf(text: string): unknown {
  const json = text.replace(
    /"(?:[^"\\]|\\.)*"|'((?:[^'\\]|\\.)*)'|\bTrue\b|\bFalse\b|\bNone\b/g,
    (word: string, single: string | undefined) => {
      if (single !== undefined) return JSON.stringify(single.replace(/\\'/g, "'"));
      return word === "True" ? "true" : word === "False" ? "false" : word === "None" ? "null" : word;
    },
  );
  try {
    return JSON.parse(json.replace(/,\s*([\]}])/g, "$1"));
  } catch {
    // Not a structure after all: it stays the text that it is, as in Ansible.
    return undefined;
  }
}
