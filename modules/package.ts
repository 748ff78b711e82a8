// Packages, through whichever manager the tree has.

import { aptProblem, observeApt, observeAptMore } from "../src/facts/apt-look.js";
import { aptParams, aptReturns } from "../src/facts/apt-params.js";
import { planApt } from "../src/facts/apt-plan.js";
import { defineModule, type Plan } from "../src/module/contract.js";
import type { ParamSpecs } from "../src/module/param.js";
import type { StatProbe } from "../src/module/probe.js";

/** Managers by the program that a tree has, the one to prefer first. */
const managers = [
  ["apt", "/usr/bin/apt-get"],
  ["dnf", "/usr/bin/dnf"],
  ["yum", "/usr/bin/yum"],
  ["zypper", "/usr/bin/zypper"],
  ["pacman", "/usr/bin/pacman"],
  ["apk", "/sbin/apk"],
] as const;

const params = {
  ...aptParams,
  use: { type: "str", default: "auto", doc: "The manager. auto: the one that the tree has." },
} as const satisfies ParamSpecs;

export default defineModule({
  name: "package",
  summary: "Installs and removes packages with the manager that the tree has",
  doc: "Takes name and state, and hands all other parameters to the manager's own module. This version knows apt.",
  params,
  rules: { requiredOneOf: [["package"]] },
  returns: aptReturns,
  examples: [
    { title: "A package", yaml: "package:\n  name: curl\n  state: present" },
    { title: "No such package", yaml: "package:\n  name: telnet\n  state: absent" },
  ],
  check: (wanted) => aptProblem(wanted),
  observe: (wanted) => ({
    ...observeApt(wanted),
    managers: managers.map(([, path]): StatProbe => ({ kind: "stat", path, follow: true })),
  }),
  observeMore(wanted, seen) {
    const isApt = wanted.use === "auto" || /^(ansible\.builtin\.)?apt$/.test(wanted.use);
    return isApt ? observeAptMore(wanted, seen) : { policy: [], moreStatus: [] };
  },
  plan(wanted, seen, context): Plan {
    const found = managers.find((_, index) => seen.managers[index]?.stat !== undefined)?.[0];
    const manager = wanted.use === "auto" ? found : wanted.use.replace(/^ansible\.builtin\./, "");
    if (manager === "apt") return planApt(wanted, seen, context);
    if (manager === undefined) {
      return {
        changes: [],
        refusal: {
          message: "The tree has no package manager that crun knows",
          remedy: `It looked for ${managers.map(([name]) => name).join(", ")}.`,
        },
      };
    }
    return {
      changes: [],
      refusal: {
        message: `${manager} is not supported yet in this version: package works with apt`,
        remedy: `Run ${manager} with the module command.`,
      },
    };
  },
});
