// Reads Jinja expressions, which Ansible's users write by habit, and says what they are in CEL or Handlebars.

export type Jinja =
  | { readonly kind: "literal"; readonly value: string | number | boolean | null }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "attribute"; readonly of: Jinja; readonly name: string }
  | { readonly kind: "item"; readonly of: Jinja; readonly key: Jinja }
  | {
      readonly kind: "slice";
      readonly of: Jinja;
      readonly start: Jinja | undefined;
      readonly end: Jinja | undefined;
    }
  | { readonly kind: "call"; readonly of: Jinja; readonly args: readonly Argument[] }
  | { readonly kind: "filter"; readonly name: string; readonly of: Jinja; readonly args: readonly Argument[] }
  | {
      readonly kind: "test";
      readonly name: string;
      readonly of: Jinja;
      readonly args: readonly Argument[];
      readonly isNegated: boolean;
    }
  | { readonly kind: "binary"; readonly operator: string; readonly left: Jinja; readonly right: Jinja }
  | { readonly kind: "unary"; readonly operator: "not" | "-"; readonly of: Jinja }
  | { readonly kind: "choice"; readonly test: Jinja; readonly yes: Jinja; readonly no: Jinja | undefined }
  | { readonly kind: "list"; readonly items: readonly Jinja[] }
  | { readonly kind: "map"; readonly entries: readonly (readonly [Jinja, Jinja])[] };

export interface Argument {
  readonly name: string | undefined;
  readonly value: Jinja;
}

const TOKEN =
  /\s*(?:(\d+(?:\.\d+)?)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([A-Za-z_]\w*)|(==|!=|<=|>=|\/\/|\*\*|&&|\|\||[-+*/%~|.,:()[\]{}<>=!?]))/y;

/** The tree of a Jinja expression; undefined where the text is none. */
export function parseJinja(text: string): Jinja | undefined {
  const tokens = tokenize(text.trim());
  if (!tokens || tokens.length === 0) return undefined;
  const parser = new Parser(tokens);
  try {
    const tree = parser.expression();
    return parser.isAtEnd() ? tree : undefined;
  } catch (error) {
    // Nested too deeply to be read is none, either.
    if (error instanceof NoJinja || error instanceof RangeError) return undefined;
    throw error;
  }
}

class NoJinja extends Error {}

type Token = { readonly kind: "number" | "text" | "name" | "operator"; readonly text: string };

function tokenize(text: string): Token[] | undefined {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const match = TOKEN.exec(text);
    if (!match) return undefined;
    const [, number, quoted, name, operator] = match;
    if (number !== undefined) tokens.push({ kind: "number", text: number });
    else if (quoted !== undefined)
      tokens.push({
        kind: "text",
        text: quoted.slice(1, -1).replace(/\\([\s\S])/g, (whole, one: string) => ESCAPES.get(one) ?? whole),
      });
    else if (name !== undefined) tokens.push({ kind: "name", text: name });
    else tokens.push({ kind: "operator", text: operator ?? "" });
  }
  return tokens;
}

/** What a backslash and a letter are in a text of Jinja; with any other letter both stay. */
const ESCAPES = new Map([
  ["'", "'"],
  ['"', '"'],
  ["\\", "\\"],
  ["n", "\n"],
  ["t", "\t"],
  ["r", "\r"],
]);

