// Reads JSON, and says where it is broken.

import { cleaned } from "../diagnostic/cleaned.js";
import { CrunError } from "../diagnostic/diagnostic.js";

const shownWidth = 160;

/** What to say besides the place. */
export interface JsonHints {
  readonly detail?: string | undefined;
  readonly remedy?: string | undefined;
}

/** Throws a CrunError with line, column and a look at the text. `what` names it: a file, or `the output of hosts.py --list`. */
export function parseJson(text: string, what: string, hints: JsonHints = {}): unknown {
  try {
    return hasBigInteger(text) ? JSON.parse(withBigIntegersAsText(text)) : JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const { offset, problem } = faultOf(text);
    const before = text.slice(0, offset).split("\n");
    const column = (before.at(-1) ?? "").length + 1;
    const whole = text.split("\n")[before.length - 1] ?? "";
    const isShort = whole.length <= shownWidth;
    const near = `Near: …${cleaned(whole.slice(Math.max(0, column - 40), column + 40))}…`;
    throw new CrunError({
      severity: "error",
      summary: `${what} is no JSON: ${problem}`,
      place: { file: what, line: before.length, column },
      source: isShort && text.trim() !== "" ? cleaned(whole) : undefined,
      detail:
        [...(isShort ? [] : [near]), ...(hints.detail === undefined ? [] : [hints.detail])].join("\n") || undefined,
      remedy: hints.remedy,
    });
  }
}

function hasBigInteger(text: string): boolean {
  return /\d{16}/.test(text);
}

/** Integers beyond 2^53 stay what was written, as in YAML. */
function withBigIntegersAsText(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g, (token) =>
    token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"${token}"`,
  );
}

interface Fault {
  readonly offset: number;
  readonly problem: string;
}

const SCALAR =
  /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)/y;

/** Walks through text that is no JSON to the place where it ceases to be. */
function faultOf(text: string): Fault {
  const open: ("{" | "[")[] = [];
  let at = 0;
  /** What may stand next. */
  let wants: "value" | "first" | "key" | "firstKey" | "colon" | "more" = "value";
  const skip = (): string => {
    while (/[ \t\r\n]/.test(text[at] ?? "")) at++;
    return text[at] ?? "";
  };
  for (;;) {
    const next = skip();
    if (next === "") return { offset: at, problem: text.trim() === "" ? "it is empty" : "it ends too early" };
    const isKey: boolean = wants === "key" || wants === "firstKey";
    if ((wants === "first" && next === "]") || (wants === "firstKey" && next === "}")) {
      at++;
      open.pop();
      wants = "more";
    } else if (wants === "colon") {
      if (next !== ":") return { offset: at, problem: "a colon must follow the key" };
      at++;
      wants = "value";
    } else if (wants === "more") {
      const last = open.at(-1);
      if (last === undefined) return { offset: at, problem: "something follows its end" };
      const close = last === "{" ? "}" : "]";
      if (next !== "," && next !== close) return { offset: at, problem: `a comma or ${close} must stand here` };
      at++;
      if (next === close) open.pop();
      else wants = last === "{" ? "key" : "value";
    } else if (!isKey && (next === "{" || next === "[")) {
      at++;
      open.push(next);
      wants = next === "{" ? "firstKey" : "first";
    } else {
      SCALAR.lastIndex = at;
      const token = SCALAR.exec(text)?.[0];
      if (token === undefined || (isKey && !token.startsWith('"')))
        return { offset: at, problem: isKey ? keyProblem(next) : valueProblem(next) };
      at += token.length;
      wants = isKey ? "colon" : "more";
    }
  }
}

function keyProblem(next: string): string {
  return next === "}" ? "a comma stands before the closing brace" : "a key in double quotes must stand here";
}

function valueProblem(next: string): string {
  if (next === "]") return "a comma stands before the closing bracket";
  if (next === "'") return "text stands in double quotes";
  return next === '"'
    ? "this text is not closed, or has a character in it that must be escaped"
    : "no value begins like this";
}
