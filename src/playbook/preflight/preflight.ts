// Checks a loaded playbook before the first connection: everything that is surely wrong, all of it at once.

import { withoutSource, type Diagnostic } from "../../diagnostic/diagnostic.js";
import { suggest } from "../../diagnostic/near.js";
import type { ParamSpec } from "../../module/param.js";
import type { VarLayer } from "../../module/value.js";
import { sourceCandidates } from "../load/find-source.js";
import { Findings } from "../load/findings.js";
import type { PlaybookFiles } from "../load/files.js";
import { handlebarsOfTag } from "../jinja/jinja-to-handlebars.js";
import { wordsOf } from "../load/free-form.js";
import { NO_SCOPE } from "../scope/no-scope.js";
import type { LoadedPlaybook } from "../load/load.js";
import type { Handler, Play, Task } from "../play.js";
import { namesToStartAt, StartGate } from "../start-at.js";
import { fileTemplate, type Template } from "../template/template.js";
import type { PartialPlaces } from "../template/template-partials.js";
import { wrongAllowances } from "./allow.js";
import { includedLayers } from "./included-files.js";
import { checkHosts, type CheckPattern } from "./hosts.js";
import { encryptedInUse, lockedValues } from "./encrypted.js";
import { unknownDelegates } from "./delegates.js";
import { LOCKED } from "../../vault/vault.js";
import { sourcesOf, type Sources, undefinedInNames, undefinedInReach, undefinedVariables } from "./undefined.js";
import { booleanOf, varsOfFile } from "../load/vars.js";
import { staticNames, varsFileCandidates } from "../load/vars-files.js";
import { brokenArguments } from "./role-arguments.js";
import { SourceFile } from "../yaml/source.js";
import { staticText, walk, type Walked } from "./walk.js";

export interface PreflightQuestions {
  /** Variables of the inventory (of all targets) and of the command line. Undefined: not known, so any name may be defined. */
  readonly layers: Iterable<VarLayer> | undefined;
  readonly checkPattern?: CheckPattern;
  /** Of those, the ones of targets that are played. Absent: nothing is played, so nothing that is encrypted need be opened. */
  readonly playedLayers?: Iterable<VarLayer>;
  /** Whether the tags take a task; absent: they take all that is played. */
  readonly isPlayed?: (task: Pick<Task, "tags">) => boolean;
  /** Names that delegate_to may take; undefined: they are not checked. */
  readonly places?: () => ReadonlySet<string>;
  /** Whether such a name is that of a tree which is yet to be looked for. */
  readonly mayBePlace?: (name: string) => boolean;
  readonly tags?: readonly string[];
  readonly skipTags?: readonly string[];
  readonly startAtTask?: string | undefined;
}

