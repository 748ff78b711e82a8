// Helpers for addresses and networks of IP, as ansible.utils has them.

import {
  addressText,
  bitsOf,
  contains,
  firstOf,
  isKind,
  lastOf,
  maskOf,
  networksOfRange,
  parseAddress,
  parseNetwork,
  sizeOf,
  type IpNetwork,
} from "./ip-address.js";
import { suggest } from "../../diagnostic/near.js";
import {
  helper,
  HelperError,
  listArgument,
  numberArgument,
  predicate,
  textArgument,
  type HelperTable,
} from "./definition.js";

const text = (network: IpNetwork, value: bigint): string => addressText(network.version, value);
const withPrefix = (network: IpNetwork, value: bigint): string => `${text(network, value)}/${network.prefix}`;
const isSingle = (network: IpNetwork): boolean => sizeOf(network) === 1n;
const hasBroadcast = (network: IpNetwork): boolean => network.version === 4 && sizeOf(network) > 2n;
/** It may be an address of a host: it is no network's own, or there is no broadcast that would tell. */
const isAddress = (network: IpNetwork): boolean => network.value !== firstOf(network) || !hasBroadcast(network);
/** It is an address of a host. */
const isHost = (network: IpNetwork): boolean => isSingle(network) || network.value !== firstOf(network);

/** First and last address that a host can have. */
function usable(network: IpNetwork): { readonly first: bigint; readonly last: bigint } {
  const [first, last] = [firstOf(network), lastOf(network)];
  if (sizeOf(network) <= 2n) return { first, last };
  return { first: first + 1n, last: last - 1n };
}

type Query = (network: IpNetwork) => unknown;

const when =
  (is: (network: IpNetwork) => boolean, query: Query): Query =>
  (network) =>
    is(network) ? query(network) : false;
const hasMany = (network: IpNetwork): boolean => sizeOf(network) > 1n;
const mask = (network: IpNetwork): string => text(network, maskOf(network));
const hostMask = (network: IpNetwork): string => text(network, sizeOf(network) - 1n);

const address: Query = when(isAddress, (one) => text(one, one.value));
const host: Query = when(isHost, (one) => withPrefix(one, one.value));
const broadcast: Query = when(hasBroadcast, (one) => text(one, lastOf(one)));
const revdns: Query = (one) =>
  one.version === 4
    ? `${text(one, one.value).split(".").toReversed().join(".")}.in-addr.arpa.`
    : `${[...one.value.toString(16).padStart(32, "0")].toReversed().join(".")}.ip6.arpa.`;

function neighbour(network: IpNetwork, step: bigint): string | false {
  const { first, last } = usable(network);
  const at = network.value + step;
  return at >= first && at <= last ? text(network, at) : false;
}

function peer(network: IpNetwork): string {
  const size = sizeOf(network);
  if (size !== 2n && size !== 4n)
    throw new HelperError("a peer is there in a network of two hosts alone", "Its prefix is 30 or 31.");
  const offset = network.value - firstOf(network);
  if (size === 4n && (offset === 0n || offset === 3n))
    throw new HelperError("this is the network's or the broadcast address, no host's");
  return text(network, size === 2n ? network.value ^ 1n : firstOf(network) + 3n - offset);
}

/** A number that is exact: as a number where it can be, else its digits. */
function exact(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : String(value);
}

