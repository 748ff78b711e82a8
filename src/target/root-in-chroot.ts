// Notices when root is run in a tree by the one entry that cannot hold it.

import type { Diagnostic } from "../diagnostic/diagnostic.js";
import type { ExecSpec, Probe } from "../module/probe.js";
import type { Entry, TreeSession } from "./session.js";

/** Told once a run, of the first tree that it concerns. */
export function rootNotHeld(tree: string): Diagnostic {
  return {
    severity: "warning",
    summary: `${tree}: root in an entry of kind chroot has all capabilities and the host's devices: a hostile tree can take the host`,
    remedy:
      "Leave out crun_entry (or --entry), or say unshare, which holds it, where the tree's owner is not trusted with the host.",
  };
}

/** The same tree; `notice` is called before root runs in it for the first time, where the entry is chroot. */
export function noticingRoot(
  tree: TreeSession,
  { entry, isHostRoot }: { readonly entry: Entry; readonly isHostRoot: boolean },
  notice: (() => void) | undefined,
): TreeSession {
  return entry === "chroot" && !isHostRoot && notice !== undefined ? new WatchedTree(tree, notice) : tree;
}

class WatchedTree implements TreeSession {
  readonly #tree: TreeSession;
  #notice: (() => void) | undefined;

  constructor(tree: TreeSession, notice: () => void) {
    this.#tree = tree;
    this.#notice = notice;
  }

  observe(probes: readonly Probe[]): ReturnType<TreeSession["observe"]> {
    for (const probe of probes) if (probe.kind === "exec" && probe.at !== "host") this.#look(probe.exec);
    return this.#tree.observe(probes);
  }

  apply(...[changes, options]: Parameters<TreeSession["apply"]>): ReturnType<TreeSession["apply"]> {
    for (const change of changes) if (change.kind === "exec" && change.at !== "host") this.#look(change.exec);
    return this.#tree.apply(changes, options);
  }

  exec(spec: Parameters<TreeSession["exec"]>[0]): ReturnType<TreeSession["exec"]> {
    this.#look(spec);
    return this.#tree.exec(spec);
  }

  start(spec: ExecSpec): ReturnType<TreeSession["start"]> {
    this.#look(spec);
    return this.#tree.start(spec);
  }

  close(): Promise<void> {
    return this.#tree.close();
  }

  #look({ user = "" }: ExecSpec): void {
    if (!["", "root", "0"].includes(user.split(":")[0] ?? "")) return;
    this.#notice?.();
    this.#notice = undefined;
  }
}
