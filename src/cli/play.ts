// `crun play`: loads and checks everything, then runs it and reports.

import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { modules } from "../../modules/index.js";
import { ConnectionPool } from "../target/connect.js";
import { CrunError, formatDiagnostic, type Diagnostic } from "../diagnostic/diagnostic.js";
import type { EventSink } from "../engine/events.js";
import { crunFacts } from "../engine/look/crun-facts.js";
import { isSelected } from "../engine/selection.js";
import type { Recorder } from "../engine/recorder.js";
import { Run } from "../engine/run.js";
import { includedVars } from "../playbook/load/included-vars.js";
import type { Masker } from "../engine/task/masker.js";
import { PlaybookFiles, realFiles, type FileReader } from "../playbook/load/files.js";
import { isOfRule } from "../inventory/rules.js";
import { placesOf } from "../inventory/places.js";
import { loadPlaybook, type LoadedPlaybook } from "../playbook/load/load.js";
import { loadVarsFile } from "../playbook/load/vars-files.js";
import { StartGate } from "../playbook/start-at.js";
import { preflight } from "../playbook/preflight/preflight.js";
import { createScope } from "../playbook/scope/scope.js";
import { fileTemplate } from "../playbook/template/template.js";
import type { Play } from "../playbook/play.js";
import type { MayCome } from "../inventory/inventory.js";
import type { LiveInventory } from "../inventory/live.js";
import type { Prompt } from "../target/session.js";
import { interruptible } from "./interruption.js";
import type { PlayOptions } from "./options.js";
import { Book } from "./runs/book.js";
import { changedSince, FilesRead } from "./runs/files.js";
import { keepingOf } from "./runs/keeping.js";
import { resumption, type Resumption, type ResumeWish } from "./runs/resume.js";
import { askVars, takeDefaults } from "./ask-vars.js";
import { findFleet, wantedRules } from "./fleet.js";
import { limitOf, LiveLimit } from "./limit.js";
import { listing } from "./listing.js";
import { inventoryLayers, patternsOf } from "./played-layers.js";
import { withMasker } from "./masked-errors.js";
import { terminalPrompt } from "./prompt.js";
import { reportFor } from "./reporting.js";
import { selectionOf, stepMode } from "./selecting.js";
import { misspelledConnectionVariables, unheardConnectionVariables } from "../target/misspelled.js";
import { setUp, showWarning, type Setup } from "./setup.js";
import { holdingOf } from "./holding.js";
import { userAtHost } from "./user-at-host.js";
import { version } from "./version.js";

/** What `crun plan` adds to a play. */
export interface Planning {
  readonly recorder: Recorder;
  around(sink: EventSink): EventSink;
  /** Before anything is connected to. Rejects with a CrunError. */
  prepare(setup: Setup): Promise<void>;
}

/** Gives the exit status. Throws a CrunError for what is wrong before the first connection. */
export async function runPlay(options: PlayOptions): Promise<number> {
  return withMasker((masker) => play(options, masker));
}

/** Goes on with a run that was broken off. Gives the exit status. Throws a CrunError for what is wrong before the first connection. */
export async function runResume(wish: ResumeWish, options: PlayOptions): Promise<number> {
  const resumed = resumption(wish, options);
  return withMasker((masker) => play(resumed.options, masker, undefined, undefined, resumed));
}

/** A playbook that is no file: what it reads, and what it needs of the inventory. */
export interface PlaySource {
  readonly reader: FileReader;
  prepare(inventory: LiveInventory): void;
}

/** `planning`: the run is in check mode and is written down. */
export async function play(
  options: PlayOptions,
  masker: Masker,
  planning?: Planning,
  source?: PlaySource,
  resumed?: Resumption,
): Promise<number> {
  const setup = await setUp(options, masker, options.playbooks[0]);
  source?.prepare(setup.inventory);
  warnOfOtherVariables(options.playbooks);
  const prompt = terminalPrompt(masker);
  const pool = new ConnectionPool(prompt);
  try {
    if (options.action === "play") beginHere(setup, pool);
    return await checkAndRun({ options, setup, masker, pool, prompt, planning, reader: source?.reader, resumed });
  } finally {
    await pool.close();
  }
}

/** group_vars and host_vars are those beside the first playbook; what lies beside another one is said not to count. */
function warnOfOtherVariables([first = "", ...others]: readonly string[]): void {
  for (const directory of new Set(others.map((file) => dirname(resolve(file))))) {
    const folder = ["group_vars", "host_vars"].map((name) => join(directory, name)).find((path) => existsSync(path));
    if (folder === undefined || directory === dirname(resolve(first))) continue;
    showWarning({
      severity: "warning",
      summary: `${folder} is not read: variables lie beside the inventory or beside the first playbook`,
      remedy: "Play the other playbook by itself, or put its variables beside the inventory.",
    });
  }
}

/**
 * This machine's helper starts while the playbook is read: it is no connection, asks nothing and touches no tree before it is asked to. Only where
 * nothing is in doubt: root, and no word of becoming somebody.
 */
