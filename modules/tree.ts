// Makes and removes trees: from package managers, images, other trees, or nothing.

import type { Context } from "../src/module/contract.js";
import { defineModule } from "../src/module/contract.js";
import type { ParamSpec, ParamSpecs } from "../src/module/param.js";
import { joinPath } from "../src/module/tree-path.js";
import { treeNameProblem, treePlace } from "../src/tree/place.js";
import { moreTreeProbes, planTree, treeProbes, type TreeWish } from "../src/tree/plan-tree.js";
import { backendNames } from "../src/tree/record.js";
import { parseSize } from "../src/tree/settings.js";
import type { Site } from "../src/tree/source.js";
import { sources } from "../src/tree/sources/index.js";

const common = {
  name: {
    type: "str",
    aliases: ["path"],
    doc: "The tree: a name beneath the host's crun_trees, or an absolute path. Absent: the target's own tree.",
  },
  state: {
    type: "str",
    choices: ["present", "absent"],
    default: "present",
    doc: "`absent` removes the tree with all beneath it; one that a machine runs from is refused.",
  },
  backend: {
    type: "str",
    choices: ["auto", ...backendNames],
    doc:
      "How it is stored. auto: a btrfs subvolume or a zfs dataset where the trees lie on one, else a directory. overlay: only what differs from the base that it is a clone of, " +
      "which is read-only meanwhile. Absent: the target's crun_backend, else auto.",
  },
  recreate: {
    type: "bool",
    default: false,
    doc: "Make it anew where its recipe has changed since it was made: it is swapped in when it is whole. What was in the old one is lost.",
  },
  adopt: {
    type: "bool",
    default: false,
    doc: "Take a directory that crun did not make for what the recipe makes.",
  },
  size: {
    type: "str",
    doc: "Most that it may hold, what it shares with others included: `5G`, `512M`, `none`. btrfs (where quotas are switched on for it) and zfs can that.",
  },
  read_only: { type: "bool", doc: "Nobody can write to it; a clone of it can be written to. btrfs and zfs can that." },
} as const satisfies ParamSpecs;

const params: ParamSpecs = {
  ...common,
  ...Object.fromEntries(
    sources.map((source): [string, ParamSpec] => [
      source.name,
      {
        type: "dict",
        doc: `Made from ${source.summary}.`,
        options: source.params,
        ...(source.shortFor === undefined ? {} : { shortFor: source.shortFor }),
      },
    ]),
  ),
};

type Given = Readonly<Record<string, unknown>>;

const names = sources.map(({ name }) => name);

export default defineModule({
  name: "tree",
  summary: "Make trees, clone and remove them",
  doc:
    "Works on the target's host: on HOST:TREE it makes that very tree, on HOST the one that `name` names. A tree is made under another name and gets its own when it is " +
    "whole. What it was made from is remembered beside it: a second run does nothing, and a changed recipe is told of.",
  actsOn: "host",
  params,
  rules: { mutuallyExclusive: [names] },
  returns: {
    path: "Where it lies on the host.",
    backend: "How it is stored.",
    source: "What it was made from.",
    recipe_hash: "SHA-256 of its recipe.",
    recipe_changed: "Whether the recipe is another one than it was made from.",
  },
  examples: sources.flatMap(({ examples }) => examples ?? []),
  check: (given: Given) => {
    const source = sources.find(({ name }) => given[name] !== undefined);
    const name = given["name"];
    if (!source && given["state"] !== "absent") return `one of ${names.join(", ")} says what the tree is made from`;
    const problem = typeof name === "string" ? treeNameProblem(name) : undefined;
    const size = given["size"];
    if (typeof size === "string" && parseSize(size) === undefined)
      return `size: ${JSON.stringify(size)} is no size: write 512M, 5G, 1.5T, or none`;
    return problem ?? source?.check?.((given[source.name] ?? {}) as Given);
  },
  observe: (given: Given, context) => {
    const site = siteOf(given, context);
    return site === undefined ? {} : treeProbes(wishOf(given, context), site);
  },
  observeMore: (given: Given, seen, context) => {
    const site = siteOf(given, context);
    return site === undefined ? {} : moreTreeProbes(wishOf(given, context), seen, site);
  },
  plan: (given: Given, seen, context) => {
    const site = siteOf(given, context);
    if (site === undefined)
      return {
        changes: [],
        refusal: {
          message: `${context.target.name} is a host's own root, and no tree is named`,
          remedy: "Add name: … to the task, or play it on HOST:TREE.",
        },
      };
    return planTree(wishOf(given, context), seen, site);
  },
});

function wishOf(given: Given, { target }: Context): TreeWish {
  const source = sources.find(({ name }) => given[name] !== undefined);
  return {
    state: given["state"] as TreeWish["state"],
    // A crun_backend that is none is refused when the task is planned.
    backend: (given["backend"] ?? target.backend ?? "auto") as TreeWish["backend"],
    size: typeof given["size"] === "string" ? parseSize(given["size"]) : undefined,
    readOnly: given["read_only"] as boolean | undefined,
    recreate: given["recreate"] === true,
    adopt: given["adopt"] === true,
    source,
    params: (source ? given[source.name] : {}) as Given,
  };
}

function siteOf(given: Given, context: Context): Site | undefined {
  const { path, trees } = context.target;
  const name = given["name"];
  if (typeof name === "string") return { place: treePlace(joinPath(trees, name)), context };
  return path === "/" ? undefined : { place: treePlace(path), context };
}
