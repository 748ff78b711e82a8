// What can be asked of an address or a network of IP, under the names that ansible.utils gives the questions.

import { suggest } from "../../diagnostic/near.js";
import { HelperError, textArgument } from "./definition.js";
import {
  addressText,
  bitsOf,
  contains,
  firstOf,
  isKind,
  lastOf,
  maskOf,
  parseNetwork,
  sizeOf,
  type IpNetwork,
} from "./ip-address.js";

/** An address of the network's version as text. */
export const addressOf = (network: IpNetwork, value: bigint): string => addressText(network.version, value);
/** The same with the network's prefix behind it. */
export const withPrefix = (network: IpNetwork, value: bigint): string =>
  `${addressOf(network, value)}/${network.prefix}`;
const isSingle = (network: IpNetwork): boolean => sizeOf(network) === 1n;
const hasBroadcast = (network: IpNetwork): boolean => network.version === 4 && sizeOf(network) > 2n;
/** It may be an address of a host: it is no network's own, or there is no broadcast that would tell. */
const isAddress = (network: IpNetwork): boolean => network.value !== firstOf(network) || !hasBroadcast(network);
/** It is an address of a host. */
const isHost = (network: IpNetwork): boolean => isSingle(network) || network.value !== firstOf(network);

/** First and last address that a host can have. */
export function usable(network: IpNetwork): { readonly first: bigint; readonly last: bigint } {
  const [first, last] = [firstOf(network), lastOf(network)];
  if (sizeOf(network) <= 2n) return { first, last };
  return { first: first + 1n, last: last - 1n };
}

type Query = (network: IpNetwork) => unknown;

const when =
  (is: (network: IpNetwork) => boolean, query: Query): Query =>
  (network) =>
    is(network) ? query(network) : false;
/** It has more than one address. */
export const hasMany = (network: IpNetwork): boolean => sizeOf(network) > 1n;
const mask = (network: IpNetwork): string => addressOf(network, maskOf(network));
const hostMask = (network: IpNetwork): string => addressOf(network, sizeOf(network) - 1n);

const address: Query = when(isAddress, (one) => addressOf(one, one.value));
const host: Query = when(isHost, (one) => withPrefix(one, one.value));
const broadcast: Query = when(hasBroadcast, (one) => addressOf(one, lastOf(one)));
const revdns: Query = (one) =>
  one.version === 4
    ? `${addressOf(one, one.value).split(".").toReversed().join(".")}.in-addr.arpa.`
    : `${[...one.value.toString(16).padStart(32, "0")].toReversed().join(".")}.ip6.arpa.`;

/** The address that is so many further, false where no host can have it. */
export function neighbour(network: IpNetwork, step: bigint): string | false {
  const { first, last } = usable(network);
  const at = network.value + step;
  return at >= first && at <= last ? addressOf(network, at) : false;
}

function peer(network: IpNetwork): string {
  const size = sizeOf(network);
  if (size !== 2n && size !== 4n)
    throw new HelperError("a peer is there in a network of two hosts alone", "Its prefix is 30 or 31.");
  const offset = network.value - firstOf(network);
  if (size === 4n && (offset === 0n || offset === 3n))
    throw new HelperError("this is the network's or the broadcast address, no host's");
  return addressOf(network, size === 2n ? network.value ^ 1n : firstOf(network) + 3n - offset);
}

/** A number that is exact: as a number where it can be, else its digits. */
export function exact(value: bigint): number | string {
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
  network: when(hasMany, (one) => addressOf(one, firstOf(one))),
  "network/prefix": when(hasMany, (one) => withPrefix(one, firstOf(one))),
  subnet: (one) => withPrefix(one, firstOf(one)),
  cidr: (one) => withPrefix(one, firstOf(one)),
  netmask: when(hasMany, mask),
  hostmask: when(hasMany, hostMask),
  wildcard: when(hasMany, hostMask),
  ip_netmask: when(isHost, (one) => `${addressOf(one, one.value)} ${mask(one)}`),
  ip_wildcard: when(isHost, (one) => `${addressOf(one, one.value)} ${hostMask(one)}`),
  network_netmask: (one) => `${addressOf(one, firstOf(one))} ${mask(one)}`,
  network_wildcard: (one) => `${addressOf(one, firstOf(one))} ${hostMask(one)}`,
  network_id: (one) => addressOf(one, firstOf(one)),
  prefix: ({ prefix }) => prefix,
  broadcast,
  size: (one) => exact(sizeOf(one)),
  size_usable: (one) => exact(isSingle(one) ? 0n : usable(one).last - usable(one).first + 1n),
  first_usable: when(hasMany, (one) => addressOf(one, usable(one).first)),
  last_usable: when(hasMany, (one) => addressOf(one, usable(one).last)),
  range_usable: when(hasMany, (one) => `${addressOf(one, usable(one).first)}-${addressOf(one, usable(one).last)}`),
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

/** As it was written: with its prefix if it had one. */
export function shown(network: IpNetwork): string {
  return network.hasPrefix ? withPrefix(network, network.value) : addressOf(network, network.value);
}

/** Version 6 in brackets. */
export function wrapped(network: IpNetwork): string {
  if (network.version === 4) return shown(network);
  return `[${addressOf(network, network.value)}]${network.hasPrefix ? `/${network.prefix}` : ""}`;
}

/** A whole number stands for an address, below 2^32 for one of version 4. */
export function parseValue(value: unknown): IpNetwork | undefined {
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

/** The network that a value is. Throws a HelperError where it is none. */
export function networkOf(value: unknown): IpNetwork {
  const network = parseValue(value);
  if (!network) throw new HelperError(`${JSON.stringify(value)} is no address and no network`);
  return network;
}

/** The address at a position in the network; negative counts from its end. */
export function nthAddress(network: IpNetwork, index: number): bigint | undefined {
  const size = sizeOf(network);
  const at = index < 0 ? size + BigInt(index) : BigInt(index);
  return at >= 0n && at < size ? firstOf(network) + at : undefined;
}

/** What ipaddr gives for one value: false for what is no address, or has no answer. */
export function queryOne(value: unknown, query: unknown): unknown {
  const network = parseValue(value);
  if (!network) return false;
  if (query === undefined || query === null || query === "") return shown(network);
  if (typeof query === "number" || (typeof query === "string" && /^-?\d+$/.test(query))) {
    const found = nthAddress(network, Number(query));
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
