// Looks at whole trees: one digest for "byte for byte as it was", and the list of what differs between two.
import { createHash } from "node:crypto";
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { run } from "./process.js";

/** One name in a tree, as text lines that are equal exactly when the things are. */
export interface Entry {
  readonly type: "file" | "directory" | "link" | "fifo" | "socket" | "block" | "character";
  /** Permission bits in octal, e.g. "0644". */
  readonly mode: string;
  /** "uid:gid" */
  readonly owner: string;
  /** Nanoseconds since the epoch. */
  readonly mtime: string;
  /** Size and SHA-256 of a file, a link's target, a device's numbers; "" for what has no content. */
  readonly content: string;
  /** Hard links of a file; "" for directories, whose count depends on the file system. */
  readonly links: string;
  /** Extended attributes as "name=hex", sorted, joined by spaces. */
  readonly xattrs: string;
}

/** What to look at. */
export interface LookOptions {
  /** Paths to pass over, with all below them, relative to the tree: "/var/log" or "/etc/*.bak" (`*` crosses no slash). */
  readonly ignore?: readonly string[];
  /** Fields that do not count. */
  readonly without?: readonly Exclude<keyof Entry, "type">[];
}

/** A thing that is not the same in two trees. `field` is "presence" when only one has it. */
export interface Difference {
  /** As seen from the tree's root, e.g. "/etc/motd". Bytes that are no UTF-8 appear as \xNN. */
  readonly path: string;
  readonly field: "presence" | keyof Entry;
  readonly left: string;
  readonly right: string;
}

function printable(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  return Buffer.from(text).equals(bytes) ? text : bytes.toString("latin1").replace(/[\x80-\xff]/g, escapeByte);
}

function escapeByte(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16)}`;
}

function fileDigest(path: Buffer): string {
  const digest = createHash("sha256");
  const chunk = Buffer.allocUnsafe(1 << 16);
  const descriptor = openSync(path, "r");
  try {
    let count = readSync(descriptor, chunk, 0, chunk.length, null);
    while (count > 0) {
      digest.update(chunk.subarray(0, count));
      count = readSync(descriptor, chunk, 0, chunk.length, null);
    }
  } finally {
    closeSync(descriptor);
  }
  return digest.digest("hex");
}

function look(path: Buffer, xattrs: string): Entry {
  const stat = lstatSync(path, { bigint: true });
  const common = {
    mode: `0${(Number(stat.mode) & 0o7777).toString(8)}`,
    owner: `${stat.uid}:${stat.gid}`,
    mtime: String(stat.mtimeNs),
    links: stat.isDirectory() ? "" : String(stat.nlink),
    xattrs,
  };
  const device = `${stat.rdev >> 8n}:${stat.rdev & 0xffn}`;
  if (stat.isFile()) {
    return { ...common, type: "file", content: `${stat.size} ${fileDigest(path)}` };
  }
  if (stat.isSymbolicLink()) {
    return {
      ...common,
      type: "link",
      content: printable(readlinkSync(path, { encoding: "buffer" })),
    };
  }
  if (stat.isDirectory()) {
    return { ...common, type: "directory", content: "" };
  }
  if (stat.isBlockDevice()) {
    return { ...common, type: "block", content: device };
  }
  if (stat.isCharacterDevice()) {
    return { ...common, type: "character", content: device };
  }
  return { ...common, type: stat.isFIFO() ? "fifo" : "socket", content: "" };
}

/** Extended attributes of the whole tree, by printable path. Without getfattr (package attr) nothing is compared. */
async function treeXattrs(root: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const argv = ["getfattr", "-R", "-P", "-h", "-d", "-m", "-", "-e", "hex", "--absolute-names", root];
  const { stdout, stderr, status } = await run(argv);
  if (status !== 0 && stdout === "") {
    throw new Error(`getfattr: ${stderr}`);
  }
  for (const block of stdout.split("\n\n").filter((text) => text.startsWith("# file: "))) {
    const [head = "", ...attributes] = block.trimEnd().split("\n");
    // getfattr writes other bytes as \ooo
    const name = head
      .slice("# file: ".length)
      .replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
    found.set(printable(Buffer.from(name, "latin1")), attributes.sort().join(" "));
  }
  return found;
}

function matcher(patterns: readonly string[]): (path: string) => boolean {
  const expressions = patterns.map((pattern) => {
    const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", "[^/]*");
    return new RegExp(`^${escaped}$`);
  });
  return (path) => expressions.some((expression) => expression.test(path));
}

/** Everything in a tree, by path from its root ("/" is the root itself), in byte order of the paths. */
export async function lookAtTree(root: string, options: LookOptions = {}): Promise<Map<string, Entry>> {
  const isIgnored = matcher(options.ignore ?? []);
  const xattrs = options.without?.includes("xattrs") === true ? new Map<string, string>() : await treeXattrs(root);
  const entries = new Map<string, Entry>();
  const start = Buffer.from(root);
  const pending: Buffer[] = [start];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const inTree = path.length === start.length ? "/" : printable(path.subarray(start.length));
    if (isIgnored(inTree)) {
      continue;
    }
    const entry = look(path, xattrs.get(printable(path)) ?? "");
    const hidden = Object.fromEntries((options.without ?? []).map((field) => [field, ""]));
    entries.set(inTree, { ...entry, ...hidden });
    if (entry.type === "directory") {
      for (const name of readdirSync(path, { encoding: "buffer" })) {
        pending.push(Buffer.concat([path, Buffer.from("/"), name]));
      }
    }
  }
  return new Map([...entries].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** One SHA-256 over all names, types, modes, owners, mtimes, contents, link targets, link counts and xattrs of a tree. */
export async function hashTree(root: string, options: LookOptions = {}): Promise<string> {
  const digest = createHash("sha256");
  for (const [path, entry] of await lookAtTree(root, options)) {
    digest.update(JSON.stringify([path, entry]));
  }
  return digest.digest("hex");
}

/** What differs between two trees (or two looks at one, see lookAtTree()), in order of the paths. */
export async function diffTrees(
  left: string | ReadonlyMap<string, Entry>,
  right: string | ReadonlyMap<string, Entry>,
  options: LookOptions = {},
): Promise<Difference[]> {
  const leftEntries = typeof left === "string" ? await lookAtTree(left, options) : left;
  const rightEntries = typeof right === "string" ? await lookAtTree(right, options) : right;
  const differences: Difference[] = [];
  for (const path of [...new Set([...leftEntries.keys(), ...rightEntries.keys()])].sort()) {
    const one = leftEntries.get(path);
    const other = rightEntries.get(path);
    if (one === undefined || other === undefined) {
      differences.push({
        path,
        field: "presence",
        left: one?.type ?? "absent",
        right: other?.type ?? "absent",
      });
      continue;
    }
    for (const field of ["type", "mode", "owner", "mtime", "content", "links", "xattrs"] as const) {
      if (one[field] !== other[field]) {
        differences.push({ path, field, left: one[field], right: other[field] });
      }
    }
  }
  return differences;
}

/** Differences as readable lines, for a failing assertion's message. */
export function describeDifferences(differences: readonly Difference[]): string {
  return differences
    .map((one) => `${one.path}: ${one.field}: ${one.left || "(none)"} -> ${one.right || "(none)"}`)
    .join("\n");
}
