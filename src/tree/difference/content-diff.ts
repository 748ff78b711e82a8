// What of a changed file's content is shown: text, bounded, and nothing that is kept from other users by its nature.

/** Bytes above this are described, not shown. */
export const shownContentLimit = 256 * 1024;

/** Content of one side, for a unified diff; undefined: the file is not there. */
export interface ContentDiff {
  readonly title: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Content as it was read; `undefined` bytes: it is larger than the limit. */
export interface Side {
  readonly bytes: Uint8Array | undefined;
}

/** Passwords' hashes and private keys, whoever wrote them. */
const secretPath =
  /^\/etc\/(?:g?shadow-?|security\/opasswd|ssh\/ssh_host_[^/]*_key|krb5\.keytab)$|\/\.ssh\/id_[^/.]*$|\/etc\/ssl\/private\//;
const privateKey = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/;

/** The difference of a file's content for people; undefined: nothing to show. */
export function contentDiff(path: string, before: Side | undefined, after: Side | undefined): ContentDiff | undefined {
  const sides = [shown(before), shown(after)] as const;
  if (secretPath.test(path) || sides.some((text) => text !== undefined && privateKey.test(text)))
    return { title: path, before: before && "(secret content)\n", after: after && "(secret content, changed)\n" };
  return sides[0] === sides[1] ? undefined : { title: path, before: sides[0], after: sides[1] };
}

function shown(side: Side | undefined): string | undefined {
  if (!side) return undefined;
  if (!side.bytes) return "(large content)\n";
  const text = Buffer.from(side.bytes).toString("utf8");
  return text.includes("\0") || text.includes("\ufffd") ? "(binary content)\n" : text;
}
