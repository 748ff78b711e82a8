// Addresses of a host, from the kernel's tables in /proc/net.

/** Local IPv4 addresses from /proc/net/fib_trie, without loopback; each once, in the table's order. */
export function ipv4Addresses(fibTrie: string): string[] {
  const found = new Set<string>();
  let address = "";
  for (const line of fibTrie.split("\n")) {
    const leaf = /^\s*\|--\s+(\d+\.\d+\.\d+\.\d+)/.exec(line);
    if (leaf?.[1] !== undefined) address = leaf[1];
    else if (/^\s*\/32 host LOCAL/.test(line) && !address.startsWith("127.")) found.add(address);
  }
  return [...found];
}

/** IPv6 addresses from /proc/net/if_inet6, without loopback, in their short form. */
export function ipv6Addresses(ifInet6: string): string[] {
  return ifInet6.split("\n").flatMap((line) => {
    const [hex, , , , , device] = line.trim().split(/\s+/);
    return hex?.length === 32 && device !== "lo" ? [shortIpv6(hex)] : [];
  });
}

function shortIpv6(hex: string): string {
  const groups = Array.from({ length: 8 }, (_, index) => hex.slice(index * 4, index * 4 + 4).replace(/^0{1,3}/, ""));
  let best = { start: 0, length: 0 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === "0") length++;
    if (length > best.length) best = { start, length };
  }
  if (best.length < 2) return groups.join(":");
  return `${groups.slice(0, best.start).join(":")}::${groups.slice(best.start + best.length).join(":")}`;
}

/** The interface and gateway of the default route, from /proc/net/route. */
export function defaultRoute(route: string): { readonly interface: string; readonly gateway: string } | undefined {
  for (const line of route.split("\n").slice(1)) {
    const [device, destination, gateway] = line.trim().split(/\s+/);
    if (device !== undefined && destination === "00000000" && gateway?.length === 8) {
      const bytes = [6, 4, 2, 0].map((at) => Number.parseInt(gateway.slice(at, at + 2), 16));
      return { interface: device, gateway: bytes.join(".") };
    }
  }
  return undefined;
}
