// Modes as chmod and Ansible read them.

import assert from "node:assert/strict";
import fc from "fast-check";
import { checkMode, formatMode, resolveMode } from "../../src/module/mode.js";

const file = (mode: number) => ({ mode, isDirectory: false });
const directory = (mode: number) => ({ mode, isDirectory: true });

describe("modes", () => {
  it("reads octal text with any number of leading zeros", () => {
    for (const text of ["644", "0644", "00644", "0o644"]) assert.equal(resolveMode(text, file(0)), 0o644, text);
    assert.equal(resolveMode("1777", file(0)), 0o1777);
  });

  it("reads clauses one after the other", () => {
    assert.equal(resolveMode("u=rw,g=r,o=", file(0o777)), 0o640);
    assert.equal(resolveMode("a+x,o-x", file(0o644)), 0o754);
    assert.equal(resolveMode("u=rwx-w", file(0)), 0o500);
    assert.equal(resolveMode("ug+w", file(0o444)), 0o664);
  });

  it("gives X to directories and to what is executable for anyone, judged before the first clause", () => {
    assert.equal(resolveMode("a+X", file(0o644)), 0o644);
    assert.equal(resolveMode("a+X", file(0o744)), 0o755);
    assert.equal(resolveMode("a+X", directory(0o644)), 0o755);
    assert.equal(resolveMode("u+x,g+X", file(0o644)), 0o744);
  });

  it("knows the special bits, each where it belongs", () => {
    assert.equal(resolveMode("u+s,g+s,o+t", file(0o755)), 0o7755);
    assert.equal(resolveMode("u+t,o+s", file(0o755)), 0o755);
    assert.equal(resolveMode("a=rx", file(0o7777)), 0o555);
  });

  it("leaves to the umask what a clause without a class would grant", () => {
    assert.equal(resolveMode("+w", file(0o444)), 0o644);
    assert.equal(resolveMode("=rw", file(0)), 0o644);
    assert.equal(resolveMode("-w", file(0o666)), 0o466);
  });

  it("copies the bits of a class as they were at first", () => {
    assert.equal(resolveMode("g=u,o=g", file(0o640)), 0o664);
    assert.equal(resolveMode("o=u-w", file(0o700)), 0o705);
  });

  it("refuses what is no mode and says which part", () => {
    assert.match(checkMode("0888") ?? "", /"0888" is neither/);
    assert.match(checkMode("u=rw,x") ?? "", /"x" is neither/);
    assert.match(checkMode("77777") ?? "", /more than permission bits/);
    assert.equal(checkMode("u=rwX,g-w"), undefined);
  });

  it("is undone by writing it out: any mode read from its octal text is itself", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0o7777 }),
        fc.integer({ min: 0, max: 0o7777 }),
        (mode, before) => resolveMode(formatMode(mode), file(before)) === mode,
      ),
    );
  });
});
