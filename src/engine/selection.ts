// Which tasks a run takes: by tags, and from a task on.

/** Tags as given on the command line. Empty `only`: all. */
export interface TagSelection {
  readonly only: ReadonlySet<string>;
  readonly skip: ReadonlySet<string>;
}

export const allTags: TagSelection = { only: new Set(), skip: new Set() };

const untagged: ReadonlySet<string> = new Set(["untagged"]);

/** Whether a task with these tags runs, with Ansible's special tags: always, never, all, tagged, untagged. */
export function isSelected(own: ReadonlySet<string>, { only, skip }: TagSelection): boolean {
  const tags = own.size === 0 ? untagged : own;
  const isTagged = own.size > 0;
  const isWanted =
    tags.has("always") ||
    ((only.size === 0 || only.has("all")) && !tags.has("never")) ||
    meets(tags, only) ||
    (only.has("tagged") && isTagged && !tags.has("never"));
  if (!isWanted) return false;
  if (skip.has("all")) return tags.has("always") && !skip.has("always");
  return !meets(tags, skip) && !(skip.has("tagged") && isTagged);
}

function meets(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  for (const tag of one) if (other.has(tag)) return true;
  return false;
}
