// Values of INI inventories: Python literals as Ansible reads them, anything else as the text that it is. Pure.

/** Thrown inside: the text is no literal. */
const NO_LITERAL = Symbol("no literal");
const maximalDepth = 100;
const escapes: Readonly<Record<string, string>> = {
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/**
 * A number, quoted text, `True`, `False`, `None`, list, tuple (a list here), set (a list here) or map as its value; anything else as text. Integers beyond
 * 2^53 and numbers with a leading zero stay text.
 */
export function literalOf(text: string): unknown {
  // Most values are plain words.
  if (!/^[ \t]*[-+\d.'"[({TFNuUrRs]/.test(text) || text.includes("{{")) return text;
  try {
    return new Literal(text).whole();
  } catch (error) {
    if (error === NO_LITERAL) return text;
    throw error;
  }
}

class Literal {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Everything; commas outside of brackets make a tuple. */
  whole(): unknown {
    const first = this.#value();
    let value = first;
    if (this.#takes(",")) {
      const items = [first];
      while (!this.#isEnd()) {
        items.push(this.#value());
        if (!this.#takes(",")) break;
      }
      value = items;
    }
    if (!this.#isEnd()) throw NO_LITERAL;
    return value;
  }

  #skip(): void {
    while (/[ \t\n\r\f]/.test(this.#text[this.#at] ?? "")) this.#at++;
    if (this.#text[this.#at] === "#") this.#at = this.#text.length;
  }

  #isEnd(): boolean {
    this.#skip();
    return this.#at >= this.#text.length;
  }

  #takes(character: string): boolean {
    this.#skip();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #match(expression: RegExp): string | undefined {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #value(): unknown {
    this.#skip();
    if (++this.#depth > maximalDepth) throw NO_LITERAL;
    const value = this.#one();
    this.#depth--;
    return value;
  }

  #one(): unknown {
    const next = this.#text[this.#at] ?? "";
    if (/[-+\d.]/.test(next)) return this.#number();
    if (next === "[") return this.#list("[", "]");
    if (next === "(") return this.#tuple();
    if (next === "{") return this.#map();
    const word = this.#match(/(?:True|False|None)(?!\w)|set[ ]*\([ ]*\)/y);
    if (word !== undefined) return word.startsWith("set") ? [] : word === "None" ? null : word === "True";
    return this.#strings();
  }

  #number(): unknown {
    const sign = this.#match(/[-+]/y) ?? "";
    this.#skip();
    return this.#unsigned(sign);
  }

  /** A sign may stand before brackets around a number. */
  #unsigned(sign: string): unknown {
    if (sign !== "" && this.#takes("(")) {
      if (++this.#depth > maximalDepth) throw NO_LITERAL;
      this.#skip();
      const value = this.#unsigned(sign);
      if (!this.#takes(")")) throw NO_LITERAL;
      this.#depth--;
      return value;
    }
    const digits = this.#match(
      /0[xX](?:_?[\da-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:(?:\d(?:_?\d)*)?\.\d(?:_?\d)*|\d(?:_?\d)*\.?)(?:[eE][-+]?\d(?:_?\d)*)?/y,
    );
    if (digits === undefined || /^[\w.]/.test(this.#text.slice(this.#at))) throw NO_LITERAL;
    const plain = digits.replaceAll("_", "");
    const isInteger = /^(?:\d+|0[xXoObB].*)$/.test(plain);
    if (isInteger && /^0\d*[1-9]/.test(plain)) throw NO_LITERAL;
    const value = Number(plain);
    // JSON knows no infinity.
    if (!Number.isFinite(value)) throw NO_LITERAL;
    if (isInteger && !Number.isSafeInteger(value)) return sign + plain;
    return sign === "-" && value !== 0 ? -value : value;
  }

  #list(open: string, close: string): unknown[] {
    this.#takes(open);
    const items: unknown[] = [];
    while (!this.#takes(close)) {
      items.push(this.#value());
      if (!this.#takes(",")) {
        if (!this.#takes(close)) throw NO_LITERAL;
        break;
      }
    }
    return items;
  }

  /** Brackets around one value alone mean nothing. */
  #tuple(): unknown {
    const items = this.#list("(", ")");
    const hasComma = /,[ \t\n\r\f]*\)$/.test(this.#text.slice(0, this.#at));
    return items.length === 1 && !hasComma ? items[0] : items;
  }

  #map(): unknown {
    this.#takes("{");
    const entries = new Map<string, unknown>();
    const items: unknown[] = [];
    let isSet: boolean | undefined;
    while (!this.#takes("}")) {
      const key = this.#value();
      // What holds other values can be no key.
      if (typeof key === "object" && key !== null) throw NO_LITERAL;
      const hasValue = this.#takes(":");
      if (isSet === hasValue) throw NO_LITERAL;
      isSet = !hasValue;
      if (hasValue) entries.set(keyText(key), this.#value());
      else if (!items.includes(key)) items.push(key);
      if (!this.#takes(",")) {
        if (!this.#takes("}")) throw NO_LITERAL;
        break;
      }
    }
    return isSet === true ? items : Object.fromEntries(entries);
  }

  /** Text, and texts that follow each other as one. */
  #strings(): string {
    let text = this.#string();
    for (this.#skip(); /['"]|[rRuU]['"]/y.test(this.#text.slice(this.#at, this.#at + 2)); this.#skip())
      text += this.#string();
    return text;
  }

  #string(): string {
    const prefix = this.#match(/[rRuU]?(?='|")/y);
    const quote = prefix === undefined ? undefined : this.#match(/'''|"""|'|"/y);
    if (quote === undefined) throw NO_LITERAL;
    const isRaw = /r/i.test(prefix ?? "");
    let text = "";
    while (!this.#text.startsWith(quote, this.#at)) {
      const character = this.#text[this.#at++];
      if (character === undefined || (character === "\n" && quote.length === 1)) throw NO_LITERAL;
      if (character !== "\\") text += character;
      else if (isRaw) text += character + (this.#text[this.#at++] ?? "");
      else text += this.#escape();
    }
    this.#at += quote.length;
    return text;
  }

  #escape(): string {
    const code = this.#match(/x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}/y);
    if (code !== undefined) return characterOf(Number.parseInt(code.slice(1), 16));
    const octal = this.#match(/[0-7]{1,3}/y);
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    const letter = this.#text[this.#at++];
    if (letter === undefined || /[xuUN]/.test(letter)) throw NO_LITERAL;
    return letter === "\n" ? "" : (escapes[letter] ?? `\\${letter}`);
  }
}

function characterOf(code: number): string {
  if (code > 0x10ffff) throw NO_LITERAL;
  return String.fromCodePoint(code);
}

/** A key as JSON has it. */
function keyText(key: unknown): string {
  return typeof key === "string" ? key : key === null ? "null" : String(key);
}
