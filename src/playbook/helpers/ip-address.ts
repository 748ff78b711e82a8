// Addresses and networks of IP, as whole numbers. What is an address, Node's own parser says.

import { isIPv4, isIPv6 } from "node:net";

/** An address with a prefix: `192.168.0.10/24`. */
export interface IpNetwork {
  readonly version: 4 | 6;
  /** The address itself, host part included. */
  readonly value: bigint;
  readonly prefix: number;
  /** A prefix or mask was written behind it. */
  readonly hasPrefix: boolean;
}

export function bitsOf(version: 4 | 6): number {
  return version === 4 ? 32 : 128;
}

/** Number of addresses in it. */
export function sizeOf({ version, prefix }: IpNetwork): bigint {
  return 1n << BigInt(bitsOf(version) - prefix);
}

/** The lowest address of it. */
export function firstOf(network: IpNetwork): bigint {
  return network.value - (network.value % sizeOf(network));
}

export function lastOf(network: IpNetwork): bigint {
  return firstOf(network) + sizeOf(network) - 1n;
}

export function maskOf({ version, prefix }: Pick<IpNetwork, "version" | "prefix">): bigint {
  const bits = BigInt(bitsOf(version));
  return (1n << bits) - (1n << (bits - BigInt(prefix)));
}

export function contains(outer: IpNetwork, inner: IpNetwork): boolean {
  return outer.version === inner.version && firstOf(inner) >= firstOf(outer) && lastOf(inner) <= lastOf(outer);
}

function parse4(text: string): bigint {
  return text.split(".").reduce((all, part) => (all << 8n) | BigInt(part), 0n);
}

function parse6(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const plain = dotted ? `${dotted[1]}${groupsOf4(parse4(dotted[2] ?? ""))}` : text;
  const [head = "", tail] = plain.split("::");
  const words = (part: string): string[] => (part === "" ? [] : part.split(":"));
  const [left, right] = [words(head), words(tail ?? "")];
  const middle = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => "0");
  return [...left, ...middle, ...right].reduce((all, word) => (all << 16n) | BigInt(`0x${word}`), 0n);
}

function groupsOf4(value: bigint): string {
  return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}

/** An address in text, without a prefix; undefined where it is none. */
export function parseAddress(text: string): Pick<IpNetwork, "version" | "value"> | undefined {
  if (isIPv4(text)) return { version: 4, value: parse4(text) };
  if (isIPv6(text) && !text.includes("%")) return { version: 6, value: parse6(text) };
  return undefined;
}

function prefixOf(version: 4 | 6, text: string): number | undefined {
  if (/^\d{1,3}$/.test(text)) return Number(text) <= bitsOf(version) ? Number(text) : undefined;
  const mask = parseAddress(text);
  if (mask?.version !== version) return undefined;
  const bits = bitsOf(version);
  const all = Array.from({ length: bits + 1 }, (_, prefix) => prefix);
  const inverse = (1n << BigInt(bits)) - 1n;
  return all.find((prefix) => {
    const wanted = maskOf({ version, prefix });
    // A mask of the host's bits (0.0.0.255) means the same.
    return wanted === mask.value || (prefix !== 0 && prefix !== bits && (wanted ^ inverse) === mask.value);
  });
}

/** `ADDRESS`, `ADDRESS/PREFIX` or `ADDRESS/MASK`; undefined where it is none of them. */
export function parseNetwork(text: string): IpNetwork | undefined {
  const slash = text.indexOf("/");
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (!address) return undefined;
  if (slash === -1) return { ...address, prefix: bitsOf(address.version), hasPrefix: false };
  const prefix = prefixOf(address.version, text.slice(slash + 1));
  return prefix === undefined ? undefined : { ...address, prefix, hasPrefix: true };
}

/** An address as text; the longest run of zeros of version 6 is `::`. */
export function addressText(version: 4 | 6, value: bigint): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join(".");
  const words = Array.from({ length: 8 }, (_, index) => (value >> BigInt(112 - index * 16)) & 0xffffn);
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && words[end] === 0n) end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  const text = (part: readonly bigint[]): string => part.map((one) => one.toString(16)).join(":");
  if (value >> 32n === 0xffffn) return `::ffff:${addressText(4, value & 0xffffffffn)}`;
  if (best.start === -1) return text(words);
  return `${text(words.slice(0, best.start))}::${text(words.slice(best.start + best.length))}`;
}

/** The networks of which together, and of nothing else, ranges of addresses are made. */
export function networksOfRange(version: 4 | 6, first: bigint, last: bigint): IpNetwork[] {
  const networks: IpNetwork[] = [];
  for (let at = first; at <= last;) {
    let host = 0n;
    while (host < BigInt(bitsOf(version)) && at % (1n << (host + 1n)) === 0n && at + (1n << (host + 1n)) - 1n <= last)
      host++;
    networks.push({ version, value: at, prefix: bitsOf(version) - Number(host), hasPrefix: true });
    at += 1n << host;
  }
  return networks;
}

const PRIVATE = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "fc00::/7",
  "fec0::/10",
  "100.64.0.0/10",
  "239.192.0.0/14",
];
const LINK_LOCAL = ["169.254.0.0/16", "fe80::/10"];
const KINDS: Readonly<Record<string, readonly string[]>> = {
  private: [...PRIVATE, ...LINK_LOCAL],
  loopback: ["127.0.0.0/8", "::1/128"],
  "link-local": LINK_LOCAL,
  multicast: ["224.0.0.0/4", "ff00::/8"],
};

/** Whether an address is private, loopback, link-local or multicast. */
export function isKind(network: IpNetwork, kind: string): boolean {
  const address = { ...network, prefix: bitsOf(network.version) };
  return (KINDS[kind] ?? []).some((text) => {
    const range = parseNetwork(text);
    return range !== undefined && contains(range, address);
  });
}