/** Errors and warnings of playbooks that run one after the other, those of loading too. With an error among them none must run. */
export async function preflight(
  loaded: readonly LoadedPlaybook[],
  asked: PreflightQuestions,
): Promise<readonly Diagnostic[]> {
  const [first] = loaded;
  if (!first) return [];
  const { files } = first;
  const playbook = { file: first.playbook.file, plays: loaded.flatMap((one) => one.playbook.plays) };
  const found = new Findings();
  for (const one of loaded) found.add(...one.findings);
  const walked = await walk(playbook);
  found.add(...walked.findings);
  const varsOfTasks = walked.tasks.flatMap(({ task }) => task.vars);
  found.add(
    ...wrongAllowances([...(asked.layers ?? []), ...playbook.plays.flatMap(({ vars }) => vars), ...varsOfTasks]),
  );
  const templates = new Map<Task, readonly Template[]>();
  const isPlayed = asked.isPlayed ?? ((): boolean => asked.playedLayers !== undefined);
  for (const { task } of walked.tasks) templates.set(task, checkSources(task, files, found, isPlayed(task)));
  const fileLayers = new Map(playbook.plays.map((play) => [play, layersOfFiles(play, files, found)]));
  const taskLayers = new Map(walked.tasks.map(({ task }) => [task, includedLayers(task, files, found)]));
  const sourcesWith = (outside: Iterable<VarLayer>): Sources =>
    sourcesOf(
      playbook.plays,
      walked,
      outside,
      (play) => (fileLayers.get(play)?.isOpen === true ? undefined : fileLayers.get(play)?.layers),
      (task) => taskLayers.get(task),
    );
  const sources = sourcesWith(asked.layers ?? []);
  const templatesOf = (task: Task): readonly Template[] => templates.get(task) ?? [];
  // What a file that no key opens would define is not known.
  if (found.list.some(({ rule }) => rule === LOCKED)) sources.isOpen = true;
  if (asked.layers && !sources.isOpen) {
    found.add(...undefinedInReach(playbook.plays, sources), ...undefinedVariables(walked, sources, templatesOf));
  }
  if (asked.layers) {
    const plain = (play: Play): readonly VarLayer[] => fileLayers.get(play)?.layers ?? [];
    const closed = sourcesOf(playbook.plays, walked, asked.layers, plain, () => []);
    if (!closed.isOpen && !found.list.some(({ rule }) => rule === LOCKED))
      found.add(...undefinedInNames(playbook.plays, closed));
  }
  const surely = asked.layers && !sources.isOpen ? sources : undefined;
  const above = [...(asked.layers ?? [])].filter(({ origin }) => origin === "-e");
  found.add(...brokenArguments(walked, surely, above, files));
  if (asked.playedLayers) {
    const played = sources.hasEncrypted ? sourcesWith(asked.playedLayers) : undefined;
    found.add(...(await lockedValues(encryptedInUse(walked, played, templatesOf, isPlayed))));
  }
  for (const play of playbook.plays) checkHandlers(play, walked, files, found);
  if (asked.places) found.add(...unknownDelegates(walked, asked.places, asked.mayBePlace, files));
  if (asked.checkPattern) checkHosts(playbook.plays, walked, asked.checkPattern, files, found);
  checkTags(walked, asked, found);
  checkStart(walked, asked, found);
  return inOrder(withoutTwins(found.list));
}

/** By file, in the order in which files came up, then by line. */
function inOrder(list: readonly Diagnostic[]): Diagnostic[] {
  const files = [...new Set(list.map((one) => one.place?.file))];
  const key = ({ place }: Diagnostic): readonly [number, number, number] => [
    place === undefined ? Infinity : files.indexOf(place.file),
    place?.line ?? 0,
    place?.column ?? 0,
  ];
  return list.toSorted((a, b) => {
    const [left, right] = [key(a), key(b)];
    const at = left.findIndex((one, index) => one !== right[index]);
    return at === -1 ? 0 : (left[at] ?? 0) < (right[at] ?? 0) ? -1 : 1;
  });
}

/** A task file that is imported twice tells its mistakes once. */
function withoutTwins(list: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Set<string>();
  return list.filter((one) => {
    const key = JSON.stringify([one.summary, one.place, one.severity]);
    return !seen.has(key) && seen.add(key);
  });
}

/** Reports missing files of the controller and those that no key opens (`opens`: they will be needed), and gives the templates among them. */
function checkSources(task: Task, files: PlaybookFiles, found: Findings, opens: boolean): Template[] {
  const templates: Template[] = [];
  for (const [param, spec] of Object.entries(task.module.params)) {
    const rule = spec.source;
    const value = task.args[param];
    const given = staticText(value);
    if (!rule || !value || given === undefined || given === "") continue;
    const unless = rule.unless === undefined ? undefined : task.args[rule.unless];
    if (unless && (!unless.isStatic || ["true", "yes", "on", "1"].includes(String(staticText(unless)).toLowerCase())))
      continue;
    const name = rule.isCommandLine ? firstWord(given) : given;
    const place = value.place ?? task.place;
    const where = { place, source: files.sourceLine(place) };
    const template = found.tryAt(where, () => checkSource({ task, rule, name, where }, files, found, opens));
    if (template) templates.push(template);
  }
  return templates;
}

interface NamedSource {
  readonly task: Task;
  readonly rule: NonNullable<ParamSpec["source"]>;
  readonly name: string;
  readonly where: Pick<Diagnostic, "place" | "source">;
}

