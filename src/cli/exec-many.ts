// `crun exec` on many targets: whole lines, each with its target's name, and a summary.

import { CrunError, formatDiagnostic } from "../diagnostic/diagnostic.js";
import type { ConnectionPool } from "../target/connect.js";
import { noticingChroot, chrootHoldsNobody } from "../target/chroot-notice.js";
import type { HostSession } from "../target/session.js";
import { escapeControls } from "../wire/noise.js";
import { textOf } from "../wire/text.js";
import { HostSlots } from "../engine/slots.js";
import type { Masker } from "../engine/task/masker.js";
import { notStarted, writeTo } from "./exec-one.js";
import { execSpec } from "./exec.js";
import type { ExecRequest, ExecStreams, ExecTarget } from "./exec.js";
import { trimEndOf } from "../module/trim.js";

/** Trees of one host at work at once. */
const TREES_AT_ONCE = 16;
/** A line longer than this is shown in pieces. */
const LONGEST_LINE = 64 * 1024;
const INTERRUPTED = 130;

type Result =
  | { readonly kind: "ok"; readonly target: string }
  | { readonly kind: "failed" | "unreachable"; readonly target: string; readonly why: string };

/** Runs it everywhere; gives 0, 2 where it failed somewhere, 4 where a target was unreachable, 130 when interrupted. */
export async function execMany(request: ExecRequest, pool: ConnectionPool, streams: ExecStreams): Promise<number> {
  const byHost = groupByHost(request.targets);
  const interruption = new Interruption();
  const results: Result[] = [];
  let hasNoticed = false;
  const noticeChroot = (name: string): void => {
    if (!hasNoticed) streams.stderr.write(`${formatDiagnostic(chrootHoldsNobody(name))}\n`);
    hasNoticed = true;
  };
  const slots = new HostSlots(request.forks);
  const onHost = async (host: string, targets: readonly ExecTarget[]): Promise<void> => {
    const [first] = targets;
    if (first === undefined || interruption.isOver) return;
    const opening = slots.awaiting(host, pool.get(first.address));
    await opening.catch(() => undefined); // each of its targets tells
    await inParallel(targets, TREES_AT_ONCE, async (target) => {
      const result = await execIn(request, target, opening, streams, noticeChroot, () => interruption.isOver);
      results.push(result);
    });
  };
  const work = Promise.all([...byHost].map(([host, targets]) => slots.while(host, () => onHost(host, targets))));
  const isInterrupted = await Promise.race([work.then(() => false), interruption.happened.then(() => true)]);
  interruption.stop();
  if (isInterrupted) {
    await pool.close();
    return INTERRUPTED;
  }
  streams.stderr.write(`${summary(results)}\n`);
  if (results.some((result) => result.kind === "unreachable")) return 4;
  return results.some((result) => result.kind === "failed") ? 2 : 0;
}

async function execIn(
  request: ExecRequest,
  target: ExecTarget,
  opening: Promise<HostSession>,
  streams: ExecStreams,
  noticeChroot: (name: string) => void,
  isInterrupted: () => boolean,
): Promise<Result> {
  const out = new PrefixedLines(target.name, streams.stdout, request.masker);
  const err = new PrefixedLines(target.name, streams.stderr, request.masker);
  try {
    if (target.lost) throw target.lost;
    const session = await opening;
    const { entry, isHostRoot } = target;
    const tree = noticingChroot(session.openTree(target.path, { entry, isHostRoot }), target, () =>
      noticeChroot(target.name),
    );
    const running = await tree.exec({ ...execSpec(request, target), stdin: "" });
    running.onOutput((stream, data) => (stream === "stdout" ? out : err).add(data));
    const exit = await running.exited;
    await out.end();
    await err.end();
    await tree.close();
    if (exit.kind === "exited" && exit.value === 0) return { kind: "ok", target: target.name };
    if (exit.kind === "not-started") throw notStarted(exit, target.name, request);
    const why =
      exit.kind === "exited" ? `status ${exit.value}` : exit.kind === "signaled" ? `signal ${exit.value}` : exit.kind;
    return { kind: "failed", target: target.name, why: exit.note === undefined ? why : `${why}, ${exit.note}` };
  } catch (error) {
    if (!(error instanceof CrunError)) throw error;
    if (!isInterrupted()) await err.add(Buffer.from(`${error.message}\n`));
    const kind = error.exitStatus === 4 ? "unreachable" : "failed";
    return { kind, target: target.name, why: (error.diagnostics[0]?.summary ?? "").replace(`${target.name}: `, "") };
  }
}

