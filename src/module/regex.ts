// Translates Python's regular expressions, as Ansible's users write them, into JavaScript's.

/** Thrown for what cannot be translated; the message names it. */
export class BadRegex extends Error {}

export interface PythonRegex {
  readonly regex: RegExp;
  /** `(?m)` was asked for: searched in the whole text, not line by line. */
  readonly isMultiline: boolean;
}

const lineEnd = "(?=\\n?(?![\\s\\S]))";
const space = " \\t\\n\\r\\f\\v";

/**
 * The expression for strings whose characters are bytes (latin1), with the meaning that Python gives it: `$` also before a last newline, `.` all but
 * `\n`, ASCII classes, `\A \Z \a`, `(?P<n>…)`, `(?P=n)`, `(?#…)`, leading `(?imsx)`. Throws BadRegex.
 */
export function pythonRegex(pattern: string): PythonRegex {
  const leading = /^\(\?([aiLmsux]+)\)/.exec(pattern);
  const flags = new Set(leading?.[1] ?? "");
  const source = new Translator(pattern.slice(leading?.[0].length ?? 0), flags).run();
  try {
    return { regex: new RegExp(source, flags.has("i") ? "i" : ""), isMultiline: flags.has("m") };
  } catch (error) {
    throw new BadRegex(
      `${JSON.stringify(pattern)} is no regular expression: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** A sentence if the pattern cannot be used, else undefined. */
export function checkRegex(pattern: string | undefined): string | undefined {
  if (pattern === undefined) return undefined;
  try {
    pythonRegex(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof BadRegex) return error.message;
    throw error;
  }
}

/** Fills `\1`, `\g<1>`, `\g<name>`, `\n` and octal escapes of a replacement, as Python's `Match.expand`. Throws BadRegex. */
export function expandTemplate(template: string, match: RegExpMatchArray): string {
  return template.replace(
    /\\(g<([^>]*)>|0[0-7]{0,2}|[1-3][0-7]{2}|[1-9]\d?|[\s\S]|$)/g,
    (_, escape: string, name: string | undefined) => {
      if (name !== undefined) return groupOf(match, name);
      if (/^0|^[0-3][0-7]{2}$/.test(escape)) return String.fromCharCode(Number.parseInt(escape, 8));
      if (/^\d/.test(escape)) return groupOf(match, escape);
      const control = { n: "\n", t: "\t", r: "\r", f: "\f", v: "\v", a: "\x07", b: "\b", "\\": "\\" }[escape];
      if (control !== undefined) return control;
      if (escape === "" || /[A-Za-z]/.test(escape))
        throw new BadRegex(`bad escape \\${escape} in ${JSON.stringify(template)}`);
      return `\\${escape}`;
    },
  );
}

function groupOf(match: RegExpMatchArray, name: string): string {
  if (/^\d+$/.test(name)) {
    if (Number(name) >= match.length) throw new BadRegex(`invalid group reference ${name}`);
    return match[Number(name)] ?? "";
  }
  if (match.groups === undefined || !(name in match.groups))
    throw new BadRegex(`unknown group name ${JSON.stringify(name)}`);
  return match.groups[name] ?? "";
}

class Translator {
  private position = 0;
  private result = "";

  constructor(
    private readonly pattern: string,
    private readonly flags: ReadonlySet<string>,
  ) {}

  run(): string {
    while (this.position < this.pattern.length) this.step();
    return this.result;
  }

  private step(): void {
    const character = this.pattern[this.position] ?? "";
    if (character === "\\") this.escape(false);
    else if (character === "[") this.charClass();
    else if (character === "(") this.group();
    else {
      this.position++;
      if (character === ".") this.result += this.flags.has("s") ? "[\\s\\S]" : "[^\\n]";
      else if (character === "^") this.result += this.flags.has("m") ? "(?<![^\\n])" : "(?<![\\s\\S])";
      else if (character === "$") this.result += this.flags.has("m") ? "(?![^\\n])" : lineEnd;
      else if (character === "{") this.brace();
      else if (/[*+?}]/.test(character) && this.pattern[this.position] === "+") this.refuse("possessive quantifiers");
      else if (this.flags.has("x") && /\s/.test(character)) return;
      else if (this.flags.has("x") && character === "#") this.skipTo("\n");
      else this.result += character;
    }
  }

  /** `{,3}` means `{0,3}`; what is no count is a brace. */
  private brace(): void {
    const count = /^(\d*)(,?)(\d*)\}/.exec(this.pattern.slice(this.position));
    if (!count || count[0] === "}" || count[0] === ",}") {
      this.result += "\\{";
      return;
    }
    this.position += count[0].length;
    if (this.pattern[this.position] === "+") this.refuse("possessive quantifiers");
    this.result += `{${count[1] === "" ? "0" : count[1]}${count[2]}${count[3]}}`;
  }

  private group(): void {
    const rest = this.pattern.slice(this.position);
    const take = (length: number, text: string): void => {
      this.position += length;
      this.result += text;
    };
    const reference = /^\(\?P=(\w+)\)/.exec(rest);
    const flags = /^\(\?([aiLmsux]*)(?:-[imsx]+)?[:)]/.exec(rest);
    if (reference) take(reference[0].length, `\\k<${reference[1]}>`);
    else if (rest.startsWith("(?P<")) take(4, "(?<");
    else if (rest.startsWith("(?#")) this.skipTo(")");
    else if (/^\(\?(:|=|!|<=|<!)/.test(rest)) take(2, "(?");
    else if (rest.startsWith("(?>")) this.refuse("atomic groups (?>…)");
    else if (rest.startsWith("(?(")) this.refuse("conditional groups (?(…)…)");
    else if (flags) this.refuse(`flags inside an expression ${flags[0]}`);
    else if (rest.startsWith("(?")) this.refuse(`the group ${rest.slice(0, 4)}`);
    else take(1, "(");
  }

  private charClass(): void {
    const start = /^\[\^?\]?/.exec(this.pattern.slice(this.position))?.[0] ?? "[";
    this.result += start.endsWith("]") ? `${start.slice(0, -1)}\\]` : start;
    this.position += start.length;
    while (this.position < this.pattern.length) {
      const character = this.pattern[this.position] ?? "";
      if (character === "\\") this.escape(true);
      else {
        this.position++;
        this.result += character;
        if (character === "]") return;
      }
    }
    throw new BadRegex(`${JSON.stringify(this.pattern)} has a [ without its ]`);
  }

  private escape(isInClass: boolean): void {
    const rest = this.pattern.slice(this.position + 1);
    const octal = /^(0[0-7]{0,2}|[0-3][0-7]{2})/.exec(rest)?.[0];
    const letter = rest[0] ?? "";
    if (letter === "") throw new BadRegex(`${JSON.stringify(this.pattern)} ends with a backslash`);
    this.position += 1 + (octal ?? letter).length;
    if (octal !== undefined) this.result += `\\x${Number.parseInt(octal, 8).toString(16).padStart(2, "0")}`;
    else if (letter === "A" && !isInClass) this.result += "(?<![\\s\\S])";
    else if (letter === "Z" && !isInClass) this.result += "(?![\\s\\S])";
    else if (letter === "a") this.result += "\\x07";
    else if (letter === "s") this.result += isInClass ? space : `[${space}]`;
    else if (letter === "S") this.result += isInClass ? "\\x00-\\x08\\x0e-\\x1f\\x21-\\xff" : `[^${space}]`;
    else if (/[A-Za-z]/.test(letter) && !/[bBdDwWSntrfvx]/.test(letter))
      throw new BadRegex(`bad escape \\${letter} in ${JSON.stringify(this.pattern)}`);
    else this.result += `\\${letter}`;
  }

  private skipTo(end: string): void {
    const found = this.pattern.indexOf(end, this.position);
    this.position = found < 0 ? this.pattern.length : found + 1;
  }

  private refuse(what: string): never {
    throw new BadRegex(
      `${what} cannot be translated from Python's regular expressions; write ${JSON.stringify(this.pattern)} without them`,
    );
  }
}
