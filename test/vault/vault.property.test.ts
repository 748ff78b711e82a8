// The law of encryption: what was sealed opens to the same bytes, with the right key and with no other.

import assert from "node:assert/strict";
import fc from "fast-check";
import { newIdentity, openAge, recipientOf, sealAge } from "../../src/vault/age.js";
import { openEnvelope, parseEnvelope, sealAnsible } from "../../src/vault/ansible-vault.js";

const bytes = fc.uint8Array({ maxLength: 300 });
const password = fc.uint8Array({ minLength: 1, maxLength: 40 });

describe("sealing and opening", () => {
  it("Ansible Vault gives back any bytes, and nothing under another password", () => {
    fc.assert(
      fc.property(bytes, password, password, (plain, right, wrong) => {
        const envelope = parseEnvelope(sealAnsible(plain, right, undefined));
        assert.deepEqual(openEnvelope(envelope, right), Buffer.from(plain));
        if (!Buffer.from(right).equals(Buffer.from(wrong))) assert.equal(openEnvelope(envelope, wrong), undefined);
      }),
      { numRuns: 40 },
    );
  });

  it("age gives back any bytes, and nothing to another key", () => {
    const [mine, other] = [newIdentity(), newIdentity()];
    const recipients = [recipientOf(mine)];
    fc.assert(
      fc.property(bytes, (plain) => {
        const sealed = sealAge(plain, { recipients });
        assert.deepEqual(openAge(sealed, { identities: [other, mine], passphrases: [] }), {
          bytes: Buffer.from(plain),
          keys: 1,
        });
        assert.deepEqual(openAge(sealed, { identities: [other], passphrases: [] }), { needs: "identity" });
      }),
      { numRuns: 60 },
    );
  });

  it("a vault with any one byte changed opens to nothing or is told to be damaged", () => {
    const key = Buffer.from("k");
    const sealed = sealAnsible(Buffer.from("some secret"), key, undefined);
    fc.assert(
      fc.property(fc.nat({ max: sealed.length - 30 }), fc.constantFrom("0", "a", "7"), (at, digit) => {
        const index = 26 + at;
        if (sealed[index] === "\n" || sealed[index] === digit || index >= sealed.length) return;
        const changed = sealed.slice(0, index) + digit + sealed.slice(index + 1);
        try {
          assert.equal(openEnvelope(parseEnvelope(changed), key), undefined);
        } catch (error) {
          assert.match(String(error), /cut off|hexadecimal|has not 32 bytes|must hold/);
        }
      }),
      { numRuns: 100 },
    );
  });
});