const QUERIES: Readonly<Record<string, Query>> = {
  address,
  ip: address,
  host,
  "host/prefix": when(
    (one) => isHost(one) && hasMany(one),
    (one) => withPrefix(one, one.value),
  ),
  hostnet: host,
  router: host,
  gateway: host,
  gw: host,
  "address/prefix": host,
  "ip/prefix": when(
    (one) => isHost(one) && hasMany(one),
    (one) => withPrefix(one, one.value),
  ),
  net: when(
    (one) => hasMany(one) && one.value === firstOf(one),
    (one) => withPrefix(one, firstOf(one)),
  ),
  network: when(hasMany, (one) => text(one, firstOf(one))),
  "network/prefix": when(hasMany, (one) => withPrefix(one, firstOf(one))),
  subnet: (one) => withPrefix(one, firstOf(one)),
  cidr: (one) => withPrefix(one, firstOf(one)),
  netmask: when(hasMany, mask),
  hostmask: when(hasMany, hostMask),
  wildcard: when(hasMany, hostMask),
  ip_netmask: when(isHost, (one) => `${text(one, one.value)} ${mask(one)}`),
  ip_wildcard: when(isHost, (one) => `${text(one, one.value)} ${hostMask(one)}`),
  network_netmask: (one) => `${text(one, firstOf(one))} ${mask(one)}`,
  network_wildcard: (one) => `${text(one, firstOf(one))} ${hostMask(one)}`,
  network_id: (one) => text(one, firstOf(one)),
  prefix: ({ prefix }) => prefix,
  broadcast,
  size: (one) => exact(sizeOf(one)),
  size_usable: (one) => exact(isSingle(one) ? 0n : usable(one).last - usable(one).first + 1n),
  first_usable: when(hasMany, (one) => text(one, usable(one).first)),
  last_usable: when(hasMany, (one) => text(one, usable(one).last)),
  range_usable: when(hasMany, (one) => `${text(one, usable(one).first)}-${text(one, usable(one).last)}`),
  next_usable: when(hasMany, (one) => neighbour(one, 1n)),
  previous_usable: when(hasMany, (one) => neighbour(one, -1n)),
  peer,
  int: (one) => (isSingle(one) ? exact(one.value) : `${one.value}/${one.prefix}`),
  version: ({ version }) => version,
  type: (one) => (hasMany(one) && one.value === firstOf(one) ? "network" : "address"),
  revdns,
  bool: () => true,
  wrap: (one) => wrapped(one),
  public: when(
    (one) => !isNotPublic(one),
    (one) => shown(one),
  ),
  private: when(
    (one) => isKind(one, "private"),
    (one) => shown(one),
  ),
  unicast: when(
    (one) => !isKind(one, "multicast"),
    (one) => shown(one),
  ),
  multicast: when(
    (one) => isKind(one, "multicast"),
    (one) => shown(one),
  ),
  loopback: when(
    (one) => isKind(one, "loopback"),
    (one) => shown(one),
  ),
  lo: when(
    (one) => isKind(one, "loopback"),
    (one) => shown(one),
  ),
  "link-local": when(
    (one) => isKind(one, "link-local"),
    (one) => shown(one),
  ),
  ipv4: (one) => converted(one, 4),
  ipv6: (one) => converted(one, 6),
};

const MAPPED = 0xffffn << 32n;

/** The same address in the other version, if it has it. */
function converted(network: IpNetwork, version: 4 | 6): string | false {
  if (network.version === version) return withPrefix(network, network.value);
  if (version === 6) return withPrefix({ ...network, version, prefix: network.prefix + 96 }, network.value + MAPPED);
  const isMapped = network.value >> 32n === 0xffffn || network.value < 1n << 32n;
  if (!isMapped || network.prefix < 96) return false;
  return withPrefix({ ...network, version, prefix: network.prefix - 96 }, network.value & 0xffffffffn);
}

function isNotPublic(network: IpNetwork): boolean {
  return ["private", "loopback", "multicast"].some((kind) => isKind(network, kind));
}

function shown(network: IpNetwork): string {
  return network.hasPrefix ? withPrefix(network, network.value) : text(network, network.value);
}

function wrapped(network: IpNetwork): string {
  if (network.version === 4) return shown(network);
  return `[${text(network, network.value)}]${network.hasPrefix ? `/${network.prefix}` : ""}`;
}

/** A whole number stands for an address, below 2^32 for one of version 4. */
function parse(value: unknown): IpNetwork | undefined {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) {
    const version = value < 2 ** 32 ? 4 : 6;
    return { version, value: BigInt(value), prefix: bitsOf(version), hasPrefix: false };
  }
  if (typeof value !== "string") return undefined;
  const number = /^(\d+)(?:\/(\d+))?$/.exec(value);
  if (!number) return parseNetwork(value);
  const big = BigInt(number[1] ?? "0");
  const version = big < 1n << 32n ? 4 : 6;
  return big < 1n << 128n
    ? parseNetwork(`${addressText(version, big)}${number[2] === undefined ? "" : `/${number[2]}`}`)
    : undefined;
}

function known(value: unknown): IpNetwork {
  const network = parse(value);
  if (!network) throw new HelperError(`${JSON.stringify(value)} is no address and no network`);
  return network;
}

