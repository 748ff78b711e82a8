// Made by src/dev/index-modules.mjs from the files of this folder: do not edit.

import type { AnyModule, ModuleRegistry } from "../src/module/contract.js";

const loaders = new Map<string, () => Promise<{ readonly default: AnyModule }>>([
  ["add_host", () => import("./add-host.js")],
  ["apt", () => import("./apt.js")],
  ["assert", () => import("./assert.js")],
  ["async_status", () => import("./async-status.js")],
  ["blockinfile", () => import("./blockinfile.js")],
  ["cgroup", () => import("./cgroup.js")],
  ["checkpoint", () => import("./checkpoint.js")],
  ["command", () => import("./command.js")],
  ["copy", () => import("./copy.js")],
  ["debug", () => import("./debug.js")],
  ["fail", () => import("./fail.js")],
  ["file", () => import("./file.js")],
  ["gather_facts", () => import("./gather-facts.js")],
  ["group", () => import("./group.js")],
  ["group_by", () => import("./group-by.js")],
  ["include_vars", () => import("./include-vars.js")],
  ["lineinfile", () => import("./lineinfile.js")],
  ["machine", () => import("./machine.js")],
  ["package", () => import("./package.js")],
  ["pause", () => import("./pause.js")],
  ["ping", () => import("./ping.js")],
  ["script", () => import("./script.js")],
  ["service", () => import("./service.js")],
  ["set_fact", () => import("./set-fact.js")],
  ["set_stats", () => import("./set-stats.js")],
  ["setup", () => import("./setup.js")],
  ["shell", () => import("./shell.js")],
  ["stat", () => import("./stat.js")],
  ["systemd", () => import("./systemd.js")],
  ["template", () => import("./template.js")],
  ["tree", () => import("./tree.js")],
  ["user", () => import("./user.js")],
  ["validate_argument_spec", () => import("./validate-argument-spec.js")],
  ["wait_for", () => import("./wait-for.js")],
  ["wait_for_connection", () => import("./wait-for-connection.js")],
]);

/** All modules of crun. */
export const modules: ModuleRegistry = {
  names: [...loaders.keys()],
  load: async (name) => (await loaders.get(name)?.())?.default,
};
