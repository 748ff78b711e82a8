// The helper's report from inside of an entry: what it is asked, and its answers. See native/src/report.h.

/** An answer: the bytes as text, one character each, or Linux's error number. */
export type ReportAnswer = { readonly text: string } | { readonly errno: number };

/** Answers by question. */
export type Report = ReadonlyMap<string, ReportAnswer>;

/** The program's arguments for these questions. */
export function reportArguments(questions: readonly string[]): readonly string[] {
  return ["crun-report", "--report", ...questions];
}

/** Of what the program wrote; undefined: it is no report. What was not answered is absent. */
export function parseReport(output: Uint8Array): Report | undefined {
  const text = Buffer.from(output).toString("latin1");
  const answers = new Map<string, ReportAnswer>();
  for (let at = 0; at < text.length;) {
    const end = text.indexOf("\n", at);
    const head = /^(.*) (-?\d+)$/.exec(text.slice(at, end < 0 ? text.length : end));
    if (end < 0 || !head) return undefined;
    const number = Number(head[2]);
    const length = Math.max(0, number);
    if (end + 1 + length > text.length) return undefined;
    answers.set(head[1] ?? "", number < 0 ? { errno: -number } : { text: text.slice(end + 1, end + 1 + length) });
    at = end + 1 + length;
  }
  return answers;
}

export function textOf(report: Report, question: string): string | undefined {
  const answer = report.get(question);
  return answer && "text" in answer ? answer.text : undefined;
}

/** 0: it was answered; undefined: it was not asked. */
export function errnoOf(report: Report, question: string): number | undefined {
  const answer = report.get(question);
  return answer && ("errno" in answer ? answer.errno : 0);
}

/** A field of /proc/self/status, as `Seccomp`. */
export function statusField(report: Report, name: string): string | undefined {
  const status = textOf(report, "r/proc/self/status") ?? "";
  return new RegExp(`^${name}:\\t(.*)$`, "m").exec(status)?.[1]?.trim();
}

/** A mount, as mountinfo tells it. */
export interface ReportedMount {
  readonly root: string;
  readonly path: string;
  readonly options: ReadonlySet<string>;
  readonly type: string;
}

export function mountsIn(report: Report): readonly ReportedMount[] {
  return (textOf(report, "r/proc/self/mountinfo") ?? "").split("\n").flatMap((line): ReportedMount[] => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root, path, options] = before.split(" ");
    if (root === undefined || path === undefined || options === undefined) return [];
    return [{ root, path: unescaped(path), options: new Set(options.split(",")), type: after.split(" ")[0] ?? "" }];
  });
}

/** The kernel's octal escapes of blanks and backslashes. */
function unescaped(text: string): string {
  return text.replaceAll(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
