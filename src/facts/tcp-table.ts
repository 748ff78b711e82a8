// The kernel's tables of TCP connections, /proc/net/tcp and tcp6.

/** One connection, or a socket that listens. Addresses as the table has them: eight hex digits, or 32. */
export interface TcpEntry {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly state: string;
}

/** The kernel's numbers of states, Ansible's names. */
export const tcpStates: Readonly<Record<string, string>> = {
  ESTABLISHED: "01",
  SYN_SENT: "02",
  SYN_RECV: "03",
  FIN_WAIT1: "04",
  FIN_WAIT2: "05",
  TIME_WAIT: "06",
};

/** The entries of a table; lines of another form are left out. */
export function tcpTable(text: string): TcpEntry[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]+):[0-9A-F]{4} ([0-9A-F]{2}) /.exec(line);
    const [, localAddress, port, remoteAddress, state] = match ?? [];
    if (localAddress === undefined || port === undefined || remoteAddress === undefined || state === undefined)
      return [];
    return [{ localAddress, localPort: Number.parseInt(port, 16), remoteAddress, state }];
  });
}

/** An IPv4 address as the tables write it: plain in tcp, mapped in tcp6. Undefined: it is none. */
export function tcpAddresses(address: string): readonly string[] | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address)?.slice(1).map(Number);
  if (!parts || parts.some((one) => one > 255)) return undefined;
  const hex = parts
    .toReversed()
    .map((one) => one.toString(16).padStart(2, "0"))
    .join("")
    .toUpperCase();
  return [hex, `0000000000000000FFFF0000${hex}`];
}

/** Every address of the host itself. */
export const anyAddress: ReadonlySet<string> = new Set(["00000000", "0".repeat(32)]);
