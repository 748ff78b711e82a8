// A copy of another tree of the host.

import { joinPath } from "../../module/tree-path.js";
import { emptiedIdentity, hasOwnIdentity } from "../identity.js";
import { treePlace, treeNameProblem } from "../place.js";
import { parseRecord } from "../record.js";
import { defineSource } from "../source.js";

export const clone = defineSource({
  name: "clone",
  summary: "another tree of the host, shared copy-on-write where the storage can",
  withoutRoot: { takes: "one id" },
  params: {
    base: { type: "str", required: true, doc: "The other tree: a name beside the new one, or an absolute path." },
    reset_identity: {
      type: "bool",
      default: true,
      doc: "The clone gets no machine-id of its base: it makes its own when it first starts.",
    },
  },
  shortFor: "base",
  examples: [{ title: "A clone of a base", yaml: "tree:\n  name: web1\n  clone: base" }],
  check: ({ base }) => treeNameProblem(base),
  observe: ({ base }, { place }) => {
    const path = basePath(base, place.directory);
    return {
      base: { kind: "stat", path } as const,
      record: { kind: "read", path: treePlace(path).record } as const,
      machineId: { kind: "stat", path: `${path}/etc/machine-id` } as const,
    };
  },
  fill: ({ base, reset_identity }, seen, into, { place }) => {
    const path = basePath(base, place.directory);
    const { stat, failure } = seen.base;
    if (stat?.type !== "directory") {
      const why = failure ? `: ${failure.message}` : stat ? `: ${path} is a ${stat.type}` : `: ${path} is not there`;
      return {
        changes: [],
        refusal: {
          message: `there is no tree ${base} to clone${why}`,
          remedy: "Make the base first, or correct its name.",
        },
      };
    }
    const record = seen.record.content ? parseRecord(Buffer.from(seen.record.content).toString("utf8")) : undefined;
    const hash = record && "recipeHash" in record ? { recipeHash: record.recipeHash } : {};
    const hasIdentity = reset_identity && hasOwnIdentity(seen.machineId, seen.base.real);
    return {
      cloneOf: path,
      base: { path, ...hash },
      changes: hasIdentity ? [emptiedIdentity(into)] : [],
    };
  },
});

/** The path of a base that is named beside a tree. */
export function basePath(base: string, directory: string): string {
  return joinPath(directory, base.replace(/(.)\/+$/, "$1"));
}
