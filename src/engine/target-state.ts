// What a target keeps from play to play: variables that tasks gave it, facts, its session, how it fares.

import type { Inventory, Target } from "../inventory/inventory.js";
import type { VarLayer } from "../module/value.js";
import type { Entry, HostSession, TreeSession } from "../target/session.js";
import type { Counts } from "./events.js";
import { IncludedVars, joinedLayer, Learned } from "./variables.js";

/** Where a target's tree lies and how processes get into it. */
export interface Location {
  readonly path: string;
  readonly entry: Entry;
  readonly isHostRoot: boolean;
}

/** Gives a session with a host; the same for each call. Rejects with a CrunError (exitStatus 4). */
export type OpenHost = (host: string) => Promise<HostSession>;

export class TargetState {
  readonly target: Target;
  readonly location: Location;
  readonly learned = new Learned();
  /** What include_vars gave. */
  readonly included = new IncludedVars();
  /** The inventory's variables as they are now: tasks may add groups and variables. */
  readonly inventoryLayer: VarLayer;
  readonly counts: Counts = { ok: 0, changed: 0, failed: 0, skipped: 0, unreachable: 0, rescued: 0, ignored: 0 };
  /** Undefined: not gathered. */
  facts: (() => Readonly<Record<string, unknown>>) | undefined;
  session: HostSession | undefined;
  tree: TreeSession | undefined;
  isFailed = false;
  isUnreachable = false;
  readonly #inventory: Inventory;
  readonly #openHost: OpenHost;

  constructor(target: Target, location: Location, inventory: Inventory, openHost: OpenHost) {
    this.target = target;
    this.location = location;
    this.#inventory = inventory;
    this.inventoryLayer = joinedLayer("inventory", () => this.inventoryLayers);
    this.#openHost = openHost;
  }

  /** Layers of the inventory, lowest precedence first. */
  get inventoryLayers(): readonly VarLayer[] {
    return this.#inventory.varsOf(this.target.name);
  }

  /** Connects where that was not done yet. */
  async open(): Promise<TreeSession> {
    if (this.tree) return this.tree;
    this.session = await this.#openHost(this.target.host);
    const { path, entry, isHostRoot } = this.location;
    this.tree ??= this.session.openTree(path, { entry, isHostRoot });
    return this.tree;
  }

  /** The next use connects anew. */
  drop(): void {
    this.session = undefined;
    this.tree = undefined;
  }

  get isOut(): boolean {
    return this.isFailed || this.isUnreachable;
  }
}
