// The commands of `crun tree` that look at trees and keep track of them.

import { wordAt, type TableCommand } from "../command-table.js";
import { listOf, outputOf, reachOptions, textOf, type RawOptions } from "../read-options.js";
import type { LookOptions } from "./open-trees.js";

const tree = ["<tree>", "HOST:TREE; HOST:TREE@3 is its snapshot 3"] as const;

export const lookingCommands: readonly TableCommand[] = [
  {
    name: "list",
    summary: "list trees: how they are stored, what they were made from, snapshots, whether they run",
    arguments: [["[pattern]", "HOST, HOST:TREE or a pattern; absent: all hosts of the inventory, or this one"]],
    run: async (words, raw) => {
      const { runTreeList } = await import("./list.js");
      return runTreeList(wordAt(words, 0) || undefined, lookOptions(raw));
    },
  },
  {
    name: "verify",
    summary: "see whether trees are whole, as their records say and as crun left them: exit status 2 where not",
    arguments: [["<tree>", "HOST:TREE, or a pattern of targets"]],
    run: async (words, raw) => {
      const { runTreeVerify } = await import("./verify.js");
      return runTreeVerify(wordAt(words, 0), lookOptions(raw));
    },
  },
  {
    name: "diff",
    summary: "show what differs between two trees, or since a run: exit status 2 where something does",
    arguments: [tree, ["[other]", "the other tree, maybe on another host; absent: the first as the last run left it"]],
    options: [
      ["-D, --diff", "show what changed in text files"],
      ["--times", "times of modification count"],
      ["--exclude <path>", "pass over this path and what is beneath it (/etc/*.bak; several)", "many"],
    ],
    run: async (words, raw) => {
      const { runTreeDiff } = await import("./diff.js");
      const options = {
        ...lookOptions(raw),
        isDiff: raw["diff"] === true,
        withTimes: raw["times"] === true,
        exclude: listOf(raw, "exclude"),
      };
      return runTreeDiff(wordAt(words, 0), wordAt(words, 1) || undefined, options);
    },
  },
  {
    name: "export",
    summary: "write a tree out: as a tar stream, or as a commit in an ostree repository of its host",
    arguments: [
      tree,
      ["<to>", "a file (.tar .tar.gz .tar.zst .tar.xz), - for standard output; with --ostree the branch"],
    ],
    options: [
      ["--compress <how>", "none, gzip, zstd or xz; default: what the file's name says"],
      ["--ostree <repository>", "commit into this ostree repository on the host; one that is not there is made"],
      ["-m, --message <text>", "of the commit"],
    ],
    run: async (words, raw) => {
      const { runTreeExport } = await import("./export.js");
      const options = {
        ...lookOptions(raw),
        compression: textOf(raw, "compress"),
        ostree: textOf(raw, "ostree"),
        message: textOf(raw, "message"),
      };
      return runTreeExport(wordAt(words, 0), wordAt(words, 1), options);
    },
  },
  {
    name: "snapshot",
    summary: "take a snapshot: a read-only subvolume on btrfs, elsewhere a manifest",
    arguments: [["<tree>", "HOST:TREE, or a pattern of targets"]],
    options: [["-m, --message <text>", "why it is taken"]],
    run: async (words, raw) => {
      const { runTreeSnapshot } = await import("./snapshots.js");
      return runTreeSnapshot(wordAt(words, 0), textOf(raw, "message"), lookOptions(raw));
    },
  },
  {
    name: "snapshots",
    summary: "list a tree's snapshots with the runs that made them",
    arguments: [["<tree>", "HOST:TREE"]],
    options: [
      ["--remove <numbers>", "remove these first, as 3,5-7"],
      ["--keep <runs>", "remove those of all runs but so many; what was taken by hand stays"],
    ],
    run: async (words, raw) => {
      const { runTreeSnapshots } = await import("./snapshots.js");
      const wish = { remove: textOf(raw, "remove"), keep: textOf(raw, "keep") };
      return runTreeSnapshots(wordAt(words, 0), { ...lookOptions(raw), ...wish });
    },
  },
];

function lookOptions(raw: RawOptions): LookOptions {
  return { ...reachOptions(raw), output: outputOf(raw) };
}
