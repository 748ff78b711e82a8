// Colours, where they are wanted. The only importer of picocolors.

import picocolors from "picocolors";
import type { TaskStatus } from "../engine/events.js";

type Painter = (text: string) => string;

/** Colours by what they mean. */
export interface Paint {
  readonly status: Readonly<Record<TaskStatus | "ignored" | "rescued" | "may change", Painter>>;
  readonly heading: Painter;
  readonly faint: Painter;
  readonly added: Painter;
  readonly removed: Painter;
  readonly hunk: Painter;
  readonly warning: Painter;
}

/** Ansible's colours, or none. */
export function paintOf(isColoured: boolean): Paint {
  const { green, yellow, red, cyan, magenta, bold, dim, blue } = picocolors.createColors(isColoured);
  return {
    status: {
      ok: green,
      changed: yellow,
      failed: red,
      skipped: cyan,
      unreachable: (text) => bold(red(text)),
      ignored: cyan,
      rescued: blue,
      "may change": yellow,
    },
    heading: bold,
    faint: dim,
    added: green,
    removed: red,
    hunk: cyan,
    warning: magenta,
  };
}
