// `crun tree list`: the trees of hosts, how they are stored, what they were made from, whether they run.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { table } from "../../report/table.js";
import { listTrees, type ListedTree } from "../../target/list-trees.js";
import type { HostAddress } from "../../target/session.js";
import { parentOf } from "../../module/tree-path.js";
import { targetsFor } from "../find-targets.js";
import { findFleet } from "../fleet.js";
import { atDesk, type Desk, type LookOptions } from "./open-trees.js";

/** A directory of trees on a host. */
interface Folder {
  readonly host: string;
  readonly address: HostAddress;
  readonly directory: string;
  /** Names of trees in it, without the directory, are as plain ones. */
  readonly isUsual: boolean;
  /** Paths of the trees that are meant; undefined: all. */
  readonly only: Set<string> | undefined;
}

/** Gives 0, or 4 where a host could not be looked at. */
export async function runTreeList(pattern: string | undefined, options: LookOptions): Promise<number> {
  return atDesk(options, async (desk) => {
    const rows: string[][] = [];
    const folders = await foldersOf(pattern, options, desk);
    let isLost = folders.isLost;
    const looks = await Promise.all(
      folders.all.map(async (folder) => {
        try {
          const session = await desk.pool.get(folder.address);
          return {
            folder,
            trees: await listTrees(session, folder.directory, (path) => folder.only?.has(path) ?? true),
          };
        } catch (error) {
          if (!(error instanceof CrunError) || error.exitStatus !== 4) throw error;
          isLost = true;
          for (const one of error.diagnostics) desk.warn(one);
          return { folder, trees: [] };
        }
      }),
    );
    for (const { folder, trees } of looks)
      for (const tree of trees) {
        const target = `${folder.host}:${folder.isUsual ? tree.name : tree.path}`;
        if (desk.isJson) desk.printData(dataOf(target, tree));
        else rows.push(rowOf(target, tree));
      }
    if (rows.length > 0) desk.print(table(["TREE", "STORED", "MADE FROM", "MADE", "RUN", "SNAPSHOTS", "STATE"], rows));
    else if (!desk.isJson && !isLost) desk.print("no trees\n");
    return isLost ? 4 : 0;
  });
}

/** The directories to look into: of a host its crun_trees, of a tree the one that holds it. */
async function foldersOf(
  pattern: string | undefined,
  options: LookOptions,
  desk: Desk,
): Promise<{ readonly all: readonly Folder[]; readonly isLost: boolean }> {
  const { setup, pool } = desk;
  const isEmpty = setup.inventory.targets.size === 0 && setup.inventory.base.rules.length === 0;
  const wanted = pattern ?? (isEmpty ? "local" : "all");
  const lost = await findFleet(setup, pool, { patterns: [wanted], limit: options.limit });
  for (const error of new Set(lost.values())) for (const one of error.diagnostics) desk.warn(one);
  const folders = new Map<string, Folder>();
  for (const target of targetsFor(wanted, options.limit, setup, lost)) {
    if (target.lost) continue;
    const directory = target.isHostRoot ? target.trees : parentOf(target.path);
    const key = JSON.stringify([target.address.name, directory]);
    const isWhole = target.isHostRoot || pattern === undefined;
    const known = folders.get(key);
    const only = isWhole || (known && !known.only) ? undefined : new Set([...(known?.only ?? []), target.path]);
    const isUsual = directory === target.trees;
    folders.set(key, { host: target.address.name, address: target.address, directory, isUsual, only });
  }
  return { all: [...folders.values()], isLost: lost.size > 0 };
}

function rowOf(target: string, { record, problem, snapshots, machine }: ListedTree): string[] {
  const count = snapshots === 0 ? "" : String(snapshots);
  const state = machine === undefined ? "" : "running";
  if (!record) return [target, "", problem === undefined ? "not by crun" : `record: ${problem}`, "", "", count, state];
  const { source } = record.recipe;
  const made = record.base ? `${source} of ${record.base.path.replace(/^.*\//, "")}` : source;
  return [target, record.backend, made, record.madeAt.slice(0, 16).replace("T", " "), record.run, count, state];
}

function dataOf(target: string, tree: ListedTree): Readonly<Record<string, unknown>> {
  const { path, record, problem, snapshots, machine } = tree;
  return {
    event: "tree",
    tree: target,
    path,
    backend: record?.backend ?? null,
    source: record?.recipe.source ?? null,
    params: record?.recipe.params ?? null,
    base: record?.base?.path ?? null,
    recipe_hash: record?.recipeHash ?? null,
    made_at: record?.madeAt ?? null,
    run: record?.run ?? null,
    snapshots,
    machine: machine ?? null,
    ...(problem === undefined ? {} : { problem }),
  };
}
