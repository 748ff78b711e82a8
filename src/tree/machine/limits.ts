// Limits of a machine: in its drop-in, and where it runs at once.

import { cgroupLayout } from "../../facts/cgroup-layout.js";
import { numberDevices, wantedLimits, type WantedLimits } from "../../facts/cgroup-params.js";
import {
  currentLimits,
  differingDevices,
  differingLimits,
  limitsDiff,
  planSetProperty,
} from "../../facts/cgroup-plan.js";
import type { Change } from "../../module/change.js";
import type { Plan } from "../../module/contract.js";
import { runs, type MachinePlace, type MachineSeen, type UnitState } from "./look.js";
import type { MachineWish } from "./params.js";

interface LimitPlan {
  readonly wanted: WantedLimits;
  readonly changes: readonly Change[];
  readonly diff: NonNullable<Plan["diff"]>[number] | undefined;
}

export function planLimits(
  wish: MachineWish,
  place: MachinePlace,
  seen: MachineSeen,
  unit: UnitState,
): LimitPlan | { readonly problem: string } {
  const wanted = wantedLimits(wish);
  if ("problem" in wanted) return wanted;
  const nothing = { wanted, changes: [], diff: undefined };
  if (!runs(unit) || unit.controlGroup === "") return nothing;
  const numbers = numberDevices(wanted.devices, seen.namedDevices);
  if ("problem" in numbers) return numbers;
  const layout = cgroupLayout(seen);
  const current = currentLimits(layout, seen);
  const names = differingLimits(wanted.limits, current).filter((name) => current.has(name));
  const devices = differingDevices(layout, numbers.devices, seen);
  const differing = Object.fromEntries(names.map((name) => [name, wanted.limits[name]]));
  const changes = planSetProperty(layout, { unit: place.unit, cgroup: unit.controlGroup }, differing, devices);
  return {
    wanted,
    changes,
    diff:
      names.length === 0
        ? undefined
        : { title: `limits of ${place.name}`, ...limitsDiff(names, wanted.limits, current) },
  };
}
