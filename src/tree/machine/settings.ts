// From the params of a machine to the lines of its .nspawn file.

import { suggest } from "../../diagnostic/near.js";
import { capabilityNames, nspawnKeys } from "./nspawn-keys.js";
import { settingParams, type SettingWish } from "./params.js";

/** One line `key=value` of a section. */
export interface Setting {
  readonly section: string;
  readonly key: string;
  readonly value: string;
}

type Settings = { readonly settings: readonly Setting[] } | { readonly problem: string };

/** Why a setting cannot be written. */
class SettingProblem extends Error {}

/** Whether anything is said of settings: without it the file is left as it is. */
export function saysSettings(wish: SettingWish): boolean {
  return Object.keys(settingParams).some((name) => wish[name as keyof SettingWish] !== undefined);
}

/** The lines in the order of the file, or a sentence for the first that makes no sense. */
export function settingsOf(wish: SettingWish): Settings {
  try {
    const settings = [...exec(wish), ...files(wish), ...network(wish), ...others(wish)];
    for (const { key, value } of settings) {
      const problem = lineProblem(value);
      if (problem !== undefined) return { problem: `${key}=${JSON.stringify(value)}: ${problem}` };
    }
    return { settings };
  } catch (error) {
    if (error instanceof SettingProblem) return { problem: error.message };
    throw error;
  }
}

/** The text of the file. */
export function settingsText(name: string, settings: readonly Setting[]): string {
  const lines = [`# Settings of the machine ${name}, kept by crun.`];
  for (const section of Object.keys(nspawnKeys)) {
    const own = settings.filter((one) => one.section === section);
    if (own.length === 0) continue;
    lines.push("", `[${section}]`, ...own.map(({ key, value }) => `${key}=${value}`));
  }
  return `${lines.join("\n")}\n`;
}

/** systemd reads a value to the end of its line; a backslash there would take the next one in. */
function lineProblem(value: string): string | undefined {
  // oxlint-disable-next-line no-control-regex -- these are what a line cannot hold
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value))
    return "a line break or another control character cannot stand there";
  return value.endsWith("\\") ? "it ends with a backslash, which joins lines" : undefined;
}

/**
 * A word as systemd reads it from a list. It knows no escapes there: what holds one kind of quotes stands in the other, and what holds both in
 * pieces.
 */
