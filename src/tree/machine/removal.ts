// What has to be done that nothing of a machine is left but its tree.

import type { Change } from "../../module/change.js";
import type { Plan } from "../../module/contract.js";
import { ownDropIns, runs, type MachinePlace, type MachineSeen, type UnitState } from "./look.js";
import type { MachineWish } from "./params.js";
import { forgetting, reloading, stopping } from "./programs.js";
import { enablingLinks } from "./unit.js";

export function planRemoval(wish: MachineWish, place: MachinePlace, seen: MachineSeen, unit: UnitState): Plan {
  const isThere = runs(unit) || unit.activeState === "deactivating";
  const own = seen.dropIns.entries.filter(({ name }) => ownDropIns.includes(name));
  const isEmptied = seen.dropIns.stat !== undefined && own.length === seen.dropIns.entries.length;
  const links = enablingLinks(place.unit);
  const link = seen.link.stat;
  const settings = seen.settings.stat;
  const files: Change[] = [
    ...(link ? [{ kind: "remove", path: links.machine, expect: { type: link.type } } as const] : []),
    ...own.map(
      ({ name, stat }) =>
        ({ kind: "remove", path: `${place.dropInDirectory}/${name}`, expect: { type: stat.type } }) as const,
    ),
    ...(isEmptied ? [{ kind: "remove", path: place.dropInDirectory, expect: { type: "directory" } } as const] : []),
    // What was set while it ran would hold for the next machine of its name.
    ...(seen.runtime.stat
      ? [
          {
            kind: "remove",
            path: `/run/systemd/system.control/${place.unit}.d`,
            isRecursive: true,
            expect: { type: "directory" },
          } as const,
        ]
      : []),
  ];
  const changes: Change[] = [
    ...(isThere ? stopping(wish.force, place) : []),
    ...(settings ? [{ kind: "remove", path: place.settings, expect: { type: settings.type } } as const] : []),
    ...files,
    ...(files.length > 0 ? [reloading()] : []),
  ];
  const isFailed = unit.activeState === "failed" && changes.length > 0;
  return {
    changes: [...changes, ...(isFailed ? [forgetting(place.unit)] : [])],
    result: { name: place.name, unit: place.unit, path: place.path, state: "absent" },
  };
}
