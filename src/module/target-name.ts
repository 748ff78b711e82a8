// Names of targets and groups that tasks make up.

/** What is wrong with a name for a target (`HOST`, `HOST:TREE`), as a sentence; undefined: nothing. */
export function targetNameProblem(name: string): string | undefined {
  const quoted = JSON.stringify(name);
  const [host = "", tree] = name.split(/:(.*)/s);
  if (/[*?[\]]/.test(name)) return `${quoted} stands for many: a target has one name`;
  if (!/^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$/.test(host))
    return `${quoted} is no name for a target: write HOST or HOST:TREE`;
  if (tree === undefined) return undefined;
  if (/^\d+$/.test(tree)) return `${quoted}: a colon stands between host and tree; for a port write crun_port: ${tree}`;
  const parts = (tree.startsWith("/") ? tree.slice(1) : tree).split("/");
  const isBad =
    tree !== "/" && parts.some((part) => part === "" || part === "." || part === ".." || /[\s,:]/.test(part));
  return isBad ? `${quoted}: ${JSON.stringify(tree)} is no name for a tree` : undefined;
}

/** The same of a group. */
export function groupNameProblem(name: string): string | undefined {
  if (/^[^\s,:[\]*?!&~][^\s,:[\]*?]*$/.test(name)) return undefined;
  const better = name.replace(/[\s,:[\]*?!&~]+/g, "_").replace(/^_+|_+$/g, "");
  return `${JSON.stringify(name)} is no name for a group${better === "" ? "" : `: write ${better}`}`;
}

/** Names of a list, or of text with commas; blanks around them do not count. */
export function namesOf(value: unknown): readonly string[] {
  const list = Array.isArray(value)
    ? value.map(String)
    : value === undefined || value === null
      ? []
      : String(value).split(",");
  return [...new Set(list.map((one) => one.trim()).filter((one) => one !== ""))];
}
