// Opens the trees that a command names, as HOST:TREE or HOST:TREE@SNAPSHOT, and says where its output goes.

import { CrunError, formatDiagnostic, type Diagnostic } from "../../diagnostic/diagnostic.js";
import { parseAddress } from "../../inventory/address.js";
import { cleanJson } from "../../report/clean.js";
import { paintOf, type Paint } from "../../report/paint.js";
import { ConnectionPool } from "../../target/connect.js";
import type { HostSession } from "../../target/session.js";
import { Snapshots } from "../../target/snapshots.js";
import type { ExecTarget } from "../exec.js";
import { targetsFor } from "../find-targets.js";
import { findFleet } from "../fleet.js";
import { withMasker } from "../masked-errors.js";
import type { ReachOptions } from "../options.js";
import { terminalPrompt } from "../prompt.js";
import { setUp, type Setup } from "../setup.js";

export interface LookOptions extends ReachOptions {
  readonly output: "auto" | "plain" | "json";
}

/** A tree that is there to be looked at. */
export interface OpenTree {
  readonly name: string;
  /** Of the tree itself, a snapshot's as well. */
  readonly path: string;
  /** The snapshot that was meant; undefined: the tree as it is. */
  readonly snapshot: number | undefined;
  readonly session: HostSession;
  readonly snapshots: Snapshots;
}

/** Where output goes; secrets of the inventory are hidden in it. */
export interface Desk {
  readonly setup: Setup;
  readonly pool: ConnectionPool;
  readonly isJson: boolean;
  readonly paint: Paint;
  /** A text as it is; what is not ours in it is safe to show already. */
  print(text: string): void;
  /** One object a line. */
  printData(value: unknown): void;
  warn(warning: Diagnostic): void;
  /** The text with secrets hidden, for what is shown later. */
  hidden(text: string): string;
  /** Opens a tree. Rejects with a CrunError; all are closed when the command ends. */
  open(reference: string): Promise<OpenTree>;
  /** All trees of a pattern, those of hosts that could not be looked at left out and told: then `isLost`. */
  openAll(pattern: string): Promise<{ readonly trees: readonly OpenTree[]; readonly isLost: boolean }>;
}

/** Does the work with its inventory and connections, and closes those. */
export async function atDesk(options: LookOptions, work: (desk: Desk) => Promise<number>): Promise<number> {
  return withMasker(async (masker) => {
    const setup = await setUp(options, masker);
    const pool = new ConnectionPool(terminalPrompt(masker));
    const opened: Snapshots[] = [];
    const hidden = (text: string): string => masker.text(text);
    const openOne = async (target: ExecTarget, snapshot: number | undefined): Promise<OpenTree> => {
      const { name, path, address, lost, isHostRoot } = target;
      if (lost) throw lost;
      if (isHostRoot)
        throw new CrunError({
          severity: "error",
          summary: `${name} is a host's own root, no tree`,
          remedy: "Write HOST:TREE.",
        });
      const session = await pool.get(address);
      const snapshots = new Snapshots(session, path, name);
      opened.push(snapshots);
      return { name, path, snapshot, session, snapshots };
    };
    const find = async (pattern: string): Promise<ExecTarget[]> => {
      const lost = await findFleet(setup, pool, { patterns: [pattern], limit: options.limit });
      return targetsFor(pattern, options.limit, setup, lost);
    };
    const desk: Desk = {
      setup,
      pool,
      isJson: options.output === "json",
      paint: paintOf(process.stdout.isTTY === true && !process.env["NO_COLOR"]),
      print: (text) => void process.stdout.write(hidden(text)),
      printData: (value) => void process.stdout.write(`${hidden(cleanJson(JSON.stringify(value)))}\n`),
      warn: (warning) => void process.stderr.write(`${formatDiagnostic(masker.diagnostic(warning))}\n`),
      hidden,
      open: async (reference) => {
        const { pattern, snapshot } = partsOf(reference, setup);
        const found = await find(pattern);
        const [only, ...others] = found;
        if (!only || others.length > 0)
          throw new CrunError({
            severity: "error",
            summary: `${pattern} stands for ${only ? `${found.length} targets` : "no target"}, and one tree is asked for`,
            remedy: "See what there is: crun tree list",
          });
        return openOne(only, snapshot);
      },
      openAll: async (pattern) => {
        const found = await find(pattern);
        let isLost = false;
        const trees = await Promise.all(
          found.map(async (target) => {
            try {
              return [await openOne(target, undefined)];
            } catch (error) {
              if (!(error instanceof CrunError) || error.exitStatus !== 4) throw error;
              isLost = true;
              for (const one of error.diagnostics) desk.warn(one);
              return [];
            }
          }),
        );
        return { trees: trees.flat(), isLost };
      },
    };
    try {
      return await work(desk);
    } finally {
      await Promise.all(opened.map((one) => one.close()));
      await pool.close();
    }
  });
}

/** `web1@3` is snapshot 3 of web1, unless the inventory knows a tree of that whole name. */
function partsOf(reference: string, setup: Setup): { readonly pattern: string; readonly snapshot: number | undefined } {
  const match = /^(.+)@([1-9]\d{0,8})$/.exec(reference);
  const [, pattern = "", number] = match ?? [];
  if (!match || setup.inventory.targets.has(reference)) return { pattern: reference, snapshot: undefined };
  const isTree = setup.inventory.targets.has(pattern) || parseAddress(pattern)?.tree !== undefined;
  return isTree ? { pattern, snapshot: Number(number) } : { pattern: reference, snapshot: undefined };
}
