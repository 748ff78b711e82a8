// File flags as chattr and lsattr write them.

/** Letter, bit of FS_IOC_GETFLAGS, Ansible's name; in lsattr's order. */
const flags = [
  ["s", 0x1, "zero"],
  ["u", 0x2, "undelete"],
  ["S", 0x8, "synchronous"],
  ["D", 0x10000, "dirsync"],
  ["i", 0x10, "immutable"],
  ["a", 0x20, "append"],
  ["d", 0x40, "nodump"],
  ["A", 0x80, "noatime"],
  ["c", 0x4, "compressed"],
  ["E", 0x800, "encrypted"],
  ["j", 0x4000, "journalled"],
  ["I", 0x1000, "indexed"],
  ["t", 0x8000, "notail"],
  ["T", 0x20000, "blockroot"],
  ["e", 0x80000, "extents"],
  ["C", 0x800000, "nocow"],
  ["N", 0x10000000, "inline"],
] as const;

/** Flags that the file system sets itself: `=` does not take them away. */
const own = 0x1000 | 0x80000 | 0x800 | 0x10000000;

/** Letters in lsattr's order, as `ie`. */
export function formatFlags(bits: number): string {
  return flags
    .filter(([, bit]) => (bits & bit) !== 0)
    .map(([letter]) => letter)
    .join("");
}

/** Ansible's names of the flags, as `["immutable","extents"]`. */
export function flagNames(bits: number): readonly string[] {
  return flags.filter(([, bit]) => (bits & bit) !== 0).map(([, , name]) => name);
}

/** Which bits `text` (`+i`, `-a`, `=de`, `i`) sets and clears in `current`; a sentence where a letter is no flag. */
export function flagChanges(text: string, current: number): { readonly set: number; readonly clear: number } | string {
  const operator = /^[+=-]/.test(text) ? text.slice(0, 1) : "=";
  let bits = 0;
  for (const letter of text.replace(/^[+=-]/, "")) {
    const flag = flags.find(([name]) => name === letter);
    if (!flag) return `chattr failed: ${JSON.stringify(letter)} is no file flag`;
    bits |= flag[1];
  }
  if (operator === "+") return { set: bits & ~current, clear: 0 };
  if (operator === "-") return { set: 0, clear: bits & current };
  return { set: bits & ~current, clear: current & ~bits & ~own };
}
