// Computes what belongs to a name once.

/** The same function, whose answers are remembered by name. */
export function memoByName<T>(compute: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const value = compute(name);
    known.set(name, value);
    return value;
  };
}
