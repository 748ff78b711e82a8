// Commits a tree's /etc with the tree's own etckeeper.

import { CrunError } from "../../diagnostic/diagnostic.js";
import type { ExecChange } from "../../module/change.js";
import type { ExecSpec, Probe } from "../../module/probe.js";
import type { TreeSession } from "../../target/session.js";
import { programRefusal } from "../../tree/program.js";

const program = "/usr/bin/etckeeper";
/** Where the version control systems that etckeeper knows keep theirs. */
const repositories = ["/etc/.git", "/etc/.hg", "/etc/.bzr", "/etc/_darcs"];
const timeoutMs = 600_000;

/**
 * Commits what has changed in /etc. A tree whose etckeeper has no repository yet gets one. `absent`: the tree has no etckeeper. `name` is how messages call
 * the tree. Rejects with a CrunError that quotes etckeeper where it fails.
 */
export async function commitEtc(
  tree: TreeSession,
  name: string,
  message: string,
): Promise<"committed" | "clean" | "absent"> {
  const looks = [program, ...repositories].map((path): Probe => ({ kind: "stat", path, follow: path === program }));
  const [installed, ...there] = await tree.observe(looks);
  if (installed?.kind !== "stat" || installed.stat?.type !== "file") return "absent";
  const isInitialised = there.some((one) => one.kind === "stat" && one.stat !== undefined);
  if (!isInitialised) await run(tree, name, ["init"]);
  const [unclean] = await tree.observe([{ kind: "exec", exec: spec(["unclean"]) }]);
  // Status 1: nothing to commit.
  if (unclean?.kind === "exec" && unclean.exit.kind === "exited" && unclean.exit.value === 1) return "clean";
  await run(tree, name, ["commit", message]);
  return "committed";
}

async function run(tree: TreeSession, name: string, words: readonly string[]): Promise<void> {
  const change: ExecChange = { kind: "exec", exec: spec(words), okStatuses: "any" };
  const [outcome] = await tree.apply([change]);
  const refusal = programRefusal(`etckeeper ${words[0] ?? ""}`, outcome);
  if (!refusal) return;
  const summary = `${name}: ${refusal.message}`;
  const remedy = "See what etckeeper says in the tree; without track: etckeeper it is not asked.";
  throw new CrunError({ severity: "error", summary, remedy }, 2);
}

function spec(words: readonly string[]): ExecSpec {
  // git asks who commits; etckeeper tells it root of the host's name, where nothing else does.
  return { argv: [program, ...words], user: "root", directory: "/etc", timeoutMs, killLeftovers: true };
}
