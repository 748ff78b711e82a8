// Runs a script that makes a tree on the host, in namespaces of its own.

import type { Context } from "../../module/contract.js";
import type { ExecSpec } from "../../module/probe.js";

/**
 * As containedProgram (program.ts) has it for root: whatever dies, nothing runs on and nothing stays mounted. Without root the namespaces begin with one of users, in which the login is
 * root and its subordinate ids are the others: the same as the helper's own, so that it can remove what was made.
 */
const starter = String.raw`
set -- --mount --pid --fork --kill-child --mount-proc --propagation private
if [ "$(id -u)" != 0 ]; then
  # FILE: the first range of the login's.
  range() { awk -F: -v name="$(id -un)" -v id="$(id -u)" '$1 == name || $1 == id { print $2 ",1," $3; exit }' "$1" 2>/dev/null; }
  users=$(range /etc/subuid) groups=$(range /etc/subgid)
  if [ -z "$users" ] || [ -z "$groups" ]; then
    echo 'crun: the login is not root and has no subordinate ids, which the owners of the files need' >&2
    echo 'crun-remedy: Give it some (/etc/subuid, /etc/subgid, newuidmap), or become root.' >&2
    exit 3
  fi
  set -- --user --map-root-user --map-users="$users" --map-groups="$groups" "$@"
fi
exec unshare "$@" -- sh -c 'IFS= read -r CREDENTIALS; script=$(cat); exec </dev/null; eval "$script"' crun
`.trim();

/**
 * The script with its variables. What the user gave comes to it in these alone, never as a part of its text. `credentials` (one line) is the script's variable
 * CREDENTIALS: it is in no command line and no environment. `first` is done before any namespace is made.
 */
export function scriptSpec(
  parts: readonly string[],
  variables: Readonly<Record<string, string>>,
  context: Context,
  { credentials = "", first = "" }: { readonly credentials?: string; readonly first?: string } = {},
): ExecSpec {
  return {
    argv: ["sh", "-c", first === "" ? starter : `${first}\n${starter}`],
    stdin: [credentials, ...parts].join("\n"),
    environment: { ...variables },
    directory: "/",
    // Whoever the helper is: root, or without root the login.
    ...(context.becomeUser === undefined ? {} : { user: "root" }),
  };
}
