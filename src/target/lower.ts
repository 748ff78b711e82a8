// Probes, changes and execs as the modules write them, made into what the protocol carries: nothing is left to choose.

import { allowancesOf } from "../facts/allowances.js";
import type { Change } from "../module/change.js";
import { contentOf } from "../module/content.js";
import { standardEnvironment, terminalName } from "../module/exec-environment.js";
import type { Content, ExecSpec, Probe } from "../module/probe.js";
import type { WireChange } from "../wire/changes.js";
import type { WireProbe } from "../wire/probes.js";
import type { WireContent, WireExec, WireStdin } from "../wire/structs.js";
import { bytesOf } from "../wire/text.js";

/** Content up to this many bytes travels with the message, more of it once for each host. */
export const INLINE_LIMIT = 64 * 1024;
/** Most bytes that one probe or change carries itself. */
const INLINE_TOTAL = 512 * 1024;
const UMASK_DEFAULT = 0xffff;
const ENTRY_OF_TREE = 255;

/** Makes sure that content is with the helper, or fetches what is small. Rejects with a CrunError. */
export interface ContentSource {
  /** The bytes of content that is at most INLINE_LIMIT. */
  load(content: Content): Promise<Uint8Array>;
  /** Resolves when the helper has it. */
  ensure(content: Content): Promise<void>;
}

/** How an exec is to be run beyond its spec. */
export interface ExecMode {
  readonly streamsOutput: boolean;
  /** Where the spec has no stdin: INPUT messages, or none. */
  readonly takesInput: boolean;
  /** What is asked of the tree later does not wait for its end. */
  readonly isInBackground?: boolean | undefined;
  readonly rows?: number | undefined;
  readonly columns?: number | undefined;
}

const QUIET: ExecMode = { streamsOutput: false, takesInput: false };

export async function lowerProbe(probe: Probe, source: ContentSource): Promise<WireProbe> {
  if (probe.kind !== "exec") return probe;
  return { kind: "exec", at: probe.at ?? "tree", exec: await lowerExec(probe.exec, QUIET, source) };
}

export async function lowerChange(change: Change, streamsOutput: boolean, source: ContentSource): Promise<WireChange> {
  if (change.kind === "writeFile") return { ...change, content: await lowerContent(change.content, source) };
  if (change.kind !== "exec") return change;
  const exec = await lowerExec(change.exec, { streamsOutput, takesInput: false }, source);
  return { kind: "exec", at: change.at ?? "tree", exec };
}

export async function lowerExec(spec: ExecSpec, mode: ExecMode, source: ContentSource): Promise<WireExec> {
  const budget = { left: INLINE_TOTAL };
  const stdin = await lowerStdin(spec.stdin, mode, budget, source);
  const files: { name: string; mode: number; content: WireContent }[] = [];
  for (const file of spec.files ?? []) {
    files.push({ name: file.name, mode: file.mode, content: await lowerContent(file.content, source, budget) });
  }
  return {
    argv: spec.argv,
    environment: environmentOf(spec),
    directory: spec.directory ?? "",
    user: spec.user ?? "",
    hasTerminal: spec.pty ?? false,
    streamsOutput: mode.streamsOutput,
    mergesStderr: false,
    killsLeftovers: spec.killLeftovers ?? false,
    isInBackground: mode.isInBackground ?? false,
    hasLaxOwners: spec.hasLaxOwners ?? false,
    stdin,
    timeoutMs: spec.timeoutMs ?? 0,
    outputLimit: spec.outputLimit ?? 0,
    rows: mode.rows ?? 0,
    columns: mode.columns ?? 0,
    umask: spec.umask ?? UMASK_DEFAULT,
    entry: ENTRY_OF_TREE,
    files,
    cgroups: spec.cgroups ?? [],
    isHelper: spec.isHelper ?? false,
    ...allowancesOf(spec.allow ?? []),
  };
}

/** HOME, USER, LOGNAME and SHELL are the helper's: it has read the tree's passwd. */
function environmentOf(spec: ExecSpec): string[] {
  const defaults = { ...standardEnvironment, TERM: terminalName(spec.pty === true) };
  return Object.entries({ ...defaults, ...spec.environment }).map(([name, value]) => `${name}=${value}`);
}

async function lowerStdin(
  stdin: ExecSpec["stdin"],
  mode: ExecMode,
  budget: { left: number },
  source: ContentSource,
): Promise<WireStdin> {
  if (stdin === undefined) return { kind: mode.takesInput ? "input" : "none" };
  const bytes = typeof stdin === "string" ? bytesOf(stdin) : stdin;
  if (bytes.length === 0) return { kind: "none" };
  if (bytes.length <= INLINE_LIMIT) {
    budget.left -= bytes.length;
    return { kind: "bytes", bytes };
  }
  return lowerContent(contentOf(bytes), source);
}

async function lowerContent(
  content: Content,
  source: ContentSource,
  budget: { left: number } = { left: INLINE_LIMIT },
): Promise<WireContent> {
  if (content.size <= INLINE_LIMIT && content.size <= budget.left) {
    budget.left -= content.size;
    return { kind: "bytes", bytes: content.bytes ?? (await source.load(content)) };
  }
  await source.ensure(content);
  return { kind: "blob", sha256: content.sha256 };
}
