// Secrets hidden in text, values and streams, in the shapes in which they turn up; and at what cost.

import assert from "node:assert/strict";
import fc from "fast-check";
import { Masker } from "../../src/engine/task/masker.js";

const secret = "it's a $ecret/ä+?";

function masker(...values: unknown[]): Masker {
  const made = new Masker();
  for (const value of values) made.add(value);
  return made;
}

describe("masker", () => {
  const shapes: readonly (readonly [string, string])[] = [
    ["as it is", secret],
    ["in JSON", JSON.stringify({ secret })],
    ["in JSON without other than ASCII", JSON.stringify(secret).replace("ä", "\\u00e4")],
    ["quoted for a shell", `'${secret.replace("'", "'\\''")}'`],
    ["quoted as Python does it", `'${secret.replace("'", `'"'"'`)}'`],
    ["in a URL", `https://u:${encodeURIComponent(secret)}@h/`],
    ["in a form", `p=${encodeURIComponent(secret).replaceAll("%20", "+")}`],
    ["in base64", Buffer.from(secret).toString("base64")],
    ["in base64 behind one byte", Buffer.from(`:${secret}`).toString("base64")],
    ["in base64 behind a name, as HTTP has it", Buffer.from(`me:${secret}`).toString("base64")],
    ["in base64 for URLs", Buffer.from(secret).toString("base64url")],
  ];
  for (const [name, text] of shapes) {
    it(`hides a secret ${name}`, () => {
      const shown = masker(secret).text(`before ${text} after`);
      assert.match(shown, /^before .*\*{8}.* after$/);
      const inner = Buffer.from(secret).toString("base64").slice(4, 12);
      for (const leak of [secret, secret.slice(0, 8), inner]) assert.ok(!shown.includes(leak), shown);
    });
  }

  it("hides base64 to its last character, however many are left over", () => {
    for (const one of ["topsecretvalue", "topsecretvalues", "topsecretvalue-s"])
      assert.equal(masker(one).text(`is ${Buffer.from(one).toString("base64")}.`), "is ********.");
  });

  it("hides each line of a secret of several lines, however they are indented", () => {
    const key = "-----BEGIN KEY-----\nMIIEowIBAAKCAQEA0\nabcdefghijkl\n-----END KEY-----\n";
    const shown = masker(key).text(
      key
        .split("\n")
        .map((line) => `    | ${line}`)
        .join("\n"),
    );
    assert.ok(!/MIIE|abcdef/.test(shown), shown);
  });

  it("hides a text without the newline that it ends with", () => {
    assert.equal(masker("hunter2\n").text("is hunter2."), "is ********.");
  });

  it("hides texts that overlap as one, and the longer one at a place", () => {
    assert.equal(masker("abcdef", "defghi").text("<abcdefghi>"), "<********>");
    assert.equal(masker("abc", "abcdef").text("abcdef abcde"), "******** ********de");
  });

  it("knows every scalar of a structure", () => {
    const made = masker({ a: ["inner-one", { b: 4711 }], c: true, d: null });
    assert.equal(made.text("inner-one 4711 true null"), "******** ******** true null");
    assert.deepEqual(made.map({ x: { y: ["inner-one", 4711, 12] } }), { x: { y: ["********", "********", 12] } });
  });

  it("hides what is shorter than three characters only where it is a whole value", () => {
    const made = masker("ab");
    assert.equal(made.text("cab ab"), "cab ab");
    assert.deepEqual(made.map({ x: { a: "ab", b: "cab" } }), { x: { a: "********", b: "cab" } });
    assert.equal(masker("", "  ", "\n").isEmpty, true);
  });

  it("hides the summary, source line, detail and remedy of a finding", () => {
    const finding = masker("hunter2").diagnostic({
      severity: "error",
      summary: "no hunter2",
      source: "x: hunter2",
      detail: "hunter2",
      remedy: "Not hunter2.",
    });
    assert.doesNotMatch(JSON.stringify(finding), /hunter2/);
  });

  it("hides what lies across the pieces of a stream, and holds nothing back at its end", () => {
    const texts = fc.array(fc.constantFrom("hunter2", "hun", "ter2", "ä", "\n", "x", "hunterhunter2"), {
      maxLength: 12,
    });
    const cuts = fc.array(fc.nat({ max: 60 }), { maxLength: 8 });
    fc.assert(
      fc.property(texts, cuts, (parts, at) => {
        const made = masker("hunter2", "ä!x");
        const bytes = Buffer.from(parts.join(""));
        const stream = made.stream();
        const pieces: Uint8Array[] = [];
        let from = 0;
        for (const cut of [...at.map((one) => Math.min(one, bytes.length)).sort((a, b) => a - b), bytes.length]) {
          pieces.push(stream.push(bytes.subarray(from, cut)));
          from = cut;
        }
        pieces.push(stream.end());
        assert.equal(Buffer.concat(pieces).toString(), made.text(parts.join("")));
      }),
    );
  });

  it("passes bytes of any kind on as they are", () => {
    const stream = masker("hunter2").stream();
    const bytes = Buffer.from([0, 255, 128, 10, 13, 195]);
    assert.deepEqual(Buffer.concat([stream.push(bytes), stream.end()]), bytes);
  });

  it("a thousand secrets cost no more than reading 10 MB once", function () {
    this.timeout(60_000);
    const made = masker(Array.from({ length: 1000 }, (_, index) => `secret-${index}-${(index * 7919) % 1009}`));
    const text = `${"secretly said nothing at all, sector by second ".repeat(22)}\n`.repeat(9_600);
    const cost = (of: Masker): number => {
      const started = process.cpuUsage();
      assert.equal(of.text(text).length, text.length);
      return process.cpuUsage(started).user / 1000;
    };
    const [one, thousand] = [cost(masker("secret-1-x")), cost(made)];
    assert.ok(
      thousand < Math.max(1500, 8 * one),
      `${text.length} bytes: one secret ${one} ms, a thousand ${thousand} ms`,
    );
  });
});