function beginHere(setup: Setup, pool: ConnectionPool): void {
  if (process.getuid?.() !== 0) return;
  const hosts = new Set([...setup.inventory.targets.values()].map(({ host }) => host));
  for (const host of hosts) {
    if (host !== "local" && host !== "localhost") continue;
    try {
      const address = setup.addressOf(host);
      if (address.kind === "local" && address.become === undefined) pool.get(address).catch(() => undefined);
    } catch (error) {
      // What is wrong with the address is told in its place, before the run.
      if (!(error instanceof CrunError)) throw error;
    }
  }
}

interface Parts {
  readonly options: PlayOptions;
  readonly setup: Setup;
  readonly masker: Masker;
  readonly pool: ConnectionPool;
  readonly prompt: Prompt;
  readonly planning: Planning | undefined;
  readonly reader: FileReader | undefined;
  /** The run that goes on. */
  readonly resumed: Resumption | undefined;
}

/** Undefined: the run is not written down. Throws a CrunError where a run must not go on. */
function bookOf({ options, setup, masker, planning, reader, resumed }: Parts, files: FilesRead): Book | undefined {
  const isWritten =
    options.action === "play" && !options.isCheck && options.isRehearsal !== true && !planning && !reader;
  if (!isWritten) return undefined;
  files.noteInventory(setup.sources, options.playbooks[0] ?? "");
  if (!resumed) {
    const keeping = keepingOf(options.runs, setup.config);
    return keeping && Book.begin(options, keeping, masker, files);
  }
  const changed = changedSince(resumed.run.history.files, files.digests);
  if (changed.length > 0 && !resumed.despiteChanges)
    throw new CrunError({
      severity: "error",
      summary: `the run ${resumed.run.id} cannot go on: what it was made of is not as it was`,
      detail: changed.join("\n"),
      remedy:
        "--despite-changes goes on all the same, with all plays from their beginning (what is as described is not changed again, commands run again) and the handlers that wait.",
    });
  const { run, keeping, takesOver } = resumed;
  return Book.resume(run, keeping, masker, files, { isAnew: changed.length > 0, takesOver });
}

