// Turns names of owners and groups into ids, by the tree's own /etc/passwd and /etc/group.

import { suggest } from "../diagnostic/near.js";
import type { Refusal } from "./contract.js";
import { HIGHEST_ID, isId } from "./ids.js";
import type { ReadObservation, ReadProbe } from "./probe.js";

/** What every module that deals with owners observes; the same probes everywhere, so that the engine reads each file once. */
export const accountProbes: { readonly passwd: ReadProbe; readonly group: ReadProbe } = {
  passwd: { kind: "read", path: "/etc/passwd" },
  group: { kind: "read", path: "/etc/group" },
};

/** Users and groups of a tree, both ways. The first line with a name or an id counts. */
export interface Accounts {
  readonly uids: ReadonlyMap<string, number>;
  readonly gids: ReadonlyMap<string, number>;
  readonly userNames: ReadonlyMap<number, string>;
  readonly groupNames: ReadonlyMap<number, string>;
  /** A user's primary group. */
  readonly primaryGids: ReadonlyMap<number, number>;
}

/** Accounts by the digests of both files: every task of a tree reads them, and cloned trees have the same. */
const known = new Map<string, Accounts>();
const knownLimit = 256;

/** Accounts out of what `accountProbes` saw; empty where the files are missing. */
export function readAccounts(seen: { readonly passwd: ReadObservation; readonly group: ReadObservation }): Accounts {
  const key = `${seen.passwd.content ? seen.passwd.sha256 : ""} ${seen.group.content ? seen.group.sha256 : ""}`;
  let accounts = known.get(key);
  if (!accounts) {
    accounts = parseAccounts(seen);
    if (known.size >= knownLimit) known.clear();
    known.set(key, accounts);
  }
  return accounts;
}

function parseAccounts(seen: { readonly passwd: ReadObservation; readonly group: ReadObservation }): Accounts {
  const users = parseLines(seen.passwd);
  const groups = parseLines(seen.group);
  return {
    uids: firstOf(users.map((fields) => [fields.name, fields.id])),
    gids: firstOf(groups.map((fields) => [fields.name, fields.id])),
    userNames: firstOf(users.map((fields) => [fields.id, fields.name])),
    groupNames: firstOf(groups.map((fields) => [fields.id, fields.name])),
    primaryGids: firstOf(users.map((fields) => [fields.id, fields.next])),
  };
}

/** Ids for `owner` and `group` where they are given; a refusal for a name that the tree does not know. */
export function resolveOwnership(
  params: { readonly owner: string | undefined; readonly group: string | undefined },
  accounts: Accounts,
): { readonly uid?: number; readonly gid?: number; readonly refusal?: Refusal } {
  const uid = params.owner === undefined ? undefined : toId(params.owner, accounts.uids);
  if (params.owner !== undefined && uid === undefined)
    return { refusal: unknownName("user", params.owner, accounts.uids, "chown") };
  const gid = params.group === undefined ? undefined : toId(params.group, accounts.gids);
  if (params.group !== undefined && gid === undefined)
    return { refusal: unknownName("group", params.group, accounts.gids, "chgrp") };
  return { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
}

/** Who owns what a task makes and gives to nobody: the task's become_user, or root. */
export function defaultOwnership(
  becomeUser: string | undefined,
  accounts: Accounts,
): { readonly uid: number; readonly gid: number } {
  const uid = becomeUser === undefined ? 0 : (toId(becomeUser, accounts.uids) ?? 0);
  return { uid, gid: accounts.primaryGids.get(uid) ?? 0 };
}

function toId(text: string, ids: ReadonlyMap<string, number>): number | undefined {
  if (!/^\d+$/.test(text)) return ids.get(text);
  return isId(Number(text)) ? Number(text) : undefined;
}

function unknownName(kind: "user" | "group", name: string, ids: ReadonlyMap<string, number>, step: string): Refusal {
  if (/^\d+$/.test(name))
    return { message: `${step} failed: ${name} is no id of a ${kind}`, remedy: `Ids go from 0 to ${HIGHEST_ID}.` };
  const near = suggest(name, ids.keys());
  const make = `Make the ${kind} in an earlier task (module ${kind}), or give its number.`;
  return {
    message: `${step} failed: failed to look up ${kind} ${name}: /etc/${kind === "user" ? "passwd" : "group"} of the tree does not have it`,
    remedy: near === undefined ? make : `${near} ${make}`,
  };
}

interface AccountLine {
  readonly name: string;
  readonly id: number;
  readonly next: number;
}

function parseLines(observation: ReadObservation): readonly AccountLine[] {
  const text = observation.content === undefined ? "" : Buffer.from(observation.content).toString("utf8");
  return text.split("\n").flatMap((line) => {
    const [name = "", , id = "", next = ""] = line.split(":");
    return name !== "" && !/^[#+-]/.test(name) && /^\d+$/.test(id)
      ? [{ name, id: Number(id), next: Number(next) || 0 }]
      : [];
  });
}

function firstOf<K, V>(pairs: readonly (readonly [K, V])[]): ReadonlyMap<K, V> {
  return new Map([...pairs].reverse());
}
