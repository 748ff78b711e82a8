// `crun tree export`: a tree as a tar stream, or as a commit in an ostree repository of its host.

import { constants } from "node:os";
import { CrunError } from "../../diagnostic/diagnostic.js";
import type { Outcome } from "../../module/change.js";
import type { ExecSpec } from "../../module/probe.js";
import { cleanLine } from "../../report/clean.js";
import { listTree } from "../../target/compare-trees.js";
import { holdStill, type StillTree } from "../../target/still-tree.js";
import {
  compressionOf,
  compressions,
  isSpecial,
  ostreeCommit,
  ostreeInit,
  tarSpec,
  type Compression,
} from "../../tree/export-command.js";
import { runMark } from "../../tree/place.js";
import { lastWords, programRefusal } from "../../tree/program.js";
import { snapshotPaths } from "../../tree/snapshot.js";
import { userAtHost } from "../user-at-host.js";
import { openOutput } from "./output-file.js";
import { atDesk, type Desk, type LookOptions, type OpenTree } from "./open-trees.js";

export interface ExportOptions extends LookOptions {
  readonly compression: string | undefined;
  /** A repository on the host: then `to` is the branch. */
  readonly ostree: string | undefined;
  readonly message: string | undefined;
}

const interrupted = 128 + constants.signals.SIGINT;

/** `to`: a file of this machine, `-` for standard output; with `ostree` a branch. Gives the exit status. */
export async function runTreeExport(reference: string, to: string, options: ExportOptions): Promise<number> {
  const compression = options.ostree === undefined ? wantedCompression(to, options.compression) : "none";
  if (options.ostree === undefined && to === "-" && process.stdout.isTTY)
    throw new CrunError({
      severity: "error",
      summary: "a tar stream is nothing for a terminal",
      remedy: "Send it to a file or into a pipe.",
    });
  return atDesk(options, async (desk) => {
    const tree = await desk.open(reference);
    const still = await stillOf(tree);
    try {
      return options.ostree === undefined
        ? await writeTar(desk, tree, still, to, compression)
        : await commit(desk, tree, still, { repo: options.ostree, branch: to, message: options.message });
    } finally {
      await still.end();
    }
  });
}

/** By what is asked for, else by the file's name. Throws a CrunError. */
function wantedCompression(file: string, asked: string | undefined): Compression {
  const given = asked === undefined ? undefined : compressions.find((one) => one === asked);
  if (asked !== undefined && !given)
    throw new CrunError({
      severity: "error",
      summary: `--compress cannot be ${JSON.stringify(asked)}`,
      remedy: `It is one of ${compressions.join(", ")}.`,
    });
  const known = given ?? (file === "-" ? "none" : compressionOf(file));
  if (known) return known;
  throw new CrunError({
    severity: "error",
    summary: `${JSON.stringify(file)}: its name does not say how it is to be compressed`,
    remedy: "Let it end in .tar, .tar.gz, .tar.zst or .tar.xz, or give --compress.",
  });
}

/** A snapshot stands still; of the tree itself one is taken where the storage can. */
async function stillOf({ name, snapshot, snapshots }: OpenTree): Promise<StillTree> {
  if (snapshot === undefined) {
    const now = new Date();
    const mark = runMark({ startedAt: now, pid: process.pid });
    return holdStill(snapshots.root, snapshots.place, name, mark, now.getTime());
  }
  const info = await snapshots.get(snapshot);
  if (info.storage === "manifest")
    throw new CrunError({
      severity: "error",
      summary: `${name}@${snapshot} is a manifest: it tells what there was, and has no contents`,
      remedy: "Export the tree itself. Snapshots with contents need trees on btrfs.",
    });
  return { path: snapshotPaths(snapshots.place, snapshot).tree, isLive: false, end: () => Promise.resolve() };
}

async function writeTar(
  desk: Desk,
  { name, snapshots }: OpenTree,
  still: StillTree,
  to: string,
  compression: Compression,
): Promise<number> {
  const output = await openOutput(to);
  const running = await snapshots.root.exec({ ...tarSpec(still.path, compression), stdin: "" });
  const errors: Uint8Array[] = [];
  let kept = 0;
  running.onOutput((stream, data) => {
    if (stream === "stdout") return output.write(data);
    if (kept < 64 * 1024) errors.push(data);
    kept += data.length;
    return undefined;
  });
  let isInterrupted = false;
  const interrupt = (): void => {
    isInterrupted = true;
    running.cancel();
  };
  void output.failed.then(interrupt);
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  let isWhole = false;
  try {
    const exit = await running.exited;
    const outcome: Outcome = { exit, stderr: Buffer.concat(errors) };
    const problem = output.problem();
    if (problem) throw problem;
    if (isInterrupted) return interrupted;
    const hasChanged = exit.kind === "exited" && exit.value === 1;
    const refusal = hasChanged ? undefined : programRefusal("tar", outcome);
    if (refusal) throw new CrunError({ severity: "error", summary: `${name}: ${cleanLine(refusal.message)}` }, 2);
    await output.finish();
    isWhole = true;
    const words = lastWords(outcome);
    const why = hasChanged ? "it changed while it was read" : words === "" ? "" : "tar says";
    if (why !== "")
      desk.warn({ severity: "warning", summary: `${name}: ${why}${words === "" ? "" : `: ${cleanLine(words)}`}` });
    return 0;
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    if (!isWhole) await output.discard();
  }
}

interface Commit {
  readonly repo: string;
  readonly branch: string;
  readonly message: string | undefined;
}

async function commit(
  desk: Desk,
  tree: OpenTree,
  still: StillTree,
  { repo, branch, message }: Commit,
): Promise<number> {
  if (!repo.startsWith("/"))
    throw new CrunError({
      severity: "error",
      summary: `--ostree ${repo}: the repository lies on the host`,
      remedy: "Write its absolute path there.",
    });
  const { snapshots, name } = tree;
  const { root } = snapshots;
  const session = snapshots.open(still.path);
  const [config] = await root.observe([{ kind: "stat", path: `${repo}/config`, follow: true }]);
  if (config?.kind === "stat" && !config.stat) await run(tree, ostreeInit(repo));
  const entries = await listTree(session);
  const subject = message ?? `${name}, by ${userAtHost()}`;
  const paths = entries.filter(isSpecial).map(({ path }) => path);
  const checksum = (await run(tree, ostreeCommit(repo, branch, subject, still.path, entries))).trim();
  if (desk.isJson) desk.printData({ event: "ostree", tree: name, repo, branch, commit: checksum, skipped: paths });
  else {
    desk.print(`${cleanLine(checksum)}  ${cleanLine(branch)}\n`);
    if (paths.length > 0)
      desk.warn({
        severity: "warning",
        summary: `${name}: ${paths.length} devices, pipes or sockets left out: ostree has no place for them`,
        detail: paths.slice(0, 5).map(cleanLine).join(", "),
      });
  }
  return 0;
}

/** What a program on the host says. Rejects with a CrunError that quotes it where it fails. */
async function run({ name, snapshots }: OpenTree, exec: ExecSpec): Promise<string> {
  const [outcome] = await snapshots.root.apply([{ kind: "exec", exec, okStatuses: "any" }]);
  const refusal = programRefusal("ostree", outcome);
  if (refusal) {
    const summary = `${name}: ${refusal.message}`;
    throw new CrunError({ severity: "error", summary, remedy: "Is ostree installed on the host?" }, 2);
  }
  return Buffer.from(outcome?.stdout ?? []).toString("utf8");
}
