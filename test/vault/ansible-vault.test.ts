// Ansible Vault's format against Ansible's own program, both ways, and what is broken.

import assert from "node:assert/strict";
import { join } from "node:path";
import { readFileSync, writeFileSync } from "node:fs";
import { openEnvelope, parseEnvelope, sealAnsible } from "../../src/vault/ansible-vault.js";
import { Damaged, formatOf, isEncrypted } from "../../src/vault/format.js";
import { requireOrSkip } from "../lab/needs.js";
import { mustAnsible } from "../lab/ansible.js";
import { testScope } from "../lab/scope.js";

const password = Buffer.from("correct horse");
/** A file as Ansible lays it out. */
const written = sealAnsible(Buffer.from("Setec Astronomy\n"), password, undefined);

function openText(text: string, key = password): Buffer | undefined {
  return openEnvelope(parseEnvelope(text), key);
}

const contents: readonly (readonly [string, Buffer])[] = [
  ["text", Buffer.from("Setec Astronomy\n")],
  ["nothing", Buffer.alloc(0)],
  ["one whole block", Buffer.alloc(16, "x")],
  ["carriage returns", Buffer.from("a\r\nb\r\n")],
  ["no UTF-8", Buffer.from([0, 255, 254, 10, 13, 128])],
  ["100,000 bytes", Buffer.alloc(100_000, "secret ")],
];

