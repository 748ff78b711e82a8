// Plans modules against a directory of this machine: probes are answered from the disk, changes only from the model.

import { lstatSync, readFileSync, readdirSync, readlinkSync, type BigIntStats } from "node:fs";
import { join } from "node:path";
import { digestOf, selectParagraphs } from "../../src/module/content.js";
import type { AnyModule, Context, Plan } from "../../src/module/contract.js";
import type { Model } from "../../src/module/model.js";
import { convertParams } from "../../src/module/params.js";
import type { FileType, ListEntry, Observation, Probe, Stat } from "../../src/module/probe.js";
import { planModule } from "../../src/module/run-plan.js";
import { contextOf } from "../module/harness.js";

/** Answers file probes from the directory, whose links must not lead out of it. */
export function observeDisk(root: string, probe: Probe): Observation {
  switch (probe.kind) {
    case "stat":
      return {
        kind: "stat",
        real: realOf(root, probe.path, probe.follow === true),
        stat: look(root, probe.path, probe.follow === true),
      };
    case "read": {
      const stat = look(root, probe.path, probe.follow !== false);
      const bytes = stat?.type === "file" ? readFileSync(root + realOf(root, probe.path)) : undefined;
      const content = bytes && probe.needles ? selectParagraphs(bytes, probe.needles) : bytes;
      const sha256 = bytes && !probe.needles ? digestOf("sha256", bytes) : undefined;
      return { kind: "read", real: realOf(root, probe.path), stat, sha256, content, isTooLarge: false };
    }
    case "list": {
      const stat = look(root, probe.path, true);
      const entries = stat?.type === "directory" ? entriesOf(root + realOf(root, probe.path), "", probe.depth) : [];
      return { kind: "list", real: realOf(root, probe.path), stat, isTruncated: false, entries };
    }
    case "glob":
      return { kind: "glob", paths: matches(root, "", probe.path.split("/").filter(Boolean)).sort() };
    case "machine":
      return { kind: "machine", machine: undefined };
    default:
      throw new Error(`the disk does not answer ${probe.kind}`);
  }
}

/** Plans a task on the directory as the model has changed it so far, and changes the model by it. */
export function runOnDisk(
  root: string,
  model: Model,
  module: AnyModule,
  given: object,
  more: Partial<Context> = {},
): Plan {
  const { params, problems, extra } = convertParams(module, { ...given });
  if (problems.length > 0) throw new Error(problems.map((one) => one.message).join("\n"));
  const plan = planModule(module, params, contextOf({ startedAt: new Date(), extra, ...more }), (probe) =>
    answer(root, model, probe),
  );
  model.predict(plan.changes);
  return plan;
}

/** What the model has there, or else the disk. */
export function answer(root: string, model: Model, probe: Probe): Observation {
  for (let tries = 0; tries < 10; tries++) {
    const known = model.answer(probe);
    if (known.kind === "known") return known.observation;
    model.remember(known.probe, observeDisk(root, known.probe));
  }
  throw new Error(`the model keeps asking for ${JSON.stringify(probe)}`);
}

function matches(root: string, at: string, patterns: readonly string[]): string[] {
  const [first, ...rest] = patterns;
  if (first === undefined) return [at];
  const source = first
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".")
    .replaceAll("[!", "[^");
  const pattern = new RegExp(`^${source}$`);
  const names = look(root, at || "/", true)?.type === "directory" ? readdirSync(root + at) : [];
  return names
    .filter((name) => pattern.test(name) && (first.startsWith(".") || !name.startsWith(".")))
    .flatMap((name) => matches(root, `${at}/${name}`, rest));
}

/** The canonical path in the tree; links are resolved beneath the root, as the helper does. */
function realOf(root: string, path: string, follow = true): string {
  let parts = path.split("/").filter(Boolean);
  let here = "";
  for (let index = 0, links = 0; index < parts.length; index++) {
    const part = parts[index] ?? "";
    if (part === "." || part === "..") {
      if (part === "..") here = here.slice(0, Math.max(0, here.lastIndexOf("/")));
      continue;
    }
    const next = `${here}/${part}`;
    const target = (index < parts.length - 1 || follow) && links < 40 ? linkAt(root + next) : undefined;
    if (target === undefined) here = next;
    else {
      links++;
      if (target.startsWith("/")) here = "";
      parts = [...target.split("/").filter(Boolean), ...parts.slice(index + 1)];
      index = -1;
    }
  }
  return here || "/";
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function look(root: string, path: string, follow: boolean): Stat | undefined {
  try {
    return statFrom(root + realOf(root, path, follow));
  } catch {
    return undefined;
  }
}

function statFrom(path: string): Stat {
  const stat = lstatSync(path, { bigint: true });
  const time = (ns: bigint) => ({ seconds: Number(ns / 1_000_000_000n), nanoseconds: Number(ns % 1_000_000_000n) });
  return {
    type: typeOf(stat),
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    links: Number(stat.nlink),
    size: Number(stat.size),
    device: Number(stat.dev),
    inode: Number(stat.ino),
    rdev: Number(stat.rdev),
    blocks: Number(stat.blocks),
    blockSize: Number(stat.blksize),
    atime: time(stat.atimeNs),
    mtime: time(stat.mtimeNs),
    ctime: time(stat.ctimeNs),
    target: stat.isSymbolicLink() ? readlinkSync(path) : "",
  };
}

function typeOf(stat: BigIntStats): FileType {
  if (stat.isDirectory()) return "directory";
  if (stat.isSymbolicLink()) return "link";
  if (stat.isBlockDevice()) return "block";
  if (stat.isCharacterDevice()) return "char";
  if (stat.isFIFO()) return "fifo";
  return stat.isSocket() ? "socket" : "file";
}

function entriesOf(directory: string, prefix: string, depth: number): ListEntry[] {
  return readdirSync(directory)
    .sort()
    .flatMap((name): ListEntry[] => {
      const path = join(directory, name);
      const stat = statFrom(path);
      const beneath =
        stat.type === "directory" && depth !== 1
          ? entriesOf(path, `${prefix}${name}/`, depth === 0 ? 0 : depth - 1)
          : [];
      return [{ name: prefix + name, stat, digests: {} }, ...beneath];
    });
}
