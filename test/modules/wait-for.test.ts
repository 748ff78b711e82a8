// Fixtures of wait_for: when it is content, when it looks again, when it gives up.

import waitFor from "../../modules/wait-for.js";
import { testFixtures } from "../module/harness.js";

const waited = (seconds: number) => ({ context: { elapsedMs: seconds * 1000 } });
const table =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
  "   0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n" +
  "   1: 0100007F:0050 0200007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 2 1\n" +
  "   2: 0100007F:0050 0300007F:D432 06 00000000:00000000 00:00000000 00000000     0        0 3 1\n";
const drained = { host: { "/proc/net/tcp": table, "/proc/net/tcp6": "  sl  local_address\n" } };

testFixtures(waitFor, [
  {
    name: "is content where the port answers",
    params: { port: 80 },
    ports: { "127.0.0.1 80": "" },
    expect: { changed: false, result: { state: "started", port: 80, path: null, elapsed: 0, match_groups: [] } },
  },
  { name: "looks again after a second where it does not", params: { port: 80 }, expect: { again: 1000 } },
  {
    name: "looks again after what sleep says, never past the timeout",
    params: { port: 80, sleep: 30, timeout: 40 },
    ...waited(20),
    expect: { again: 20_000 },
  },
  {
    name: "gives up when its time is over",
    params: { port: 80, timeout: 3 },
    ...waited(3.2),
    expect: { refusal: /^Timeout when waiting for 127\.0\.0\.1:80 / },
  },
  {
    name: "gives up with its own words",
    params: { port: 80, timeout: 3, msg: "the app is not up" },
    ...waited(4),
    expect: { refusal: /^the app is not up / },
  },
  {
    name: "does not look before its delay is over",
    params: { port: 80, delay: 5 },
    ports: { "127.0.0.1 80": "" },
    expect: { again: 5000 },
  },
  {
    name: "is content where a port that should be closed is",
    params: { port: 80, state: "stopped" },
    expect: { result: { state: "stopped", elapsed: 0 } },
  },
  {
    name: "says what did not stop",
    params: { port: 80, state: "absent", timeout: 1 },
    ports: { "127.0.0.1 80": "" },
    ...waited(1),
    expect: { refusal: /^Timeout when waiting for 127\.0\.0\.1:80 to stop\./ },
  },
  {
    name: "searches what is said at the port, line by line",
    params: { port: 22, search_regex: "^SSH-(?P<version>\\d)\\.(\\d)-(x)?" },
    ports: { "127.0.0.1 22": "hello\r\nSSH-2.0-y\r\n" },
    expect: { result: { match_groups: ["2", "0", null], match_groupdict: { version: "2" } } },
  },
  {
    name: "waits on where something else is said",
    params: { port: 22, search_regex: "OpenSSH", timeout: 1 },
    ports: { "127.0.0.1 22": "dropbear" },
    ...waited(1),
    expect: { refusal: /^Timeout when waiting for search string OpenSSH in 127\.0\.0\.1:22/ },
  },
  {
    name: "finds a host in the host's own table of names",
    params: { host: "DB.example", port: 5432 },
    host: { "/etc/hosts": "# names\n192.0.2.7\tdb db.example\n" },
    ports: { "192.0.2.7 5432": "" },
    expect: { result: { port: 5432 } },
  },
  {
    name: "refuses a host that the host does not know",
    params: { host: "db", port: 5432 },
    host: { "/etc/hosts": "127.0.0.1 localhost\n" },
    expect: { refusal: /has no "db" in its \/etc\/hosts Give the address/ },
  },
  {
    name: "is content where the file is there",
    params: { path: "/run/app.pid" },
    tree: { "/run/app.pid": "1" },
    expect: { result: { path: "/run/app.pid", port: null } },
  },
  {
    name: "follows links, so that one that leads nowhere is not there",
    params: { path: "/a" },
    tree: { "/a": { target: "/none" } },
    expect: { again: 1000 },
  },
  {
    name: "searches the file, with flags and what is no ASCII",
    params: { path: "/log", search_regex: "(?i)^(grüße) \\w+$" },
    tree: { "/log": "x\nGRüßE all\n" },
    expect: { result: { match_groups: ["GRüßE"] } },
  },
  {
    name: "waits on where the file does not hold it",
    params: { path: "/log", search_regex: "ready" },
    tree: { "/log": "starting\n" },
    expect: { again: 1000 },
  },
  {
    name: "is content where the file is gone",
    params: { path: "/lock", state: "absent" },
    expect: { result: { state: "absent" } },
  },
  {
    name: "says which file is not gone",
    params: { path: "/lock", state: "absent", timeout: 0 },
    tree: { "/lock": "" },
    expect: { refusal: /^Timeout when waiting for \/lock to be absent\./ },
  },
  { name: "only waits where nothing is named", params: { timeout: 7 }, ...waited(2), expect: { again: 5000 } },
  {
    name: "is content when that is over",
    params: { timeout: 7 },
    ...waited(7.5),
    expect: { result: { elapsed: 7, state: "started" } },
  },
  {
    name: "waits for its delay as well then",
    params: { timeout: 7, delay: 3 },
    ...waited(8),
    expect: { again: 2000 },
  },
  { name: "counts active connections", params: { port: 80, state: "drained" }, ...drained, expect: { again: 1000 } },
  {
    name: "does not count those of hosts that are left out",
    params: { port: 80, state: "drained", exclude_hosts: "127.0.0.2,127.0.0.3" },
    ...drained,
    expect: { result: { state: "drained" } },
  },
  {
    name: "counts the states that it is told to",
    params: { port: 80, state: "drained", exclude_hosts: ["127.0.0.2"], active_connection_states: ["ESTABLISHED"] },
    ...drained,
    expect: { result: { state: "drained" } },
  },
  {
    name: "takes a port or a path",
    params: { port: 1, path: "/a" },
    expect: { problem: /port and path parameter can not both be passed/ },
  },
  { name: "stops ports only", params: { path: "/a", state: "stopped" }, expect: { problem: /state=stopped/ } },
  { name: "drains ports only", params: { path: "/a", state: "drained" }, expect: { problem: /state=drained/ } },
  { name: "needs the port to drain", params: { state: "drained" }, expect: { problem: /needs the port/ } },
  {
    name: "leaves hosts out only of drained",
    params: { port: 1, exclude_hosts: "a" },
    expect: { problem: /state=drained/ },
  },
  {
    name: "knows Ansible's states",
    params: { port: 1, state: "drained", active_connection_states: ["CLOSED"] },
    expect: { problem: /unknown active_connection_state \(CLOSED\)/ },
  },
  { name: "takes a port", params: { port: 70_000 }, expect: { problem: /70000 is no port/ } },
  { name: "takes an absolute path", params: { path: "a/b" }, expect: { problem: /path/ } },
  {
    name: "takes an expression",
    params: { path: "/a", search_regex: "(" },
    expect: { problem: /no regular expression/ },
  },
]);
