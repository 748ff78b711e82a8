// What `crun lint` warns of: things that run, but hardly as they were meant.

import type { VarLayer } from "../../module/value.js";
import { CEL_TYPE_NAMES } from "../condition/cel-names.js";
import { wordsOf } from "../load/free-form.js";
import type { Handler, Play, Task } from "../play.js";
import { LOCKED } from "../../vault/vault.js";
import { NO_SCOPE } from "../scope/no-scope.js";
import { staticText, type Walked } from "../preflight/walk.js";

/** What a rule found: the task or handler that it is about, and words. */
export interface Hint {
  readonly at: Handler | Play;
  readonly summary: string;
  readonly remedy: string;
}

/** A rule: its name as in `# crun: allow NAME`, one line of explanation, and what it finds. */
export interface Rule {
  readonly name: string;
  readonly doc: string;
  readonly find: (play: Play, tasks: readonly WalkedTask[], isOpen: boolean) => readonly Hint[];
}

export type WalkedTask = Walked["tasks"][number];

/** Programs that a module stands for, by the first word of a command. */
const modulesFor: Readonly<Record<string, string>> = {
  "apt-get": "apt",
  apt: "apt",
  chmod: "file (mode)",
  chown: "file (owner, group)",
  chgrp: "file (group)",
  groupadd: "group",
  groupdel: "group",
  groupmod: "group",
  ln: "file (state: link)",
  mkdir: "file (state: directory)",
  rm: "file (state: absent)",
  service: "service",
  touch: "file (state: touch)",
  useradd: "user",
  userdel: "user",
  usermod: "user",
};

const programs = new Set(["command", "shell", "script"]);

/** The command line of a task, as far as it is no template. */
function lineOf({ args }: Task): string | undefined {
  return staticText(args["cmd"]);
}

