// What tasks were about to do in a tree that stands in for another, and what of it must not be shown.

import type { Change } from "../../module/change.js";

export class Touched {
  isTouched = false;
  /** Files whose content is not to be shown; of commands under no_log nobody knows what they have written. */
  readonly #hidden = new Set<string>();
  #hidesAll = false;

  /** `isHidden`: whether a change's task has no_log. */
  note(changes: readonly Change[], isHidden: (index: number) => boolean): void {
    this.isTouched = true;
    for (const [index, change] of changes.entries()) {
      if (!isHidden(index) && !holdsSecret(change)) continue;
      if (change.kind === "exec") this.#hidesAll = true;
      else for (const path of pathsOf(change)) this.#hidden.add(path);
    }
  }

  /** Whether the content of the file at `path` may be shown. */
  mayShow(path: string): boolean {
    return !this.#hidesAll && !this.#hidden.has(path);
  }
}

function holdsSecret(change: Change): boolean {
  return change.kind === "writeFile" && (change.isSecret === true || change.content.isSecret === true);
}

function pathsOf(change: Exclude<Change, { kind: "exec" }>): readonly string[] {
  const more = change.kind === "rename" ? [change.to] : [];
  return [change.path, ...(change.expect.real === undefined ? [] : [change.expect.real]), ...more];
}
