// Lines of a user's files as messages may show them: without what stands behind the names of passwords, encrypted or not.

const HIDDEN = "********";

/** Names whose values are nobody's business. */
const secretName = String.raw`[\w.-]*(?:passw(?:or)?d|passphrase|_pass\b|secret|token|api_?key|private_?key|credential)[\w.-]*`;
/** `name: value`, `name=value`, in quotes or not. The value ends where the notation ends it. */
const assignment = new RegExp(
  String.raw`((?:^|[\s{,(\[])["']?${secretName}["']?\s*[:=]\s*)("(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?|[^\s,}][^,}]*)`,
  "gi",
);
const opensBlock = new RegExp(
  String.raw`^(\s*)(?:-\s+)?["']?${secretName}["']?\s*:\s*(?:[|>][0-9+-]*\s*(?:#.*)?)?$`,
  "i",
);
const login = /(:\/\/[^\s/@:]*):[^\s/@]*@/g;

/** The line at `index` (from 0). A value that is a template, or says that it is encrypted, is shown: it is no secret by itself. */
export function shownLine(lines: readonly string[], index: number): string | undefined {
  const line = lines[index];
  if (line === undefined) return undefined;
  if (isInSecretBlock(lines, index)) return `${/^\s*/.exec(line)?.[0] ?? ""}${HIDDEN}`;
  return line
    .replace(assignment, (whole, before: string, value: string, at: number) =>
      isShown(value) || line.lastIndexOf("{{", at) > line.lastIndexOf("}}", at) ? whole : `${before}${HIDDEN}`,
    )
    .replace(login, `$1:${HIDDEN}@`);
}

function isShown(value: string): boolean {
  return /^["']?\s*\{\{|^!|^[|>][0-9+-]*\s*$|^["']{2}$|^(?:true|false|null|~)$/i.test(value);
}

/** Whether the line is part of a text of several lines that a secret's name stands above. */
function isInSecretBlock(lines: readonly string[], index: number): boolean {
  const depth = (line: string): number => (line.trim() === "" ? Infinity : line.length - line.trimStart().length);
  const own = depth(lines[index] ?? "");
  for (let at = index - 1; at >= 0; at--) {
    const above = lines[at] ?? "";
    if (depth(above) >= own) continue;
    return opensBlock.test(above);
  }
  return false;
}
