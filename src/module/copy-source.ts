// What the module copy takes from the controller or from the task: a file, a directory, or content.

import { contentOf, digestOf } from "./content.js";
import type { Context, LocalSource, Refusal } from "./contract.js";
import type { Placement } from "./place-file.js";
import { placePath } from "./place-probes.js";
import { baseName } from "./tree-path.js";

/** The params that say what is copied where. */
export interface CopySource {
  readonly src: string | undefined;
  readonly content: string | undefined;
  readonly dest: string;
}

/** The directory of the controller that is copied, if it is one. */
export function directoryOf(
  params: CopySource,
  context: Context,
): Extract<LocalSource, { kind: "directory" }> | undefined {
  const { src } = context.sources;
  return params.content === undefined && src?.kind === "directory" ? src : undefined;
}

/** One file of the controller, or the content, and where it goes. */
export function placementOf(params: CopySource, context: Context, isInside = false): Placement | undefined {
  if (params.content !== undefined)
    return { path: placePath(params.dest, ""), mode: 0, content: contentOf(params.content) };
  const { src } = context.sources;
  if (src?.kind !== "file") return undefined;
  return { path: placePath(params.dest, baseName(src.path), isInside), mode: src.mode, content: src.content };
}

/** Why the content cannot be taken, if so. */
export function refuseLocal(params: CopySource, isInside: boolean): Refusal | undefined {
  return params.content !== undefined && isInside ? { message: "can not use content with a dir as dest" } : undefined;
}

/** Digests of what is copied, for the result. */
export function digestsOf(
  params: CopySource,
  context: Context,
): { readonly checksum: string; readonly md5sum: string } {
  const { src } = context.sources;
  if (params.content === undefined && src?.kind === "file") return { checksum: src.sha1, md5sum: src.md5 };
  const bytes = Buffer.from(params.content ?? "", "utf8");
  return { checksum: digestOf("sha1", bytes), md5sum: digestOf("md5", bytes) };
}

/** The same of a file in the tree. */
export function inTreeDigests(digests: { readonly sha1?: string; readonly md5?: string } | undefined) {
  return digests?.sha1 === undefined ? undefined : { checksum: digests.sha1, md5sum: digests.md5 };
}
