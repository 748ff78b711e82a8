// What a task's result adds to its target's counts, as Ansible counts.

import type { Counts, TaskResultEvent } from "./events.js";

export function count(counts: Counts, event: TaskResultEvent): void {
  switch (event.status) {
    case "ok":
      counts.ok++;
      break;
    case "changed":
      counts.ok++;
      counts.changed++;
      break;
    case "skipped":
      counts.skipped++;
      break;
    case "unreachable":
      counts.ok++;
      counts.ignored++;
      break;
    case "failed":
      if (event.isIgnored) {
        counts.ok++;
        counts.ignored++;
        if (event.result["changed"] === true) counts.changed++;
      } else if (event.isRescued) counts.rescued++;
      else counts.failed++;
  }
}