/** Output cut into lines; a host's escape codes are shown, not obeyed. */
export class PrefixedLines {
  readonly #prefix: string;
  readonly #stream: ExecStreams["stdout"];
  readonly #masker: Masker | undefined;
  #partial: Buffer = Buffer.alloc(0);

  constructor(name: string, stream: ExecStreams["stdout"], masker?: Masker) {
    this.#masker = masker;
    this.#prefix = `${escapeControls(name)} | `;
    this.#stream = stream;
  }

  /** Shows the lines that are whole by now. */
  add(data: Uint8Array): void | Promise<void> {
    const bytes = Buffer.concat([this.#partial, data]);
    const lines: string[] = [];
    let at = 0;
    for (;;) {
      const newline = bytes.indexOf(0x0a, at);
      const end = newline >= 0 ? newline : bytes.length - at >= LONGEST_LINE ? at + LONGEST_LINE : -1;
      if (end < 0) break;
      lines.push(this.#line(bytes.subarray(at, end)));
      at = newline >= 0 ? newline + 1 : end;
    }
    this.#partial = Buffer.from(bytes.subarray(at));
    if (lines.length === 0) return undefined;
    return writeTo(this.#stream, Buffer.from(lines.join("")));
  }

  /** Shows what is left without a newline. */
  async end(): Promise<void> {
    if (this.#partial.length > 0) await this.add(Buffer.from("\n"));
  }

  #hidden(line: string): string {
    return this.#masker?.text(line) ?? line;
  }

  #line(bytes: Buffer): string {
    return `${this.#prefix}${escapeControls(this.#hidden(trimEndOf(textOf(bytes), "\r")))}\n`;
  }
}

function summary(results: readonly Result[]): string {
  const of = (kind: Result["kind"]): Result[] => results.filter((result) => result.kind === kind);
  const named = (kind: Result["kind"]): string =>
    of(kind)
      .map((result) => ("why" in result && kind === "failed" ? `${result.target} (${result.why})` : result.target))
      .join(", ");
  const parts = [`${of("ok").length} ok`];
  if (of("failed").length > 0) parts.push(`${of("failed").length} failed: ${escapeControls(named("failed"))}`);
  if (of("unreachable").length > 0) {
    parts.push(`${of("unreachable").length} unreachable: ${escapeControls(named("unreachable"))}`);
  }
  return parts.join("; ");
}

function groupByHost(targets: readonly ExecTarget[]): Map<string, ExecTarget[]> {
  const groups = new Map<string, ExecTarget[]>();
  for (const target of targets) {
    const group = groups.get(target.address.name) ?? [];
    group.push(target);
    groups.set(target.address.name, group);
  }
  return groups;
}

/** Works on at most `limit` items at once. */
async function inParallel<T>(items: readonly T[], limit: number, work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(limit, items.length)) }, worker));
}

/** Ctrl-C, or a request to end. */
class Interruption {
  isOver = false;
  readonly happened: Promise<void>;
  #handler: () => void = () => undefined;

  constructor() {
    this.happened = new Promise((resolve) => {
      this.#handler = () => {
        this.isOver = true;
        resolve();
      };
    });
    process.on("SIGINT", this.#handler).on("SIGTERM", this.#handler);
  }

  stop(): void {
    process.off("SIGINT", this.#handler).off("SIGTERM", this.#handler);
  }
}
