// What a plan asks for that crun cannot have on a host where it is not root: refused before anything of it is done.

import type { AnyModule, Plan, Refusal } from "../../module/contract.js";
import { hasSingleId, outOfReach, ownersAreLost } from "../../module/reach.js";
import type { ContextBase } from "./prepared.js";

/** Who a task is done as. */
interface Wanted {
  /** Undefined: root, or whoever is there. */
  readonly becomeUser: string | undefined;
  /** The task or its play says become: true. */
  isToBecome(): boolean;
}

/** The plan as it is; with a refusal in its changes' stead; or with a warning of what will be lost. */
export function withinReach(plan: Plan, module: AnyModule, wanted: Wanted, base: ContextBase): Plan {
  const { becomeUser } = wanted;
  const had = base.reach?.();
  if (!had?.isRootless) return plan;
  const { changes } = plan;
  const isAsked = changes.length > 0 || plan.refusal !== undefined;
  if (module.takesRoot !== undefined && isAsked) return refused(plan, takesRoot(module.name, module.takesRoot, base));
  if (plan.refusal || changes.length === 0) return plan;
  if (becomeUser !== undefined && base.ground !== "tree") {
    const { host } = base.target;
    return refused(plan, {
      message: `become_user: crun is not root on ${host}, and cannot become ${becomeUser} there`,
      remedy: `Let it become root (crun_become), or log in as ${becomeUser} (crun_user).`,
    });
  }
  const refusal = outOfReach(changes, had, base.ground);
  if (refusal) return refused(plan, refusal);
  if (base.ground === "login" && wanted.isToBecome()) return warned(plan, asLogin(base));
  const isLax = hasSingleId(had) && changes.some((change) => change.kind === "exec" && change.exec.hasLaxOwners);
  return isLax ? warned(plan, ownersAreLost(had)) : plan;
}

/** An inventory may say that nobody is to be become, whatever plays say: then it is done, but not in silence. */
function asLogin({ target }: ContextBase): string {
  return `become: crun is not root on ${target.host}, so this is done as its login; crun_become: true (or -b) makes it root`;
}

function warned(plan: Plan, warning: string): Plan {
  return { ...plan, warnings: [...(plan.warnings ?? []), warning] };
}

function takesRoot(name: string, why: string, { target }: ContextBase): Refusal {
  return {
    message: `${name} takes root on the host, and crun is not root on ${target.host}: ${why}`,
    remedy: "Log in as root, or become root (crun_become).",
  };
}

function refused({ result }: Plan, refusal: Refusal): Plan {
  return { changes: [], refusal, ...(result === undefined ? {} : { result }) };
}
