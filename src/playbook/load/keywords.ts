// Ansible's keywords (ansible-core 2.14): which crun knows, which not yet, and which it does differently.

import { suggest } from "../../diagnostic/near.js";
import type { Findings } from "./findings.js";
import { placeOf, type YamlMap } from "../yaml/yaml.js";

/** `true`: known. Text: why not and what to do instead. */
type Keywords = Readonly<Record<string, true | string>>;

const NOT_YET = "It is not supported yet.";
const AT_PLAY = "Write it at the play, for all that it does, or in the inventory: crun_user, crun_port.";
const NO_PASSWORD =
  "Passwords stand in no playbook: crun_become_password in the inventory, encrypted by vault, or -K, which asks.";

const COMMON: Keywords = {
  name: true,
  vars: true,
  tags: true,
  become: true,
  become_user: true,
  become_method: true,
  become_exe: true,
  become_flags: true,
  become_password: NO_PASSWORD,
  become_pass: NO_PASSWORD,
  environment: true,
  limits: true,
  allow: true,
  ignore_errors: true,
  ignore_unreachable: true,
  check_mode: true,
  diff: true,
  no_log: true,
  any_errors_fatal: true,
  throttle: true,
  throttle_per_host: true,
  run_once: true,
  module_defaults: true,
  collections: true,
  connection: true,
  port: AT_PLAY,
  remote_user: AT_PLAY,
  debugger: NOT_YET,
  timeout: true,
};

const DELEGATED: Keywords = { delegate_to: true, delegate_facts: true };

/** What `apply` gives to the tasks that are read. */
export const APPLY_KEYWORDS: Keywords = { ...COMMON, ...DELEGATED, when: true, notify: true };

const NO_LOOP = "A block cannot loop. Put its tasks into a file, and loop over include_tasks.";

export const BLOCK_KEYWORDS: Keywords = {
  ...APPLY_KEYWORDS,
  loop: NO_LOOP,
  loop_control: NO_LOOP,
  until:
    "A block is not tried again as a whole: give the task that may fail until:, or include a file that includes itself.",
  register: "A block has no result: register those of its tasks.",
  block: true,
  rescue: true,
  always: true,
};

export const TASK_KEYWORDS: Keywords = {
  ...COMMON,
  ...DELEGATED,
  when: true,
  args: true,
  register: true,
  loop: true,
  loop_control: true,
  until: true,
  retries: true,
  delay: true,
  changed_when: true,
  failed_when: true,
  notify: true,
  listen: true,
  async: true,
  poll: true,
  action: "Write the module's name as the key: copy: {src: a, dest: /b}.",
  local_action: "Write the module's name as the key, and delegate_to: local.",
};

const ASYNC_BELOW = "Write it at the tasks that are read: what includes them takes no time of its own.";
const BELOW = "Write it under apply:, then it holds for the tasks that are read.";

/** include_tasks and include_role take few keywords for themselves. */
export const INCLUDE_KEYWORDS: Keywords = {
  ...Object.fromEntries(Object.keys(TASK_KEYWORDS).map((key) => [key, BELOW])),
  async: ASYNC_BELOW,
  poll: ASYNC_BELOW,
  ...Object.fromEntries(
    "name when loop loop_control vars tags args ignore_errors no_log run_once collections listen"
      .split(" ")
      .map((key) => [key, true as const]),
  ),
  register: "An include has no result: register those of the tasks that are read, or set a fact in them.",
};

export const PLAY_KEYWORDS: Keywords = {
  ...COMMON,
  hosts: true,
  tasks: true,
  pre_tasks: true,
  post_tasks: true,
  roles: true,
  handlers: true,
  vars_files: true,
  vars_prompt: true,
  gather_facts: true,
  gather_subset: true,
  gather_timeout: true,
  fact_path: NOT_YET,
  force_handlers: true,
  max_fail_percentage: true,
  order: true,
  serial: true,
  strategy: true,
  track: true,
  transaction: true,
  port: true,
  remote_user: true,
};

const NOT_A_VARIABLE = "It is a keyword here. For a variable of the role of that name write it below vars:.";

/** Roles have had parameters of that name for long. */
const { limits: _limits, allow: _allow, ...COMMON_OF_ROLES } = COMMON;

export const ROLE_KEYWORDS: Keywords = {
  ...COMMON_OF_ROLES,
  ...DELEGATED,
  ...Object.fromEntries(["port", "connection", "remote_user"].map((key) => [key, NOT_A_VARIABLE])),
  when: true,
  role: true,
};

export const IMPORT_PLAYBOOK_KEYWORDS: Keywords = { ...COMMON, when: true, import_playbook: true };

export const LOOP_CONTROL_KEYWORDS: Keywords = {
  break_when: "It came with later versions of Ansible. Filter the list, or give the task a when over the item.",
  loop_var: true,
  index_var: true,
  label: true,
  pause: true,
  extended: true,
  extended_allitems: true,
};

/** Reports keys that are not known or not supported. `isOther`: keys that are something else than keywords here. */
export function checkKeywords(
  map: YamlMap,
  keywords: Keywords,
  what: string,
  findings: Findings,
  isOther: (key: string) => boolean = () => false,
): void {
  for (const { key, keyNode } of map.entries.values()) {
    if (isOther(key)) continue;
    const state = Object.hasOwn(keywords, key) ? keywords[key] : undefined;
    if (state === true) continue;
    const place = placeOf(keyNode);
    findings.add(
      state === undefined
        ? map.source.finding(place, `${what} has no keyword ${JSON.stringify(key)}`, {
            remedy: suggest(key, Object.keys(keywords)) ?? `It knows ${known(keywords)}.`,
          })
        : map.source.finding(place, `${JSON.stringify(key)} cannot be used here`, { remedy: state }),
    );
  }
}

function known(keywords: Keywords): string {
  return Object.entries(keywords)
    .flatMap(([key, state]) => (state === true ? [key] : []))
    .sort()
    .join(", ");
}

/** Modules of ansible-core 2.14 that crun may not have: known by name, so that a message can say so. */
export const ANSIBLE_MODULES: ReadonlySet<string> = new Set(
  (
    "add_host apt apt_key apt_repository assemble assert async_status blockinfile command copy cron debconf debug dnf dpkg_selections expect fail " +
    "fetch file find gather_facts get_url getent git group group_by hostname import_playbook import_role import_tasks include include_role " +
    "include_tasks include_vars iptables known_hosts lineinfile meta mount package package_facts pause ping pip raw reboot replace rpm_key script " +
    "seboolean selinux service service_facts set_fact set_stats setup shell slurp stat subversion synchronize sysctl systemd systemd_service " +
    "sysvinit tempfile template unarchive uri user validate_argument_spec wait_for wait_for_connection yum yum_repository authorized_key archive ini_file"
  ).split(" "),
);
