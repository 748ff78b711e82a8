// What a target keeps from play to play: variables that tasks gave it, facts, its session, how it fares.

import type { CrunError } from "../diagnostic/diagnostic.js";
import type { Inventory, Target } from "../inventory/inventory.js";
import type { VarLayer } from "../module/value.js";
import type { Entry, HostSession, TreeSession } from "../target/session.js";
import { noticingChroot } from "../target/chroot-notice.js";
import type { PlayReach } from "../target/address.js";
import type { Counts } from "./events.js";
import { QuietSteps } from "./journal/quiet.js";
import type { StandIn } from "./trees/stand-in.js";
import { IncludedVars, joinedLayer, Learned } from "./variables.js";

/** Where a target's tree lies and how processes get into it. */
export interface Location {
  readonly path: string;
  readonly entry: Entry;
  readonly isHostRoot: boolean;
  readonly trees: string;
  readonly backend?: string;
}

/** Gives a session with a host; the same for each call. Rejects with a CrunError (exitStatus 4). */
export type OpenHost = (host: string, play?: PlayReach) => Promise<HostSession>;

export class TargetState {
  readonly target: Target;
  readonly location: Location;
  readonly learned = new Learned();
  /** What include_vars gave. */
  readonly included = new IncludedVars();
  /** The inventory's variables as they are now: tasks may add groups and variables. */
  readonly inventoryLayer: VarLayer;
  /** What is not written down yet. */
  readonly quiet = new QuietSteps();
  readonly counts: Counts = { ok: 0, changed: 0, failed: 0, skipped: 0, unreachable: 0, rescued: 0, ignored: 0 };
  /** Undefined: not gathered. */
  facts: (() => Readonly<Record<string, unknown>>) | undefined;
  session: HostSession | undefined;
  tree: TreeSession | undefined;
  #host: TreeSession | undefined;
  /** Check mode: what an earlier task would have made of the tree, and cannot be looked at. */
  isTreeUnknown = false;
  /** Check mode: the tree that its own would be a copy of. */
  likeTree: string | undefined;
  /** What the play acts in instead of its tree. */
  standIn: StandIn | undefined;
  /** Why the play must not act on the target. */
  refusal: CrunError | undefined;
  /** Asked before the tree is opened. Rejects with a CrunError where the play must not act in it. */
  guard: ((session: HostSession) => Promise<void>) | undefined;
  /** Told before a program runs in the tree by an entry that cannot hold it. */
  noticeChroot: (() => void) | undefined;
  isFailed = false;
  isUnreachable = false;
  readonly #inventory: Inventory;
  /** Looked at for each variable: asked for anew only when the inventory has changed. */
  #layers: readonly VarLayer[] | undefined;
  #layersOf = 0;
  readonly #openHost: OpenHost;
  #reach: (() => PlayReach) | undefined;
  #openedBy: PlayReach | undefined;
  /** What stood in for the tree, and who was asked, when it was opened. */
  #openedFor: readonly [StandIn | undefined, TargetState["guard"]] = [undefined, undefined];

  constructor(target: Target, location: Location, inventory: Inventory, openHost: OpenHost) {
    this.target = target;
    this.location = location;
    this.#inventory = inventory;
    this.inventoryLayer = joinedLayer("inventory", () => this.inventoryLayers);
    this.#openHost = openHost;
  }

  /** Layers of the inventory, lowest precedence first. */
  get inventoryLayers(): readonly VarLayer[] {
    const version = this.#inventory.changes?.version ?? 0;
    if (this.#layers === undefined || version !== this.#layersOf) {
      this.#layers = this.#inventory.varsOf(this.target.name);
      this.#layersOf = version;
    }
    return this.#layers;
  }

  /** What the play at hand says of how the host is reached. */
  reachAs(reach: (() => PlayReach) | undefined): void {
    this.#reach = reach;
  }

  /** Throws a CrunError where a template of it cannot be rendered. */
  get reach(): PlayReach | undefined {
    return this.#reach?.();
  }

  /** Connects where that was not done yet, or where the play at hand says something else than the one before. */
  async open(): Promise<TreeSession> {
    const { reach } = this;
    if (this.refusal) throw this.refusal;
    if (!this.tree || !isSameReach(reach, this.#openedBy)) this.drop();
    // An earlier play may have looked at the tree itself, for which now something stands in.
    else if (this.#openedFor[0] !== this.standIn || this.#openedFor[1] !== this.guard) await this.leaveTree();
    else return this.tree;
    this.#openedBy = reach;
    this.#openedFor = [this.standIn, this.guard];
    const session = (this.session = await this.#openHost(this.target.host, reach));
    const { path, entry, isHostRoot } = this.location;
    const own = this.likeTree ?? path;
    // Of a tree that is only supposed there is nothing to ask.
    if (this.likeTree === undefined) await this.guard?.(session);
    const instead = await this.standIn?.enter(session, own);
    // No machine runs from what stands in for a tree.
    const options = {
      entry: instead !== undefined && entry === "machine" ? "auto" : entry,
      isHostRoot,
      hasOwnMounts: instead !== undefined && this.standIn?.hasOwnMounts === true,
    } as const;
    this.tree ??= noticingChroot(session.openTree(instead ?? own, options), options, this.noticeChroot);
    return this.tree;
  }

  /** The session with the target's host, whatever its tree is. Rejects with a CrunError (exitStatus 4). */
  async connect(): Promise<HostSession> {
    return this.session ?? (await this.#openHost(this.target.host, this.reach));
  }

  /** A session of its own with the root of the host, whatever its tree is. */
  async openHost(): Promise<TreeSession> {
    const { reach } = this;
    if (this.#host && isSameReach(reach, this.#openedBy)) return this.#host;
    if (!isSameReach(reach, this.#openedBy)) this.drop();
    this.#openedBy = reach;
    this.session ??= await this.#openHost(this.target.host, reach);
    // As the root of trees there is more to be had than as the login, where that is not root.
    if (this.location.isHostRoot && !this.session.info.isRootless) return this.open();
    this.#host ??= this.session.openTree("/", { entry: "auto", isHostRoot: true, isAsRoot: true });
    return this.#host;
  }

  /** The tree may be another one from here on: it is opened anew. */
  async reopen(): Promise<void> {
    const closing = [this.#host, this.location.isHostRoot ? undefined : this.tree];
    this.#host = undefined;
    if (!this.location.isHostRoot) this.tree = undefined;
    await Promise.all(closing.flatMap((one) => (one ? [one.close().catch(() => undefined)] : [])));
  }

  /** The session with the tree is needed no more, nor its lock; the next use opens it anew. */
  async leaveTree(): Promise<void> {
    const { tree } = this;
    this.tree = undefined;
    await tree?.close().catch(() => undefined);
  }

  /** The session with the host's root is needed no more. */
  async leaveHost(): Promise<void> {
    const host = this.#host;
    this.#host = undefined;
    await host?.close().catch(() => undefined);
  }

  /** The next use connects anew. */
  drop(): void {
    this.session = undefined;
    this.tree = undefined;
    this.#host = undefined;
  }

  get isOut(): boolean {
    return this.isFailed || this.isUnreachable;
  }
}

function isSameReach(one: PlayReach | undefined, other: PlayReach | undefined): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