function firstProgram(task: Task): string | undefined {
  const line = lineOf(task);
  const argv = task.args["argv"];
  const first = line === undefined ? undefined : wordsOf(line)[0]?.text;
  if (first !== undefined) return first.replace(/^.*\//, "");
  const value: unknown = argv?.isStatic ? argv.render(NO_SCOPE) : undefined;
  return Array.isArray(value) ? String(value[0]).replace(/^.*\//, "") : undefined;
}

function namesOf(layers: readonly VarLayer[], at: Task | Play): { readonly name: string; readonly at: Task | Play }[] {
  return layers.flatMap((layer) => [...layer.names()].map((name) => ({ name, at })));
}

const eachTask =
  (find: (task: Task, isHandler: boolean) => Omit<Hint, "at"> | undefined): Rule["find"] =>
  (_play, tasks) =>
    tasks.flatMap(({ task, isHandler }) => {
      const hint = find(task, isHandler);
      return hint ? [{ at: task, ...hint }] : [];
    });

/** All rules, in the order in which they are explained. */
export const rules: readonly Rule[] = [
  {
    name: LOCKED,
    doc: "A file is encrypted, and no key that was given opens it: what it holds was not looked at.",
    find: () => [],
  },
  {
    name: "module-instead",
    doc: "A command does what a module does: the module changes only what differs, and foretells it.",
    find: eachTask((task) => {
      const program = task.module.name === "command" || task.module.name === "shell" ? firstProgram(task) : undefined;
      const module = program === undefined || !Object.hasOwn(modulesFor, program) ? undefined : modulesFor[program];
      if (module === undefined) return undefined;
      return { summary: `${program ?? ""} is run where a module does the same`, remedy: `Use ${module}.` };
    }),
  },
  {
    name: "needless-shell",
    doc: "A shell is started for a command that needs none: no pipe, variable, wildcard or quote of a shell.",
    find: eachTask((task) => {
      const line = task.module.name === "shell" ? lineOf(task) : undefined;
      if (line === undefined || task.args["executable"] || /[|&;<>()$`\\"'*?[\]#~={}!\n]/.test(line)) return undefined;
      const isBuiltin = /^(?:\.|:|cd|command|eval|exec|export|set|source|type|ulimit|umask|unset|wait)(?:\s|$)/.test(
        line,
      );
      return isBuiltin ? undefined : { summary: "shell is used for a plain command", remedy: "Use command." };
    }),
  },
  {
    name: "always-changed",
    doc: "A command counts as changed at every run: nothing says when it is needless or changed nothing.",
    find: eachTask((task, isHandler) => {
      const says = ["creates", "removes"].some((one) => task.args[one] !== undefined);
      if (!programs.has(task.module.name) || isHandler || says || task.changedWhen || task.when.length > 0)
        return undefined;
      return {
        summary: `${task.module.name} counts as changed at every run`,
        remedy: "Say creates: PATH (or removes:), or changed_when: with what tells that it changed something.",
      };
    }),
  },
  {
    name: "become-user-alone",
    doc: "become_user has no effect without become.",
    find: eachTask((task) =>
      task.becomeUser && !task.become
        ? { summary: "become_user has no effect without become", remedy: "Add become: true." }
        : undefined,
    ),
  },
  {
    name: "clear-password",
    doc: "A password stands in the file in clear.",
    find: eachTask((task) => {
      for (const [name, { isSecret }] of Object.entries(task.module.params)) {
        const text = isSecret ? staticText(task.args[name]) : undefined;
        if (text !== undefined && text !== "" && !/^[!*$]/.test(text))
          return { summary: `${name} stands here in clear`, remedy: "Keep it in a vault: crun vault encrypt-string." };
      }
      return undefined;
    }),
  },
  {
    name: "idle-handler",
    doc: "A handler that no task notifies never runs.",
    find: (play, tasks, isOpen) => {
      const notifies = tasks.flatMap(({ task }) => task.notify);
      if (isOpen || notifies.some((one) => !one.isStatic)) return [];
      const names = new Set(notifies.flatMap((one) => [one.render(NO_SCOPE)].flat().map(String)));
      return play.handlers.flatMap((handler) => {
        const name = staticText(handler.name);
        const full = handler.role && name !== undefined ? [`${handler.role.name} : ${name}`] : [];
        const isKnown = [...(name === undefined ? [] : [name]), ...full, ...handler.listen].some((one) =>
          names.has(one),
        );
        // A role brings handlers for whoever uses it.
        if (isKnown || name === undefined || handler.role) return [];
        return [
          {
            at: handler,
            summary: `nothing notifies the handler ${JSON.stringify(name)}`,
            remedy: `Add notify: ${name} to the task that it is for, or take it out.`,
          },
        ];
      });
    },
  },
  {
    name: "hidden-handler",
    doc: "Of two handlers with one name only the first runs.",
    find: (play) => {
      const keyOf = (one: Handler): string => `${one.role?.name ?? ""}\0${staticText(one.name) ?? ""}`;
      const first = new Map(play.handlers.toReversed().map((one) => [keyOf(one), one]));
      return play.handlers.flatMap((one) => {
        const name = staticText(one.name);
        if (name === undefined || first.get(keyOf(one)) === one) return [];
        const summary = `an earlier handler is called ${JSON.stringify(name)}, too: this one never runs`;
        return [{ at: one, summary, remedy: "Give one of them another name; listen: lets both hear one." }];
      });
    },
  },
  {
    name: "type-name",
    doc: "A variable is named like a type of CEL: conditions reach it as vars.NAME alone.",
    find: (play, tasks) => {
      const named = [
        ...namesOf([play.vars], play),
        ...tasks.flatMap(({ task }) => [
          ...namesOf([...task.vars, ...(task.role?.defaults ?? [])], task),
          ...(task.register === undefined ? [] : [{ name: task.register, at: task }]),
        ]),
      ].filter(({ name }) => CEL_TYPE_NAMES.has(name));
      return named
        .filter(({ name }, index) => named.findIndex((one) => one.name === name) === index)
        .map(({ name, at }) => ({
          at,
          summary: `the variable ${JSON.stringify(name)} is called like a type of CEL`,
          remedy: `Conditions reach it as vars.${name}; another name saves that.`,
        }));
    },
  },
  {
    name: "empty-play",
    doc: "A play without tasks and roles does nothing.",
    find: (play, tasks) =>
      tasks.every(({ isHandler }) => isHandler) && play.nodes.every((one) => one.kind === "meta")
        ? [{ at: play, summary: "the play has no tasks and no roles", remedy: "Add tasks:, or take it out." }]
        : [],
  },
];
