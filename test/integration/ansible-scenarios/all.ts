// All scenarios, numbered: `file-1`, `file-2`, …

import { scenarios as blockinfile } from "./blockinfile.js";
import { scenarios as command } from "./command.js";
import { assertScenarios, debugScenarios, failScenarios, setFactScenarios } from "./control.js";
import { scenarios as copy } from "./copy.js";
import { scenarios as file } from "./file.js";
import { scenarios as lineinfile } from "./lineinfile.js";
import type { Scenario } from "./scenario.js";
import { scenarios as script } from "./script.js";
import { scenarios as shell } from "./shell.js";
import { scenarios as stat } from "./stat.js";
import { scenarios as template } from "./template.js";

export interface NumberedScenario extends Scenario {
  readonly id: string;
  readonly module: string;
}

const byModule: Readonly<Record<string, readonly Scenario[]>> = {
  file,
  copy,
  template,
  lineinfile,
  blockinfile,
  stat,
  command,
  shell,
  script,
  assert: assertScenarios,
  debug: debugScenarios,
  fail: failScenarios,
  set_fact: setFactScenarios,
};

export const scenarios: readonly NumberedScenario[] = Object.entries(byModule).flatMap(([module, list]) =>
  list.map((scenario, index) => ({ ...scenario, module, id: `${module}-${index + 1}` })),
);
