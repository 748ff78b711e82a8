// Targets that no inventory names, written as addresses: `local:/srv/trees/x`, `root@host:tree`, `host`. Pure.

import { CrunError } from "../diagnostic/diagnostic.js";

/** What an address says. */
export interface Address {
  /** As it was written: the target's name. */
  readonly name: string;
  /** `local`, a host's name or an IP address. */
  readonly host: string;
  readonly user: string | undefined;
  /** A name beneath the host's crun_trees, or an absolute path; undefined for the host's own root. */
  readonly tree: string | undefined;
}

const HOST = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const USER = /^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$/;

/**
 * `[USER@]HOST[:TREE]`; an IPv6 address stands in brackets. Undefined for what is a pattern and no address (`web*`, `a,b`, `~x`, `!x`).
 * Throws a CrunError for an address that makes no sense. There is no place for a port: a colon always separates host from tree.
 */
export function parseAddress(text: string): Address | undefined {
  if (/[,*?&!\s]|^~/.test(text) || text === "") return undefined;
  const match = /^(?:([^@:/]*)@)?(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(text);
  const [, user, hostText = "", tree] = match ?? [];
  const isBracketed = hostText.startsWith("[");
  const host = isBracketed ? hostText.slice(1, -1) : hostText;
  if (match === null || !(isBracketed ? /^[0-9A-Fa-f:.]+(%[\w.-]+)?$/ : HOST).test(host)) {
    throw wrong(text, `${JSON.stringify(host)} is no name of a host`, "Write [USER@]HOST[:TREE].");
  }
  if (user !== undefined && !USER.test(user))
    throw wrong(text, `${JSON.stringify(user)} is no name of a user`, "Write USER@HOST:TREE.");
  if (user !== undefined && host === "local") throw wrong(text, "this machine needs no login", "Leave the user away.");
  if (tree !== undefined) checkTree(text, tree);
  return { name: text, host, user, tree };
}

function checkTree(text: string, tree: string): void {
  if (/^\d+:/.test(tree)) {
    throw wrong(text, "there is no place for a port", "Set crun_port in an inventory, or Port in ssh_config.");
  }
  const parts = (tree.startsWith("/") ? tree.slice(1) : tree).split("/");
  const isRoot = tree === "/";
  if (!isRoot && parts.some((part) => part === "" || part === "." || part === "..")) {
    throw wrong(text, `${JSON.stringify(tree)} is no tree`, "Give a name beneath crun_trees or an absolute path.");
  }
}

function wrong(text: string, problem: string, remedy: string): CrunError {
  return new CrunError({ severity: "error", summary: `${JSON.stringify(text)}: ${problem}`, remedy });
}
