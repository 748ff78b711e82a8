// `crun play`: loads and checks everything, then runs it and reports.

import { CrunError } from "../diagnostic/diagnostic.js";
import type { PlayOptions } from "./options.js";

/** Gives the exit status. */
export async function runPlay(options: PlayOptions): Promise<number> {
  throw new CrunError({
    severity: "error",
    summary: `${options.playbooks.join(" ")}: the playbook loader has not landed`,
  });
}
