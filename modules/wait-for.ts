// Waits until a port answers or not, or a file is there or gone.

import { anyAddress, tcpAddresses, tcpStates, tcpTable } from "../src/facts/tcp-table.js";
import { defineModule, type Plan } from "../src/module/contract.js";
import type { ConnectProbe, ReadObservation, ReadProbe, StatProbe } from "../src/module/probe.js";
import { firstMatch, SlowRegex } from "../src/module/bounded-match.js";
import { checkRegex, pythonRegex } from "../src/module/regex.js";
import { checkAbsolute, tidyPath } from "../src/module/tree-path.js";

const searchLimit = 16 * 1024 * 1024;
const greetingLimit = 64 * 1024;
const hosts = { kind: "read", path: "/etc/hosts", at: "host", limit: 1024 * 1024 } as const;

export default defineModule({
  name: "wait_for",
  summary: "Wait until a port or a file is as it should be",
  doc: "Ports are tried from the network of the target's host, whatever network the tree's machine has; names of hosts are looked up in that host's /etc/hosts. A path lies in the tree. Without port and path it waits for `timeout` seconds. Check mode looks once and does not wait.",
  params: {
    host: { type: "str", default: "127.0.0.1", doc: "An IP address, or a name that the host's /etc/hosts has." },
    port: { type: "int", doc: "A TCP port." },
    path: { type: "path", doc: "An absolute path in the tree; links are followed." },
    state: {
      type: "str",
      default: "started",
      choices: ["absent", "drained", "present", "started", "stopped"],
      doc: "started or present: the port answers, the file is there (and holds search_regex); stopped or absent: not; drained: no connection to the port is active.",
    },
    search_regex: { type: "str", doc: "What the file holds, or what is said first at the port." },
    timeout: { type: "int", default: 300, doc: "Seconds after which it fails." },
    connect_timeout: { type: "int", default: 5, doc: "Seconds for one attempt to connect." },
    delay: { type: "int", default: 0, doc: "Seconds before the first look." },
    sleep: { type: "int", default: 1, doc: "Seconds between looks." },
    exclude_hosts: { type: "list", elements: "str", doc: "drained: addresses whose connections do not count." },
    active_connection_states: {
      type: "list",
      elements: "str",
      default: ["ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "SYN_RECV", "SYN_SENT", "TIME_WAIT"],
      doc: "drained: which connections count.",
    },
    msg: { type: "str", doc: "The message of the failure." },
  },
  effects: "target",
  neverChanges: true,
  returns: {
    elapsed: "Seconds that it took.",
    state: "As asked.",
    port: "As asked.",
    path: "As asked.",
    search_regex: "As asked.",
    match_groups: "What the groups of search_regex matched.",
    match_groupdict: "The same of named groups.",
  },
  check: (params) => problemOf(params),
  observe({ host, port, path, state, search_regex, connect_timeout }): {
    readonly hosts: readonly ReadProbe[];
    readonly port: readonly ConnectProbe[];
    readonly tables: readonly ReadProbe[];
    readonly file: readonly StatProbe[];
    readonly text: readonly ReadProbe[];
  } {
    const isPort = port !== undefined && state !== "drained";
    const address = addressOf(host);
    const table = (name: string): ReadProbe => ({
      kind: "read",
      path: `/proc/net/${name}`,
      at: "host",
      limit: searchLimit,
    });
    return {
      hosts: port !== undefined && address === undefined ? [hosts] : [],
      port: isPort && address !== undefined ? [connectProbe(address, port, connect_timeout, search_regex)] : [],
      tables: state === "drained" ? [table("tcp"), table("tcp6")] : [],
      file: path === undefined ? [] : [{ kind: "stat", path: tidyPath(path), follow: true, isExact: true }],
      text:
        path === undefined || search_regex === undefined
          ? []
          : [{ kind: "read", path: tidyPath(path), limit: searchLimit }],
    };
  },
  observeMore(
    { host, port, state, search_regex, connect_timeout },
    { hosts: [seen] },
  ): {
    readonly named: readonly ConnectProbe[];
  } {
    const address = seen && addressIn(textOf(seen), host);
    const isWanted = port !== undefined && state !== "drained" && address !== undefined;
    return { named: isWanted ? [connectProbe(address, port, connect_timeout, search_regex)] : [] };
  },
  plan(params, seen, { elapsedMs }): Plan {
    const { host, port, path, state, search_regex, timeout, delay, sleep, msg } = params;
    const problem = problemOf(params);
    if (problem !== undefined) return { changes: [], refusal: { message: problem } };
    const elapsed = Math.trunc(elapsedMs / 1000);
    if (elapsedMs < delay * 1000) return { changes: [], again: { afterMs: delay * 1000 - elapsedMs } };
    const left = timeout * 1000 - elapsedMs;
    const done = (groups: RegExpMatchArray | undefined): Plan => ({
      changes: [],
      result: {
        state,
        port: port ?? null,
        search_regex: search_regex ?? null,
        match_groups: groups ? groups.slice(1).map(decoded) : [],
        match_groupdict: Object.fromEntries(
          Object.entries(groups?.groups ?? {}).map(([name, one]) => [name, decoded(one)]),
        ),
        path: path ?? null,
        elapsed,
      },
    });
    if (port === undefined && path === undefined && state !== "drained") {
      // As in Ansible the delay comes on top where there is nothing to look at.
      const rest = left + delay * 1000;
      return rest > 0 ? { changes: [], again: { afterMs: rest } } : done(undefined);
    }
    const isUnknown = seen.hosts.length > 0 && state !== "drained" && seen.named.length === 0;
    if (isUnknown) return { changes: [], refusal: unknownHost(host) };
    const isGone = state === "absent" || state === "stopped";
    const connection = seen.port[0] ?? seen.named[0];
    if (connection?.failure) return { changes: [], refusal: { message: connection.failure.message } };
    const found = state === "drained" ? undefined : search(search_regex, connection, seen.text[0]);
    if (found instanceof SlowRegex) return { changes: [], refusal: { message: `search_regex: ${found.message}` } };
    const isThere =
      state === "drained"
        ? activeConnections(params, seen.tables.map(textOf), seen.hosts[0]) === 0
        : path === undefined
          ? connection?.isOpen === true
          : seen.file[0]?.stat !== undefined;
    const failure = seen.file[0]?.failure;
    if (failure && !isGone)
      return { changes: [], refusal: { message: `Failed to stat ${path}, ${failure.message}`, result: { elapsed } } };
    const isReached = isGone
      ? !isThere
      : isThere && (search_regex === undefined || state === "drained" || found !== undefined);
    if (isReached) return done(found);
    if (left > 0) return { changes: [], again: { afterMs: Math.min(left, Math.max(10, sleep * 1000)) } };
    return { changes: [], refusal: { message: msg ?? timeoutMessage(params), result: { elapsed } } };
  },
  examples: [
    { title: "Until a service answers", yaml: "wait_for:\n  port: 8080\n  timeout: 60\n" },
    {
      title: "Until a file holds a word",
      yaml: "wait_for:\n  path: /var/log/app.log\n  search_regex: ready to serve\n",
    },
    { title: "Until nobody is served any more", yaml: "wait_for:\n  port: 443\n  state: drained\n" },
  ],
});

interface Params {
  readonly host: string;
  readonly port: number | undefined;
  readonly path: string | undefined;
  readonly state: string;
  readonly search_regex: string | undefined;
  readonly timeout: number;
  readonly delay: number;
  readonly sleep: number;
  readonly connect_timeout: number;
  readonly exclude_hosts: readonly string[] | undefined;
  readonly active_connection_states: readonly string[];
}

function problemOf(params: Params): string | undefined {
  const { port, path, state, exclude_hosts, active_connection_states: states, timeout, delay, sleep } = params;
  if (port !== undefined && path !== undefined) return "port and path parameter can not both be passed to wait_for";
  if (port !== undefined && (port < 1 || port > 65_535)) return `${port} is no port: ports are 1 to 65535`;
  if (path !== undefined && (state === "stopped" || state === "drained"))
    return `state=${state} should only be used for checking a port in the wait_for module`;
  if (state === "drained" && port === undefined) return "state=drained needs the port whose connections count";
  if (exclude_hosts !== undefined && state !== "drained") return "exclude_hosts should only be with state=drained";
  const unknown = states.find((one) => tcpStates[one] === undefined);
  if (unknown !== undefined) return `unknown active_connection_state (${unknown}) defined`;
  if (Math.min(timeout, delay, sleep, params.connect_timeout) < 0) return "times are seconds from 0 on";
  return (path === undefined ? undefined : checkAbsolute("path", path)) ?? checkRegex(params.search_regex);
}

function connectProbe(host: string, port: number, seconds: number, regex: string | undefined): ConnectProbe {
  const timeoutMs = Math.min(60_000, Math.max(1, seconds) * 1000);
  return { kind: "connect", host, port, timeoutMs, ...(regex === undefined ? {} : { limit: greetingLimit }) };
}

/** The address that a host is written as; undefined for a name. */
function addressOf(host: string): string | undefined {
  if (host === "localhost" || host === "") return "127.0.0.1";
  return tcpAddresses(host) !== undefined || host.includes(":") ? host : undefined;
}

/** The first address that a hosts file has for a name. */
function addressIn(text: string, name: string): string | undefined {
  for (const line of text.split("\n")) {
    const [address, ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (address !== undefined && names.some((one) => one.toLowerCase() === name.toLowerCase())) return address;
  }
  return undefined;
}

function unknownHost(host: string): { readonly message: string; readonly remedy: string } {
  const message = `the target's host has no ${JSON.stringify(host)} in its /etc/hosts`;
  return { message, remedy: "Give the address, or delegate the task to that host and wait for its own port." };
}

/** What was matched in bytes, as text; a group that took no part is null. */
function decoded(bytes: string | undefined): string | null {
  return bytes === undefined ? null : Buffer.from(bytes, "latin1").toString("utf8");
}

function textOf(seen: ReadObservation): string {
  return Buffer.from(seen.content ?? []).toString("latin1");
}

/** Matched in the file, or in what was said at the port; undefined: not (or nothing was asked for). */
function search(
  regex: string | undefined,
  connection: { readonly data: Uint8Array } | undefined,
  file: ReadObservation | undefined,
): RegExpMatchArray | SlowRegex | undefined {
  if (regex === undefined) return undefined;
  const text = connection ? Buffer.from(connection.data).toString("latin1") : file ? textOf(file) : "";
  const bytes = Buffer.from(regex, "utf8").toString("latin1");
  const flags = /^\(\?([aiLmsux]+)\)/.exec(bytes);
  const { regex: expression } = pythonRegex(`(?m${flags?.[1] ?? ""})${bytes.slice(flags?.[0].length ?? 0)}`);
  try {
    return firstMatch(expression, text) ?? undefined;
  } catch (error) {
    if (error instanceof SlowRegex) return error;
    throw error;
  }
}

function activeConnections(params: Params, tables: readonly string[], hostsFile: ReadObservation | undefined): number {
  const { host, port, active_connection_states: states, exclude_hosts = [] } = params;
  const address = addressOf(host) ?? addressIn(hostsFile ? textOf(hostsFile) : "", host) ?? host;
  const own = new Set(tcpAddresses(address));
  const excluded = new Set(exclude_hosts.flatMap((one) => tcpAddresses(addressOf(one) ?? one) ?? []));
  const counted = new Set(states.map((one) => tcpStates[one]));
  const isAny = address === "0.0.0.0" || address === "::";
  return tables
    .flatMap(tcpTable)
    .filter((one) => one.localPort === port && counted.has(one.state) && !excluded.has(one.remoteAddress))
    .filter((one) => isAny || own.has(one.localAddress) || anyAddress.has(one.localAddress)).length;
}

function timeoutMessage({ host, port, path, state, search_regex: regex }: Params): string {
  const where = path ?? `${host}:${port}`;
  if (state === "drained") return `Timeout when waiting for ${where} to drain`;
  if (state === "absent" || state === "stopped")
    return path === undefined
      ? `Timeout when waiting for ${where} to stop.`
      : `Timeout when waiting for ${where} to be absent.`;
  if (regex !== undefined) return `Timeout when waiting for search string ${regex} in ${where}`;
  return path === undefined ? `Timeout when waiting for ${where}` : `Timeout when waiting for file ${where}`;
}
