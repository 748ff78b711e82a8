// Runs a script that makes a tree on the host, in namespaces of its own.

import type { ExecChange } from "../../module/change.js";
import { contentOf } from "../../module/content.js";
import type { ExecSpec } from "../../module/probe.js";
import { containedProgram } from "../program.js";

/** A file that the script finds at `@files@/NAME`. */
export type GivenFile = NonNullable<ExecSpec["files"]>[number];

/** The script with its variables. What the user gave comes to it in these alone, never as a part of its text. */
export function scriptSpec(
  name: string,
  parts: readonly string[],
  variables: Readonly<Record<string, string>>,
  files: readonly GivenFile[] = [],
): ExecSpec {
  const script = { name: `${name}.sh`, mode: 0o600, content: contentOf(parts.join("\n")) };
  return {
    argv: ["sh", `@files@/${script.name}`],
    files: [script, ...files],
    environment: { ...variables },
    user: "root",
    directory: "/",
  };
}

/** The script as a change. */
export function contained(spec: ExecSpec): ExecChange {
  return containedProgram(spec);
}