async function checkAndRun(parts: Parts): Promise<number> {
  const { options, setup, masker, pool, prompt, planning, reader } = parts;
  const filesRead = new FilesRead();
  const { vault, extra } = setup;
  await planning?.prepare(setup);
  const loaded: LoadedPlaybook[] = [];
  const rolesPath = setup.config.rolesPath ?? [];
  const loading = { modules, extra, vault, rolesPath, reader: filesRead.around(reader ?? realFiles) };
  for (const file of options.playbooks) loaded.push(await loadPlaybook(file, loading));
  const wish = { patterns: patternsOf(loaded, setup.extra), limit: options.limit, delegates: new Set<string>() };
  const { rules } = wantedRules(setup, wish);
  const limit = limitOf(options.limit, setup.inventory, rules.length > 0);
  const layers = inventoryLayers(loaded, setup, limit);
  for (const warning of misspelledConnectionVariables(layers.all)) showWarning(warning);
  const ownLayers = loaded.flatMap(({ playbook }) => playbook.plays.map((play) => play.vars));
  for (const warning of unheardConnectionVariables(ownLayers)) showWarning(masker.diagnostic(warning));
  const selection = selectionOf(options, setup.config);
  const isPlayed = (task: { readonly tags: ReadonlySet<string> }): boolean => isSelected(task.tags, selection);
  const checkPattern = (pattern: string, mayCome: MayCome): void => {
    setup.inventory.match(pattern, mayCome);
    // Later plays know all that the ones before them can make.
    setup.inventory.mayCome = mayCome;
  };
  const { tags, skipTags, startAtTask } = options;
  const steps = options.isStepped ? stepMode(prompt) : undefined;
  const places = (): ReadonlySet<string> => placesOf(setup.inventory);
  tell(
    await preflight(loaded, {
      layers: layers.all,
      // Lists and checks of the syntax need no password for what they do not look at.
      ...(options.action === "play" ? { playedLayers: layers.played, isPlayed } : {}),
      checkPattern,
      places,
      mayBePlace: (name) => {
        // Where tasks are delegated to is looked for as well.
        const mayBe = setup.inventory.base.rules.some((rule) => isOfRule(rule, name));
        if (mayBe) wish.delegates.add(name);
        return mayBe;
      },
      tags,
      skipTags,
      startAtTask,
    }),
    masker,
  );
  const playbooks = loaded.map(({ playbook }) => playbook);
  const plays = playbooks.flatMap((one) => one.plays);
  if (planning) refuseTransactions(plays);
  if (options.action !== "play") takeDefaults(plays);
  if (options.action === "syntax-check") {
    process.stdout.write(playbooks.map(({ file }) => `\nplaybook: ${file}\n`).join(""));
    return 0;
  }
  const lost = new Map(needsTrees(options) ? await findFleet(setup, pool, wish) : []);
  if (options.action === "list") {
    for (const error of lost.values())
      tell(
        error.diagnostics.map((one) => ({ ...one, severity: "warning" })),
        masker,
      );
    const kept = limitOf(options.limit, setup.inventory, lost.size > 0);
    process.stdout.write(listing(playbooks, options, selection, setup, kept));
    return 0;
  }
  limitOf(options.limit, setup.inventory, lost.size > 0);
  // A tree that a rule promised is looked for now, before anything is done.
  for (const pattern of wish.patterns) setup.inventory.match(pattern);
  await askVars(plays, { extra, prompt, isInteractive: process.stdin.isTTY, masker });
  const startAt = startAtTask === undefined ? undefined : new StartGate(startAtTask);
  const files = new PlaybookFiles(undefined, undefined, vault);
  const report = await reportFor(options);
  const book = bookOf(parts, filesRead);
  const findTrees = async (): Promise<void> => {
    for (const [name, error] of await findFleet(setup, pool, wish)) lost.set(name, error);
  };
  const run = new Run({
    inventory: setup.inventory,
    limit: options.limit === undefined ? undefined : new LiveLimit(options.limit, setup.inventory),
    lost,
    openHost: (host, play) => pool.get(setup.addressOf(host, play)),
    locate: setup.locate,
    makeScope: (layers) => createScope(layers, setup.secrets),
    compileText: fileTemplate,
    loadVarsFile: (path, play) => loadVarsFile(play.directory, path, files),
    readVars: (paths, under) => includedVars(paths, under, files),
    ask: process.stdin.isTTY ? prompt : undefined,
    dropHost: (host, session, play) => pool.drop(setup.addressOf(host, play), session),
    leaveHost: (host, session, play) => pool.leave(setup.addressOf(host, play), session),
    becomeUser: options.becomeUser,
    refreshInventory: async () => {
      await setup.refresh();
      await findTrees();
    },
    findTrees,
    openSource: (content, path) => {
      filesRead.note(path, content);
      return vault.openFile(content, path);
    },
    masker,
    facts: crunFacts,
    extraVars: [setup.extra],
    magic: {
      ansible_inventory_sources: () => setup.sources,
      ...(options.limit === undefined ? {} : { ansible_limit: () => options.limit }),
    },
    sink: planning ? planning.around(report) : report,
    recorder: planning?.recorder,
    tracking: {
      words: new Set(options.track),
      by: userAtHost(),
      playbook: options.playbooks.join(" "),
    },
    holding: holdingOf(setup, options, commandOf(options, reader !== undefined)),
    isCheck: options.isCheck,
    isDiff: options.isDiff,
    isRehearsal: options.isRehearsal === true,
    isAtomic: options.isAtomic === true,
    becomesByDefault: options.become,
    verbosity: options.verbosity,
    tags: selection,
    startAt,
    steps,
    forcesHandlers: options.forcesHandlers,
    forks: setup.forks,
    version,
    ...(book ? { journal: book.journal, history: book.history, runId: book.runId } : {}),
  });
  let isOver = false;
  let exitStatus: number;
  try {
    const how = book && `crun play --resume ${book.runId}`;
    ({ exitStatus } = await interruptible(run, pool, () => run.plays(playbooks), how));
    isOver = true;
  } finally {
    // The ends of the journal and of the helpers do not wait for each other.
    const closing = pool.close();
    try {
      await book?.close(!isOver);
    } finally {
      await closing;
    }
  }
  if (exitStatus === 130 && book) process.stderr.write(book.whatWaits());
  if (!startAt || startAt.isOpen || exitStatus !== 0) return exitStatus;
  throw new CrunError({
    severity: "error",
    summary: `--start-at-task: no task was called ${JSON.stringify(startAtTask)}`,
  });
}

/** As others are told who have to wait. */
function commandOf({ playbooks }: PlayOptions, isNoFile: boolean): string {
  return isNoFile ? (playbooks[0] ?? "").replace(/ \(command line\)$/, "") : `crun play ${playbooks.join(" ")}`;
}

/** A saved plan is applied where it was made: in the trees themselves. */
function refuseTransactions(plays: readonly Play[]): void {
  const one = plays.find(({ transaction }) => transaction);
  if (!one) return;
  throw new CrunError({
    severity: "error",
    summary: `the play ${JSON.stringify(one.name)} is a transaction, which a saved plan cannot be`,
    place: one.place,
    remedy: "Play it: crun play --rehearse shows beforehand what it changes.",
  });
}

/** Listings of tasks and tags need no connection. */
function needsTrees({ action, lists }: PlayOptions): boolean {
  return action !== "list" || lists.has("hosts");
}

/** Warnings are printed; with an error among the findings nothing runs. */
function tell(findings: readonly Diagnostic[], masker: Masker): void {
  if (findings.some(({ severity }) => severity === "error")) throw new CrunError(findings);
  for (const one of findings) process.stderr.write(`${formatDiagnostic(masker.diagnostic(one))}\n`);
}
