// Loads inventories: files, directories, programs, lists of names, and puts them together.

import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { dirname, extname, join, relative, resolve } from "node:path";
import { whyUnreadable } from "../diagnostic/unreadable.js";
import { CrunError, type Diagnostic } from "../diagnostic/diagnostic.js";
import { assembleInventory } from "./assemble.js";
import { readIni } from "./ini.js";
import type { LoadedInventory } from "./inventory.js";
import type { Language } from "./language.js";
import { textOfFile } from "../diagnostic/utf8.js";
import { parseJson } from "./json.js";
import { readDataFile } from "./layer.js";
import { problemOfEntry } from "./names.js";
import { notExecutable, readProgram } from "./program.js";
import { expandRanges } from "./ranges.js";
import { withSourceLines } from "./report.js";
import { readScriptInventory, withHostvars } from "./script-form.js";
import { emptySource, type InventorySource } from "./source.js";
import { Locked } from "../vault/vault.js";
import { readYamlInventory } from "./yaml-form.js";

const defaultProgramTimeoutMs = 120_000;
const yamlExtensions = [".yml", ".yaml", ".json"];
/** Ansible's lists of what is no inventory in a directory of inventories. */
const ignoredEnds = [".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry"];
const ignoredNames = new Set(["host_vars", "group_vars", "vars_plugins"]);

export interface LoadOptions {
  /** Where the playbook lies: its group_vars and host_vars count, too. */
  readonly playbookDirectory?: string | undefined;
  readonly language: Language;
  /** Is told of what is odd, but no error. */
  readonly warn?: (diagnostic: Diagnostic) => void;
  /** For each run of an executable inventory. */
  readonly programTimeoutMs?: number | undefined;
}

/** Rejects with a CrunError that names file, line and what to do. `paths`: as given with -i (a comma makes a list of names). */
export async function loadInventory(paths: readonly string[], options: LoadOptions): Promise<LoadedInventory> {
  const { language, playbookDirectory, warn = () => undefined } = options;
  const texts = new Map<string, string>();
  const read = (file: string): string => {
    const text = readText(file);
    // Of what was encrypted no line is shown.
    if (!language.isEncrypted(text)) texts.set(file, text);
    return text;
  };
  try {
    const sources: InventorySource[] = [];
    const directories: string[] = [];
    for (const path of paths) {
      if (path.includes(",") && !existsSync(path)) {
        sources.push(listOfNames(path));
        continue;
      }
      const files = filesOf(path, true);
      directories.push(statSync(path).isDirectory() ? path : dirname(path));
      for (const file of files) sources.push(await readSource(file, read, options));
    }
    return assembleInventory(sources, {
      language,
      warn,
      read,
      directories: directoriesOf(directories, playbookDirectory),
    });
  } catch (error) {
    if (!(error instanceof CrunError) || error instanceof Locked) throw error;
    const lineOf = (file: string, line: number): string | undefined => texts.get(file)?.split(/\r\n|\n|\r/)[line - 1];
    throw new CrunError(withSourceLines(error.diagnostics, lineOf), error.exitStatus);
  }
}

/** Each directory once, where it counts last; the playbook's apart, unless it is the last of the inventories' anyway. */
function directoriesOf(
  inventories: readonly string[],
  playbook: string | undefined,
): { readonly inventory: readonly string[]; readonly playbook: string | undefined } {
  const shown = (directory: string): string => {
    const path = relative("", directory);
    return path.startsWith("..") ? directory : path === "" ? "." : path;
  };
  const unique = new Map<string, string>();
  for (const one of inventories) {
    unique.delete(resolve(one));
    unique.set(resolve(one), one);
  }
  const own = playbook === undefined ? undefined : resolve(playbook);
  if (own === undefined || [...unique.keys()].at(-1) === own)
    return { inventory: [...unique.values()], playbook: undefined };
  unique.delete(own);
  return { inventory: [...unique.values()], playbook: shown(own) };
}

