// Which names hosts, trees and groups can have, and what to write instead of one that makes no sense. Pure.

/** What is wrong with a name, and what to do. */
export interface NameProblem {
  readonly problem: string;
  readonly remedy?: string;
}

const HOST = /^[\p{L}\p{N}_](?:[\p{L}\p{N}._-]*[\p{L}\p{N}_])?$/u;
const GROUP = /^[\p{L}\p{N}_.+/-]+$/u;
const IPV6 = /^\[?[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%\w+)?\]?$/;

/** Undefined: it can be the name of an entry, `HOST`, `HOST:TREE` or a short name. */
export function problemOfEntry(name: string): NameProblem | undefined {
  // Nearly all names are like this.
  if (/^[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?(?::[A-Za-z_][A-Za-z0-9_.-]*)?$/.test(name)) return undefined;
  const shown = JSON.stringify(name);
  if (name === "---")
    return {
      problem: "--- begins YAML, and this is read as INI",
      remedy: "Give the file a name that ends in .yml.",
    };
  if (name === "") return { problem: "a name is empty" };
  // oxlint-disable-next-line no-control-regex
  if (/[\s\u0000-\u001f\u007f]/.test(name))
    return { problem: `${shown} has a blank or a control character in it, so it can be no name` };
  if (IPV6.test(name)) {
    return {
      problem: `${shown} is an address; a colon separates host and tree`,
      remedy: `Give the host a name: NAME crun_host=${name.replace(/[[\]]/g, "")}`,
    };
  }
  const colon = name.indexOf(":");
  const host = colon < 0 ? name : name.slice(0, colon);
  if (/[*?]/.test(host)) {
    return {
      problem: `${shown}: an entry of an inventory names its host in full`,
      remedy: "Write the hosts' names; a range like node[1:3] stands for several.",
    };
  }
  if (/^[!&~]|[,[\]]/.test(name))
    return {
      problem: `${shown} is a pattern and no name: commas, brackets and a leading ! & ~ belong to patterns`,
      remedy: "Write one name a line.",
    };
  if (host.startsWith("/"))
    return { problem: `${shown} is a path and no host`, remedy: `A tree of this machine: local:${name}` };
  if (host.includes("@")) {
    const [user = "", bare = ""] = host.split("@", 2);
    const rest = colon < 0 ? "" : name.slice(colon);
    return {
      problem: `${shown} has a user in it, which is no part of a name`,
      remedy: `Write ${bare}${rest} and the variable crun_user: ${user}`,
    };
  }
  if (host === "")
    return { problem: `${shown} has no host before the colon`, remedy: `For this machine: local${name}` };
  if (!HOST.test(host)) {
    return {
      problem: `${JSON.stringify(host)} is no name of a host`,
      remedy: "Letters, digits and _ . - make a name, which begins and ends with none of . and -",
    };
  }
  return colon < 0 ? undefined : problemOfTree(name, host, name.slice(colon + 1));
}

function problemOfTree(name: string, host: string, tree: string): NameProblem | undefined {
  const port = /^(\d+)(?::(.*))?$/.exec(tree);
  if (port?.[1] !== undefined) {
    const target = port[2] === undefined ? host : `${host}:${port[2]}`;
    return {
      problem: `${JSON.stringify(name)}: a colon separates host and tree, so ${port[1]} would be a tree and no port`,
      remedy: `For a port write ${target} and the variable crun_port: ${port[1]}. A tree of that name is written as its path.`,
    };
  }
  // A rule: `node1:web*` means the trees that are found there.
  if (/[*?]/.test(tree) && tree.includes("/")) {
    return {
      problem: `${JSON.stringify(name)}: trees are looked for by name, in the host's crun_trees`,
      remedy: `Set crun_trees to that directory, and write ${host}:* for the trees in it.`,
    };
  }
  if (tree === "/") return undefined;
  const parts = (tree.startsWith("/") ? tree.slice(1) : tree).split("/");
  if (parts.every((part) => part !== "" && part !== "." && part !== "..")) return undefined;
  return {
    problem: `${JSON.stringify(name)}: ${JSON.stringify(tree)} is no tree`,
    remedy: "Give a name beneath crun_trees or an absolute path after the colon.",
  };
}

/** Undefined: it can be the name of a group. */
export function problemOfGroup(name: string): NameProblem | undefined {
  if (GROUP.test(name) && !name.startsWith("-")) return undefined;
  if (name === "") return { problem: "a group without a name" };
  const better = name.replace(/[^\p{L}\p{N}_.+/-]+/gu, "_").replace(/^[_-]+|_+$/g, "");
  return {
    problem: `${JSON.stringify(name)} cannot be the name of a group`,
    ...(better === "" ? {} : { remedy: `Letters, digits and _ . - make a name: ${better}` }),
  };
}
