// Nodes of the model: what is predicted to lie at a path, and the observations they give.

import type { AmendParagraphs } from "./change.js";
import { digestOf, paragraphsOf, selectParagraphs } from "./content.js";
import type {
  Content,
  DigestName,
  FileType,
  HashObservation,
  HashProbe,
  ListObservation,
  ListProbe,
  Observation,
  ReadObservation,
  ReadProbe,
  Stat,
  StatObservation,
  StatProbe,
} from "./probe.js";
import { trimEndOf } from "./trim.js";

/** Something predicted to be there. */
export interface PresentNode {
  readonly stat: Stat;
  /** Known content of a file; absent: what the tree has at `contentFrom` or the node's own path. */
  readonly content?: Content;
  readonly contentFrom?: string;
  /** Digests of a content that is not at hand. */
  readonly digests?: Readonly<Partial<Record<DigestName, string>>>;
  readonly isContentUnknown?: boolean;
  /** A command will make it; what it is, is not known. */
  readonly isAppearance?: boolean;
  /** Made by a prediction: holds nothing but what is predicted beneath it. */
  readonly isNewDirectory?: boolean;
  /** A directory that came from elsewhere: what it holds is not known. */
  readonly isUnknownBeneath?: boolean;
  /** Where it was looked at or predicted; else that of the nearest directory above of which it is known. */
  readonly fileSystem?: string;
  readonly subvolume?: "writable" | "read-only";
  readonly amendments?: AmendParagraphs["paragraphs"];
}

export type Node = PresentNode | "absent";

let nextInode = 1 << 30;

/** A stat with the given parts, zero elsewhere; with an inode of its own. */
export function statOf(type: FileType, parts: Partial<Stat> = {}): Stat {
  const never = { seconds: 0, nanoseconds: 0 };
  return {
    type,
    mode: type === "directory" ? 0o755 : type === "link" ? 0o777 : 0o644,
    uid: 0,
    gid: 0,
    links: 1,
    size: 0,
    device: 0,
    inode: nextInode++,
    rdev: 0,
    blocks: 0,
    blockSize: 4096,
    atime: never,
    mtime: never,
    ctime: never,
    target: "",
    ...parts,
  };
}

/** What was observed, as a node. */
export function nodeOf({ stat, fileSystem, subvolume }: StatObservation): Node {
  if (!stat) return "absent";
  return { stat, ...(fileSystem === undefined ? {} : { fileSystem }), ...(subvolume ? { subvolume } : {}) };
}

type NodeProbe = StatProbe | ReadProbe | HashProbe | ListProbe;

/** The observation that a predicted node (or absence) gives; `original` is what the tree said where the content is still the tree's own. */
export function nodeObservation(
  probe: NodeProbe,
  real: string,
  node: PresentNode | undefined,
  original?: Observation,
): Observation {
  const stat = node?.stat;
  switch (probe.kind) {
    case "stat":
      return {
        kind: "stat",
        real,
        stat,
        ...(probe.withFileSystem && node?.fileSystem !== undefined ? { fileSystem: node.fileSystem } : {}),
        ...(probe.withFileSystem && node?.subvolume ? { subvolume: node.subvolume } : {}),
      } satisfies StatObservation;
    case "list":
      return { kind: "list", real, stat, isTruncated: false, entries: [] } satisfies ListObservation;
    case "hash":
      return {
        kind: "hash",
        real,
        stat,
        digests: digestsOf(probe.algorithms, node, original),
      } satisfies HashObservation;
    case "read":
      return readObservation(probe, real, node, original);
  }
}

function readObservation(
  probe: ReadProbe,
  real: string,
  node: PresentNode | undefined,
  original: Observation | undefined,
): ReadObservation {
  const nothing = {
    kind: "read",
    real,
    stat: node?.stat,
    sha256: undefined,
    content: undefined,
    isTooLarge: false,
  } as const;
  if (node?.stat.type !== "file") return nothing;
  if (node.content) {
    const { sha256, size, bytes } = node.content;
    if (probe.needles) return { ...nothing, content: bytes && selectParagraphs(bytes, probe.needles) };
    if (probe.unlessSha256 === sha256) return { ...nothing, sha256 };
    const isTooLarge = bytes === undefined || size > (probe.limit ?? Infinity);
    return { ...nothing, sha256, content: isTooLarge ? undefined : bytes, isTooLarge };
  }
  if (original?.kind !== "read") return nothing;
  if (!node.amendments || !probe.needles) return { ...original, real, stat: node.stat };
  return { ...original, real, stat: node.stat, content: amend(original.content, node.amendments, probe.needles) };
}

function digestsOf(
  algorithms: readonly DigestName[],
  node: PresentNode | undefined,
  original: Observation | undefined,
): Partial<Record<DigestName, string>> {
  if (node?.stat.type !== "file") return {};
  if (!node.content) return original?.kind === "hash" ? original.digests : {};
  const { bytes, sha256 } = node.content;
  const known = algorithms.flatMap((name): [DigestName, string][] => {
    if (name === "sha256") return [[name, sha256]];
    // What attributes a file will have, nobody foretells.
    return bytes && name !== "xattrs" ? [[name, digestOf(name, bytes)]] : [];
  });
  return Object.fromEntries(known);
}

/** Paragraphs as they were, less those that are amended, with the amended ones that the needles select. */
function amend(
  bytes: Uint8Array | undefined,
  amendments: AmendParagraphs["paragraphs"],
  needles: readonly string[],
): Uint8Array {
  const gone = new Set(amendments.map((one) => one.firstLine));
  const kept = paragraphsOf(Buffer.from(bytes ?? []).toString("latin1")).filter(
    (one) => !gone.has(one.split("\n", 1)[0] ?? ""),
  );
  const added = amendments.flatMap((one) =>
    one.text === undefined ? [] : [Buffer.from(one.text, "utf8").toString("latin1")],
  );
  const text = [...kept, ...added].map((one) => `${trimEndOf(one, "\n")}\n`).join("\n");
  return selectParagraphs(Buffer.from(text, "latin1"), needles);
}

/** Records that paragraphs of the file at `key` will be amended; earlier amendments of the same paragraphs give way. */
export function amendParagraphs(nodes: Map<string, Node>, key: string, change: AmendParagraphs): void {
  const old = nodes.get(key);
  const present = old && old !== "absent" ? old : { stat: statOf("file") };
  if (present.content?.bytes) {
    const everything = paragraphsOf(Buffer.from(present.content.bytes).toString("latin1")).map(
      (one) => one.split("\n", 1)[0] ?? "",
    );
    const bytes = amend(present.content.bytes, change.paragraphs, [
      ...everything,
      ...change.paragraphs.map((one) => one.firstLine),
    ]);
    nodes.set(key, { ...present, content: { sha256: digestOf("sha256", bytes), size: bytes.length, bytes } });
    return;
  }
  const names = new Set(change.paragraphs.map((one) => one.firstLine));
  const kept = (present.amendments ?? []).filter((one) => !names.has(one.firstLine));
  nodes.set(key, { ...present, amendments: [...kept, ...change.paragraphs] });
}
