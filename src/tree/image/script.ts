// Runs a script that makes a tree on the host, in namespaces of its own.

import type { ExecSpec } from "../../module/probe.js";

/** As containedProgram (program.ts) has it: whatever dies, nothing runs on and nothing stays mounted. */
const starter =
  `exec unshare --mount --pid --fork --kill-child --mount-proc --propagation private -- ` +
  `sh -c 'IFS= read -r CREDENTIALS; script=$(cat); exec </dev/null; eval "$script"' crun`;

/**
 * The script with its variables. What the user gave comes to it in these alone, never as a part of its text. `credentials` (one line) is the script's variable
 * CREDENTIALS: it is in no command line and no environment. `first` is done before any namespace is made.
 */
export function scriptSpec(
  parts: readonly string[],
  variables: Readonly<Record<string, string>>,
  { credentials = "", first = "" }: { readonly credentials?: string; readonly first?: string } = {},
): ExecSpec {
  return {
    argv: ["sh", "-c", first === "" ? starter : `${first}\n${starter}`],
    stdin: [credentials, ...parts].join("\n"),
    environment: { ...variables },
    directory: "/",
    hasLaxOwners: true,
    user: "root",
  };
}
