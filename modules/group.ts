// Groups: lines of /etc/group and /etc/gshadow, as groupadd, groupmod and groupdel would leave them.

import { bytesOf } from "../src/facts/account-file.js";
import { AccountDatabase, accountProbes } from "../src/facts/account-database.js";
import { freeId, idRange, nameProblem } from "../src/facts/account-ids.js";
import type { GroupEntry } from "../src/facts/group.js";
import { defineModule, type Plan, type ResultFields } from "../src/module/contract.js";
import { ID_RANGE } from "../src/module/ids.js";
import type { ParamsOf, ParamSpecs } from "../src/module/param.js";

const params = {
  name: { type: "str", required: true, doc: "Name of the group." },
  gid: { type: "int", range: ID_RANGE, doc: "Its id. Without it, the next free one of login.defs' range." },
  state: { type: "str", choices: ["absent", "present"], default: "present", doc: "Whether the group should be there." },
  system: { type: "bool", default: false, doc: "A new group gets an id of the system range." },
  local: {
    type: "bool",
    default: false,
    doc: "Groups are always the tree's own files here; with true, a gid that another group has is refused in any case, as libuser would.",
  },
  non_unique: { type: "bool", default: false, doc: "The gid may be one that another group has. Needs gid." },
  force: { type: "bool", default: false, doc: "Remove the group although it is a user's primary group." },
  gid_min: { type: "int", range: ID_RANGE, doc: "Lowest id that a new group may get, instead of login.defs' GID_MIN." },
  gid_max: {
    type: "int",
    range: ID_RANGE,
    doc: "Highest id that a new group may get, instead of login.defs' GID_MAX.",
  },
} as const satisfies ParamSpecs;

type Params = ParamsOf<typeof params>;

export default defineModule({
  name: "group",
  summary: "Makes, changes or removes a group of the tree",
  doc:
    "The files /etc/group and /etc/gshadow are edited as text, under the password lock; groupadd is not needed in the tree. " +
    "Changing a gid changes the primary group of the users that had it. The files' former state is kept in /etc/group- and /etc/gshadow-, as shadow-utils does.",
  params,
  rules: { requiredIf: [{ param: "non_unique", is: true, needs: ["gid"] }] },
  returns: {
    name: "name of the group",
    state: "the state asked for",
    gid: "its id (present)",
    system: "whether a system group was asked for (present)",
  },
  examples: [
    { title: "A group", yaml: "group:\n  name: deploy" },
    { title: "With an id of its own", yaml: "group:\n  name: docker\n  gid: 1750" },
    { title: "A system group", yaml: "group:\n  name: metrics\n  system: true" },
    { title: "No such group", yaml: "group:\n  name: games\n  state: absent" },
  ],
  check(wanted) {
    if (!wanted.local) return undefined;
    const given = (["gid_min", "gid_max"] as const).find((name) => wanted[name] !== undefined);
    return given && `'${given}' can not be used with 'local'`;
  },
  observe: () => accountProbes,
  plan(wanted, seen): Plan {
    const database = new AccountDatabase(seen);
    const { problem } = database;
    if (problem) return refuse(problem, "Look at the file in the tree.");
    const existing = database.groups.find((group) => group.name === wanted.name);
    if (wanted.state === "absent") return remove(database, wanted, existing);
    return existing ? modify(database, wanted, existing) : add(database, wanted);
  },
});

function add(database: AccountDatabase, wanted: Params): Plan {
  const problem = nameProblem(wanted.name);
  if (problem) return refuse(`${JSON.stringify(wanted.name)} cannot be a group's name: it ${problem}`);
  const clash = gidClash(database, wanted);
  if (clash) return clash;
  const range = idRange(database.defs, "GID", wanted.system);
  const gid =
    wanted.gid ??
    freeId(
      database.groups.map((group) => group.gid),
      { min: wanted.gid_min ?? range.min, max: wanted.gid_max ?? range.max },
      wanted.system,
    );
  if (gid === undefined)
    return refuse(`No group id is free for ${wanted.name}`, "Give gid, or widen the range in /etc/login.defs.");
  database.edit("group", (file) => file.with([bytesOf(wanted.name), "x", String(gid), ""]));
  if (database.file("gshadow").exists)
    database.edit("gshadow", (file) => file.with([bytesOf(wanted.name), "!", "", ""]));
  return { changes: database.changes(), result: present(wanted, gid) };
}

function modify(database: AccountDatabase, wanted: Params, existing: GroupEntry): Plan {
  if (wanted.local) {
    const clash = gidClash(database, wanted);
    if (clash) return clash;
  }
  const { gid } = wanted;
  if (gid === undefined || gid === existing.gid) return { changes: [], result: present(wanted, existing.gid) };
  const clash = gidClash(database, wanted);
  if (clash) return clash;
  database.edit("group", (file) => file.with((file.find(wanted.name) ?? []).with(2, String(gid))));
  const theirs = new Set(database.users.flatMap((one) => (one.gid === existing.gid ? [bytesOf(one.name)] : [])));
  database.edit("passwd", (file) =>
    file.edited((fields) => (theirs.has(fields[0] ?? "") ? fields.with(3, String(gid)) : fields)),
  );
  return { changes: database.changes(), result: present(wanted, gid) };
}

function remove(database: AccountDatabase, wanted: Params, existing: GroupEntry | undefined): Plan {
  const result = { name: wanted.name, state: wanted.state };
  if (!existing) return { changes: [], result };
  const user = database.users.find((one) => one.gid === existing.gid);
  if (user && !wanted.force) {
    return refuse(
      `Group ${wanted.name} is the primary group of the user ${user.name}`,
      "Give that user another group first, or set force: true.",
    );
  }
  database.edit("group", (file) => file.without(wanted.name));
  database.edit("gshadow", (file) => file.without(wanted.name));
  return { changes: database.changes(), result };
}

function present(wanted: Params, gid: number): ResultFields {
  return { name: wanted.name, state: wanted.state, system: wanted.system, gid };
}

/** Refuses a gid that another group has. */
function gidClash(database: AccountDatabase, wanted: Params): Plan | undefined {
  if (wanted.gid === undefined || (wanted.non_unique && !wanted.local)) return undefined;
  const other = database.groups.find((group) => group.gid === wanted.gid && group.name !== wanted.name);
  return (
    other &&
    refuse(
      `GID '${wanted.gid}' already exists with group '${other.name}'`,
      "Take another gid, or set non_unique: true.",
    )
  );
}

function refuse(message: string, remedy?: string): Plan {
  return { changes: [], refusal: { message, ...(remedy === undefined ? {} : { remedy }) } };
}
