// What a planned change does to the model of a tree.

import type { Change, TimeSpec } from "./change.js";
import { statOf, type Node, type PresentNode } from "./model-node.js";
import type { FileType, Stat, Timestamp } from "./probe.js";

/** The model as predictions see and change it. Paths in `nodes` are canonical, with the root's letter before them. */
export interface Prediction {
  readonly nodes: Map<string, Node>;
  readonly root: string;
  canonical(path: string, follow: boolean): string;
  look(path: string, follow: boolean): Node | undefined;
}

type FileChange = Exclude<Change, { kind: "exec" | "lock" | "unlock" }>;

/** Writes the change's effect into the model's nodes. */
export function predictChange(change: FileChange, model: Prediction): void {
  const { nodes, root } = model;
  const put = (path: string, node: Node): void => void nodes.set(root + path, node);
  switch (change.kind) {
    case "writeFile": {
      const follow = change.follow === true;
      const old = present(model.look(change.path, follow));
      const kept = ownership(old?.stat.type === "file" ? old.stat : undefined, "file", change);
      const stat = change.inPlace ? kept : { ...kept, ...ownInode() };
      put(model.canonical(change.path, follow), {
        stat: { ...stat, size: change.content.size, ...times(stat, undefined, change.mtime) },
        content: change.content,
      });
      break;
    }
    case "makeDirectory": {
      const path = model.canonical(change.path, false);
      forgetBeneath(nodes, root + path);
      put(path, { stat: ownership(undefined, "directory", change), isNewDirectory: true });
      break;
    }
    case "makeLink": {
      const path = model.canonical(change.path, false);
      forgetBeneath(nodes, root + path);
      const old = present(model.look(change.path, false));
      const stat = ownership(old?.stat.type === "link" ? old.stat : undefined, "link", change);
      put(path, { stat: { ...stat, mode: 0o777, target: change.target, size: Buffer.byteLength(change.target) } });
      break;
    }
    case "hardLink": {
      const source = present(model.look(change.source, false)) ?? { stat: statOf("file"), isContentUnknown: true };
      const from = model.canonical(change.source, false);
      const node: PresentNode = { ...source, stat: { ...source.stat, links: source.stat.links + 1 } };
      put(from, node);
      put(
        model.canonical(change.path, false),
        node.content ? node : { ...node, contentFrom: node.contentFrom ?? from },
      );
      break;
    }
    case "remove": {
      const path = model.canonical(change.path, false);
      forgetBeneath(nodes, root + path);
      put(path, "absent");
      break;
    }
    case "setAttributes": {
      const follow = change.follow === true;
      const old = present(model.look(change.path, follow)) ?? { stat: statOf("file"), isContentUnknown: true };
      const isSplit = old.stat.type === "file" && old.stat.links > 1 && !change.allowHardLinks;
      const stat = {
        ...old.stat,
        ...(isSplit ? ownInode() : {}),
        ...(change.mode === undefined ? {} : { mode: change.mode }),
        ...(change.uid === undefined ? {} : { uid: change.uid }),
        ...(change.gid === undefined ? {} : { gid: change.gid }),
        ...times(old.stat, change.atime, change.mtime),
        ...(old.stat.flags === undefined
          ? {}
          : { flags: (old.stat.flags | (change.setFlags ?? 0)) & ~(change.clearFlags ?? 0) }),
      };
      put(model.canonical(change.path, follow), { ...old, stat });
      break;
    }
    case "copyFile": {
      const source = present(model.look(change.from, change.follow === true));
      const from = model.canonical(change.from, change.follow === true);
      const base = present(model.look(change.path, false));
      const stat = ownership(base?.stat.type === "file" ? base.stat : undefined, "file", change);
      const kept = change.keepTimes && source ? { atime: source.stat.atime, mtime: source.stat.mtime } : {};
      const digests = source?.digests ? { digests: source.digests } : {};
      const content = source?.content
        ? { content: source.content }
        : { contentFrom: source?.contentFrom ?? from, ...digests };
      put(model.canonical(change.path, false), {
        stat: { ...stat, ...ownInode(), size: source?.stat.size ?? 0, ...kept },
        ...content,
      });
      break;
    }
    case "rename": {
      const from = model.canonical(change.path, false);
      const to = model.canonical(change.to, false);
      const moved = picked(model, change.path, from);
      const other = change.onTaken === "exchange" ? picked(model, change.to, to) : undefined;
      forgetBeneath(nodes, root + from);
      forgetBeneath(nodes, root + to);
      put(from, "absent");
      placePicked(model, to, moved);
      if (other) placePicked(model, from, other);
      break;
    }
    case "subvolume": {
      const path = model.canonical(change.path, false);
      const subvolume = change.isReadOnly ? "read-only" : "writable";
      forgetBeneath(nodes, root + path);
      const { from } = change;
      const { top, beneath } =
        from === undefined
          ? { top: { stat: statOf("directory"), isNewDirectory: true }, beneath: [] }
          : picked(model, from, model.canonical(from, false));
      const stat = { ...top.stat, type: "directory" as const, inode: SUBVOLUME_INODE };
      placePicked(model, path, { top: { ...top, stat, fileSystem: "btrfs", subvolume }, beneath });
      break;
    }
    case "setSubvolume": {
      const old = present(model.look(change.path, false)) ?? { stat: statOf("directory"), isUnknownBeneath: true };
      const subvolume = change.isReadOnly ? "read-only" : "writable";
      put(model.canonical(change.path, false), { ...old, fileSystem: "btrfs", subvolume });
      break;
    }
    case "mountOverlay":
      put(model.canonical(change.path, false), {
        stat: statOf("directory"),
        isUnknownBeneath: true,
        fileSystem: "overlayfs",
      });
      break;
    case "unmount": {
      const path = model.canonical(change.path, false);
      forgetBeneath(nodes, root + path);
      put(path, change.removesDirectory ? "absent" : { stat: statOf("directory"), isNewDirectory: true });
      break;
    }
    case "writeKernel": {
      const old = present(model.look(change.path, true)) ?? { stat: statOf("file") };
      const bytes = Buffer.from(kernelText(Buffer.from(old.content?.bytes ?? []).toString("utf8"), change.value));
      put(model.canonical(change.path, true), { ...old, content: { sha256: "", size: bytes.length, bytes } });
      break;
    }
  }
}

