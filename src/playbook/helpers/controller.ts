// Helpers that look at the machine on which crun runs: environment, files, commands.

import { spawnSync } from "node:child_process";
import { lstatSync, readdirSync, readFileSync, realpathSync, statSync, type Stats } from "node:fs";
import { homedir, userInfo } from "node:os";
import { basename, dirname, isAbsolute, join, normalize, resolve } from "node:path";
import { CrunError } from "../../diagnostic/diagnostic.js";
import { Vault } from "../../vault/vault.js";
import { sourceCandidates } from "../load/find-source.js";
import { wordsOf } from "../load/free-form.js";
import { csvRows, fromIni } from "./formats.js";
import {
  helper,
  HelperError,
  isMap,
  predicate,
  textArgument,
  toBool,
  type HelperOptions,
  type HelperTable,
} from "./definition.js";

import { secretHelpers } from "./secrets.js";
import { trimEndOf } from "../../module/trim.js";

type Folder = "files" | "templates" | "vars";

/** Where a relative name is looked up: the role, then the playbook; in a folder of theirs, then beside them. */
function placesOf(name: string, folder: Folder, { scope }: HelperOptions): string[] {
  const path = expandHome(name);
  if (isAbsolute(path)) return [normalize(path)];
  const roots = ["role_path", "playbook_dir"].flatMap((one) => (scope.has(one) ? [String(scope.get(one))] : []));
  return [...sourceCandidates(roots, folder, path), resolve(path)];
}

function expandHome(path: string): string {
  const match = /^~([\w.-]*)(\/.*)?$/.exec(path);
  if (!match) return path;
  const rest = match[2] ?? "";
  if (match[1] === "" || match[1] === userInfo().username) return join(homedir(), rest);
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((one) => one.startsWith(`${match[1]}:`));
  return line === undefined ? path : (line.split(":")[5] ?? "") + rest;
}