function filesOf(path: string, isGiven: boolean): string[] {
  if (!existsSync(path)) {
    const remedy =
      path.includes(".") || path.includes("/")
        ? "Is the path right?"
        : `For a host by its name write a comma after it: -i ${path},`;
    throw new CrunError({ severity: "error", summary: `there is no inventory ${path}`, remedy });
  }
  const stat = statSync(path);
  if (!stat.isDirectory()) {
    if (stat.isFile() || isGiven) return [path];
    throw new CrunError({ severity: "error", summary: `${path} is neither a file nor a directory` });
  }
  return readdirSync(path)
    .filter((name) => !name.startsWith(".") && !ignoredNames.has(name))
    .filter((name) => !ignoredEnds.some((end) => name.endsWith(end)))
    .sort()
    .flatMap((name) => filesOf(join(path, name), false));
}

/** Throws a CrunError where the file cannot be read or is no text. */
function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const { reason, remedy } = whyUnreadable(error);
    throw new CrunError({ severity: "error", summary: `cannot read ${file}: ${reason}`, remedy });
  }
  const text = textOfFile(bytes, file);
  return text.startsWith("\uFEFF") ? text.slice(1) : text;
}

async function readSource(
  file: string,
  read: (file: string) => string,
  { language, programTimeoutMs = defaultProgramTimeoutMs }: LoadOptions,
): Promise<InventorySource> {
  const isExecutable = (statSync(file).mode & 0o111) !== 0 && statSync(file).isFile();
  if (isExecutable && isProgram(file)) return readProgram(file, { timeoutMs: programTimeoutMs });
  const written = read(file);
  const text = language.plainText(file, written);
  if (text.startsWith("#!") && !isExecutable) throw new CrunError(notExecutable(file));
  const extension = extname(file);
  if (extension === ".json" && /"_meta"\s*:/.test(text)) return readPrinted(text, file);
  if (!yamlExtensions.includes(extension) && !(extension === "" && looksLikeYaml(text))) {
    const source = readIni(text, file);
    if (text !== written) language.keepSecret(valuesOf(source));
    return source;
  }
  const root = readDataFile(file, written, language);
  return root === undefined ? emptySource(file) : readYamlInventory(root, file, language);
}

/** The values of all variables in a source of plain values. */
function valuesOf({ entries, groups }: InventorySource): unknown[] {
  return [...entries, ...groups.values()].flatMap(({ vars }) =>
    vars.flatMap((one) => (one.kind === "plain" ? [one.value] : [])),
  );
}

/** What a program can be: a script that names its interpreter, or machine code. */
function isProgram(file: string): boolean {
  const bytes = Buffer.alloc(4);
  const descriptor = openSync(file, "r");
  try {
    readSync(descriptor, bytes, 0, bytes.length, 0);
  } finally {
    closeSync(descriptor);
  }
  const head = bytes.toString("latin1");
  return head.startsWith("#!") || head === "\u007fELF";
}

/** What an inventory program (or `ansible-inventory --list`) printed, kept in a file. */
function readPrinted(text: string, file: string): InventorySource {
  const data = parseJson(text, file);
  const read = readScriptInventory(data, file, { file });
  return withHostvars(read, read.hostvars ?? {}, file);
}

function looksLikeYaml(text: string): boolean {
  const first = text.split(/\r\n|\n|\r/).find((line) => line.trim() !== "" && !line.trimStart().startsWith("#"));
  return first !== undefined && /^(?:---(?:\s|$)|\{|(?:"[^"]*"|'[^']*'|[\w.-]+)\s*:(?:\s|$))/.test(first);
}

function listOfNames(list: string): InventorySource {
  const place = { file: `-i ${list}` };
  const source = emptySource(undefined);
  for (const one of list.split(",").map((name) => name.trim())) {
    if (one === "") continue;
    const names = expandRanges(one);
    const wrong = "problem" in names ? names : names.map(problemOfEntry).find((found) => found !== undefined);
    if (wrong) throw new CrunError({ severity: "error", summary: wrong.problem, place, remedy: wrong.remedy });
    if ("problem" in names) continue;
    for (const name of names) source.entries.push({ name, group: "ungrouped", vars: [] });
  }
  return source;
}
