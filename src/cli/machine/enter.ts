// `crun machine log` and `shell`: a machine's journal on its host, and a login in it.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { baseName } from "../../module/tree-path.js";
import { ConnectionPool } from "../../target/connect.js";
import { machineNameProblem, machineUnit } from "../../tree/machine/unit.js";
import { runExec, type ExecTarget } from "../exec.js";
import { findFleet } from "../fleet.js";
import { targetsFor } from "../find-targets.js";
import { withMasker } from "../masked-errors.js";
import type { ReachOptions } from "../options.js";
import { terminalPrompt } from "../prompt.js";
import { setUp } from "../setup.js";

export interface LogOptions extends ReachOptions {
  readonly isFollowing: boolean;
  readonly lines: number;
  /** The journal that it keeps itself, instead of what the host has of its unit. */
  readonly isInside: boolean;
}

/** Gives journalctl's exit status. */
export async function runMachineLog(reference: string, options: LogOptions): Promise<number> {
  const { isFollowing, lines, isInside } = options;
  const shown = ["journalctl", "--no-pager", `--lines=${lines}`, ...(isFollowing ? ["--follow"] : [])];
  return enter(reference, options, (target) =>
    isInside
      ? { target: { ...target, entry: "machine" }, command: shown }
      : {
          target: { ...target, path: "/", entry: "auto", isHostRoot: true },
          command: [...shown, `--unit=${unitOf(target)}`],
        },
  );
}

export interface ShellOptions extends ReachOptions {
  readonly asUser: string | undefined;
}

/** Gives the command's own exit status. Without a command it is the user's shell, as a login. */
export async function runMachineShell(
  reference: string,
  command: readonly string[],
  options: ShellOptions,
): Promise<number> {
  const login = ["/bin/sh", "-c", 'cd "${HOME:-/}" 2>/dev/null; exec "${SHELL:-/bin/sh}" -l'];
  return enter(reference, options, (target) => ({
    target: { ...target, entry: "machine" },
    command: command.length > 0 ? command : login,
    user: options.asUser,
  }));
}

interface Work {
  readonly target: ExecTarget;
  readonly command: readonly string[];
  readonly user?: string | undefined;
}

async function enter(reference: string, options: ReachOptions, work: (target: ExecTarget) => Work): Promise<number> {
  return withMasker(async (masker) => {
    const setup = await setUp(options, masker);
    const prompt = terminalPrompt(masker);
    const pool = new ConnectionPool(prompt);
    try {
      const lost = await findFleet(setup, pool, { patterns: [reference], limit: options.limit });
      const found = targetsFor(reference, options.limit, setup, lost);
      const [only] = found;
      if (!only || found.length > 1 || only.isHostRoot) throw notOne(reference, found);
      const { target, command, user } = work(only);
      return await runExec({ targets: [target], command, user, forks: 1, prompt, masker, pool });
    } finally {
      await pool.close();
    }
  });
}

function unitOf({ path }: ExecTarget): string {
  const name = baseName(path);
  const problem = machineNameProblem(name);
  if (problem !== undefined) throw new CrunError({ severity: "error", summary: problem });
  return machineUnit(name);
}

function notOne(reference: string, found: readonly ExecTarget[]): CrunError {
  const [first] = found;
  const what = !first
    ? "stands for no target"
    : found.length > 1
      ? `stands for ${found.length} targets`
      : "is a host's own root";
  return new CrunError({
    severity: "error",
    summary: `${reference} ${what}, and one machine is asked for`,
    remedy: "Write HOST:TREE; crun machine list shows what there is.",
  });
}
