// The commands of `crun tree`.

import { wordAt, wordsAt, type CommandTable, type TableCommand } from "../command-table.js";
import type { OneTaskOptions } from "../one-task.js";
import { outputOf, reachOptions, textOf, type RawOptions } from "../read-options.js";
import { lookingCommands } from "./looking.js";

const making: TableCommand["options"] = [
  ["--backend <name>", "how it is stored: auto, directory, btrfs, overlay, zfs"],
  ["--recreate", "make it anew where its recipe has changed"],
];

export const treeCommands: CommandTable = {
  name: "tree",
  summary: "make trees, look at them, remove them",
  commands: [
    {
      name: "create",
      summary: "make a tree: crun tree create HOST:TREE SOURCE [KEY=VALUE…]",
      arguments: [
        ["<tree>", "HOST:TREE, or a pattern of targets"],
        ["<source>", "what it is made from (crun doc tree lists them)"],
        ["[params...]", "the source's parameters, or its main one alone"],
      ],
      options: [...making, ["--adopt", "take a directory that is there already for what the recipe makes"]],
      isChanging: true,
      run: async (words, raw) => {
        const { runTreeCreate } = await import("./make.js");
        return runTreeCreate(wordAt(words, 0), wordAt(words, 1), wordsAt(words, 2), makeOptions(raw));
      },
    },
    {
      name: "clone",
      summary: "make copies of a tree on its host: crun tree clone HOST:TREE NEW…",
      arguments: [
        ["<tree>", "the base, HOST:TREE"],
        ["<names...>", "the new trees, beside the base; or absolute paths"],
      ],
      options: making,
      isChanging: true,
      run: async (words, raw) => {
        const { runTreeClone } = await import("./make.js");
        return runTreeClone(wordAt(words, 0), wordsAt(words, 1), makeOptions(raw));
      },
    },
    {
      name: "rm",
      summary: "remove trees with all beneath",
      arguments: [["<tree>", "HOST:TREE, or a pattern of targets"]],
      isChanging: true,
      run: async (words, raw) => {
        const { runTreeRemove } = await import("./make.js");
        return runTreeRemove(wordAt(words, 0), oneTaskOptions(raw));
      },
    },
    {
      name: "rollback",
      summary: "go back to the tree before the last transaction; once more: back again",
      arguments: [["<tree>", "HOST:TREE, or a pattern of targets"]],
      options: [
        ["--to <number>", "to this one of those that are kept"],
        ["--list", "only list those that are kept"],
        ["--restart", "a machine that runs from the tree is stopped, and started again from the old one"],
      ],
      run: async (words, raw) => {
        const { runTreeRollback } = await import("./rollback.js");
        const how = { to: textOf(raw, "to"), lists: raw["list"] === true, restarts: raw["restart"] === true };
        return runTreeRollback(wordAt(words, 0), { ...reachOptions(raw), output: outputOf(raw), ...how });
      },
    },
    ...lookingCommands,
  ],
};

function makeOptions(raw: RawOptions): OneTaskOptions & {
  readonly backend: string | undefined;
  readonly recreate: boolean;
  readonly adopt: boolean;
} {
  return {
    ...oneTaskOptions(raw),
    backend: textOf(raw, "backend"),
    recreate: raw["recreate"] === true,
    adopt: raw["adopt"] === true,
  };
}

/** What commands that are one task take. */
export function oneTaskOptions(raw: RawOptions): OneTaskOptions {
  return {
    ...reachOptions(raw),
    isCheck: raw["check"] === true,
    isDiff: raw["diff"] === true,
    output: outputOf(raw),
  };
}