export function quoteWord(word: string): string {
  if (/^[^\s"'\\]+$/.test(word)) return word;
  const pieces = word.match(/[^"]+|"+/g) ?? [""];
  return pieces.map((piece) => (piece.startsWith('"') ? `'${piece}'` : `"${piece}"`)).join("");
}

type Value = string | boolean | readonly string[] | undefined;

/** One line for each value; nothing for what was not said. */
function lines(section: string, values: Readonly<Record<string, Value>>): Setting[] {
  return Object.entries(values).flatMap(([key, value]): Setting[] => {
    if (value === undefined) return [];
    const list = typeof value === "boolean" ? [value ? "yes" : "no"] : typeof value === "string" ? [value] : value;
    return list.map((one) => ({ section, key, value: one }));
  });
}

const joined = (words: readonly string[] | undefined): string | undefined =>
  words === undefined || words.length === 0 ? undefined : words.join(" ");

function exec(wish: SettingWish): Setting[] {
  const { environment, machine_id: id, hostname } = wish;
  if (id !== undefined && !/^[0-9a-f]{32}$/.test(id))
    throw new SettingProblem(`machine_id: ${JSON.stringify(id)} is not 32 hexadecimal digits`);
  if (hostname !== undefined && !isHostname(hostname))
    throw new SettingProblem(`hostname: ${JSON.stringify(hostname)} is no host name`);
  return lines("Exec", {
    Boot: wish.boot,
    Parameters: joined(wish.parameters?.map(quoteWord)),
    Environment: environment && Object.entries(environment).map(variable),
    Hostname: hostname,
    MachineID: id,
    Timezone: wish.timezone,
    ResolvConf: wish.resolv_conf,
    LinkJournal: wish.link_journal,
    Ephemeral: wish.ephemeral,
    NotifyReady: wish.notify_ready,
    PrivateUsers: privateUsers(wish.private_users),
    Capability: joined(wish.capability?.map((one) => capability("capability", one))),
    DropCapability: joined(wish.drop_capability?.map((one) => capability("drop_capability", one))),
    NoNewPrivileges: wish.no_new_privileges,
    SystemCallFilter: joined(wish.system_call_filter?.map(systemCall)),
  });
}

function files(wish: SettingWish): Setting[] {
  return lines("Files", {
    ReadOnly: wish.read_only,
    Volatile: wish.volatile,
    Bind: wish.bind?.map((one) => bind("bind", one)),
    BindReadOnly: wish.bind_ro?.map((one) => bind("bind_ro", one)),
    BindUser: wish.bind_user,
    TemporaryFileSystem: wish.tmpfs?.map((one) => absolute("tmpfs", one)),
    Inaccessible: wish.inaccessible?.map((one) => absolute("inaccessible", one)),
    Overlay: wish.overlay?.map((one) => overlay("overlay", one)),
    OverlayReadOnly: wish.overlay_ro?.map((one) => overlay("overlay_ro", one)),
    PrivateUsersOwnership: wish.private_users_ownership,
  });
}

function network(wish: SettingWish): Setting[] {
  const { bridge, zone, ports } = wish;
  const linked = (["bridge", "zone", "ports", "veth_extra"] as const).find((name) => wish[name] !== undefined);
  if (bridge !== undefined && zone !== undefined) throw new SettingProblem("bridge and zone exclude each other");
  if (wish.network === "host" && linked !== undefined)
    throw new SettingProblem(`${linked} needs a network of its own: network: host excludes it`);
  if (wish.network === "none" && linked !== undefined && linked !== "veth_extra")
    throw new SettingProblem(`${linked} needs a link: network: none excludes it`);
  const isPrivate = wish.network === "host" ? false : wish.network === "none" ? true : undefined;
  return lines("Network", {
    Private: isPrivate,
    VirtualEthernet: wish.network === undefined ? undefined : wish.network === "veth",
    VirtualEthernetExtra: wish.veth_extra,
    Interface: joined(wish.interfaces?.map((one) => interfaceName("interfaces", one, 15))),
    MACVLAN: joined(wish.macvlan?.map((one) => interfaceName("macvlan", one, 15))),
    IPVLAN: joined(wish.ipvlan?.map((one) => interfaceName("ipvlan", one, 15))),
    Bridge: bridge === undefined ? undefined : interfaceName("bridge", bridge, 15),
    // systemd names the bridge vz-ZONE, and the kernel's names end at 15 letters.
    Zone: zone === undefined ? undefined : interfaceName("zone", zone, 12),
    Port: ports?.map(port),
  });
}

/** What `settings` says, checked against the keys that there are; not what a param of its own has said already. */
function others(wish: SettingWish): Setting[] {
  const known = [...exec(wish), ...files(wish), ...network(wish)];
  return Object.entries(wish.settings ?? {}).flatMap(([section, keys]) => {
    const names = nspawnKeys[section];
    if (!names) throw unknown(`settings has a section ${JSON.stringify(section)}`, section, Object.keys(nspawnKeys));
    if (typeof keys !== "object" || keys === null || Array.isArray(keys))
      throw new SettingProblem(`settings: ${section} must hold keys with their values`);
    return Object.entries(keys).flatMap(([key, value]: [string, unknown]): Setting[] => {
      if (!names.includes(key)) throw unknown(`settings: ${section} has a key ${JSON.stringify(key)}`, key, names);
      if (known.some((one) => one.section === section && one.key === key))
        throw new SettingProblem(`settings: ${section}.${key} is said by a param of its own already`);
      return (Array.isArray(value) ? value : [value]).map((one: unknown) => ({
        section,
        key,
        value: plain(section, key, one),
      }));
    });
  });
}

function unknown(what: string, name: string, names: readonly string[]): SettingProblem {
  return new SettingProblem(
    `${what}, which systemd.nspawn(5) does not know. ${suggest(name, names) ?? `It knows ${names.join(", ")}.`}`,
  );
}

function plain(section: string, key: string, value: unknown): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw new SettingProblem(`settings: ${section}.${key} must be text, a number or a boolean`);
}

function variable([name, value]: readonly [string, unknown]): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    throw new SettingProblem(`environment: ${JSON.stringify(name)} is no variable's name`);
  if (typeof value === "object") throw new SettingProblem(`environment: ${name} must be text`);
  return quoteWord(`${name}=${String(value)}`);
}

function privateUsers(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const word = text.toLowerCase();
  if (["no", "yes", "pick", "identity"].includes(word)) return word;
  // YAML's own booleans
  if (word === "false" || word === "true") return word === "true" ? "yes" : "no";
  const [, first, count = "65536"] = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text) ?? [];
  if (first !== undefined && Number(count) > 0 && Number(first) + Number(count) <= 2 ** 32 - 1) return text;
  throw new SettingProblem(
    `private_users: ${JSON.stringify(text)} is neither no, pick, yes, identity nor ids (655360:65536)`,
  );
}

