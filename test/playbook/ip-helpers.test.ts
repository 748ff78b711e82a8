// Helpers for addresses: what ansible.utils documents for its filters, and laws of their arithmetic.

import assert from "node:assert/strict";
import { isIP } from "node:net";
import fc from "fast-check";
import { addressText, networksOfRange, parseAddress, parseNetwork } from "../../src/playbook/helpers/ip-address.js";
import { createScope, rawLayer } from "../../src/playbook/scope/scope.js";
import { templateOfText } from "../../src/playbook/template/template.js";
import { messageOf } from "./scopes.js";

const mixed = [
  "192.24.2.1",
  "host.fqdn",
  "::1",
  "192.168.32.0/24",
  "fe80::100/10",
  true,
  "",
  "42540766412265424405338506004571095040/64",
];
const prefixes = ["2001:db8:deaf:be11::ef3/64", "192.0.2.48/24", "127.0.0.1", "192.168.0.0/16"];
const scope = createScope([rawLayer("data", { mixed, prefixes, address: "192.168.144.5", net: "192.168.0.0/16" })]);

const table: readonly (readonly [string, unknown])[] = [
  ["ipaddr '192.168.0.1'", "192.168.0.1"],
  ["ipaddr 45443646733", "::a:94a7:50d"],
  ["ipaddr '523454/24'", "0.7.252.190/24"],
  ["ipaddr 'localhost'", false],
  ["ipaddr 'fe80:/10'", false],
  ["ipaddr ':'", false],
  ["ipaddr true", false],
  ["ipaddr '192.168.0.256'", false],
  ["ipaddr '10.0.0.0/33'", false],
  ["ipaddr '010.0.0.1'", false],
  ["ipv4 'fe80::100/10'", false],
  ["ipv6 '192.168.0.1'", false],
  ["ipaddr mixed", ["192.24.2.1", "::1", "192.168.32.0/24", "fe80::100/10", "2001:db8:32c:faad::/64"]],
  ["ipv4 mixed", ["192.24.2.1", "192.168.32.0/24"]],
  ["ipv6 mixed", ["::1", "fe80::100/10", "2001:db8:32c:faad::/64"]],
  [
    "ipwrap mixed",
    ["192.24.2.1", "host.fqdn", "[::1]", "192.168.32.0/24", "[fe80::100]/10", true, "", "[2001:db8:32c:faad::]/64"],
  ],
  ["ipaddr mixed 'address'", ["192.24.2.1", "::1", "fe80::100", "2001:db8:32c:faad::"]],
  ["ipaddr mixed 'host'", ["192.24.2.1/32", "::1/128", "fe80::100/10"]],
  ["ipaddr mixed 'public'", ["192.24.2.1", "2001:db8:32c:faad::/64"]],
  ["ipaddr mixed 'private'", ["192.168.32.0/24", "fe80::100/10"]],
  ["ipaddr mixed 'net'", ["192.168.32.0/24", "2001:db8:32c:faad::/64"]],
  ["ipaddr (ipaddr mixed 'net') 'size'", [256, "18446744073709551616"]],
  ["ipaddr mixed '192.0.0.0/8'", ["192.24.2.1", "192.168.32.0/24"]],
  ["ipaddr (ipaddr mixed 'net') 0", ["192.168.32.0/24", "2001:db8:32c:faad::/64"]],
  ["ipaddr (ipaddr mixed 'net') '1'", ["192.168.32.1/24", "2001:db8:32c:faad::1/64"]],
  ["ipaddr (ipaddr mixed 'net') -1", ["192.168.32.255/24", "2001:db8:32c:faad:ffff:ffff:ffff:ffff/64"]],
  ["ipaddr (ipaddr mixed 'net') 400", ["2001:db8:32c:faad::190/64"]],
  ["ipaddr prefixes 'host/prefix'", ["2001:db8:deaf:be11::ef3/64", "192.0.2.48/24"]],
  ["ipaddr (ipaddr prefixes 'host/prefix') 'subnet'", ["2001:db8:deaf:be11::/64", "192.0.2.0/24"]],
  ["ipaddr (ipaddr prefixes 'host/prefix') 'prefix'", [64, 24]],
  ["ipaddr '192.0.2.48/24' 'network'", "192.0.2.0"],
  ["ipaddr '192.0.2.48/24' 'netmask'", "255.255.255.0"],
  ["ipaddr '192.0.2.48/24' 'hostmask'", "0.0.0.255"],
  ["ipaddr '192.0.2.48/24' 'broadcast'", "192.0.2.255"],
  ["ipaddr '192.0.2.48/24' 'range_usable'", "192.0.2.1-192.0.2.254"],
  ["ipaddr '192.0.2.48/24' 'size_usable'", 254],
  ["ipaddr '192.0.2.48/24' 'next_usable'", "192.0.2.49"],
  ["ipaddr '192.0.2.1/24' 'previous_usable'", false],
  ["ipaddr '192.0.2.0/31' 'range_usable'", "192.0.2.0-192.0.2.1"],
  ["ipaddr '10.1.1.0/31' 'peer'", "10.1.1.1"],
  ["ipaddr '10.1.1.1/30' 'peer'", "10.1.1.2"],
  ["ipaddr '192.168.0.0/255.255.255.0' 'prefix'", 24],
  ["ipaddr '192.168.0.11/255.255.255.0' 'network/prefix'", "192.168.0.0/24"],
  ["ipaddr '192.168.0.11/0.0.0.255' 'network/prefix'", "192.168.0.0/24"],
  ["ipaddr '192.168.0.11/255.0.255.0'", false],
  ["ipv4 mixed 'ipv6'", ["::ffff:192.24.2.1/128", "::ffff:192.168.32.0/120"]],
  ["ipv6 mixed 'ipv4'", ["0.0.0.1/32"]],
  ["ipaddr (ipaddr mixed 'ipv6') 'ipv4'", ["192.24.2.1/32", "0.0.0.1/32", "192.168.32.0/24"]],
  ["ipaddr '192.24.2.1' 'int'", 3222798849],
  ["ipaddr '192.168.32.0/24' 'int'", "3232243712/24"],
  ["ipaddr '192.24.2.1' 'revdns'", "1.2.24.192.in-addr.arpa."],
  ["ipaddr '::1' 'revdns'", `${"1.0.0.0.".padEnd(64, "0.")}ip6.arpa.`],
  ["ip4_hex '192.168.1.5'", "c0a80105"],
  ["ip4_hex '192.168.1.5' ':'", "c0:a8:01:05"],
  ["ipsubnet address", "192.168.144.5/32"],
  ["ipsubnet net", "192.168.0.0/16"],
  ["ipsubnet net 20", 16],
  ["ipsubnet net 20 0", "192.168.0.0/20"],
  ["ipsubnet net '20' '-1'", "192.168.240.0/20"],
  ["ipsubnet address 20", "192.168.144.0/20"],
  ["ipsubnet address 18 0", "192.168.128.0/18"],
  ["ipsubnet address 18 -1", "192.168.144.4/31"],
  ["ipsubnet address net", 36870],
  ["ipsubnet '192.168.144.16/30' '192.168.144.0/24'", 5],
  ["ipsubnet '2600:1f1c:1b3:8f00::/56' 64 -2", "2600:1f1c:1b3:8ffe::/64"],
  ["ipsubnet '2600:1f1c:1b3:8f00::/56' 64 257", false],
  ["ipsubnet '::/1' 127 -1", "7fff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"],
  ["nthhost '10.0.0.0/8' 305", "10.0.1.49"],
  ["nthhost '10.0.0.0/30' 4", false],
  ["next_nth_usable '192.168.122.1/24' 2", "192.168.122.3"],
  ["next_nth_usable '192.168.122.254/24' 2", false],
  ["previous_nth_usable '192.168.122.10/24' 2", "192.168.122.8"],
  ["network_in_usable '192.168.0.0/24' '192.168.0.1'", true],
  ["network_in_usable '192.168.0.0/24' '192.168.0.255'", false],
  ["network_in_usable '192.168.0.0/16' '192.168.1.0/24'", true],
  ["network_in_network '192.168.0.0/24' '192.168.0.255'", true],
  ["network_in_network '192.168.0.0/24' '192.168.1.1'", false],
  ["reduce_on_network (array '192.168.0.34' '10.3.0.3' '192.168.2.34') '192.168.0.0/24'", ["192.168.0.34"]],
  ["cidr_merge (array '192.168.0.0/17' '192.168.128.0/17' '192.168.128.1')", ["192.168.0.0/16"]],
  [
    "cidr_merge (array '192.168.1.1' '192.168.1.2' '192.168.1.3' '192.168.1.4')",
    ["192.168.1.1/32", "192.168.1.2/31", "192.168.1.4/32"],
  ],
  ["cidr_merge (array '192.168.1.1' '192.168.1.2' '192.168.1.3' '192.168.1.4') 'span'", "192.168.1.0/29"],
  ["ipmath '192.168.1.5' 5", "192.168.1.10"],
  ["ipmath '192.168.0.5' -10", "192.167.255.251"],
  ["ipmath '2001::1' 8", "2001::9"],
  ["hwaddr '1a:2b:3c:4d:5e:6f'", "1a:2b:3c:4d:5e:6f"],
  ["hwaddr '1a2b.3c4d.5e6f' 'linux'", "1a:2b:3c:4d:5e:6f"],
  ["hwaddr '1a:2b:3c:4d:5e:6f' 'cisco'", "1a2b.3c4d.5e6f"],
  ["hwaddr '1a:2b:3c:4d:5e'", false],
  ["slaac 'fdcf:1894:23b5:d38c::/64' 'c2:31:b3:83:bf:2b'", "fdcf:1894:23b5:d38c:c031:b3ff:fe83:bf2b"],
];

