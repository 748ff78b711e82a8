// Reads an inventory in INI form into entries, groups and variables, with their places.

import type { Place } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import { literalOf } from "./literal.js";
import { problemOfEntry, problemOfGroup } from "./names.js";
import { expandRanges } from "./ranges.js";
import { Problems } from "./report.js";
import { emptySource, groupIn, type InventorySource, type WrittenVar } from "./source.js";

const sectionKinds = ["hosts", "children", "vars"];
const SECTION = /^\[([^\]]*)\]\s*(?:[#;].*)?$/;

/** One line, and how to say what is wrong with it. */
interface Line {
  readonly raw: string;
  /** Index of the first character that is no blank. */
  readonly start: number;
  /** `index` counts in `raw`. */
  placeAt(index: number): Place;
}

/** Throws a CrunError with all that is wrong in the file. */
export function readIni(text: string, file: string): InventorySource {
  return new IniReader(file).read(text);
}

class IniReader {
  readonly #source: InventorySource;
  readonly #file: string;
  readonly #problems = new Problems();
  #group = "ungrouped";
  #kind = "hosts";
  #looksLikeYaml = false;

  constructor(file: string) {
    this.#file = file;
    this.#source = emptySource(file);
  }

  read(text: string): InventorySource {
    const file = this.#file;
    for (const [index, raw] of text.split(/\r\n|\n|\r/).entries()) {
      const start = raw.search(/\S/);
      if (start < 0 || raw[start] === "#" || raw[start] === ";") continue;
      const line: Line = { raw, start, placeAt: (at) => ({ file, line: index + 1, column: at + 1 }) };
      if (raw[start] === "[" && this.#section(line)) continue;
      if (this.#kind === "children") this.#child(line);
      else if (this.#kind === "vars") this.#variable(line);
      else this.#entry(line);
    }
    this.#problems.throwAny();
    return this.#source;
  }

  #report(line: Line, at: number, summary: string, remedy?: string): void {
    this.#problems.add(summary, line.placeAt(at), remedy);
  }

  /** False: it is no section but an entry whose name begins with a range. */
  #section(line: Line): boolean {
    const { raw, start } = line;
    const body = raw.slice(start).trimEnd();
    const title = SECTION.exec(body)?.[1];
    if (title === undefined) {
      if (body.includes("]")) return false;
      this.#report(line, start, "a section without its closing bracket", "Write [NAME].");
      return true;
    }
    const colon = title.indexOf(":");
    const name = colon < 0 ? title : title.slice(0, colon);
    const kind = colon < 0 ? "hosts" : title.slice(colon + 1);
    this.#kind = kind;
    this.#group = name;
    const wrong = problemOfGroup(name);
    if (wrong) {
      const remedy = name === "" ? "Write [NAME]." : wrong.remedy;
      this.#report(
        line,
        start + 1,
        /\s/.test(name) ? `${wrong.problem}: blanks have no place in [ ]` : wrong.problem,
        remedy,
      );
    }
    if (!sectionKinds.includes(kind)) {
      // Its lines would only bring further errors.
      this.#kind = "unknown";
      this.#report(
        line,
        start + colon + 2,
        `unknown kind of section ${JSON.stringify(kind)}`,
        suggest(kind, sectionKinds) ?? "It is [GROUP], [GROUP:children] or [GROUP:vars].",
      );
    }
    const group = groupIn(this.#source, name, () => line.placeAt(start));
    if (kind !== "vars") group.isDescribed = true;
    return true;
  }

  #child(line: Line): void {
    const { raw, start } = line;
    const body = raw.slice(start).trimEnd();
    const name = /^(\S+)(?:\s*|\s+[#;].*)$/.exec(body)?.[1]?.replace(/#.*$/, "");
    if (name === undefined) {
      const at = start + body.search(/\s\S/) + 1;
      this.#report(
        line,
        at,
        "a line of children is the name of one group",
        "Variables of a group stand in [GROUP:vars].",
      );
      return;
    }
    const wrong = problemOfGroup(name);
    if (wrong) this.#report(line, start, wrong.problem, wrong.remedy);
    const place = line.placeAt(start);
    groupIn(this.#source, this.#group, () => place).children.push({ name, place, mustExist: true });
  }

  #variable(line: Line): void {
    const { raw, start } = line;
    const equals = raw.indexOf("=", start);
    if (equals <= start) {
      if (!this.#isYaml(line)) this.#report(line, start, "a variable needs the form NAME=VALUE", "Write NAME=VALUE.");
      return;
    }
    const written = raw.slice(equals + 1);
    const place = line.placeAt(start);
    // As in Ansible a comment behind text is part of it, here; behind a number or a list it is a comment.
    const value = literalOf(written.trim());
    const group = groupIn(this.#source, this.#group, () => place);
    group.vars.push({ kind: "plain", name: raw.slice(start, equals).trim(), value, place });
  }

  #entry(line: Line): void {
    const { raw, start } = line;
    const words = entryWords(raw, start);
    if ("problem" in words) {
      this.#report(line, words.at, words.problem, words.remedy);
      return;
    }
    const [first, ...rest] = words;
    if (!first || this.#kind === "unknown") return;
    if (this.#isYaml(line)) return;
    const names = this.#namesOf(line, first.text);
    const vars = rest.flatMap((word) => this.#inlineVariable(line, word));
    groupIn(this.#source, this.#group, () => line.placeAt(start)).isDescribed = true;
    for (const name of names) this.#source.entries.push({ name, group: this.#group, vars });
  }

  /** Whether the line is one of YAML. That is said once. */
  #isYaml(line: Line): boolean {
    if (!/^\s*(?:---\s*$|- |[\w.-]+:(?:\s|$))/.test(line.raw)) return false;
    if (!this.#looksLikeYaml) {
      const remedy = "If this is YAML, give the file a name that ends in .yml.";
      this.#report(line, line.start, "this is no line of an inventory in INI form", remedy);
    }
    this.#looksLikeYaml = true;
    return true;
  }

  #namesOf(line: Line, text: string): readonly string[] {
    const names = expandRanges(text);
    if ("problem" in names) {
      this.#report(line, line.start, names.problem, names.remedy);
      return [];
    }
    const wrong = names.map(problemOfEntry).find((one) => one !== undefined);
    if (wrong) this.#report(line, line.start, wrong.problem, wrong.remedy);
    return names;
  }

  #inlineVariable(line: Line, word: Word): WrittenVar[] {
    const equals = word.text.indexOf("=");
    if (equals < 1) {
      this.#report(
        line,
        word.at,
        `${JSON.stringify(word.text)} is no variable`,
        "After the name come variables as NAME=VALUE; a value with blanks in it is quoted.",
      );
      return [];
    }
    const value = literalOf(word.text.slice(equals + 1));
    return [{ kind: "plain", name: word.text.slice(0, equals), value, place: line.placeAt(word.at) }];
  }
}

interface Word {
  readonly text: string;
  /** Index of its first character in the line. */
  readonly at: number;
}

/** Words as a shell makes them: quotes hold words together, a backslash takes the next character as it is, `#` begins a comment. */
function entryWords(
  raw: string,
  start: number,
): readonly Word[] | { readonly problem: string; readonly at: number; readonly remedy?: string } {
  const words: Word[] = [];
  let text = "";
  let wordAt = -1;
  let quote = "";
  let quoteAt = 0;
  for (let index = start; index < raw.length; index++) {
    const character = raw[index] ?? "";
    const next = raw[index + 1] ?? "";
    if (quote !== "") {
      if (character === quote) quote = "";
      else if (character === "\\" && quote === '"' && (next === '"' || next === "\\")) text += raw[++index] ?? "";
      else text += character;
    } else if (character === " " || character === "\t") {
      if (wordAt >= 0) words.push({ text, at: wordAt });
      text = "";
      wordAt = -1;
    } else if (character === "#") break;
    else {
      if (wordAt < 0) wordAt = index;
      if (character === '"' || character === "'") {
        quote = character;
        quoteAt = index;
      } else if (character === "\\") {
        if (next === "") return { problem: "the line ends with a lone backslash", at: index };
        text += raw[++index] ?? "";
      } else text += character;
    }
  }
  if (quote !== "")
    return {
      problem: `an open ${quote === '"' ? "double" : "single"} quote`,
      at: quoteAt,
      remedy: "Close the quote, or write a backslash before one that is meant as a character.",
    };
  if (wordAt >= 0) words.push({ text, at: wordAt });
  return words;
}