function capability(param: string, text: string): string {
  const name = text.toUpperCase().replace(/^CAP_/, "");
  if (name === "ALL") return "all";
  if (capabilityNames.includes(name)) return `CAP_${name}`;
  const near = suggest(name, capabilityNames);
  throw new SettingProblem(
    `${param}: there is no capability ${JSON.stringify(text)}.${near === undefined ? "" : ` ${near}`}`,
  );
}

function systemCall(text: string): string {
  if (/^~?@?[a-z0-9_-]+$/.test(text)) return text;
  throw new SettingProblem(`system_call_filter: ${JSON.stringify(text)} is no system call and no group of them`);
}

function bind(param: string, value: unknown): string {
  if (typeof value === "string") return absolute(param, value);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new SettingProblem(`${param}: an item is a path or a map with source, dest, options`);
  const { source, src, dest, options, ...rest } = value as Record<string, unknown>;
  const [other] = Object.keys(rest);
  if (other !== undefined)
    throw new SettingProblem(
      `${param}: an item has no ${JSON.stringify(other)}. ${suggest(other, ["source", "dest", "options"]) ?? "It takes source, dest, options."}`,
    );
  const from = source ?? src;
  if (typeof from !== "string") throw new SettingProblem(`${param}: an item needs its source, a path of the host`);
  absolute(param, from);
  const to = dest ?? (options === undefined ? undefined : from.replace(/^[+-]+/, ""));
  const parts = [from, ...(to === undefined ? [] : [plainText(param, to)])].map((one) => one.replace(/[\\:]/g, "\\$&"));
  return [...parts, ...(options === undefined ? [] : [plainText(param, options)])].join(":");
}

function plainText(param: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw new SettingProblem(`${param}: ${JSON.stringify(value)} must be text`);
}

/** A `-` in front says that it may be missing, a `+` that the path lies in the tree. */
function absolute(param: string, text: string): string {
  if (/^[+-]{0,2}\//.test(text)) return text;
  throw new SettingProblem(`${param}: ${JSON.stringify(text)} must begin with an absolute path`);
}

function overlay(param: string, text: string): string {
  absolute(param, text);
  if (text.replaceAll("\\:", "").split(":").length >= 2) return text;
  throw new SettingProblem(
    `${param}: ${JSON.stringify(text)} needs at least a directory and the place, with a colon between`,
  );
}

function port(text: string): string {
  const [, first, second = first] = /^(?:(?:tcp|udp):)?(\d{1,5})(?::(\d{1,5}))?$/.exec(text) ?? [];
  if ([first, second].every((one) => Number(one) >= 1 && Number(one) <= 65535)) return text;
  throw new SettingProblem(`ports: ${JSON.stringify(text)} is none: write 8080, 80:8080 or udp:53`);
}

function interfaceName(param: string, text: string, longest: number): string {
  if (/^[A-Za-z0-9_.:-]+$/.test(text) && text.length <= longest && !/^\.{1,2}$/.test(text)) return text;
  throw new SettingProblem(`${param}: ${JSON.stringify(text)} is no name of at most ${longest} letters and digits`);
}

function isHostname(text: string): boolean {
  return (
    text.length <= 64 && text.split(".").every((part) => /^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?$/.test(part))
  );
}