describe("helpers for addresses", () => {
  for (const [text, value] of table)
    it(`{{${text}}} gives ${JSON.stringify(value)}`, () =>
      assert.deepEqual(templateOfText("t", `{{${text}}}`).render(scope), value));

  it("say which query there is not, and what is no address", () => {
    assert.match(
      messageOf(() => templateOfText("t", "{{ipaddr '::1' 'adress'}}").render(scope)),
      /there is no query "adress"[^]*Did you mean "address"\?/,
    );
    assert.match(
      messageOf(() => templateOfText("t", "{{nthhost 'web1' 1}}").render(scope)),
      /nthhost: "web1" is no address and no network/,
    );
  });

  it("law: what is written is what is read, as short as it can be", () => {
    fc.assert(
      fc.property(fc.constantFrom(4 as const, 6 as const), fc.bigInt(0n, 2n ** 128n - 1n), (version, bits) => {
        const value = version === 4 ? bits & 0xffffffffn : bits;
        const text = addressText(version, value);
        assert.equal(isIP(text), version, text);
        assert.deepEqual(parseAddress(text), { version, value });
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const read = parseAddress(text);
        assert.ok(read?.version === 6, text);
        assert.deepEqual(parseAddress(addressText(6, read.value)), read);
      }),
    );
  });

  it("law: the networks of a range have its addresses, each once", () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 32n - 1n), fc.bigInt(0n, 5000n), (first, length) => {
        const last = first + length < 2n ** 32n ? first + length : 2n ** 32n - 1n;
        let next = first;
        for (const one of networksOfRange(4, first, last)) {
          assert.equal(one.value, next);
          next += 1n << BigInt(32 - one.prefix);
        }
        assert.equal(next, last + 1n);
      }),
    );
  });

  it("law: any text is read as a network or not, without an exception", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f:./]{0,30}$/)), (text) => void parseNetwork(text)),
    );
  });
});
