// The params of the module machine: its settings (.nspawn), its limits, and what is wanted of it.

import { limitParams } from "../../facts/cgroup-params.js";
import type { ParamsOf, ParamSpecs } from "../../module/param.js";
import { linkJournalWords, ownershipWords, resolvConfWords, timezoneWords } from "./nspawn-keys.js";

/** What goes into /etc/systemd/nspawn/NAME.nspawn. */
export const settingParams = {
  boot: { type: "bool", doc: "Whether init is started in it (systemd-nspawn@ does so by default), or `parameters`." },
  parameters: { type: "list", elements: "str", doc: "Arguments for init; with `boot: false` the program to run." },
  environment: { type: "dict", doc: "Variables that its first process gets." },
  hostname: { type: "str", doc: "Its host name; default: the machine's name." },
  machine_id: { type: "str", doc: "Its id, 32 hexadecimal digits." },
  timezone: { type: "str", choices: timezoneWords, doc: "What is done with /etc/localtime." },
  resolv_conf: { type: "str", choices: resolvConfWords, doc: "What is done with /etc/resolv.conf." },
  link_journal: { type: "str", choices: linkJournalWords, doc: "Whether its journal shows on the host." },
  ephemeral: {
    type: "bool",
    doc: "Run on a snapshot that goes away when it stops. crun's tasks do not find such a machine.",
  },
  notify_ready: {
    type: "bool",
    doc: "Its unit counts as started when its init says that it is up, not when its init was begun.",
  },
  private_users: {
    type: "str",
    doc: "`no`, `pick` (ids of its own; what systemd-nspawn@ does by default), `yes` (those that the tree's files have), `identity`, or the first id and how many (`655360:65536`).",
  },
  private_users_ownership: {
    type: "str",
    choices: ownershipWords,
    doc: "How the tree's files get those ids: `map` (as they are looked at; nothing is changed), `chown`, `off`, `auto`.",
  },
  capability: {
    type: "list",
    elements: "str",
    doc: "Capabilities that it has besides those by default (`net_admin`); `all`.",
  },
  drop_capability: { type: "list", elements: "str", doc: "Capabilities that are taken from it." },
  no_new_privileges: { type: "bool", doc: "Whether setuid programs gain nothing in it." },
  system_call_filter: {
    type: "list",
    elements: "str",
    doc: "System calls or groups of them (`@keyring`) that are allowed besides those by default; with `~` in front: refused.",
  },
  network: {
    type: "str",
    choices: ["host", "none", "veth"],
    doc: "`host`: the host's own; `none`: loopback alone; `veth` (what systemd-nspawn@ does by default): a link to the host.",
  },
  bridge: { type: "str", doc: "A bridge of the host that the host's end of its link is put into." },
  zone: { type: "str", doc: "Machines of one zone are connected by a bridge (vz-ZONE) that systemd makes." },
  ports: {
    type: "list",
    elements: "str",
    doc: "Ports of the host that lead to it: `8080`, `80:8080`, `udp:53`. It takes a link of its own.",
  },
  interfaces: { type: "list", elements: "str", doc: "Interfaces of the host that it gets." },
  macvlan: { type: "list", elements: "str", doc: "Interfaces of the host that it gets MACVLANs of." },
  ipvlan: { type: "list", elements: "str", doc: "Interfaces of the host that it gets IPVLANs of." },
  veth_extra: { type: "list", elements: "str", doc: "More links: `HOST_NAME:MACHINE_NAME`." },
  bind: {
    type: "list",
    elements: "raw",
    doc: "Paths of the host that it sees: `/srv/data`, `/srv/data:/data:OPTIONS`, or a map with source, dest, options.",
  },
  bind_ro: { type: "list", elements: "raw", doc: "The same, read-only." },
  bind_user: { type: "list", elements: "str", doc: "Users of the host that it has, with their homes." },
  tmpfs: { type: "list", elements: "str", doc: "Paths with an empty file system in memory: `/tmp`, `/tmp:size=10M`." },
  overlay: {
    type: "list",
    elements: "str",
    doc: "Overlays: lower directories, the upper one and the place, with colons.",
  },
  overlay_ro: { type: "list", elements: "str", doc: "Read-only overlays: directories and the place, with colons." },
  inaccessible: { type: "list", elements: "str", doc: "Paths that are hidden from it." },
  read_only: { type: "bool", doc: "Its tree is read-only." },
  volatile: {
    type: "str",
    choices: ["no", "yes", "state", "overlay"],
    doc: "What it writes goes away when it stops: all (`yes`, `overlay`), or what is in /var (`state`).",
  },
  settings: {
    type: "dict",
    doc: "Any other setting of systemd.nspawn(5): sections Exec, Files, Network with their keys; a list where a key may stand more than once.",
  },
} as const satisfies ParamSpecs;

export type SettingWish = Partial<ParamsOf<typeof settingParams>>;

export const machineParams = {
  name: {
    type: "str",
    doc: "The machine. On HOST:TREE it is the tree's name where nothing is said; on HOST it must be named.",
  },
  path: {
    type: "path",
    doc: "Its tree on the host; default: the target's tree, on HOST `name` beneath the host's crun_trees.",
  },
  state: {
    type: "str",
    choices: ["present", "started", "stopped", "restarted", "absent"],
    default: "present",
    doc: "`present` brings its settings and limits about and leaves it running or not; `absent` stops it and removes them, and leaves its tree alone.",
  },
  enabled: { type: "bool", doc: "Whether it starts with the host." },
  force: {
    type: "bool",
    default: false,
    doc: "stopped, restarted, absent: its processes are killed, instead of its init being asked to end them.",
  },
  restart: {
    type: "bool",
    default: false,
    doc: "Restart it where it runs with settings that are not those of its file. Otherwise a warning tells of that, and `restart_needed` in the result.",
  },
  wait: {
    type: "bool",
    default: true,
    doc: "Wait until it is up: until its systemd says so; with another init, until that runs.",
  },
  wait_timeout: { type: "int", default: 300, doc: "Seconds after which it fails. The machine is left as it is." },
  ...settingParams,
  ...limitParams,
} as const satisfies ParamSpecs;

export type MachineWish = ParamsOf<typeof machineParams>;
