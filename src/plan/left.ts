// What a plan leaves at the paths that it changes, by the model of the tree.

import type { Change } from "../module/change.js";
import type { Model } from "../module/model.js";
import type { Probe, Root } from "../module/probe.js";
import type { Left } from "./saved-plan.js";
import { stateOf, type State } from "./sight.js";

export class LeftStates {
  readonly #left = new Map<string, Left>();

  /** Takes down what the model says of the paths that the change touched; call when it was predicted. */
  note(change: Change, model: Model): void {
    switch (change.kind) {
      case "exec":
      case "lock":
      case "unlock":
      case "writeKernel":
      case "setSubvolume":
      case "mountOverlay":
      case "unmount":
        return;
      case "rename":
        this.#look(change.at, change.path, false, model);
        this.#look(change.at, change.to, false, model);
        return;
      case "writeFile":
      case "setAttributes":
        this.#look(change.at, change.path, change.follow === true, model);
        return;
      default:
        this.#look(change.at, change.path, false, model);
    }
  }

  all(): Left[] {
    return [...this.#left.values()];
  }

  #look(at: Root = "tree", path: string, follow: boolean, model: Model): void {
    const state = stateIn(model, at, path, follow);
    if (!state) return;
    if (state.type !== "directory") this.#forgetBeneath(at, path);
    this.#left.set(`${at} ${path}`, { path, at, follow, state });
  }

  #forgetBeneath(at: Root, path: string): void {
    for (const key of this.#left.keys()) if (key.startsWith(`${at} ${path}/`)) this.#left.delete(key);
  }
}

/** The probe that shows whether a path is as the plan leaves it. */
export function probeOf({ path, at, follow }: Left): Probe {
  return { kind: "hash", path, at, follow, algorithms: ["sha256"] };
}

function stateIn(model: Model, at: Root, path: string, follow: boolean): State | undefined {
  const hashed = model.answer({ kind: "hash", path, at, follow, algorithms: ["sha256"] });
  if (hashed.kind === "known" && hashed.observation.kind === "hash")
    return stateOf(hashed.observation.stat, hashed.observation.digests.sha256);
  // The content is the tree's own and was not hashed.
  const known = model.answer({ kind: "stat", path, at, follow });
  return known.kind === "known" && known.observation.kind === "stat" ? stateOf(known.observation.stat) : undefined;
}

/** Whether what lies there is what was left: only what the plan knows counts. */
export function isAs(left: State, now: State): boolean {
  const same = <K extends keyof State>(key: K): boolean => left[key] === undefined || left[key] === now[key];
  return same("type") && same("mode") && same("uid") && same("gid") && same("target") && same("sha256");
}
