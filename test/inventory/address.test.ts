// Addresses of targets that no inventory names.

import assert from "node:assert/strict";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { parseAddress } from "../../src/inventory/address.js";

describe("inventory: addresses", () => {
  const good: readonly (readonly [string, string, string | undefined, string | undefined])[] = [
    ["local", "local", undefined, undefined],
    ["local:web1", "local", undefined, "web1"],
    ["local:/srv/trees/x", "local", undefined, "/srv/trees/x"],
    ["node1.example.org:web/blue", "node1.example.org", undefined, "web/blue"],
    ["root@node1:/", "node1", "root", "/"],
    ["deploy@10.0.0.1", "10.0.0.1", "deploy", undefined],
    ["[fe80::1%eth0]:web", "fe80::1%eth0", undefined, "web"],
    ["host:a:b", "host", undefined, "a:b"],
  ];
  for (const [name, host, user, tree] of good) {
    it(`reads ${name}`, () => assert.deepEqual(parseAddress(name), { name, host, user, tree }));
  }

  for (const pattern of ["web*", "a,b", "~^web", "!x", "&x", "all web", ""]) {
    it(`leaves the pattern ${JSON.stringify(pattern)} to the inventory`, () => {
      assert.equal(parseAddress(pattern), undefined);
    });
  }

  const bad: readonly (readonly [string, RegExp])[] = [
    ["host:2222:web", /no place for a port/],
    ["host:../etc", /is no tree/],
    ["host:/srv/../etc", /is no tree/],
    ["host:", /is no tree/],
    ["-oProxyCommand=x", /no name of a host/],
    ["-x@host", /no name of a user/],
    ["root@local:web", /needs no login/],
    [":web", /no name of a host/],
    ["@host", /no name of a user/],
  ];
  for (const [text, message] of bad) {
    it(`refuses ${text}, with what to write`, () => {
      assert.throws(
        () => parseAddress(text),
        (error: unknown) => error instanceof CrunError && error.exitStatus === 1 && message.test(error.message),
      );
    });
  }
});
