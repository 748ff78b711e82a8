// `crun tree create`, `clone` and `rm`: the module `tree`, once.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { suggest } from "../../diagnostic/near.js";
import { parseAddress } from "../../inventory/address.js";
import { joinPath, parentOf } from "../../module/tree-path.js";
import { treeNameProblem } from "../../tree/place.js";
import { sources } from "../../tree/sources/index.js";
import { runOneTask, type OneTaskOptions } from "../one-task.js";

export interface MakeOptions extends OneTaskOptions {
  readonly backend: string | undefined;
  readonly recreate: boolean;
  readonly adopt: boolean;
}

/** `words`: the source, then KEY=VALUE for its params, or the one word that stands for its main one. */
export async function runTreeCreate(
  pattern: string,
  source: string,
  words: readonly string[],
  options: MakeOptions,
): Promise<number> {
  const known = sources.find(({ name }) => name === source);
  if (!known) {
    const names = sources.map(({ name }) => name);
    throw new CrunError({
      severity: "error",
      summary: `there is no source ${JSON.stringify(source)}`,
      remedy: suggest(source, names) ?? `It is one of ${names.join(", ")}.`,
    });
  }
  const [first] = words;
  const isShort = known.shortFor !== undefined && words.length === 1 && first !== undefined && !first.includes("=");
  // `scratch` is all there is to say; what lacks something is told so by its params.
  const isWhole = words.length === 0 && !Object.values(known.params).some(({ required }) => required === true);
  const given = isShort ? first : isWhole ? true : argumentsOf(source, words);
  return runOneTask(
    { command: "crun tree create", pattern, module: "tree", args: { [source]: given, ...common(options) } },
    options,
  );
}

/** Clones of one tree, on its own host, all in one run. */
export async function runTreeClone(from: string, names: readonly string[], options: MakeOptions): Promise<number> {
  const address = parseAddress(from);
  if (address?.tree === undefined)
    throw new CrunError({
      severity: "error",
      summary: `${JSON.stringify(from)} is no tree`,
      remedy: "Write HOST:TREE NEW…, as crun tree clone local:base web1 web2.",
    });
  const { host, user, tree } = address;
  const args = { name: "{{item}}", clone: tree, ...common(options) };
  // Beside their base: where that is named by its path, so are they. A snapshot lies in what crun keeps beside its tree.
  const directory = /^(.*?)\/\.crun\//.exec(tree)?.[1] ?? parentOf(tree);
  const beside = (name: string): string =>
    tree.startsWith("/") && !name.startsWith("/") ? joinPath(directory, name) : name;
  for (const name of names) {
    const problem = treeNameProblem(name);
    if (problem === undefined) continue;
    const isAddress = parseAddress(name)?.tree !== undefined;
    const remedy = isAddress ? `They are made on ${host}: write the name alone.` : undefined;
    throw new CrunError({ severity: "error", summary: problem, remedy });
  }
  const pattern = user === undefined ? host : `${user}@${host}`;
  return runOneTask({ command: "crun tree clone", pattern, module: "tree", args, loop: names.map(beside) }, options);
}

export async function runTreeRemove(pattern: string, options: OneTaskOptions): Promise<number> {
  return runOneTask({ command: "crun tree rm", pattern, module: "tree", args: { state: "absent" } }, options);
}

function common({ backend, recreate, adopt }: MakeOptions): Readonly<Record<string, unknown>> {
  return {
    ...(backend === undefined ? {} : { backend }),
    ...(recreate ? { recreate } : {}),
    ...(adopt ? { adopt } : {}),
  };
}

/** Text, or JSON where it begins like a list or a map; the module converts and checks it. */
function argumentsOf(source: string, words: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      if (at <= 0)
        throw new CrunError({
          severity: "error",
          summary: `${JSON.stringify(word)} is no parameter of ${source}`,
          remedy: `Write KEY=VALUE; crun doc tree shows them.`,
        });
      return [word.slice(0, at), valueOf(word.slice(0, at), word.slice(at + 1))];
    }),
  );
}

function valueOf(key: string, text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new CrunError({
      severity: "error",
      summary: `${key} is no valid JSON: ${error instanceof Error ? error.message : String(error)}`,
    });
  }
}