/** The address at a position in the network; negative counts from its end. */
function nth(network: IpNetwork, index: number): bigint | undefined {
  const size = sizeOf(network);
  const at = index < 0 ? size + BigInt(index) : BigInt(index);
  return at >= 0n && at < size ? firstOf(network) + at : undefined;
}

function queryOne(value: unknown, query: unknown): unknown {
  const network = parse(value);
  if (!network) return false;
  if (query === undefined || query === null || query === "") return shown(network);
  if (typeof query === "number" || (typeof query === "string" && /^-?\d+$/.test(query))) {
    const found = nth(network, Number(query));
    return found === undefined ? false : withPrefix(network, found);
  }
  const word = textArgument(query, "query");
  const inside = parseNetwork(word);
  if (inside) return contains(inside, network) ? shown(network) : false;
  const ask = Object.hasOwn(QUERIES, word) ? QUERIES[word] : undefined;
  if (!ask)
    throw new HelperError(
      `there is no query ${JSON.stringify(word)}`,
      suggest(word, Object.keys(QUERIES)) ?? `There are ${Object.keys(QUERIES).join(", ")}.`,
    );
  return ask(network);
}

/** Of a list, what there is an answer for; of one value, the answer or false. */
function ask(value: unknown, query: unknown, version?: 4 | 6): unknown {
  const one = (item: unknown): unknown =>
    version !== undefined && parse(item)?.version !== version ? false : queryOne(item, query);
  if (!Array.isArray(value)) return one(value);
  return value.map(one).filter((answer) => answer !== false);
}

function subnets([value, query, index]: readonly unknown[]): unknown {
  const network = known(value);
  if (query === undefined || query === null || query === "") return withPrefix(network, firstOf(network));
  const place = index === undefined || index === null ? undefined : numberArgument(index, "index");
  if (typeof query === "string" && !/^\d+$/.test(query)) {
    const outer = known(query);
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
  const networks = list.map(known);
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
  const network = known(value);
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
  const network = known(value);
  const digits = macOf(mac);
  if (digits === undefined || network.version !== 6) return false;
  const bits = BigInt(`0x${digits.slice(0, 6)}fffe${digits.slice(6)}`) ^ (1n << 57n);
  return text(network, (firstOf(network) & ~((1n << 64n) - 1n)) | bits);
}

export const ipHelpers: HelperTable = {
  ipaddr: helper(
    "value [query]",
    "The address or network, false where it is none; or what `query` asks: address, network, netmask, prefix, broadcast, size, host, net, a position, a network that it is in. A list gives those that have an answer.",
    ([value, query]) => ask(value, query),
  ),
  ipv4: helper("value [query]", "The same for version 4 alone.", ([value, query]) => ask(value, query, 4)),
  ipv6: helper("value [query]", "The same for version 6 alone.", ([value, query]) => ask(value, query, 6)),
  ipwrap: helper("value", "Addresses of version 6 in brackets, all else as it is.", ([value]) => {
    const wrap = (one: unknown): unknown => {
      const network = typeof one === "string" ? parse(one) : undefined;
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
    const network = known(value);
    const found = nth(network, numberArgument(index));
    return found === undefined ? false : text(network, found);
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
      const [outer, inner] = [known(value), known(other)];
      const { first, last } = usable(outer);
      return outer.version === inner.version && firstOf(inner) >= first && lastOf(inner) <= last;
    },
  ),
  network_in_network: predicate("network other", "The other lies in the network.", ([value, other]) =>
    contains(known(value), known(other)),
  ),
  reduce_on_network: helper("list network", "The addresses and networks that lie in the network.", ([list, network]) =>
    listArgument(list).filter((one) => contains(known(network), known(one))),
  ),
  cidr_merge: helper(
    "list [action]",
    "As few networks as have the same addresses; `span` gives the one that has them all.",
    ([list, action = "merge"]) => merge(listArgument(list), textArgument(action)),
  ),
  ipmath: helper("address amount", "The address that is so many further.", ([value, amount]) => {
    const network = known(value);
    const at = network.value + BigInt(Math.trunc(numberArgument(amount)));
    if (at < 0n || at >= 1n << BigInt(bitsOf(network.version))) throw new HelperError("there is no such address");
    return text(network, at);
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
