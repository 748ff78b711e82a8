// Where targets act: a play looks at its trees anew, check mode keeps through the whole run what it predicted.

import type { TargetState } from "./target-state.js";
import type { ContextBase } from "./task/prepared.js";
import { Knowledge, Venue } from "./work.js";

export class Venues {
  readonly #keeps: "all" | "hosts" | "none";
  readonly #kept = new Map<TargetState, Venue>();
  readonly #outside = new Map<TargetState, Venue>();
  /** Of hosts' own roots, by host: whoever changes something there, all see it. */
  readonly #known = new Map<string, Knowledge>();

  /** `keeps`: where what one play would change is there for the next, whoever acts there (check mode; in a rehearsal on hosts themselves). */
  constructor(keeps: "all" | "hosts" | "none") {
    this.#keeps = keeps;
  }

  /** The target's venue: for a play, or for a task that is delegated to it. */
  of(state: TargetState): Venue {
    if (this.#keeps === "none" || (this.#keeps === "hosts" && !state.location.isHostRoot)) return this.fresh(state);
    const venue = this.#kept.get(state) ?? this.#make(state, state.location.isHostRoot);
    this.#kept.set(state, venue);
    return venue;
  }

  /** Where modules act that concern the target's tree from outside: its host's root, in a session of the target's own. */
  hostOf(state: TargetState): Venue {
    const kept = this.#outside.get(state);
    if (kept) return kept;
    const base: ContextBase = { ...this.#baseOf(state), ground: "trees-root" };
    const venue = new Venue(base, () => state.openHost(), {
      ...(state.location.isHostRoot ? {} : { concerns: state }),
      isOfHost: true,
      ...this.#knownOf(state.target.host),
    });
    if (this.#keeps !== "none") this.#outside.set(state, venue);
    return venue;
  }

  /** A venue which knows nothing yet. */
  fresh(state: TargetState): Venue {
    return this.#make(state, false);
  }

  #make(state: TargetState, isShared: boolean): Venue {
    const base: ContextBase = { ...this.#baseOf(state), ground: state.location.isHostRoot ? "login" : "tree" };
    const known = isShared ? this.#knownOf(state.target.host) : {};
    return new Venue(base, () => state.open(), { owner: state, isOfHost: state.location.isHostRoot, ...known });
  }

  #knownOf(host: string): { readonly known?: Knowledge } {
    if (this.#keeps === "none") return {};
    const known = this.#known.get(host) ?? new Knowledge();
    this.#known.set(host, known);
    return { known };
  }

  #baseOf(state: TargetState): Omit<ContextBase, "ground"> {
    const { target, location } = state;
    return {
      target: {
        name: target.name,
        host: target.host,
        tree: target.tree,
        path: location.path,
        entry: location.entry,
        trees: location.trees,
        ...(location.backend === undefined ? {} : { backend: location.backend }),
      },
      architecture: () => state.session?.info.architecture,
      reach: () => state.session?.info.reach,
    };
  }

  /** A play is through with the venue: what was seen there is of no use any more, a fleet would pile it up. */
  leave(venue: Venue): void {
    if (this.#keeps === "all" || (this.#keeps === "hosts" && venue.isOfHost)) venue.forgetSeen();
    else venue.forget();
  }
}
