// The parameters of the module user.

import { ID_RANGE } from "../module/ids.js";
import type { ParamSpecs } from "../module/param.js";

const ignored = "Taken for the sake of playbooks that serve other systems too; means nothing on Linux.";

/** Ansible's, and a few of later versions. */
export const userParams = {
  name: { type: "str", required: true, aliases: ["user"], doc: "Name of the user." },
  uid: { type: "int", range: ID_RANGE, doc: "Its id. Without it, the next free one of login.defs' range." },
  comment: { type: "str", doc: "The comment (GECOS) field." },
  hidden: { type: "bool", doc: ignored },
  non_unique: { type: "bool", default: false, doc: "The uid may be one that another user has." },
  seuser: { type: "str", doc: "A SELinux user. Refused: SELinux' own store would have to be rebuilt by a program." },
  group: {
    type: "str",
    doc: "The primary group, by name or id. Without it, a new user gets a group of its own (USERGROUPS_ENAB).",
  },
  groups: { type: "list", elements: "str", doc: "Supplementary groups. An empty list takes the user out of all." },
  append: { type: "bool", default: false, doc: "Add to groups, and leave the user in those it is in." },
  shell: { type: "str", doc: "The login shell. `~/` stands for the home of the user that tasks run as." },
  home: { type: "path", doc: "The home directory." },
  skeleton: {
    type: "str",
    doc: "Directory whose content a new home gets. Without it, SKEL of /etc/default/useradd or /etc/skel.",
  },
  password: {
    type: "str",
    isSecret: true,
    doc: "The password's hash as /etc/shadow holds it, or `!` or `*` for none.",
  },
  state: { type: "str", choices: ["absent", "present"], default: "present", doc: "Whether the user should be there." },
  create_home: { type: "bool", default: true, aliases: ["createhome"], doc: "Make the home where it is missing." },
  move_home: { type: "bool", default: false, doc: "With another home: move the old one there." },
  system: {
    type: "bool",
    default: false,
    doc: "A new user gets an id of the system range, and no ageing or subordinate ids.",
  },
  force: {
    type: "bool",
    default: false,
    doc: "With state absent: remove home and mail even if they are another's, and the user's group even if others have it. With generate_ssh_key: overwrite the key.",
  },
  remove: { type: "bool", default: false, doc: "With state absent: remove home and mail spool too." },
  login_class: { type: "str", doc: ignored },
  profile: { type: "str", doc: ignored },
  authorization: { type: "str", doc: ignored },
  role: { type: "str", doc: ignored },
  update_password: {
    type: "str",
    choices: ["always", "on_create"],
    default: "always",
    doc: "Whether password holds for users that are there already.",
  },
  password_lock: { type: "bool", doc: "Put a `!` before the password's hash, or take it away." },
  password_expire_max: { type: "int", doc: "Days after which the password must be changed." },
  password_expire_min: { type: "int", doc: "Days before the password may be changed again." },
  password_expire_warn: { type: "int", doc: "Days of warning before the password expires." },
  password_expire_account_disable: {
    type: "int",
    doc: "Days after the password's expiry until the account is disabled.",
  },
  local: {
    type: "bool",
    default: false,
    doc: "Users are always the tree's own files here. Not with umask, as in Ansible.",
  },
  expires: { type: "float", doc: "When the account expires, in seconds since 1970; negative: never." },
  umask: { type: "str", doc: "Octal umask for a new home, where login.defs has no HOME_MODE." },
  generate_ssh_key: {
    type: "bool",
    default: false,
    doc: "Make an SSH key pair with the tree's ssh-keygen. An existing key stays, unless force is true.",
  },
  ssh_key_bits: { type: "int", default: 0, doc: "Bits of the key; 0: as ssh-keygen chooses." },
  ssh_key_type: { type: "str", default: "rsa", doc: "Type of the key." },
  ssh_key_file: { type: "path", doc: "The key's file, relative to the home. Without it, `.ssh/id_TYPE`." },
  ssh_key_comment: { type: "str", doc: "The key's comment. Without it, `crun-generated on TARGET`." },
  ssh_key_passphrase: { type: "str", isSecret: true, doc: "The key's passphrase." },
  uid_min: { type: "int", range: ID_RANGE, doc: "Lowest id that a new user may get, instead of login.defs' UID_MIN." },
  uid_max: { type: "int", range: ID_RANGE, doc: "Highest id that a new user may get, instead of login.defs' UID_MAX." },
} as const satisfies ParamSpecs;
