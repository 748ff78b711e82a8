// The members of groups, which grow; lists are made when they are read.

interface Members {
  readonly names: Set<string>;
  list: readonly string[] | undefined;
}

/** A map from groups to lists of their members. A list that was given out never changes: the next reader gets another. */
export class MemberMap implements ReadonlyMap<string, readonly string[]> {
  readonly #groups = new Map<string, Members>();
  readonly #shared: ReadonlyMap<string, readonly string[]>;
  readonly #position: (name: string) => number;

  /** `shared` stays as it is: a group is copied when it first changes. `position`: of a name in the inventory, which orders the lists. */
  constructor(shared: ReadonlyMap<string, readonly string[]>, position: (name: string) => number) {
    this.#shared = shared;
    this.#position = position;
  }

  /** A group without members, where there is none. */
  make(group: string): void {
    if (!this.has(group)) this.#groups.set(group, { names: new Set(), list: undefined });
  }

  add(group: string, name: string): void {
    const members = this.#own(group);
    if (members.names.has(name)) return;
    members.names.add(name);
    members.list = undefined;
  }

  remove(group: string, name: string): void {
    if (!this.has(group)) return;
    const members = this.#own(group);
    if (members.names.delete(name)) members.list = undefined;
  }

  get size(): number {
    return [...this.keys()].length;
  }

  has(group: string): boolean {
    return this.#groups.has(group) || this.#shared.has(group);
  }

  get(group: string): readonly string[] | undefined {
    const own = this.#groups.get(group);
    return own ? (own.list ??= this.#sorted(group, own.names)) : this.#shared.get(group);
  }

  *keys(): MapIterator<string> {
    yield* this.#shared.keys();
    for (const group of this.#groups.keys()) if (!this.#shared.has(group)) yield group;
  }

  *values(): MapIterator<readonly string[]> {
    for (const group of this.keys()) yield this.get(group) ?? [];
  }

  *entries(): MapIterator<[string, readonly string[]]> {
    for (const group of this.keys()) yield [group, this.get(group) ?? []];
  }

  [Symbol.iterator](): MapIterator<[string, readonly string[]]> {
    return this.entries();
  }

  forEach(visit: (list: readonly string[], group: string, map: ReadonlyMap<string, readonly string[]>) => void): void {
    for (const [group, list] of this) visit(list, group, this);
  }

  /** Those of the files as they stood there, then the others as they stand in the inventory, whichever task was the first to add one. */
  #sorted(group: string, names: ReadonlySet<string>): readonly string[] {
    const before = new Set((this.#shared.get(group) ?? []).filter((name) => names.has(name)));
    const others = [...names].filter((name) => !before.has(name));
    return [...before, ...others.sort((a, b) => this.#position(a) - this.#position(b))];
  }

  #own(group: string): Members {
    const own = this.#groups.get(group) ?? { names: new Set(this.#shared.get(group)), list: undefined };
    this.#groups.set(group, own);
    return own;
  }
}
