// The oracle of every threat: canaries of the host before and after, a deadline, nothing left, nothing of the host's told.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { assertUnharmed, canaries, HOST_FILES, type CanaryOptions } from "../lab/canaries.js";
import { hashTree } from "../lab/hash.js";
import type { Scope } from "../lab/scope.js";

/** Every program that an attack starts has this in its environment: whoever still runs afterwards is found by it. */
export const MARK = "CRUN_THREAT";

/** A tree, and beside it on the same file system what is the host's. */
export interface Scene {
  /** The directory that holds both; nothing else may come to lie in it. */
  readonly base: string;
  readonly tree: string;
  /** The host's: `secret` (with `other-name`), `d/secret`, `passwd`, `setuid`, `link`. No attack may change or tell them. */
  readonly host: string;
  /** What stands in the host's files. Nothing that crun tells or writes may hold it. */
  readonly secret: string;
  /** For `env` of what is started: marks it as this scene's. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A tree with etc, srv, tmp and accounts, and the host's canaries. In memory: where thousands of files are synced. */
export function scene(scope: Scope, label = "threat", isInMemory = false): Scene {
  const base = scope.tempDir(label);
  if (isInMemory) {
    execFileSync("mount", ["-t", "tmpfs", "-o", "mode=755", "crun-threat", base]);
    scope.defer(() => void execFileSync("umount", ["--lazy", base]));
  }
  const [tree, host] = [join(base, "tree"), join(base, "host")];
  const secret = `HOST-${randomBytes(12).toString("hex")}`;
  for (const name of ["", "etc", "srv", "tmp", "root", "run", "proc", "sys", "dev", "var"]) mkdirSync(join(tree, name));
  writeFileSync(join(tree, "etc/passwd"), "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/srv:/bin/sh\n");
  writeFileSync(join(tree, "etc/group"), "root:x:0:\nuser:x:1000:\n");
  for (const name of ["", "d"]) mkdirSync(join(host, name));
  for (const name of ["secret", "d/secret", "passwd"]) writeFileSync(join(host, name), `${secret}\n`, { mode: 0o640 });
  writeFileSync(join(host, "setuid"), secret, { mode: 0o4755 });
  symlinkSync("secret", join(host, "link"));
  linkSync(join(host, "secret"), join(host, "other-name"));
  return { base, tree, host, secret, environment: { ...process.env, [MARK]: secret, NO_COLOR: "1" } };
}

export interface Trial {
  readonly deadlineMs: number;
  /** Further directories whose mounts and processes are watched, and files of the host. */
  readonly watch?: CanaryOptions;
  /** The tree has a name of a file with the secret, and so the right to read and copy it. */
  readonly mayHoldSecret?: boolean;
  /** Interim names that may be there afterwards: of a helper that was killed. */
  readonly mayLeaveNames?: boolean;
}

/**
 * Carries out an attack and holds the host to what it was: files (content, inode, owner, mode, time), mounts, processes, descriptors; the end within
 * the deadline; no interim name in the tree; and the host's secret neither in what the attack returns nor in a file that was written into the tree.
 */
export async function withstands<T>(place: Scene, trial: Trial, attack: () => Promise<T>): Promise<T> {
  const options: CanaryOptions = {
    ...trial.watch,
    trees: [place.base, ...(trial.watch?.trees ?? [])],
    files: [...hostFiles(place), ...(trial.watch?.files ?? [])],
  };
  const before = canaries(options);
  const accounts = machineFiles();
  const hostBefore = await hashTree(place.host, { without: ["links"] });
  const inodes = new Set(hostFiles(place).map((path) => lstatSync(path).ino));
  const beside = besideOf(place);
  const descriptors = openDescriptors();
  const result = await withinDeadline(trial.deadlineMs, attack);
  await assertUnharmed(before, options);
  assert.deepEqual(machineFiles(), accounts, "files of the machine were changed");
  await assertNobodyLeft(place);
  assert.deepEqual(await hashTree(place.host, { without: ["links"] }), hostBefore, "the host's directory was changed");
  assert.deepEqual(besideOf(place), beside, "something lies beside the tree");
  assert.deepEqual(openDescriptors(), descriptors, "descriptors of the controller are left open");
  if (trial.mayHoldSecret !== true) assertNothingTold(place, result, inodes);
  if (trial.mayLeaveNames !== true) {
    const names = filesBelow(place.tree).map(({ path }) => path.toString("latin1"));
    assert.deepEqual(
      names.filter((path) => /\/\.crun-[^/]*$/.test(path)),
      [],
      "interim names are left in the tree",
    );
  }
  return result;
}

/** `inodes`: of the host's files, which the tree may have names of. */
function assertNothingTold(place: Scene, result: unknown, inodes: ReadonlySet<number>): void {
  const told = JSON.stringify(result) ?? "";
  assert.ok(!told.includes(place.secret), `the host's secret was told: ${told}`);
  const leaks = filesBelow(place.tree).filter(({ path, ino }) => !inodes.has(ino) && holds(path, place.secret));
  assert.deepEqual(
    leaks.map(({ path }) => path.toString()),
    [],
    "the host's secret was written into the tree",
  );
}

async function withinDeadline<T>(deadlineMs: number, attack: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end within ${deadlineMs} ms`)), deadlineMs);
  });
  return await Promise.race([attack(), late]).finally(() => clearTimeout(timer));
}

/** Without root crun keeps its locks beside a tree. */
function besideOf(place: Scene): string[] {
  return readdirSync(place.base)
    .filter((name) => name !== ".crun")
    .sort();
}

/** Their times are not looked at: on a shared machine others write what is there already. */
function machineFiles(): string[] {
  return canaries({ trees: [], files: HOST_FILES }).map((line) => line.replace(/ mtime \d*/, ""));
}

function hostFiles({ host }: Scene): string[] {
  return ["secret", "d/secret", "passwd", "setuid", "link", "other-name"].map((name) => join(host, name));
}

/** What of this process's descriptors leads to files: sockets and pipes come and go with children that end. */
function openDescriptors(): string[] {
  return readdirSync("/proc/self/fd")
    .flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)];
      } catch {
        return []; // that of the listing itself
      }
    })
    .filter((target) => target.startsWith("/") && !target.startsWith("/proc/") && !target.startsWith("/dev/"))
    .sort();
}

/** Waits a moment for what is dying. */
async function assertNobodyLeft(place: Scene): Promise<void> {
  let left = marked(place.secret);
  for (let waited = 0; left.length > 0 && waited < 3000; waited += 50) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    left = marked(place.secret);
  }
  assert.deepEqual(left, [], "processes are left");
}

function marked(mark: string): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      if (!readFileSync(`/proc/${pid}/environ`, "latin1").includes(`${MARK}=${mark}`)) return [];
      return [`${pid} ${readFileSync(`/proc/${pid}/comm`, "utf8").trim()}`];
    } catch {
      return []; // ended meanwhile
    }
  });
}

interface Below {
  readonly path: Buffer;
  readonly ino: number;
}

/** All names below a directory, which may be any bytes; links and mounts not followed; iterative, and at most 20,000 of them. */
function filesBelow(directory: string): Below[] {
  const found: Below[] = [];
  const left = [Buffer.from(directory)];
  for (let at = left.pop(); at !== undefined && found.length < 20_000; at = left.pop()) {
    for (const name of readdirSync(at, { encoding: "buffer" })) {
      const path = Buffer.concat([at, Buffer.from("/"), name]);
      const stat = path.length < 4000 ? lstatSync(path, { throwIfNoEntry: false }) : undefined;
      if (stat) found.push({ path, ino: stat.ino });
      if (stat?.isDirectory() === true && path.length < 3000) left.push(path);
    }
  }
  return found;
}

/** Whether a regular file holds a text in its first 16 MiB. What is held by a lease is not waited for. */
function holds(path: Buffer, text: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  try {
    const bytes = Buffer.alloc(Math.min(lstatSync(path).size, 1 << 24));
    return bytes.subarray(0, readSync(descriptor, bytes)).includes(text);
  } finally {
    closeSync(descriptor);
  }
}
