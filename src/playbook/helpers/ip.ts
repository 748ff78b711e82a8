// Helpers for addresses and networks of IP, as ansible.utils has them.

import {
  helper,
  HelperError,
  literal,
  listArgument,
  numberArgument,
  predicate,
  textArgument,
  type HelperTable,
} from "./definition.js";
import { bitsOf, contains, firstOf, lastOf, networksOfRange, parseAddress, sizeOf } from "./ip-address.js";
import {
  addressOf,
  exact,
  hasMany,
  neighbour,
  networkOf,
  nthAddress,
  parseValue,
  queryOne,
  shown,
  usable,
  withPrefix,
  wrapped,
} from "./ip-queries.js";

/** Of a list, what there is an answer for; of one value, the answer or false. */
function ask(value: unknown, query: unknown, version?: 4 | 6): unknown {
  const one = (item: unknown): unknown =>
    version !== undefined && parseValue(item)?.version !== version ? false : queryOne(item, query);
  if (!Array.isArray(value)) return one(value);
  return value.map(one).filter((answer) => answer !== false);
}

function subnets([value, query, index]: readonly unknown[]): unknown {
  const network = networkOf(value);
  if (query === undefined || query === null || query === "") return withPrefix(network, firstOf(network));
  const place = index === undefined || index === null ? undefined : numberArgument(index, "index");
  if (typeof query === "string" && !/^\d+$/.test(query)) {
    const outer = networkOf(query);
    if (!contains(outer, network)) throw new HelperError(`${shown(network)} is not in ${shown(outer)}`);
    return exact((firstOf(network) - firstOf(outer)) / sizeOf(network) + 1n);
  }
  const prefix = numberArgument(query, "query");
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > bitsOf(network.version)) return false;
  const inner = { ...network, prefix };
  if (prefix < network.prefix) {
    // Wider networks around it: the widest, or the one with that index of all between.
    const around = place === undefined ? prefix : place < 0 ? network.prefix + place : prefix + place;
    const outer = { ...network, prefix: around };
    return around < prefix || around >= network.prefix ? false : withPrefix(outer, firstOf(outer));
  }
  const count = sizeOf(network) / sizeOf(inner);
  if (place === undefined) return exact(count);
  const at = place < 0 ? count + BigInt(place) : BigInt(place);
  return at < 0n || at >= count ? false : withPrefix(inner, firstOf(network) + at * sizeOf(inner));
}

function merge(list: readonly unknown[], action: string): unknown {
  const networks = list.map(networkOf);
  const [first] = networks;
  if (!first) return [];
  if (action === "span") {
    const [low, high] = [networks.map(firstOf), networks.map(lastOf)].map((all) =>
      all.toSorted((a, b) => (a < b ? -1 : 1)),
    );
    let span = { ...first, hasPrefix: true };
    while (span.prefix > 0 && !((low?.[0] ?? 0n) >= firstOf(span) && (high?.at(-1) ?? 0n) <= lastOf(span)))
      span = { ...span, prefix: span.prefix - 1 };
    return withPrefix(span, firstOf(span));
  }
  if (action !== "merge")
    throw new HelperError(`there is no action ${JSON.stringify(action)}`, "There are merge and span.");
  return ([4, 6] as const).flatMap((version) => {
    const ranges: { first: bigint; last: bigint }[] = [];
    const own = networks
      .filter((one) => one.version === version)
      .toSorted((a, b) => (firstOf(a) < firstOf(b) ? -1 : 1));
    for (const one of own) {
      const before = ranges.at(-1);
      if (before && firstOf(one) <= before.last + 1n)
        before.last = lastOf(one) > before.last ? lastOf(one) : before.last;
      else ranges.push({ first: firstOf(one), last: lastOf(one) });
    }
    return ranges
      .flatMap((one) => networksOfRange(version, one.first, one.last))
      .map((one) => withPrefix(one, one.value));
  });
}

function nthUsable(value: unknown, offset: unknown, sign: 1n | -1n): unknown {
  const network = networkOf(value);
  return hasMany(network) ? neighbour(network, BigInt(numberArgument(offset)) * sign) : false;
}

function macOf(value: unknown): string | undefined {
  const digits = typeof value === "string" ? value.replace(/[:.-]/g, "").toLowerCase() : "";
  return /^[0-9a-f]{12}$/.test(digits) ? digits : undefined;
}

const MAC_FORMS: Readonly<Record<string, (digits: string) => unknown>> = {
  linux: (digits) => digits.match(/../g)?.join(":"),
  unix: (digits) =>
    digits
      .match(/../g)
      ?.map((two) => two.replace(/^0/, ""))
      .join(":"),
  eui48: (digits) => digits.toUpperCase().match(/../g)?.join("-"),
  win: (digits) => digits.toUpperCase().match(/../g)?.join("-"),
  cisco: (digits) => digits.match(/..../g)?.join("."),
  bare: (digits) => digits.toUpperCase(),
  pgsql: (digits) => digits.match(/....../g)?.join(":"),
  bool: () => true,
};

