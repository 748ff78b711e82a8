// Commands and options, by commander; each command's work is loaded when it is called. Long because no other file imports commander.

import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { CrunError, formatDiagnostic } from "../diagnostic/diagnostic.js";
import { diagnosticOfSystem } from "../diagnostic/unreadable.js";
import type { CommandTable, Words } from "./command-table.js";
import type { ExecOptions } from "./options.js";
import { machineCommands } from "./machine/commands.js";
import { runsCommands } from "./runs/commands.js";
import { treeCommands } from "./tree/commands.js";
import { vaultCommands } from "./vault/commands.js";
import { answerFor } from "./ansible-options.js";
import {
  inventoryAction,
  listOf,
  outputOf,
  playOptions,
  reachOptions,
  textOf,
  vaultFlags,
  type RawOptions,
} from "./read-options.js";
import { version } from "./version.js";

/** Runs the command line; gives the exit status. Errors are printed, never thrown. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  let status = 0;
  const program = buildProgram(argv[0], (next) => (status = next));
  try {
    await program.parseAsync([...argv], { from: "user" });
    return status;
  } catch (error) {
    return reportError(error, argv);
  }
}

function reportError(error: unknown, argv: readonly string[]): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 1;
  if (error instanceof CrunError) {
    process.stderr.write(`${error.diagnostics.map((one) => formatDiagnostic(one)).join("\n")}\n`);
    return error.exitStatus;
  }
  const message = error instanceof Error ? error.message : String(error);
  if (/^ENOENT: .*uv_cwd$/.test(message)) {
    process.stderr.write("error: the working directory does not exist any more\n  Change to one that does.\n");
    return 1;
  }
  const told = diagnosticOfSystem(error);
  if (told) process.stderr.write(`${formatDiagnostic(told)}\n`);
  else process.stderr.write(`error: ${message}\n  This is a bug in crun ${version}; with -vvv it shows where.\n`);
  if (argv.some((one) => /^-v{3,}$/.test(one)) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return 1;
}

/** Only the command that is named is declared; of all of them the help tells, and what is said of unknown ones. */
function buildProgram(word: string | undefined, finish: (status: number) => void): Command {
  const program = new Command("crun")
    .description("Configure container filesystem trees, here or on hosts over SSH.")
    .version(version, "-V, --version")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(withAnswer(text)) })
    .showHelpAfterError("(crun COMMAND --help shows what it takes)");
  const named = word === undefined ? undefined : declarations.get(word);
  for (const declare of named ? [named] : declarations.values()) declare(program, finish);
  return program;
}

/** Declares one command, or one group of them. */
type Declare = (program: Command, finish: (status: number) => void) => void;

