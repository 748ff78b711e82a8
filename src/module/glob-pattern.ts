// Shell patterns of paths, as the helper's globs match them.

/** What matches the whole pattern. `*` and `?` cross no slash and match no leading dot. */
export function globPattern(pattern: string): RegExp {
  const source = pattern.replace(/\[!?[^\]/]*\]|[*?]|[^*?[]+|\[/g, (part) => {
    if (part === "*") return "(?!\\.)[^/]*";
    if (part === "?") return "(?!\\.)[^/]";
    if (part.startsWith("[") && part.endsWith("]") && part.length > 2)
      return part.replace(/^\[!/, "[^").replace(/\\/g, "\\\\");
    return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${source}$`);
}