/** The root of every btrfs subvolume. */
const SUBVOLUME_INODE = 256;

/** A thing and all that is predicted beneath it, by the rest of their paths, as they are to be elsewhere. */
interface Picked {
  readonly top: PresentNode;
  readonly beneath: readonly (readonly [string, Node])[];
}

function picked({ nodes, root, look }: Prediction, path: string, canonical: string): Picked {
  const old = present(look(path, false)) ?? { stat: statOf("file"), isContentUnknown: true };
  const isOwnDirectory = old.stat.type === "directory" && !old.isNewDirectory;
  const content = old.stat.type === "file" && !old.content ? { contentFrom: old.contentFrom ?? canonical } : {};
  const prefix = `${root + canonical}/`;
  return {
    top: { ...old, ...content, ...(isOwnDirectory ? { isUnknownBeneath: true } : {}) },
    beneath: [...nodes].flatMap(([key, node]): [string, Node][] =>
      key.startsWith(prefix) ? [[key.slice(prefix.length - 1), node]] : [],
    ),
  };
}

function placePicked({ nodes, root }: Prediction, canonical: string, { top, beneath }: Picked): void {
  nodes.set(root + canonical, top);
  for (const [below, node] of beneath) nodes.set(root + canonical + below, node);
}

/** A file that replaces another is one of its own, with one name. */
function ownInode(): { readonly inode: number; readonly links: number } {
  return { inode: statOf("file").inode, links: 1 };
}

function present(node: Node | undefined): PresentNode | undefined {
  return node === "absent" ? undefined : node;
}

function forgetBeneath(nodes: Map<string, Node>, key: string): void {
  for (const other of nodes.keys()) if (other.startsWith(`${key}/`)) nodes.delete(other);
}

function ownership(
  old: Stat | undefined,
  type: FileType,
  wanted: { readonly mode?: number; readonly uid?: number; readonly gid?: number },
): Stat {
  const base = old ?? statOf(type);
  return {
    ...base,
    mode: wanted.mode ?? base.mode,
    uid: wanted.uid ?? base.uid,
    gid: wanted.gid ?? base.gid,
    links: old?.links ?? 1,
  };
}

function times(
  old: Stat,
  atime: TimeSpec | undefined,
  mtime: TimeSpec | undefined,
): { atime: Timestamp; mtime: Timestamp } {
  const pick = (before: Timestamp, spec: TimeSpec | undefined): Timestamp =>
    spec === undefined || spec === "now" ? before : spec;
  return { atime: pick(old.atime, atime), mtime: pick(old.mtime, mtime) };
}

/** What a file of cgroupfs reads after a write: keyed lines (`8:0 …`) and `+controller` words add to what is there, other values replace it. */
function kernelText(before: string, written: string): string {
  const key = /^\d+:\d+ /.exec(written)?.[0];
  if (key !== undefined)
    return [...before.split("\n").filter((line) => line !== "" && !line.startsWith(key)), written, ""].join("\n");
  if (written.startsWith("+")) return `${[before.trim(), written.replaceAll("+", "")].filter(Boolean).join(" ")}\n`;
  return written.endsWith("\n") ? written : `${written}\n`;
}
