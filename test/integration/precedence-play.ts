// A playbook that both Ansible and crun play, in which variables are defined at chosen levels; each value is its level's name.

/** Levels in the order of precedence, lowest first: docs/VARIABLES.md has the same table. */
export const levels = [
  "role defaults",
  "inventory group all",
  "inventory group parent",
  "inventory group child",
  "inventory group_vars/all",
  "playbook group_vars/all",
  "inventory group_vars/parent",
  "inventory group_vars/child",
  "playbook group_vars/parent",
  "playbook group_vars/child",
  "inventory entry",
  "inventory host_vars",
  "playbook host_vars",
  "play vars",
  "vars_prompt",
  "vars_files",
  "role vars",
  "block vars",
  "task vars",
  "include_vars",
  "set_fact",
  "role parameters",
  "include parameters",
  "extra vars",
] as const;

export type Level = (typeof levels)[number];

/** A variable and the levels that define it. */
export interface Variable {
  readonly name: string;
  readonly at: readonly Level[];
}

/** One variable for each pair of levels. */
export function pairs(): Variable[] {
  return levels.flatMap((low, index) =>
    levels.slice(index + 1).map((high, offset) => ({ name: `pair_${index}_${index + 1 + offset}`, at: [high, low] })),
  );
}

/** One variable for each level alone. */
export function singles(): Variable[] {
  return levels.map((level, index) => ({ name: `single_${index}`, at: [level] }));
}

/** The level whose value a variable must have. */
export function winnerOf({ at }: Variable): Level {
  return levels.findLast((level) => at.includes(level)) ?? "role defaults";
}

/** Files by path: `site.yml`, `inventory/hosts` and all around them; `extra.json` is for `-e @`. */
export function filesFor(variables: readonly Variable[]): Record<string, string> {
  const at = (level: Level): Record<string, string> =>
    Object.fromEntries(variables.filter((one) => one.at.includes(level)).map(({ name }) => [name, level]));
  const json = (value: unknown): string => `${JSON.stringify(value, undefined, 1)}\n`;
  const ini = (level: Level): string =>
    Object.entries(at(level))
      .map(([name, value]) => `${name}=${value}\n`)
      .join("");
  const entry = Object.entries(at("inventory entry")).map(([name, value]) => `${name}='${value}'`);
  const shown = Object.fromEntries(variables.map(({ name }) => [name, `{{ ${name} }}`]));
  const play = {
    hosts: "web1",
    gather_facts: false,
    vars: at("play vars"),
    // Without a terminal the default is the answer.
    vars_prompt: Object.entries(at("vars_prompt")).map(([name, value]) => ({ name, default: value })),
    vars_files: ["play-vars.json"],
    roles: [{ role: "site", ...at("role parameters") }],
  };
  const inner = {
    block: [{ name: "show", debug: { msg: shown }, vars: at("task vars") }],
    vars: at("block vars"),
  };
  return {
    "site.yml": json([play]),
    "play-vars.json": json(at("vars_files")),
    "extra.json": json(at("extra vars")),
    "group_vars/all.yml": json(at("playbook group_vars/all")),
    "group_vars/parent.yml": json(at("playbook group_vars/parent")),
    "group_vars/child.yml": json(at("playbook group_vars/child")),
    "host_vars/web1.yml": json(at("playbook host_vars")),
    "inventory/hosts": [
      `[child]\nweb1 ansible_connection=local ${entry.join(" ")}\n`,
      "[parent:children]\nchild\n",
      `[all:vars]\n${ini("inventory group all")}`,
      `[parent:vars]\n${ini("inventory group parent")}`,
      `[child:vars]\n${ini("inventory group child")}`,
    ].join("\n"),
    "inventory/group_vars/all.yml": json(at("inventory group_vars/all")),
    "inventory/group_vars/parent.yml": json(at("inventory group_vars/parent")),
    "inventory/group_vars/child.yml": json(at("inventory group_vars/child")),
    "inventory/host_vars/web1.yml": json(at("inventory host_vars")),
    "roles/site/defaults/main.yml": json(at("role defaults")),
    "roles/site/vars/main.yml": json(at("role vars")),
    "roles/site/vars/included.yml": json(at("include_vars")),
    "roles/site/tasks/main.yml": json([
      { name: "include variables", include_vars: { file: "included.yml" } },
      { name: "set", set_fact: { nothing: 1, ...at("set_fact") } },
      { name: "include tasks", include_tasks: "inner.yml", vars: at("include parameters") },
    ]),
    "roles/site/tasks/inner.yml": json([inner]),
  };
}
