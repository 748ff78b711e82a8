// The commands of `crun machine`.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { wordAt, wordsAt, type CommandTable, type TableCommand } from "../command-table.js";
import { outputOf, reachOptions, textOf, type RawOptions } from "../read-options.js";
import { oneTaskOptions } from "../tree/commands.js";
import type { LookOptions } from "../tree/open-trees.js";

const machines = ["<machine>", "HOST:TREE, or a pattern of targets"] as const;
const force = ["--force", "kill its processes, instead of asking its init to end them"] as const;
const waiting = [
  ["--no-wait", "do not wait until it is up"],
  ["--wait-timeout <seconds>", "how long it is waited for, default 300"],
] as const;

/** A command that is one task of the module `machine`. */
function change(
  name: string,
  summary: string,
  args: Readonly<Record<string, unknown>>,
  options: TableCommand["options"] = [],
): TableCommand {
  return {
    name,
    summary,
    arguments: [machines],
    options,
    isChanging: true,
    run: async (words, raw) => {
      const { runOneTask } = await import("../one-task.js");
      const timeout = textOf(raw, "waitTimeout");
      const given = {
        ...args,
        ...(raw["force"] === true ? { force: true } : {}),
        ...(raw["wait"] === false ? { wait: false } : {}),
        ...(timeout === undefined ? {} : { wait_timeout: timeout }),
      };
      const task = { command: `crun machine ${name}`, pattern: wordAt(words, 0), module: "machine", args: given };
      return runOneTask(task, oneTaskOptions(raw));
    },
  };
}

export const machineCommands: CommandTable = {
  name: "machine",
  summary: "start machines that run from trees, look at them, stop them",
  commands: [
    {
      name: "list",
      summary: "list machines: state, leader, addresses, system, limits and what they use of them",
      arguments: [["[pattern]", "HOST, HOST:TREE or a pattern; absent: all hosts of the inventory, or this one"]],
      run: async (words, raw) => {
        const { runMachineList } = await import("./list.js");
        return runMachineList(wordAt(words, 0) || undefined, lookOptions(raw));
      },
    },
    {
      name: "status",
      summary: "show what is known of machines: exit status 2 where one does not run",
      arguments: [machines],
      run: async (words, raw) => {
        const { runMachineStatus } = await import("./list.js");
        return runMachineStatus(wordAt(words, 0), lookOptions(raw));
      },
    },
    {
      name: "images",
      summary: "list what machinectl can start machines from: trees, subvolumes, raw files",
      arguments: [["[pattern]", "hosts; absent: all of the inventory, or this one"]],
      run: async (words, raw) => {
        const { runMachineImages } = await import("./images.js");
        return runMachineImages(wordAt(words, 0) || undefined, lookOptions(raw));
      },
    },
    change("start", "start machines, and wait until they are up", { state: "started" }, waiting),
    change("stop", "stop machines", { state: "stopped" }, [force]),
    change("reboot", "stop machines and start them again", { state: "restarted" }, [force, ...waiting]),
    change("enable", "have machines start with their host", { enabled: true }),
    change("disable", "have machines not start with their host", { enabled: false }),
    change("remove", "stop machines, and remove their settings and limits; their trees stay", { state: "absent" }, [
      force,
    ]),
    {
      name: "log",
      summary: "show what the host's journal has of a machine",
      arguments: [["<machine>", "HOST:TREE"]],
      options: [
        ["-F, --follow", "go on with what comes"],
        ["-n, --lines <number>", "how many lines, default 50"],
        ["--inside", "the journal that the machine keeps itself"],
      ],
      run: async (words, raw) => {
        const { runMachineLog } = await import("./enter.js");
        const lines = Number(textOf(raw, "lines") ?? "50");
        if (!Number.isSafeInteger(lines) || lines < 0)
          throw new CrunError({ severity: "error", summary: "--lines: it must be a whole number" });
        const more = { isFollowing: raw["follow"] === true, lines, isInside: raw["inside"] === true };
        return runMachineLog(wordAt(words, 0), { ...reachOptions(raw), ...more });
      },
    },
    {
      name: "shell",
      summary: "a login in a running machine, or a command in it: crun machine shell HOST:TREE [-u USER] [-- CMD…]",
      arguments: [
        ["<machine>", "HOST:TREE"],
        ["[command...]", "absent: the user's shell"],
      ],
      run: async (words, raw) => {
        const { runMachineShell } = await import("./enter.js");
        const asUser = textOf(raw, "user") ?? textOf(raw, "becomeUser");
        const options = { ...reachOptions(raw), user: undefined, asUser };
        return runMachineShell(wordAt(words, 0), wordsAt(words, 1), options);
      },
    },
  ],
};

function lookOptions(raw: RawOptions): LookOptions {
  return { ...reachOptions(raw), output: outputOf(raw) };
}
