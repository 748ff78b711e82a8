// Findings about files as text, as JSON lines, and as SARIF (https://docs.oasis-open.org/sarif/sarif/v2.1.0/), which code hosts and editors read.

import { formatDiagnostic, type Diagnostic } from "../diagnostic/diagnostic.js";
import { cleanJson } from "./clean.js";

export type FindingsForm = "text" | "json" | "sarif";

/** A rule by name and what it is about. */
export interface RuleWords {
  readonly name: string;
  readonly doc: string;
}

/** All findings in one form, with a last word about their number. */
export function findingsText(
  found: readonly Diagnostic[],
  form: FindingsForm,
  about: { readonly version: string; readonly rules: readonly RuleWords[]; readonly files: number },
): string {
  switch (form) {
    case "text":
      return asText(found, about.files);
    case "json":
      return asJson(found, about.files);
    case "sarif":
      return `${cleanJson(JSON.stringify(asSarif(found, about), undefined, 2))}\n`;
  }
}

function counts(found: readonly Diagnostic[]): { readonly errors: number; readonly warnings: number } {
  const errors = found.filter(({ severity }) => severity === "error").length;
  return { errors, warnings: found.length - errors };
}

function plural(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

function asText(found: readonly Diagnostic[], files: number): string {
  const { errors, warnings } = counts(found);
  const words = `${plural(files, "file")}: ${plural(errors, "error")}, ${plural(warnings, "warning")}`;
  return `${[...found.map((one) => formatted(one)), words].join("\n")}\n`;
}

/** The rule's name stands behind the summary, so that it can be allowed. */
function formatted(one: Diagnostic): string {
  return formatDiagnostic(one.rule === undefined ? one : { ...one, summary: `${one.summary} [${one.rule}]` });
}

function asJson(found: readonly Diagnostic[], files: number): string {
  const lines = found.map(({ severity, rule, summary, place, source, detail, remedy }) => ({
    event: "finding",
    severity,
    rule,
    file: place?.file,
    line: place?.line,
    column: place?.column,
    summary,
    source,
    detail,
    remedy,
  }));
  return [...lines, { event: "recap", files, ...counts(found) }]
    .map((one) => `${cleanJson(JSON.stringify(one))}\n`)
    .join("");
}

/** The rule of what has none: what would keep a play from beginning, and what it would warn of. */
const preflightRules: readonly RuleWords[] = [
  { name: "error", doc: "What keeps a play from beginning." },
  { name: "warning", doc: "What a play warns of before it begins." },
];

function asSarif(
  found: readonly Diagnostic[],
  { version, rules }: { readonly version: string; readonly rules: readonly RuleWords[] },
): object {
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "crun",
            version,
            rules: [...preflightRules, ...rules].map(({ name, doc }) => ({
              id: name,
              shortDescription: { text: doc },
            })),
          },
        },
        columnKind: "utf16CodeUnits",
        results: found.map((one) => sarifResult(one)),
      },
    ],
  };
}

function sarifResult({ severity, rule, summary, place, detail, remedy }: Diagnostic): object {
  const region = place?.line === undefined ? {} : { region: { startLine: place.line, startColumn: place.column ?? 1 } };
  const location = place && { physicalLocation: { artifactLocation: { uri: uriOf(place.file) }, ...region } };
  return {
    ruleId: rule ?? severity,
    level: severity,
    message: { text: [summary, detail, remedy].filter((text) => text !== undefined).join("\n") },
    locations: location ? [location] : [],
  };
}

function uriOf(file: string): string {
  const path = file.split("/").map(encodeURIComponent).join("/");
  return file.startsWith("/") ? `file://${path}` : path;
}
