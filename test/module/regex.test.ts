// Python's expressions mean in JavaScript what they mean in Python, or are refused by name.

import assert from "node:assert/strict";
import { BadRegex, expandTemplate, pythonRegex } from "../../src/module/regex.js";

const matches = (pattern: string, text: string): boolean => pythonRegex(pattern).regex.test(text);

describe("Python's regular expressions", () => {
  it("let a dollar stand before the newline that ends a line", () => {
    assert.ok(matches("^a$", "a\n"));
    assert.ok(matches("a$", "a"));
    assert.ok(!matches("a$", "a\nb\n"));
    assert.ok(!matches("a\\Z", "a\n"));
    assert.ok(matches("\\Aa\\Z", "a"));
  });

  it("let a dollar and a caret stand at every line with (?m), carriage returns left alone", () => {
    assert.ok(matches("(?m)^b$", "a\nb\nc"));
    assert.ok(!matches("(?m)^b$", "a\rb\rc"));
    assert.ok(pythonRegex("(?m)x").isMultiline);
    assert.ok(!matches("^b", "a\nb"));
  });

  it("let a dot match all but a newline, with (?s) that too", () => {
    assert.ok(matches("a.b", "a\rb"));
    assert.ok(!matches("a.b", "a\nb"));
    assert.ok(matches("(?s)a.b", "a\nb"));
  });

  it("take white space of ASCII alone, so that bytes of UTF-8 are none", () => {
    assert.ok(!matches("\\s", "\xa0"));
    assert.ok(matches("\\S", "\xa0"));
    assert.ok(matches("[\\S]", "\xa0"));
    assert.ok(!matches("^[\\S]", " "));
    assert.ok(matches("[^\\s#]", "\x85"));
  });

  it("know named groups, references, comments, verbose mode and brackets in classes", () => {
    assert.ok(matches("(?P<q>['\"])x(?P=q)", "'x'"));
    assert.ok(!matches("(?P<q>['\"])x(?P=q)", "'x\""));
    assert.ok(matches("a(?#comment)b", "ab"));
    assert.ok(matches("(?x) a  b # both\n c", "abc"));
    assert.ok(matches("[]x]+y", "]xy"));
    assert.ok(matches("[^]]", "a"));
    assert.ok(matches("[[]a", "[a"));
    assert.ok(matches("a{,2}b", "aab"));
    assert.ok(matches("{x}", "{x}"));
    assert.ok(matches("(?i)ABC", "abc"));
    assert.ok(matches("\\101\\x42", "AB"));
  });

  it("refuse by name what cannot be translated", () => {
    for (const [pattern, what] of [
      ["a++", /possessive/],
      ["(?>a)", /atomic/],
      ["(a)?(?(1)b|c)", /conditional/],
      ["(?i:a)b", /flags inside/],
      ["\\y", /bad escape/],
      ["a\\", /backslash/],
      ["[a", /without its \]/],
      ["(a", /no regular expression/],
    ] as const) {
      assert.throws(
        () => pythonRegex(pattern),
        (error) => error instanceof BadRegex && what.test(error.message),
        pattern,
      );
    }
  });

  it("fill groups into a line as Match.expand does", () => {
    const match = /(a)(?<name>b)(c)?/.exec("ab");
    assert.ok(match);
    assert.equal(expandTemplate("\\1-\\2-\\g<name>-\\g<1>-\\3.", match), "a-b-b-a-.");
    assert.equal(expandTemplate("\\t\\n\\\\ \\.", match), "\t\n\\ \\.");
    assert.equal(expandTemplate("$1 $& \\1", match), "$1 $& a");
    assert.throws(() => expandTemplate("\\9", match), BadRegex);
    assert.throws(() => expandTemplate("\\q", match), BadRegex);
    assert.throws(() => expandTemplate("\\g<none>", match), BadRegex);
  });
});
