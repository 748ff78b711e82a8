// age through crun's thread against Debian's own program, both ways, and what is broken.

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newIdentity, openAge, recipientOf, sealAge } from "../../src/vault/age.js";
import { Damaged } from "../../src/vault/format.js";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";

const none = { identities: [], passphrases: [] };

describe("age", () => {
  const scope = testScope();
  const identity = newIdentity();
  const recipient = recipientOf(identity);
  const sealed = sealAge(Buffer.from("Setec Astronomy\n"), { recipients: [recipient] });

  it("opens for a passphrase, and says that it needs one", function () {
    this.timeout(60_000);
    const text = sealAge(Buffer.from("x"), { passphrase: "correct horse" });
    assert.match(text, /^-----BEGIN AGE ENCRYPTED FILE-----\n/);
    assert.deepEqual(openAge(text, { ...none, identities: [identity] }), { needs: "passphrase" });
    assert.deepEqual(openAge(text, { ...none, passphrases: ["wrong"] }), { needs: "passphrase" });
    assert.deepEqual(openAge(text, { ...none, passphrases: ["wrong", "correct horse"] }), {
      bytes: Buffer.from("x"),
      keys: 1,
    });
  });

  it("the same passphrase and salt are worked out once", function () {
    this.timeout(60_000);
    const text = sealAge(Buffer.from("x"), { passphrase: "once" });
    const started = process.cpuUsage();
    for (let round = 0; round < 20; round++) openAge(text, { ...none, passphrases: ["once"] });
    const { user } = process.cpuUsage(started);
    assert.ok(user < 3_000_000, `20 times took ${user / 1e6} s of processor time`);
  });

  describe("what no key can open says why", () => {
    const lines = sealed.split("\n");
    const middle = Math.floor(lines.length / 2);
    const swapped = (line: string): string => (line.startsWith("A") ? `B${line.slice(1)}` : `A${line.slice(1)}`);
    const last = lines.length - 3;
    const broken: readonly (readonly [string, string, RegExp])[] = [
      ["no end", lines.slice(0, -2).join("\n"), /its armor is broken/],
      ["only a beginning", lines[0] ?? "", /its armor is broken/],
      [
        "a character that is no base64",
        sealed.replace(lines[1] ?? "", `!${(lines[1] ?? "").slice(1)}`),
        /its armor is broken/,
      ],
      [
        "content that was changed",
        sealed.replace(lines[last] ?? "?", swapped(lines[last] ?? "")),
        /changed or is cut off/,
      ],
      [
        "a header that was changed",
        sealed.replace(lines[middle] ?? "?", swapped(lines[middle] ?? "")),
        /changed|cut off/,
      ],
      [
        "no header",
        "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n",
        /changed or is cut off/,
      ],
    ];
    for (const [name, text, expected] of broken) {
      it(name, () =>
        assert.throws(
          () => openAge(text, { ...none, identities: [identity] }),
          (error) => error instanceof Damaged && expected.test(error.message),
        ),
      );
    }
    it("a recipient that is none", () => {
      for (const word of ["age1nonsense", "ssh-ed25519 AAAA"])
        assert.throws(() => sealAge(Buffer.from("x"), { recipients: [word] }), Damaged);
    });
  });

  describe("and Debian's program", () => {
    before(function () {
      requireOrSkip(this, { tools: ["age", "age-keygen"] });
    });
    const contents: readonly (readonly [string, Buffer])[] = [
      ["text", Buffer.from("Setec Astronomy\n")],
      ["nothing", Buffer.alloc(0)],
      ["more than a chunk", Buffer.alloc(200_000, "secret ")],
      ["no UTF-8", Buffer.from([0, 255, 13, 10])],
    ];
    for (const [name, plain] of contents) {
      it(`reads what crun wrote: ${name}`, async () => {
        const directory = scope.tempDir("age");
        writeFileSync(join(directory, "key"), `# a comment\n${identity}\n`);
        writeFileSync(join(directory, "x.age"), sealAge(plain, { recipients: [recipient] }));
        await must(["age", "-d", "-i", join(directory, "key"), "-o", join(directory, "x"), join(directory, "x.age")]);
        // It makes no file where there is nothing to write.
        const read = existsSync(join(directory, "x")) ? readFileSync(join(directory, "x")) : Buffer.alloc(0);
        assert.deepEqual(read, plain);
      });
      it(`writes what crun reads, armored or not: ${name}`, async () => {
        const directory = scope.tempDir("age");
        const from = join(directory, "x");
        writeFileSync(from, plain);
        await must(["age", "-a", "-r", recipient, "-o", `${from}.asc`, from]);
        await must(["age", "-r", recipient, "-o", `${from}.age`, from]);
        const keys = { ...none, identities: [identity] };
        assert.deepEqual(openAge(readFileSync(`${from}.asc`, "utf8"), keys), { bytes: plain, keys: 1 });
        assert.deepEqual(openAge(readFileSync(`${from}.age`), keys), { bytes: plain, keys: 1 });
      });
    }
    it("makes keys of which crun knows the recipient", async () => {
      const stdout = await must(["age-keygen"]);
      const key = /^AGE-SECRET-KEY-1.*$/m.exec(stdout)?.[0] ?? "";
      assert.equal(recipientOf(key), /public key: (age1\w+)/.exec(stdout)?.[1]);
    });
  });
});