const single = {
  play(program, finish) {
    playing(reaching(program.command("play")), "[playbook...]")
      .description("bring targets to the state that playbooks describe")
      .option("--resume [run]", "go on with a run that was broken off, or has failed: the last one, or the one named")
      .option(
        "--take-over",
        "with --resume: also where it was begun on another machine, and does not go on there any more",
      )
      .option("--despite-changes", "with --resume: also where files have changed since; all plays from their beginning")
      .addOption(runsOption())
      .addOption(
        new Option("--rehearse", "play on throwaway clones of the trees, and tell what that changes").conflicts(
          "check",
        ),
      )
      .option(
        "--atomic",
        "each play is a transaction, where it does not say otherwise: all of it in a tree, or nothing",
      )
      .action(async (playbooks: string[], _options: unknown, command: Command) => {
        const { runPlay, runResume } = await import("./play.js");
        const raw: RawOptions = command.opts();
        if (raw["resume"] === undefined) {
          const alone = ["takeOver", "despiteChanges"].find((name) => raw[name] === true);
          if (alone !== undefined)
            command.error(
              `error: ${alone === "takeOver" ? "--take-over" : "--despite-changes"} is for a run that goes on: crun play --resume [run]`,
            );
          if (playbooks.length === 0) command.error("error: missing required argument 'playbook'");
          finish(await runPlay(playOptions(playbooks, raw)));
          return;
        }
        const given = new Set(Object.keys(raw).filter((name) => command.getOptionValueSource(name) === "cli"));
        const wish = {
          id: textOf(raw, "resume"),
          despiteChanges: raw["despiteChanges"] === true,
          takesOver: raw["takeOver"] === true,
          given,
        };
        finish(await runResume(wish, playOptions(playbooks, raw)));
      });
  },
  plan(program, finish) {
    playing(reaching(program.command("plan")))
      .description("write down what a play would do, to be looked at and applied exactly so")
      .option("-o, --out <file>", "where the plan goes")
      .option("--encrypt", "encrypt the plan: for the keys of crun.yml or of --identity, or with the vault's password")
      .option("-r, --recipient <key>", "encrypt the plan for this age key (age1… or a file)", collectWhole, [])
      .action(async (playbooks: string[], _options: unknown, command: Command) => {
        const { runPlan } = await import("./plan-command.js");
        const options: RawOptions = command.opts();
        const saving = {
          file: textOf(options, "out"),
          isEncrypted: options["encrypt"] === true,
          recipients: listOf(options, "recipient"),
        };
        finish(await runPlan(playOptions(playbooks, options), saving));
      });
  },
  show(program, finish) {
    withVaultOptions(program.command("show"))
      .description("show what a saved plan would do")
      .argument("<file>", "the plan")
      .addOption(outputOption())
      .action(async (file: string, _options: unknown, command: Command) => {
        const { runShow } = await import("./show-command.js");
        finish(await runShow(file, vaultFlags(command.opts()), outputOf(command.opts())));
      });
  },
  apply(program, finish) {
    reaching(program.command("apply"))
      .description("do exactly what a saved plan says, where nothing moved since")
      .argument("<file>", "the plan")
      .option("-C, --check", "only see whether everything is as the plan found it")
      .option("-D, --diff", "show differences")
      .option("--partial", "also what is not planned to the end")
      .addOption(outputOption())
      .action(async (file: string, _options: unknown, command: Command) => {
        const { runApply } = await import("./apply-command.js");
        const options: RawOptions = command.opts();
        const flags = { isCheck: options["check"] === true, isDiff: options["diff"] === true };
        const request = { ...reachOptions(options), ...flags, isPartial: options["partial"] === true };
        finish(await runApply(file, { ...request, output: outputOf(options) }));
      });
  },
  exec(program, finish) {
    reaching(program.command("exec"))
      .description("run a command in a tree: crun exec HOST:TREE -- COMMAND…")
      .argument("<pattern>", "targets, or an address as local:/srv/trees/x or user@host:tree")
      .argument("<command...>", "after --: the command and its arguments")
      .option("--limits <name=value>", "what it may use at most, as memory_max=64M; may be repeated", collectWhole, [])
      .option("--allow <what>", "what it may have, as CAP_NET_RAW or /dev/fuse; may be repeated", collectWhole, [])
      .option("--tty", "give it a terminal even where this is none")
      .option("--no-tty", "give it no terminal")
      .action(async (pattern: string, words: string[], _options: unknown, command: Command) => {
        const { runExecCommand } = await import("./exec-command.js");
        const options = command.opts<{
          user?: string;
          becomeUser?: string;
          tty?: boolean;
          limits: string[];
          allow: string[];
        }>();
        const reach = { ...reachOptions(command.opts()), user: undefined };
        const asUser = options.user ?? options.becomeUser;
        const request: ExecOptions = {
          ...reach,
          pattern,
          command: words,
          asUser,
          tty: options.tty,
          limits: options.limits,
          allow: options.allow,
        };
        finish(await runExecCommand(request));
      });
  },
  facts(program, finish) {
    reaching(program.command("facts"))
      .description("show what is known of targets")
      .argument("<pattern>", "targets")
      .action(async (pattern: string, _options: unknown, command: Command) => {
        const { runFacts } = await import("./facts-command.js");
        finish(await runFacts(pattern, reachOptions(command.opts())));
      });
  },
  doctor(program, finish) {
    reaching(program.command("doctor"))
      .description(
        "show what isolation processes really get on targets, in each entry; 2 where it is less than promised",
      )
      .argument("<pattern...>", "targets, or addresses as local:/srv/trees/x")
      .addOption(outputOption())
      .action(async (patterns: string[], _options: unknown, command: Command) => {
        const { runDoctor } = await import("./doctor.js");
        const options: RawOptions = command.opts();
        finish(await runDoctor(patterns, { ...reachOptions(options), output: outputOf(options) }));
      });
  },
  inventory: addInventory,
  doc(program, finish) {
    program
      .command("doc")
      .description("show a module's parameters and examples; without a name, all modules")
      .argument("[module]", "its name, or `helpers`: what templates and conditions can call")
      .argument("[helper]", "behind `helpers`: one of them, with examples")
      .action(async (name: string | undefined, helper: string | undefined) => {
        const { runDoc } = await import("./doc.js");
        finish(await runDoc(name, helper));
      });
  },
  lint(program, finish) {
    program
      .command("lint")
      .description("find what is wrong with playbooks, and what is hardly meant so; connects to nothing")
      .argument("[path...]", "playbooks, task files, directories; default: this directory")
      .option("-i, --inventory <path>", "inventory that patterns and variables are judged by", collectWhole, [])
      .option("-e, --extra-vars <vars>", "variables: k=v, JSON, YAML or @FILE", collectWhole, [])
      .option("--without <rules>", "rules to leave out", collect, [])
      .addOption(vaultOptions.id)
      .addOption(vaultOptions.passwordFile)
      .addOption(vaultOptions.identity)
      .option("--strict", "warnings count as errors")
      .addOption(
        new Option("--output <form>", "how findings are shown").choices(["text", "json", "sarif"]).default("text"),
      )
      .action(async (paths: string[], _options: unknown, command: Command) => {
        const { runLint } = await import("./lint.js");
        const options = command.opts<{ without: string[]; strict?: boolean; output: "text" | "json" | "sarif" }>();
        const { without, strict = false, output } = options;
        finish(await runLint({ paths, reach: reachOptions(options), without, isStrict: strict, output }));
      });
  },
  schema(program, finish) {
    program
      .command("schema")
      .description("print the JSON Schema of a kind of file, for editors")
      .addArgument(new Argument("[kind]", "of what").choices(["playbook", "tasks", "inventory"]).default("playbook"))
      .action(async (kind: "playbook" | "tasks" | "inventory") => {
        const { runSchema } = await import("./schema.js");
        finish(await runSchema(kind));
      });
  },
} satisfies Record<string, Declare>;

