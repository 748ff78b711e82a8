// `crun doctor`: what isolation processes really get on targets, asked from inside of each entry, held against what is promised.

import { CrunError } from "../diagnostic/diagnostic.js";
import { allowOfTarget } from "../engine/task/allow-of.js";
import { locksFor } from "../engine/trees/hold-tree.js";
import { removeLeftLocks } from "../engine/trees/left-locks.js";
import { entryQuestions, hostQuestions } from "../facts/entry-questions.js";
import { DROPPED_USER, judgeEntry, type EntryKind } from "../facts/entry-report.js";
import type { Finding } from "../facts/finding.js";
import { judgeHost } from "../facts/host-report.js";
import { parseReport, reportArguments, type Report } from "../facts/report.js";
import { describeFailure } from "../module/failure-text.js";
import type { ExecObservation, ExecSpec, Failure } from "../module/probe.js";
import { cleanLine } from "../report/clean.js";
import type { HostSession, TreeSession } from "../target/session.js";
import { targetsFor, type FoundTarget } from "./find-targets.js";
import { findFleet } from "./fleet.js";
import { atDesk, type Desk, type LookOptions } from "./tree/open-trees.js";

/** What was found about an entry; `isPossible` false: it cannot be had on this host, which is no fault. */
interface EntryFindings {
  readonly entry: EntryKind;
  readonly isDefault: boolean;
  readonly isPossible: boolean;
  readonly findings: readonly Finding[];
}

interface Diagnosis {
  readonly target: string;
  readonly host: readonly Finding[];
  readonly entries: readonly EntryFindings[];
}

const TIME_MS = 30_000;
const entryKinds = ["unshare", "chroot", "nspawn", "machine"] as const;

/** Gives 0 where all is as promised, 2 where something is less, 4 where a target could not be reached. */
export async function runDoctor(patterns: readonly string[], options: LookOptions): Promise<number> {
  return atDesk(options, async (desk) => {
    const lost = await findFleet(desk.setup, desk.pool, { patterns, limit: options.limit });
    const targets = new Map<string, FoundTarget>();
    for (const pattern of patterns)
      for (const target of targetsFor(pattern, options.limit, desk.setup, lost)) targets.set(target.name, target);
    if (targets.size === 0)
      throw new CrunError({
        severity: "error",
        summary: `${patterns.join(" ")} matches no target`,
        remedy: "See what there is: crun inventory --graph",
      });
    let isLost = false;
    let isBelow = false;
    for (const target of targets.values()) {
      try {
        if (target.lost) throw target.lost;
        const diagnosis = await examine(target, desk);
        isBelow ||= allFindings(diagnosis).some(({ level }) => level === "problem");
        if (desk.isJson) desk.printData({ event: "doctor", ...diagnosis });
        else desk.print(pageOf(diagnosis, desk));
      } catch (error) {
        if (!(error instanceof CrunError)) throw error;
        isLost = true;
        if (desk.isJson)
          desk.printData({
            event: "doctor",
            target: target.name,
            unreachable: error.diagnostics.map(({ summary }) => summary).join("; "),
          });
        for (const one of error.diagnostics) desk.warn(one);
      }
    }
    return isLost ? 4 : isBelow ? 2 : 0;
  });
}

function allFindings({ host, entries }: Diagnosis): readonly Finding[] {
  return [...host, ...entries.flatMap(({ findings }) => findings)];
}

async function examine(target: FoundTarget, desk: Desk): Promise<Diagnosis> {
  const session = await desk.pool.get(target.address);
  const machine = target.isHostRoot ? undefined : await machineOf(session, target);
  const outside = session.openTree("/", { entry: "auto", isHostRoot: true });
  const host = await reportOf(outside, hostQuestions(machine?.leader));
  const leftLocks = await removeLeftLocks(outside, locksFor(target.path, session.info.isRootless));
  await outside.close();
  if (!host.report) {
    const text = host.why;
    return {
      target: target.name,
      host: [{ level: "problem", about: "helper", text, remedy: host.remedy }],
      entries: [],
    };
  }
  const entries: EntryFindings[] = [];
  if (!target.isHostRoot) {
    const wanted = target.entry === "auto" ? (machine ? "machine" : "unshare") : target.entry;
    for (const entry of entryKinds) {
      if (entry === "machine" && !machine && wanted !== "machine") continue;
      entries.push(
        await examineEntry(entry, entry === wanted, {
          target,
          session,
          host: host.report,
          leader: machine?.leader,
          desk,
        }),
      );
    }
  }
  const removed: readonly Finding[] = leftLocks === 0 ? [] : [leftBehind(leftLocks)];
  return { target: target.name, host: [...judgeHost(host.report, session.info), ...removed], entries };
}

function leftBehind(count: number): Finding {
  const files = count === 1 ? "1 lock file" : `${count} lock files`;
  return { level: "ok", about: "locks of trees", text: `${files} of killed runs, which nobody held, removed` };
}