function hardwareAddress([value, query = ""]: readonly unknown[]): unknown {
  const digits = macOf(value);
  if (digits === undefined) return false;
  const word = query === "" ? "linux" : textArgument(query);
  const form = Object.hasOwn(MAC_FORMS, word) ? MAC_FORMS[word] : undefined;
  if (!form)
    throw new HelperError(
      `there is no form ${JSON.stringify(word)}`,
      `There are ${Object.keys(MAC_FORMS).join(", ")}.`,
    );
  return query === "" ? value : form(digits);
}

/** The address that a host with that hardware address gives itself in a network of version 6. */
function slaac(value: unknown, mac: unknown): unknown {
  const network = networkOf(value);
  const digits = macOf(mac);
  if (digits === undefined || network.version !== 6) return false;
  const bits = BigInt(`0x${digits.slice(0, 6)}fffe${digits.slice(6)}`) ^ (1n << 57n);
  return addressOf(network, (firstOf(network) & ~((1n << 64n) - 1n)) | bits);
}

/** The query is written out: it must be one. */
const checkedQuery = {
  check: ([, query]: readonly unknown[]): void => void (literal(query) === undefined || queryOne("10.0.0.1/30", query)),
};

export const ipHelpers: HelperTable = {
  ipaddr: helper(
    "value [query]",
    "The address or network, false where it is none; or what `query` asks: address, network, netmask, prefix, broadcast, size, host, net, a position, a network that it is in. A list gives those that have an answer.",
    ([value, query]) => ask(value, query),
    checkedQuery,
  ),
  ipv4: helper(
    "value [query]",
    "The same for version 4 alone.",
    ([value, query]) => ask(value, query, 4),
    checkedQuery,
  ),
  ipv6: helper(
    "value [query]",
    "The same for version 6 alone.",
    ([value, query]) => ask(value, query, 6),
    checkedQuery,
  ),
  ipwrap: helper("value", "Addresses of version 6 in brackets, all else as it is.", ([value]) => {
    const wrap = (one: unknown): unknown => {
      const network = typeof one === "string" ? parseValue(one) : undefined;
      return network ? wrapped(network) : one;
    };
    return Array.isArray(value) ? value.map(wrap) : wrap(value);
  }),
  ipsubnet: helper(
    "value [query] [index]",
    "How many networks with the prefix `query` it has, or the one at `index`; the wider network around an address; its number, from 1, in a network.",
    subnets,
  ),
  nthhost: helper("network index", "The address at that position in the network.", ([value, index]) => {
    const network = networkOf(value);
    const found = nthAddress(network, numberArgument(index));
    return found === undefined ? false : addressOf(network, found);
  }),
  next_nth_usable: helper("address offset", "The address that is so many further in its network.", ([value, offset]) =>
    nthUsable(value, offset, 1n),
  ),
  previous_nth_usable: helper(
    "address offset",
    "The address that is so many before it in its network.",
    ([value, offset]) => nthUsable(value, offset, -1n),
  ),
  network_in_usable: predicate(
    "network other",
    "The other lies among the addresses that hosts of the network can have.",
    ([value, other]) => {
      const [outer, inner] = [networkOf(value), networkOf(other)];
      const { first, last } = usable(outer);
      return outer.version === inner.version && firstOf(inner) >= first && lastOf(inner) <= last;
    },
  ),
  network_in_network: predicate("network other", "The other lies in the network.", ([value, other]) =>
    contains(networkOf(value), networkOf(other)),
  ),
  reduce_on_network: helper("list network", "The addresses and networks that lie in the network.", ([list, network]) =>
    listArgument(list).filter((one) => contains(networkOf(network), networkOf(one))),
  ),
  cidr_merge: helper(
    "list [action]",
    "As few networks as have the same addresses; `span` gives the one that has them all.",
    ([list, action = "merge"]) => merge(listArgument(list), textArgument(action)),
  ),
  ipmath: helper("address amount", "The address that is so many further.", ([value, amount]) => {
    const network = networkOf(value);
    const at = network.value + BigInt(Math.trunc(numberArgument(amount)));
    if (at < 0n || at >= 1n << BigInt(bitsOf(network.version))) throw new HelperError("there is no such address");
    return addressOf(network, at);
  }),
  ip4_hex: helper("address [delimiter]", "The address in hex: c0a80101.", ([value, delimiter = ""]) => {
    const found = parseAddress(textArgument(value));
    if (found?.version !== 4) throw new HelperError(`${JSON.stringify(value)} is no address of version 4`);
    return (found.value.toString(16).padStart(8, "0").match(/../g) ?? []).join(textArgument(delimiter));
  }),
  hwaddr: helper(
    "value [query]",
    "The hardware address, false where it is none; or in the form linux, unix, cisco, eui48, bare.",
    hardwareAddress,
  ),
  macaddr: helper("value [query]", "The same as hwaddr.", hardwareAddress),
  slaac: helper("network mac", "The address that a host gives itself in a network of version 6.", ([value, mac]) =>
    slaac(value, mac),
  ),
};
