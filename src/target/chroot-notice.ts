// Notices when a program runs in a tree by the one entry that cannot hold it.

import type { Diagnostic } from "../diagnostic/diagnostic.js";
import type { ExecSpec, Probe } from "../module/probe.js";
import type { Entry, HoldWish, TreeSession } from "./session.js";

/** Told once a run, of the first tree that it concerns. */
export function chrootHoldsNobody(tree: string): Diagnostic {
  return {
    severity: "warning",
    summary: `${tree}: a chroot holds no hostile tree: root in it, and whoever its files make root or give a group of devices, can take the host`,
    remedy:
      "Leave out crun_entry (or --entry), or say unshare, which holds it, where the tree's owner is not trusted with the host.",
  };
}

/** The same tree; `notice` is called before a program runs in it for the first time, where the entry is chroot. Who is root says the tree. */
export function noticingChroot(
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
    for (const probe of probes) if (probe.kind === "exec" && probe.at !== "host") this.#look();
    return this.#tree.observe(probes);
  }

  apply(...[changes, options]: Parameters<TreeSession["apply"]>): ReturnType<TreeSession["apply"]> {
    for (const change of changes) if (change.kind === "exec" && change.at !== "host") this.#look();
    return this.#tree.apply(changes, options);
  }

  exec(spec: Parameters<TreeSession["exec"]>[0]): ReturnType<TreeSession["exec"]> {
    this.#look();
    return this.#tree.exec(spec);
  }

  start(spec: ExecSpec): ReturnType<TreeSession["start"]> {
    this.#look();
    return this.#tree.start(spec);
  }

  hold(wish: HoldWish): ReturnType<TreeSession["hold"]> {
    return this.#tree.hold(wish);
  }

  close(): Promise<void> {
    return this.#tree.close();
  }

  #look(): void {
    this.#notice?.();
    this.#notice = undefined;
  }
}