function expandVariables(text: string): string {
  return text.replace(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (whole, braced?: string, bare?: string) => process.env[braced ?? bare ?? ""] ?? whole,
  );
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

function find(name: string, folder: Folder, options: HelperOptions): { readonly path: string; readonly text: string } {
  const places = placesOf(name, folder, options);
  for (const path of places) {
    try {
      const bytes = readFileSync(path);
      return { path, text: Buffer.from(opened(bytes, path, options)).toString("utf8") };
    } catch (error) {
      if (isMissing(error)) continue;
      if (error instanceof CrunError)
        throw new HelperError(error.diagnostics[0]?.summary ?? "it is encrypted", error.diagnostics[0]?.remedy);
      throw new HelperError(`${path} cannot be read: ${reasonOf(error)}`);
    }
  }
  throw new HelperError(`there is no file ${JSON.stringify(name)}`, `Looked for ${places.join(", ")}.`);
}

/** Files that are encrypted are opened with the run's keys, as Ansible's lookups do it. */
function opened(bytes: Buffer, path: string, { scope }: HelperOptions): Uint8Array {
  return (scope.secrets ? scope.secrets.open(bytes, path) : new Vault().openFile(bytes, path)) ?? bytes;
}

function statOf(path: string, look: typeof statSync = statSync): Stats | undefined {
  try {
    return look(path);
  } catch {
    // What cannot be looked at is not there, as Python's os.path has it.
    return undefined;
  }
}

/** A shell's wildcards in names: `*`, `?`, `[…]`. */
function wildcard(pattern: string): RegExp {
  const source = pattern.replace(/\[!?[^\]]+\]|[\s\S]/g, (one) => {
    if (one === "*") return "[^/]*";
    if (one === "?") return "[^/]";
    return one.length > 1
      ? one.replace(/^\[!/, "[^").replaceAll("\\", "\\\\")
      : one.replace(/[\\^$.|+()[\]{}]/g, "\\$&");
  });
  return new RegExp(`^${source}$`);
}

function matchesIn(directory: string, pattern: string): string[] {
  const regex = wildcard(pattern);
  const isHidden = pattern.startsWith(".");
  try {
    return readdirSync(directory)
      .filter((name) => regex.test(name) && (isHidden || !name.startsWith(".")))
      .sort()
      .map((name) => join(directory, name))
      .filter((path) => statOf(path)?.isFile() ?? false);
  } catch (error) {
    if (isMissing(error)) return [];
    throw new HelperError(`${directory} cannot be read: ${reasonOf(error)}`);
  }
}

/** Files that the pattern of the name matches, in the first directory that has any. */
function fileglob(patterns: readonly unknown[], options: HelperOptions): string[] {
  return patterns.flatMap((one) => {
    const pattern = textArgument(one);
    return placesOf(pattern, "files", options).reduce<string[]>(
      (found, place) => (found.length > 0 ? found : matchesIn(dirname(place), basename(place))),
      [],
    );
  });
}

const LONGEST_OUTPUT = 16 * 2 ** 20;
/** What commands said, by what was run: rendering goes over a value more than once in a run. */
const outputs = new Map<string, string>();

function output(command: unknown, args: readonly unknown[], options: HelperOptions): string {
  const isShell = toBool(options.hash["shell"]);
  const words = Array.isArray(command)
    ? command.map((one) => textArgument(one))
    : isShell
      ? [textArgument(command)]
      : wordsOf(textArgument(command)).map((one) => unquoted(one.text));
  const argv = [...(isShell ? ["/bin/sh", "-c", ...words] : words), ...args.map((one) => textArgument(one))];
  const [program, ...rest] = argv;
  if (program === undefined || program === "") throw new HelperError("there is no command");
  const directory = options.scope.has("playbook_dir") ? String(options.scope.get("playbook_dir")) : process.cwd();
  const key = JSON.stringify([directory, argv]);
  const before = outputs.get(key);
  if (before !== undefined) return before;
  const done = spawnSync(program, rest, {
    cwd: directory,
    encoding: "utf8",
    maxBuffer: LONGEST_OUTPUT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (done.error)
    throw new HelperError(
      isMissing(done.error) ? `there is no program ${program}` : `${program} cannot be run: ${reasonOf(done.error)}`,
    );
  if (done.status !== 0) {
    const said = done.stderr.trim().split("\n").at(-1) ?? "";
    const how = done.status === null ? `was ended by ${done.signal ?? "a signal"}` : `ended with ${done.status}`;
    throw new HelperError(`${program} ${how}${said === "" ? "" : `: ${said}`}`, needsShell(argv));
  }
  outputs.set(key, done.stdout);
  return done.stdout;
}

function needsShell(argv: readonly string[]): string | undefined {
  return argv.some((one) => /^[|<>&;]+$/.test(one)) ? "Pipes and redirections need a shell: shell=true." : undefined;
}

function unquoted(word: string): string {
  return word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_, double?: string, single?: string) =>
    double === undefined ? (single ?? "") : double.replace(/\\(["\\])/g, "$1"),
  );
}

function firstFound(args: readonly unknown[], options: HelperOptions): string {
  const paths = asList(options.hash["paths"]);
  const names = args.flatMap((one) => asList(one));
  const candidates = names.flatMap((name) => (paths.length === 0 ? [name] : paths.map((path) => join(path, name))));
  const places = candidates.flatMap((one) => [
    ...new Set((["templates", "files", "vars"] as const).flatMap((folder) => placesOf(one, folder, options))),
  ]);
  const found = places.find((place) => statOf(place)?.isFile() ?? false);
  if (found !== undefined) return found;
  if (toBool(options.hash["skip"])) return "";
  throw new HelperError(
    `none of the files is there: ${candidates.join(", ")}`,
    "With skip=true that gives an empty text.",
  );
}

function asList(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  return (Array.isArray(value) ? value : [value]).map((one) => textArgument(one));
}

function csvField([key, file]: readonly unknown[], options: HelperOptions): unknown {
  const { hash } = options;
  const delimiter = textArgument(hash["delimiter"] ?? "TAB");
  const rows = csvRows(
    find(textArgument(file), "files", options).text,
    /^(TAB|\\t)$/.test(delimiter) ? "\t" : delimiter,
  );
  const column = Number(hash["col"] ?? 1);
  const keyColumn = Number(hash["keycol"] ?? 0);
  const row = rows.find((one) => one[keyColumn] === textArgument(key));
  return row?.[column] ?? hash["default"] ?? null;
}

function iniField([key, file]: readonly unknown[], options: HelperOptions): unknown {
  const { hash } = options;
  const name = textArgument(key);
  const all = fromIni(find(textArgument(file), "files", options).text);
  const section = hash["section"] === undefined ? undefined : textArgument(hash["section"], "section");
  const fields = section === undefined ? all : Object.hasOwn(all, section) ? all[section] : undefined;
  const value = isMap(fields) && Object.hasOwn(fields, name) ? fields[name] : hash["default"];
  if (value !== undefined) return value;
  throw new HelperError(
    `${textArgument(file)} has no ${JSON.stringify(name)}${section === undefined ? " before its first section" : ` in [${section}]`}`,
    'section="…" names the section, default="…" what to take where it has none.',
  );
}

export const controllerHelpers: HelperTable = {
  ...secretHelpers((name, options) => find(name, "files", options).text),
  env: helper(
    "name [default]",
    'An environment variable where crun runs; `default` ("") where it is not set.',
    ([name, other]) => process.env[textArgument(name)] ?? other ?? "",
  ),
  file: helper(
    "path rstrip= lstrip=",
    "The text of a file where crun runs, without white space at its end; `rstrip=false` keeps it.",
    ([path], options) => {
      const { text } = find(textArgument(path), "files", options);
      const start = toBool(options.hash["lstrip"]) ? text.trimStart() : text;
      return options.hash["rstrip"] === false ? start : start.trimEnd();
    },
  ),
  template: helper(
    "path",
    "The text of a template file of the controller, rendered here (in templates alone).",
    ([path], options) => {
      const { renderFile } = options;
      if (!renderFile)
        throw new HelperError("a condition cannot render a template", "Set a variable to it, and compare that.");
      const name = textArgument(path);
      const found = find(name, "templates", options);
      return renderFile(found.path, found.text);
    },
  ),
  pipe: helper(
    "command ... shell=",
    "What a command prints where crun runs, without line ends at its end; words as a shell splits them, but run without one unless `shell=true`. It runs once in a run.",
    ([command, ...args], options) => trimEndOf(output(command, args, options), "\r\n"),
  ),
  lines: helper(
    "command ... shell=",
    "The lines that a command prints where crun runs, as pipe runs it.",
    ([command, ...args], options) => {
      const text = output(command, args, options).replace(/\r?\n$/, "");
      return text === "" ? [] : text.split(/\r?\n/);
    },
  ),
  fileglob: helper(
    "pattern ...",
    'The files of the controller that match, in order: `fileglob "keys/*.pub"`.',
    (args, options) => fileglob(args, options),
  ),
  first_found: helper(
    "name ... paths= skip=",
    "The path of the first of the files (or of a list of them) that is there, in templates, files and vars of the role and the playbook.",
    firstFound,
  ),
  csvfile: helper(
    "key file delimiter= col= keycol= default=",
    "The field of a CSV file's row whose first (or `keycol`) field is the key; column 1 and tabs between fields if nothing else is said.",
    csvField,
  ),
  ini: helper("key file section= default=", "The value of a key of an INI file.", iniField),
  expanduser: helper("path", "With `~` or `~USER` as the home where crun runs.", ([path]) =>
    expandHome(textArgument(path)),
  ),
  expandvars: helper("text", "With `$NAME` and `${NAME}` as in the environment where crun runs.", ([text]) =>
    expandVariables(textArgument(text)),
  ),
  realpath: helper("path", "The path without links where crun runs, as far as it is there.", ([path]) =>
    realPath(textArgument(path)),
  ),
  exists: predicate(
    "path",
    "The controller has something there.",
    ([path]) => statOf(textArgument(path)) !== undefined,
  ),
  is_file: predicate(
    "path",
    "The controller has a file there.",
    ([path]) => statOf(textArgument(path))?.isFile() ?? false,
  ),
  is_dir: predicate(
    "path",
    "The controller has a directory there.",
    ([path]) => statOf(textArgument(path))?.isDirectory() ?? false,
  ),
  is_link: predicate(
    "path",
    "The controller has a link there.",
    ([path]) => statOf(textArgument(path), lstatSync)?.isSymbolicLink() ?? false,
  ),
  link_exists: predicate(
    "path",
    "The controller has something there, be it a broken link.",
    ([path]) => statOf(textArgument(path), lstatSync) !== undefined,
  ),
  is_mount: predicate("path", "Another file system begins there on the controller.", ([path]) => {
    const [here, above] = [statOf(textArgument(path)), statOf(join(textArgument(path), ".."))];
    return here !== undefined && above !== undefined && (here.dev !== above.dev || here.ino === above.ino);
  }),
  is_same_file: predicate("path other", "Both are the same file of the controller.", ([a, b]) => {
    const [left, right] = [statOf(textArgument(a)), statOf(textArgument(b))];
    return left !== undefined && left.dev === right?.dev && left.ino === right.ino;
  }),
};

function realPath(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync(whole);
  } catch (error) {
    if (!isMissing(error) || whole === "/") return whole;
    return join(realPath(dirname(whole)), basename(whole));
  }
}