/** Gives the template that it is. Throws a CrunError where it cannot be read. */
function checkSource(
  { task, rule, name, where }: NamedSource,
  files: PlaybookFiles,
  found: Findings,
  opens: boolean,
): Template | undefined {
  const candidates = sourceCandidates(task.searchDirectories, rule.folder, name);
  const path = candidates.find((one) => files.kind(one) !== undefined);
  if (path === undefined) {
    found.add({
      severity: "error",
      summary: `${task.module.name}: there is no file ${JSON.stringify(name)} on the controller`,
      ...where,
      detail: `Looked for ${candidates.map((one) => files.shown(one)).join(", ")}.`,
      remedy: nearFile(files, candidates, name),
    });
  } else if (files.kind(path) !== "file") {
    return undefined;
  } else if (rule.isTemplate && (opens || !files.isSecret(path))) {
    const text = files.plainText(path);
    const template = found.try(() =>
      withoutSource(files.isSecret(path), () =>
        fileTemplate(files.shown(path), text, partialPlaces(task, path, files)),
      ),
    );
    if (!files.isSecret(path)) found.add(...jinjaIn(files.shown(path), text));
    return template;
  } else if (opens && !isLeftEncrypted(task, rule.decryptedBy) && files.isSecret(path)) {
    files.plainBytes(path);
  }
  return undefined;
}

/** Whether the task says that a file stays as it is, or may say so. */
function isLeftEncrypted(task: Task, decryptedBy: string | undefined): boolean {
  const flag = decryptedBy === undefined ? undefined : task.args[decryptedBy];
  return flag !== undefined && (!flag.isStatic || booleanOf(staticText(flag)) === false);
}

function partialPlaces(task: Task, file: string, files: PlaybookFiles): PartialPlaces {
  return {
    directories: task.searchDirectories,
    file,
    reader: { ...files.reader, text: (one) => files.plainText(one) },
    shown: (path) => files.shown(path),
  };
}