const COMPARISONS = new Set(["==", "!=", "<", ">", "<=", ">="]);
const LITERALS = new Map<string, boolean | null>([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["none", null],
  ["None", null],
  ["null", null],
]);

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  isAtEnd(): boolean {
    return this.#at >= this.#tokens.length;
  }

  #is(text: string, kind?: Token["kind"]): boolean {
    const token = this.#tokens[this.#at];
    return (
      token !== undefined && token.text === text && (kind === undefined ? token.kind !== "text" : token.kind === kind)
    );
  }

  #take(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#at++;
    return true;
  }

  #want(text: string): void {
    if (!this.#take(text)) throw new NoJinja();
  }

  #name(): string {
    const token = this.#tokens[this.#at++];
    if (token?.kind !== "name") throw new NoJinja();
    return token.text;
  }

  expression(): Jinja {
    const yes = this.#or();
    if (!this.#take("if")) return yes;
    const test = this.#or();
    return { kind: "choice", test, yes, no: this.#take("else") ? this.expression() : undefined };
  }

  #or(): Jinja {
    let left = this.#and();
    while (this.#take("or") || this.#take("||")) left = { kind: "binary", operator: "or", left, right: this.#and() };
    return left;
  }

  #and(): Jinja {
    let left = this.#not();
    while (this.#take("and") || this.#take("&&")) left = { kind: "binary", operator: "and", left, right: this.#not() };
    return left;
  }

  #not(): Jinja {
    return this.#take("not") || this.#take("!")
      ? { kind: "unary", operator: "not", of: this.#not() }
      : this.#comparison();
  }

  #comparison(): Jinja {
    let left = this.#sum();
    for (;;) {
      const operator = this.#tokens[this.#at];
      if (operator?.kind === "operator" && COMPARISONS.has(operator.text)) {
        this.#at++;
        left = { kind: "binary", operator: operator.text, left, right: this.#sum() };
      } else if (this.#take("in")) left = { kind: "binary", operator: "in", left, right: this.#sum() };
      else if (this.#is("not") && this.#tokens[this.#at + 1]?.text === "in") {
        this.#at += 2;
        left = { kind: "unary", operator: "not", of: { kind: "binary", operator: "in", left, right: this.#sum() } };
      } else return left;
    }
  }

  #chain(operators: readonly string[], next: () => Jinja): Jinja {
    let left = next();
    for (;;) {
      const operator = operators.find((one) => this.#is(one, "operator"));
      if (operator === undefined) return left;
      this.#at++;
      left = { kind: "binary", operator, left, right: next() };
    }
  }

  #sum(): Jinja {
    return this.#chain(["+", "-", "~"], () => this.#chain(["*", "/", "//", "%"], () => this.#power()));
  }

  #power(): Jinja {
    return this.#chain(["**"], () => this.#unary(true));
  }

  /** The sign binds before filters and tests: `-x | abs` is the filter of -x. */
  #unary(takesFilters: boolean): Jinja {
    const at: Jinja = this.#take("-") ? { kind: "unary", operator: "-", of: this.#unary(false) } : this.#primary();
    return this.#postfix(at, takesFilters);
  }

  #postfix(start: Jinja, takesFilters = true): Jinja {
    let at = start;
    for (;;) {
      if (!takesFilters && (this.#is("|") || this.#is("is"))) return at;
      if (this.#take(".")) {
        const token = this.#tokens[this.#at++];
        if (token?.kind !== "name" && token?.kind !== "number") throw new NoJinja();
        at =
          token.kind === "number"
            ? { kind: "item", of: at, key: { kind: "literal", value: Number(token.text) } }
            : { kind: "attribute", of: at, name: token.text };
      } else if (this.#take("[")) {
        at = this.#item(at);
      } else if (this.#is("(")) at = { kind: "call", of: at, args: this.#arguments() };
      else if (this.#take("|")) {
        let name = this.#name();
        while (this.#take(".")) name = this.#name();
        at = { kind: "filter", name, of: at, args: this.#is("(") ? this.#arguments() : [] };
      } else if (this.#take("is")) at = this.#test(at);
      else return at;
    }
  }

  #item(of: Jinja): Jinja {
    const start = this.#is(":") ? undefined : this.expression();
    if (!this.#take(":")) {
      this.#want("]");
      if (!start) throw new NoJinja();
      return { kind: "item", of, key: start };
    }
    const end = this.#is("]") ? undefined : this.expression();
    this.#want("]");
    return { kind: "slice", of, start, end };
  }

  #test(of: Jinja): Jinja {
    const isNegated = this.#take("not");
    let name = this.#name();
    while (this.#take(".")) name = this.#name();
    const takesBare = this.#tokens[this.#at];
    if (this.#is("(")) return { kind: "test", name, of, args: this.#arguments(), isNegated };
    const isBareArgument =
      takesBare !== undefined &&
      (takesBare.kind === "text" ||
        (takesBare.kind === "operator" && (takesBare.text === "[" || takesBare.text === "{")) ||
        takesBare.kind === "number" ||
        (takesBare.kind === "name" && !["and", "or", "not", "if", "else", "is", "in"].includes(takesBare.text)));
    const args = isBareArgument ? [{ name: undefined, value: this.#postfix(this.#primary()) }] : [];
    return { kind: "test", name, of, args, isNegated };
  }

  #arguments(): Argument[] {
    const args: Argument[] = [];
    this.#want("(");
    while (!this.#take(")")) {
      const isNamed =
        this.#tokens[this.#at]?.kind === "name" &&
        this.#tokens[this.#at + 1]?.text === "=" &&
        this.#tokens[this.#at + 1]?.kind === "operator";
      const name = isNamed ? this.#name() : undefined;
      if (isNamed) this.#want("=");
      args.push({ name, value: this.expression() });
      if (!this.#is(")")) this.#want(",");
    }
    return args;
  }

  #primary(): Jinja {
    const token = this.#tokens[this.#at++];
    if (!token) throw new NoJinja();
    if (token.kind === "number") return { kind: "literal", value: Number(token.text) };
    if (token.kind === "text") return { kind: "literal", value: token.text };
    if (token.kind === "name") {
      const literal = LITERALS.get(token.text);
      if (literal !== undefined) return { kind: "literal", value: literal };
      if (["and", "or", "not", "is", "in", "if", "else"].includes(token.text)) throw new NoJinja();
      return { kind: "name", name: token.text };
    }
    if (token.text === "(") {
      const inner = this.expression();
      this.#want(")");
      return inner;
    }
    if (token.text === "[") return { kind: "list", items: this.#items("]") };
    if (token.text === "{") {
      if (this.#take("{")) {
        const inner = this.expression();
        this.#want("}");
        this.#want("}");
        return inner;
      }
      const entries: [Jinja, Jinja][] = [];
      while (!this.#take("}")) {
        const key = this.expression();
        this.#want(":");
        entries.push([key, this.expression()]);
        if (!this.#is("}")) this.#want(",");
      }
      return { kind: "map", entries };
    }
    throw new NoJinja();
  }

  #items(end: string): Jinja[] {
    const items: Jinja[] = [];
    while (!this.#take(end)) {
      items.push(this.expression());
      if (!this.#is(end)) this.#want(",");
    }
    return items;
  }
}