/** By name, in the order of the help. */
const declarations = new Map<string, Declare>([
  ...Object.entries(single),
  ...[treeCommands, machineCommands, runsCommands].map((table): [string, Declare] => [
    table.name,
    (program, finish) => addTable(program, table, finish),
  ]),
  ["vault", addVault],
]);

/** An option of ansible-playbook that crun has not: what there is instead. */
function withAnswer(text: string): string {
  const option = /unknown option '([^']*)'/.exec(text)?.[1];
  const answer = option === undefined ? undefined : answerFor(option);
  return option === undefined || answer === undefined
    ? text
    : `error: ${JSON.stringify(option.replace(/=.*$/s, ""))} is an option of Ansible's that crun has not\n  ${answer}\n`;
}

function addTable(program: Command, table: CommandTable, finish: (status: number) => void): void {
  const group = program.command(table.name).description(table.summary);
  for (const { name, summary, options = [], isChanging = false, isReaching = true, ...row } of table.commands) {
    const command = group.command(name, { isDefault: row.isDefault === true }).description(summary);
    for (const [argument, about] of row.arguments) command.argument(argument, about);
    for (const [flags, about, arity] of options) {
      if (arity === "many") command.option(flags, about, collectWhole, []);
      else command.option(flags, about);
    }
    if (isChanging)
      command
        .option("-C, --check", "change nothing, predict what would change")
        .option("-D, --diff", "show differences");
    if (isReaching) reaching(command).addOption(outputOption());
    // commander hands over the arguments, then options and the command itself.
    command.action(async (...given: unknown[]) => {
      const words = given.slice(0, row.arguments.length) as Words;
      finish(await row.run(words, command.opts()));
    });
  }
}

