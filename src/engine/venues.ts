// Where targets act: a play looks at its trees anew, check mode keeps through the whole run what it predicted.

import type { TargetState } from "./target-state.js";
import { Venue } from "./work.js";

export class Venues {
  readonly #keeps: boolean;
  readonly #kept = new Map<TargetState, Venue>();

  /** `keeps`: what one play would change is there for the next, whoever acts there (check mode). */
  constructor(keeps: boolean) {
    this.#keeps = keeps;
  }

  /** The target's venue: for a play, or for a task that is delegated to it. */
  of(state: TargetState): Venue {
    if (!this.#keeps) return this.fresh(state);
    const venue = this.#kept.get(state) ?? this.fresh(state);
    this.#kept.set(state, venue);
    return venue;
  }

  /** A venue which knows nothing yet. */
  fresh(state: TargetState): Venue {
    const { target, location } = state;
    const base = {
      target: { name: target.name, host: target.host, tree: target.tree, path: location.path, entry: location.entry },
      architecture: () => state.session?.info.architecture,
      isPowerless: () => location.isHostRoot && state.session?.info.isRootless === true,
    };
    return new Venue(base, () => state.open());
  }

  /** A play is through with the venue: what was seen there is of no use any more, a fleet would pile it up. */
  leave(venue: Venue): void {
    if (this.#keeps) venue.forgetSeen();
    else venue.forget();
  }
}