describe("Ansible Vault", () => {
  it("another password opens nothing", () => {
    assert.equal(openText(written, Buffer.from("correct hors")), undefined);
    assert.equal(openText(written)?.toString(), "Setec Astronomy\n");
  });

  it("a body that YAML folded, indented or gave carriage returns is the same", () => {
    for (const text of [
      written.replaceAll("\n", " "),
      written.replaceAll("\n", "\n      "),
      written.replaceAll("\n", "\r\n"),
    ])
      assert.equal(openText(text)?.toString(), "Setec Astronomy\n");
  });

  describe("headers", () => {
    const headers: readonly (readonly [string, unknown])[] = [
      ["$ANSIBLE_VAULT;1.1;AES256", { kind: "ansible", version: "1.1", label: undefined }],
      ["$ANSIBLE_VAULT;1.2;AES256;prod", { kind: "ansible", version: "1.2", label: "prod" }],
      ["-----BEGIN AGE ENCRYPTED FILE-----", { kind: "age", isArmored: true }],
      ["age-encryption.org/v1", { kind: "age", isArmored: false }],
      ["$ANSIBLE_VAULT;1.0;AES", /no version "1.0"/],
      ["$ANSIBLE_VAULT;2.0;AES256", /no version "2.0"/],
      ["$ANSIBLE_VAULT;1.1;AES512", /no cipher "AES512"/],
      ["$ANSIBLE_VAULT;1.1", /no cipher ""/],
      ["$ANSIBLE_VAULT;1.2;AES256", /no header of Ansible Vault 1.2/],
      ["$ANSIBLE_VAULT;1.1;AES256;prod", /no header of Ansible Vault 1.1/],
      ["$ANSIBLE_VAULT;1.2;AES256;a;b", /no header of Ansible Vault 1.2/],
      ["age-encryption.org/v2", /no version of age/],
    ];
    for (const [header, expected] of headers) {
      it(header, () => {
        assert.ok(isEncrypted(header) && isEncrypted(Buffer.from(`${header}\n00`)));
        if (expected instanceof RegExp)
          assert.throws(
            () => formatOf(header),
            (error) => error instanceof Damaged && expected.test(error.message),
          );
        else assert.deepEqual(formatOf(header), expected);
      });
    }
    it("anything else is plain", () => {
      for (const text of [
        "",
        "a: 1",
        "ANSIBLE_VAULT;1.1",
        "# $ANSIBLE_VAULT;1.1;AES256",
        "-----BEGIN PRIVATE KEY-----",
      ])
        assert.ok(!isEncrypted(text), text);
    });
  });

  describe("what no password can open says why", () => {
    const [header = "", ...lines] = written.trim().split("\n");
    const hex = lines.join("");
    const inner = (parts: readonly string[]): string => `${header}\n${Buffer.from(parts.join("\n")).toString("hex")}\n`;
    const [salt = "", hmac = "", body = ""] = Buffer.from(hex, "hex").toString().split("\n");
    const broken: readonly (readonly [string, string, RegExp])[] = [
      ["no body", header, /nothing follows its header/],
      ["blank lines as body", `${header}\n\n  \n`, /nothing follows its header/],
      [
        "a letter that is no digit",
        `${header}\n${hex.replace(/^../, "zz")}`,
        /its body is not hexadecimal: it has "z" in it/,
      ],
      ["an odd number of digits", `${header}\n${hex.slice(0, -1)}`, /its body is cut off: it has an odd number/],
      ["only a salt", inner([salt]), /must hold a salt, an HMAC and the ciphertext/],
      ["no ciphertext", inner([salt, hmac]), /must hold a salt, an HMAC and the ciphertext/],
      ["one part too many", inner([salt, hmac, body, body]), /must hold a salt/],
      ["a short HMAC", inner([salt, hmac.slice(0, 20), body]), /its HMAC has not 32 bytes/],
      ["half a block", inner([salt, hmac, body.slice(0, 20)]), /not whole blocks of 16 bytes/],
      ["an empty ciphertext", inner([salt, hmac, ""]), /not whole blocks/],
      ["a salt that is no hexadecimal", inner(["xy", hmac, body]), /its salt is not hexadecimal/],
      ["a ciphertext that is no hexadecimal", inner([salt, hmac, "xy"]), /its ciphertext is not hexadecimal/],
    ];
    for (const [name, text, expected] of broken) {
      it(name, () =>
        assert.throws(
          () => openText(text),
          (error) => error instanceof Damaged && expected.test(error.message),
        ),
      );
    }
    it("content that was changed is as if the password were another", () => {
      const other = body.startsWith("0") ? `1${body.slice(1)}` : `0${body.slice(1)}`;
      assert.equal(openText(inner([salt, hmac, other])), undefined);
    });
  });

  describe("and ansible-vault", () => {
    const scope = testScope();
    before(function () {
      requireOrSkip(this, { tools: ["ansible-vault"] });
    });
    for (const [name, plain] of contents) {
      it(`reads what crun wrote: ${name}`, async function () {
        // Ansible refuses to encrypt or print nothing only on a terminal; a file may be empty.
        const directory = scope.tempDir("vault");
        const file = join(directory, "x");
        writeFileSync(file, sealAnsible(plain, password, undefined));
        writeFileSync(join(directory, "pw"), password);
        await mustAnsible("ansible-vault", ["decrypt", "--vault-password-file", join(directory, "pw"), file]);
        assert.deepEqual(readFileSync(file), plain);
      });
      it(`writes what crun reads: ${name}`, async function () {
        const directory = scope.tempDir("vault");
        const file = join(directory, "x");
        writeFileSync(file, plain);
        writeFileSync(join(directory, "pw"), "correct horse\n");
        await mustAnsible("ansible-vault", ["encrypt", "--vault-id", `prod@${join(directory, "pw")}`, file]);
        const text = readFileSync(file, "utf8");
        assert.deepEqual(formatOf(text), { kind: "ansible", version: "1.2", label: "prod" });
        assert.deepEqual(openText(text), plain);
      });
    }
    it("reads a label that crun wrote", async () => {
      const directory = scope.tempDir("vault");
      writeFileSync(join(directory, "x"), sealAnsible(Buffer.from("a"), password, "dev"));
      writeFileSync(join(directory, "pw"), password);
      const stdout = await mustAnsible("ansible-vault", [
        "view",
        "--vault-id",
        `dev@${join(directory, "pw")}`,
        join(directory, "x"),
      ]);
      assert.equal(stdout.trim(), "a");
    });
  });
});
