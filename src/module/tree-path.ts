// Paths in a tree, as text: nothing here looks at the tree.

import path from "node:path/posix";

/** Without doubled slashes and without one at the end; `..` and `.` stay, since a link may stand before them. */
export function tidyPath(text: string): string {
  if (!text.includes("//") && (text.length === 1 || !text.endsWith("/"))) return text;
  const tidy = text.replace(/\/+/g, "/");
  return tidy.length > 1 && tidy.endsWith("/") ? tidy.slice(0, -1) : tidy;
}

/** Whether a path says by a slash at its end that it is a directory. */
export function hasSlash(text: string): boolean {
  return text.length > 1 && text.endsWith("/");
}

/** Parents by path: the same few paths are asked for again and again. */
const known = new Map<string, readonly string[]>();
const knownLimit = 4096;

/** Parents from the top down, without `/` and without the path itself: `/a/b/c` gives `/a`, `/a/b`. */
export function parentsOf(text: string): readonly string[] {
  let parents = known.get(text);
  if (!parents) {
    parents = findParents(text);
    if (known.size >= knownLimit) known.clear();
    known.set(text, parents);
  }
  return parents;
}

function findParents(text: string): readonly string[] {
  const parts = tidyPath(text)
    .split("/")
    .filter((part) => part !== "");
  return parts.slice(0, -1).map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
}

export function parentOf(text: string): string {
  return path.dirname(tidyPath(text));
}

export function baseName(text: string): string {
  return path.basename(text);
}

/** `text` seen from `directory`; an absolute one stays. */
export function joinPath(directory: string, text: string): string {
  return text.startsWith("/") ? text : `${directory === "/" ? "" : directory}/${text}`;
}

/** Where a link at `link` (its parents free of links) leads, `.` and `..` taken out by text. */
export function linkTarget(link: string, target: string): string {
  return tidyPath(path.normalize(joinPath(parentOf(link), target)));
}

/** A sentence if a path in the tree is not absolute or none at all, else undefined. */
export function checkAbsolute(name: string, text: string | undefined): string | undefined {
  if (text?.includes("\0")) return `${name} holds a NUL, which no path can: ${JSON.stringify(text)}`;
  return text === undefined || text.startsWith("/")
    ? undefined
    : `${name} must be an absolute path in the tree, not ${JSON.stringify(text)}`;
}