function firstWord(line: string): string {
  const word = wordsOf(line)[0]?.text ?? line;
  return word.replace(/^(["'])(.*)\1$/s, "$2");
}

function nearFile(files: PlaybookFiles, candidates: readonly string[], name: string): string | undefined {
  const base = name.slice(name.lastIndexOf("/") + 1);
  const names = candidates.flatMap((one) => files.reader.list(one.slice(0, Math.max(1, one.lastIndexOf("/")))));
  return suggest(base, names) ?? "Put the file there, or name its path from the playbook's directory.";
}

const MOST_JINJA_TAGS = 20;

/** Jinja's blocks mean nothing to Handlebars: they would end up in the file. */
function jinjaIn(file: string, text: string): Diagnostic[] {
  const tags = /\{%[-+]?\s*(if|for|set|else|elif|endif|endfor|include|macro|block|raw)\b[^%]*%\}/g;
  const source = new SourceFile(file, text);
  return [...text.matchAll(tags)].slice(0, MOST_JINJA_TAGS).map(({ 0: tag, index }) => ({
    ...source.finding(source.place(index), `${tag} is Jinja: it stays in the file as it is`, {
      remedy: `Templates are Handlebars. ${handlebarsOfTag(tag) ?? "There are {{#if x}} … {{/if}}, {{#each list}} … {{/each}}, {{> partial}}"}.`,
    }),
    // What is called a template of Jinja surely is none of Handlebars.
    severity: /\.(?:j2|jinja2?)$/.test(file) ? ("error" as const) : ("warning" as const),
  }));
}

/** The variables of a play's files; open where a name is known only while it runs. */
function layersOfFiles(
  play: Play,
  files: PlaybookFiles,
  found: Findings,
): { readonly layers: readonly VarLayer[]; readonly isOpen: boolean } {
  const layers = play.varsFiles.flatMap((one) => {
    const names = staticNames(one);
    if (!names) return [];
    const paths = names.flatMap((name) => varsFileCandidates(play.directory, name));
    const path = files.firstFile(paths);
    if (path === undefined) {
      const place = one.place ?? play.place;
      found.add({
        severity: "error",
        summary: `vars_files: there is no file ${names.map((name) => JSON.stringify(name)).join(", nor ")}`,
        place,
        source: files.sourceLine(place),
        detail: `Looked for ${paths.map((each) => files.shown(each)).join(", ")}.`,
        remedy: nearFile(files, paths, names[0] ?? ""),
      });
      return [];
    }
    const layer = found.try(() => varsOfFile(files, path, found));
    return layer ? [layer] : [];
  });
  return { layers, isOpen: play.varsFiles.some((one) => !one.isStatic) };
}

/** Handlers that are notified but that no one defined. */
function checkHandlers(play: Play, walked: Walked, files: PlaybookFiles, found: Findings): void {
  const handlers = walked.handlers.get(play) ?? [];
  const hasOpenNames = handlers.some((one) => one.name && !one.name.isStatic);
  if (hasOpenNames || walked.openPlays.has(play)) return;
  const names = new Set(handlers.flatMap((one) => [...titlesOf(one), ...one.listen]));
  for (const { task, play: of } of walked.tasks) {
    if (of !== play) continue;
    for (const one of task.notify) {
      const values = one.isStatic ? one.render(NO_SCOPE) : undefined;
      for (const name of Array.isArray(values) ? values : [values]) {
        if (name === undefined || names.has(String(name))) continue;
        const place = one.place ?? task.place;
        found.add({
          severity: "error",
          summary: `no handler is called ${JSON.stringify(name)}, and none listens to it`,
          place,
          source: files.sourceLine(place),
          remedy:
            suggest(String(name), names) ??
            (names.size === 0
              ? "This play has no handlers: add it under handlers:."
              : `There are ${[...names].join(", ")}.`),
        });
      }
    }
  }
}

/** What a task is called by: its name, in a role with the role's name before it as well. */
function titlesOf({ name, role }: Handler): string[] {
  const title = staticText(name);
  if (title === undefined) return [];
  return role ? [title, `${role.name} : ${title}`] : [title];
}

const SPECIAL_TAGS = new Set(["all", "tagged", "untagged", "always", "never"]);

/** Tags that were asked for but that no task has. */
function checkTags(walked: Walked, asked: PreflightQuestions, found: Findings): void {
  const known = new Set([
    ...walked.tasks.flatMap(({ task }) => [...task.tags]),
    ...walked.others.flatMap(({ node }) => [...node.tags]),
  ]);
  const report = (tag: string, severity: "error" | "warning", option: string): void => {
    if (SPECIAL_TAGS.has(tag) || known.has(tag)) return;
    const tags = [...known].filter((one) => !SPECIAL_TAGS.has(one)).sort();
    found.add({
      severity: walked.openPlays.size > 0 ? "warning" : severity,
      summary: `${option}: no task has the tag ${JSON.stringify(tag)}`,
      remedy: suggest(tag, tags) ?? (tags.length === 0 ? "No task has tags." : `There are ${tags.join(", ")}.`),
    });
  };
  for (const tag of asked.tags ?? []) report(tag, "error", "--tags");
  for (const tag of asked.skipTags ?? []) report(tag, "error", "--skip-tags");
}

/** `--start-at-task` that no task is called by. */
function checkStart(walked: Walked, { startAtTask }: PreflightQuestions, found: Findings): void {
  if (startAtTask === undefined || walked.openPlays.size > 0) return;
  const gate = new StartGate(startAtTask);
  const tasks = walked.tasks.filter((one) => !one.isHandler).map(({ task }) => task);
  const others = walked.others.flatMap(({ node }) =>
    node.kind === "include" || (node.kind === "meta" && !node.isImplicit) ? [node] : [],
  );
  const names = [...tasks, ...others].flatMap(namesToStartAt);
  if (names.some((name) => gate.matches(name))) return;
  found.add({
    severity: "error",
    summary: `--start-at-task: no task is called ${JSON.stringify(startAtTask)}`,
    remedy: suggest(startAtTask, names) ?? "crun play --list-tasks shows their names.",
  });
}