interface Around {
  readonly target: FoundTarget;
  readonly session: HostSession;
  readonly host: Report;
  readonly leader: number | undefined;
  readonly desk: Desk;
}

async function examineEntry(entry: EntryKind, isDefault: boolean, around: Around): Promise<EntryFindings> {
  const { target, session, host, leader, desk } = around;
  const { architecture, isRootless } = session.info;
  const tree = session.openTree(target.path, { entry, isHostRoot: false });
  try {
    const allow = allowOfTarget(desk.setup.scopeOf(target.name)) ?? [];
    const questions = entryQuestions(architecture);
    const root = await reportOf(tree, questions, { allow });
    if (!root.report) {
      // What an entry lacks on a host is told; that nothing then runs is what was promised, unless this is how the target is entered.
      const finding: Finding = {
        level: isDefault ? "problem" : "note",
        about: "entry",
        text: root.why,
        remedy: root.remedy,
      };
      return { entry, isDefault, isPossible: root.runs, findings: [finding] };
    }
    const user = await reportOf(tree, questions, { allow, user: `${DROPPED_USER}:${DROPPED_USER}` });
    const isOutOfReach = !user.report && isRootless && user.failure?.code === "no-such-user";
    if (!user.report && !isOutOfReach) {
      const finding: Finding = {
        level: "problem",
        about: "users (become_user, -u)",
        text: user.why,
        remedy: user.remedy,
      };
      return { entry, isDefault, isPossible: true, findings: [finding] };
    }
    const findings = judgeEntry({
      kind: entry,
      root: root.report,
      user: user.report ?? { missing: user.why },
      host,
      architecture,
      isRootless,
      allow,
      leader,
    });
    return { entry, isDefault, isPossible: true, findings };
  } finally {
    await tree.close();
  }
}

async function machineOf(session: HostSession, target: FoundTarget): Promise<{ readonly leader: number } | undefined> {
  const tree = session.openTree(target.path, { entry: target.entry, isHostRoot: false });
  const [answer] = await tree.observe([{ kind: "machine" }]);
  await tree.close();
  return answer?.kind === "machine" ? answer.machine : undefined;
}

type Reported =
  | { readonly report: Report }
  | {
      readonly report?: undefined;
      /** Programs run there; what they have cannot be asked. */
      readonly runs: boolean;
      readonly why: string;
      readonly remedy: string;
      readonly failure: Failure | undefined;
    };

async function reportOf(
  tree: TreeSession,
  questions: readonly string[],
  more: Pick<ExecSpec, "allow" | "user"> = {},
): Promise<Reported> {
  const exec: ExecSpec = {
    argv: reportArguments(questions),
    isHelper: true,
    timeoutMs: TIME_MS,
    outputLimit: 16 * 1024 * 1024,
    ...more,
  };
  const [answer] = await tree.observe([{ kind: "exec", exec }]);
  const ran: ExecObservation | undefined = answer?.kind === "exec" ? answer : undefined;
  const report = ran?.exit.kind === "exited" && ran.exit.value === 0 ? parseReport(ran.stdout) : undefined;
  if (report) return { report };
  const failure = ran?.failure ?? ran?.exit.failure;
  if (failure?.step === "execute the helper")
    return {
      runs: true,
      why: `programs run there, but what is in force cannot be read: ${describeFailure(failure)}`,
      remedy: "Make the directory /proc in the tree: most programs need it, too.",
      failure,
    };
  const why = failure
    ? describeFailure(failure)
    : `the report broke off (${ran?.exit.kind ?? "no answer"} ${ran?.exit.value ?? ""})`;
  return {
    runs: false,
    why: `nothing runs: ${why}`,
    remedy: "What the message names has to be mended on the host; until then choose another entry.",
    failure,
  };
}

const marks = { ok: "ok  ", note: "note", problem: "BAD " } as const;

function pageOf({ target, host, entries }: Diagnosis, { paint }: Desk): string {
  const lines = (findings: readonly Finding[]): string[] =>
    findings.flatMap(({ level, about, text, remedy }) => {
      const mark =
        level === "problem"
          ? paint.status.failed(marks.problem)
          : level === "note"
            ? paint.status.changed(marks.note)
            : paint.status.ok(marks.ok);
      const line = `    ${mark}  ${cleanLine(about)}: ${cleanLine(text)}`;
      return level === "ok" || remedy === undefined ? [line] : [line, `          ${cleanLine(remedy)}`];
    });
  const parts = entries.flatMap(({ entry, isDefault, isPossible, findings }) => [
    `  ${entry}${isDefault ? " (what this target gets)" : ""}${isPossible ? "" : ", not to be had here"}`,
    ...lines(findings),
  ]);
  return `${[cleanLine(target), "  host", ...lines(host), ...parts].join("\n")}\n`;
}