function addVault(program: Command, finish: (status: number) => void): void {
  const vault = program.command("vault").description("encrypt files and values, and work with those that are");
  for (const { name, alias, summary, argument, about, options } of vaultCommands) {
    const command = vault.command(name).description(summary).argument(argument, about);
    if (alias !== undefined) command.alias(alias);
    for (const [flags, text, arity] of options) {
      if (arity === "many") command.option(flags, text, collectWhole, []);
      else command.option(flags, text);
    }
    withVaultOptions(command).action(async (words: string | readonly string[] | undefined) => {
      const { runVault } = await import("./vault/run.js");
      const raw = command.opts();
      const request = {
        action: name,
        words: words === undefined ? [] : typeof words === "string" ? [words] : words,
        keys: vaultFlags(raw),
        output: textOf(raw, "output"),
        recipients: listOf(raw, "recipient"),
        format: textOf(raw, "format"),
        encryptLabel: textOf(raw, "encryptVaultId"),
        newId: textOf(raw, "newVaultId"),
        newPasswordFile: textOf(raw, "newVaultPasswordFile"),
        names: listOf(raw, "name"),
        stdinName: textOf(raw, "stdinName"),
        asksText: raw["prompt"] === true,
        printsRecipients: raw["recipients"] === true,
        hasPassphrase: raw["passphrase"] === true,
      };
      finish(await runVault(request));
    });
  }
}

function withVaultOptions(command: Command): Command {
  for (const option of Object.values(vaultOptions)) command.addOption(option);
  return command;
}

function addInventory(program: Command, finish: (status: number) => void): void {
  const command = program
    .command("inventory")
    .description("show what the inventory says, and where a variable's value comes from")
    .argument("[pattern]", "--list, --explain: these targets; --graph: the group to begin at")
    .option(
      "-i, --inventory <path>",
      "inventory file, directory, program or NAME, (several: in order)",
      collectWhole,
      [],
    )
    .option("--list", "everything, as JSON")
    .option("--graph", "groups and their targets as a tree")
    .option("--host <name>", "one target's variables, as JSON")
    .option("--explain <variable>", "the line that gives a variable its value for a target, and those that it beats")
    .option("--playbook <file>", "with --explain: the variables of this playbook's plays and roles count, too")
    .option("--vars", "with --graph: variables too")
    .option("-y, --yaml", "with --list and --host: as YAML")
    .option("-l, --limit <pattern>", "keep to these targets; @FILE: one pattern a line", collectPatterns, undefined)
    .option("-e, --extra-vars <vars>", "variables: k=v, JSON, YAML or @FILE", collectWhole, [])
    .action(async (pattern: string | undefined, raw: RawOptions) => {
      const { runInventory } = await import("./inventory-command.js");
      const playbook = textOf(raw, "playbook");
      const flags = { pattern, playbook, hasVars: raw["vars"] === true, isYaml: raw["yaml"] === true };
      finish(await runInventory({ reach: reachOptions(raw), action: inventoryAction(raw), ...flags }));
    });
  for (const option of Object.values(vaultOptions)) command.addOption(option);
}

