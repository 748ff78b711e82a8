// The commands of `crun runs`.

import { wordAt, wordsAt, type CommandTable, type TableCommand } from "../command-table.js";

const where: NonNullable<TableCommand["options"]> = [
  ["--runs <directory>", "where runs are written down"],
  ["--output <form>", "auto, plain or json"],
];

export const runsCommands: CommandTable = {
  name: "runs",
  summary: "what runs of crun play did, and which can go on",
  commands: [
    {
      name: "list",
      summary: "list the runs, the newest first",
      arguments: [],
      options: where,
      isReaching: false,
      isDefault: true,
      run: async (_words, raw) => {
        const { runRunsList } = await import("./show.js");
        return runRunsList(raw);
      },
    },
    {
      name: "show",
      summary: "tell of one run, target by target: what is done, what was being done, what waits",
      arguments: [["<run>", "its id"]],
      options: where,
      isReaching: false,
      run: async (words, raw) => {
        const { runRunsShow } = await import("./show.js");
        return runRunsShow(wordAt(words, 0), raw);
      },
    },
    {
      name: "rm",
      summary: "forget runs",
      arguments: [["<runs...>", "their ids"]],
      options: where,
      isReaching: false,
      run: async (words, raw) => {
        const { runRunsRemove } = await import("./show.js");
        return runRunsRemove(wordsAt(words, 0), raw);
      },
    },
    {
      name: "prune",
      summary: "forget all runs but the newest",
      arguments: [],
      options: [["--keep <number>", "how many are kept; default: as crun.yml says, or 50"], ...where],
      isReaching: false,
      run: async (_words, raw) => {
        const { runRunsPrune } = await import("./show.js");
        return runRunsPrune(raw);
      },
    },
  ],
};
