// One thing that a look at an entry found.

/** `problem`: less than is promised. `note`: as promised, and worth knowing. */
export interface Finding {
  readonly level: "ok" | "note" | "problem";
  readonly about: string;
  readonly text: string;
  readonly remedy?: string | undefined;
}

/** What to do about an entry that does not hold what it promises. */
export const REPORT_IT =
  "Run nothing of the tree here, and report it (docs/SECURITY.md) with crun --version and uname -r.";