/** Where passwords and keys of encrypted files and values come from. */
const vaultOptions = {
  id: new Option("--vault-id <label@source>", "a vault password by its id: FILE, PROGRAM or prompt (several)")
    .argParser(collectWhole)
    .default([], "none"),
  passwordFile: new Option("--vault-password-file <file>", "the vault password: a file, or a program that prints it")
    .argParser(collectWhole)
    .default([], "none"),
  passFile: new Option("--vault-pass-file <file>").argParser(collectWhole).default([]).hideHelp(),
  ask: new Option("-J, --ask-vault-pass", "ask for the vault password"),
  identity: new Option("--identity <file>", "age keys that open what is encrypted for them (several)")
    .argParser(collectWhole)
    .default([], "none"),
};

/** Options of commands that reach hosts. `-u` is the login's name for play, the tree's user for exec. */
function reaching(command: Command): Command {
  return withVaultOptions(command)
    .option("-i, --inventory <path>", "inventory file, directory or NAME, (several: in order)", collectWhole, [])
    .option("-l, --limit <pattern>", "keep to these targets; @FILE: one pattern a line", collectPatterns, undefined)
    .option("-e, --extra-vars <vars>", "variables: k=v, JSON, YAML or @FILE", collectWhole, [])
    .option("-f, --forks <number>", "hosts at work at once", positiveNumber)
    .option("-v, --verbose", "say more (-vv: more still)", (_value: string, before: number) => before + 1, 0)
    .option("-u, --user <name>", "play: log in as; exec: run as this user of the tree")
    .option("-b, --become", "become root on the host")
    .addOption(
      new Option("--become-method <method>", "how crun becomes root on hosts").choices(["sudo", "su", "doas", "none"]),
    )
    .option("--become-user <name>", "play: the user of tasks that do not name one; exec: as -u")
    .option("-K, --ask-become-pass", "ask for the password of sudo, su or doas")
    .option("-k, --ask-pass", "ask for the login's password")
    .option("--accept-new-host-keys", "take unknown host keys and remember them")
    .option("--connect-timeout <seconds>", "time for each connection", wholeNumber, 10)
    .option("--connect-retries <number>", "tries after the first", wholeNumber, 0)
    .option(
      "--lock-timeout <seconds>",
      "how long to wait for trees that another run works on; 0: not at all",
      wholeNumber,
    )
    .option("--entry <kind>", "how processes enter trees: auto, chroot, unshare, nspawn, machine");
}

/** What is played, and how. */
function playing(command: Command, playbooks = "<playbook...>"): Command {
  return command
    .argument(playbooks, "playbook files")
    .option("-t, --tags <tags>", "only tasks with these tags", collect, [])
    .option("--skip-tags <tags>", "no tasks with these tags", collect, [])
    .option("-C, --check", "change nothing, predict what would change")
    .option("-D, --diff", "show differences")
    .option("--start-at-task <name>", "begin at this task")
    .option("--step", "ask before each task")
    .option("--track <what>", "keep what trees were before and after: snapshot, etckeeper (several)", collect, [])
    .option("--force-handlers", "handlers of failed targets run, too, where a play does not say otherwise")
    .addOption(new Option("--flush-cache", "nothing to do: facts are not kept between runs").hideHelp())
    .option("--list-tasks", "list the tasks and end")
    .option("--list-hosts", "list the targets and end")
    .option("--list-tags", "list the tags and end")
    .option("--syntax-check", "check the playbooks and end")
    .addOption(outputOption());
}

function runsOption(): Option {
  return new Option("--runs <directory>", "where runs are written down; none: nowhere");
}

function outputOption(): Option {
  return new Option("--output <form>", "how results are shown").choices(["auto", "plain", "json"]).default("auto");
}

function collect(value: string, before: string[]): string[] {
  return [...before, ...value.split(",").filter(Boolean)];
}

/** Several limits are one with commas. */
function collectPatterns(value: string, before: string | undefined): string {
  return before === undefined ? value : `${before},${value}`;
}

function collectWhole(value: string, before: string[]): string[] {
  return [...before, value];
}

function wholeNumber(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError("It must be a whole number.");
  return number;
}

function positiveNumber(value: string): number {
  const number = wholeNumber(value);
  if (number === 0) throw new InvalidArgumentError("It must be at least 1.");
  return number;
}
