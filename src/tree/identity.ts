// What tells one machine from another: a copy of a tree must not have that of its base.

import type { WriteFile } from "../module/change.js";
import { contentOf } from "../module/content.js";
import type { StatObservation } from "../module/probe.js";

/** Whether a base (its canonical path) has an id that a copy would share; no link leads to it. */
export function hasOwnIdentity({ real, stat }: StatObservation, base: string): boolean {
  return real === `${base === "/" ? "" : base}/etc/machine-id` && stat?.type === "file" && stat.size > 0;
}

/** As systemd wants it where an id is to be made at the next start. Never through a link: the base's owner may have laid one. */
export function emptiedIdentity(tree: string): WriteFile {
  const path = `${tree}/etc/machine-id`;
  return { kind: "writeFile", path, content: contentOf(""), mode: 0o444, expect: { type: "file", real: path } };
}
