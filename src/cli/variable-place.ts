// Where a connection variable that makes no sense was given, and to whom.

import { CrunError } from "../diagnostic/diagnostic.js";
import type { VarLayer } from "../module/value.js";
import { WrongVariable } from "../target/address.js";

/** Does the work; what it says of a variable's value gets the place. `name`: the host or tree that is meant; `layers`: where its variables are, the strongest last. */
export function withVariablePlace<T>(name: string, layers: () => readonly VarLayer[], work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof WrongVariable)) throw error;
    const layer = layers().findLast((one) => one.get(error.variable) !== undefined);
    const place = layer?.placeOf?.(error.variable);
    throw new CrunError(
      error.diagnostics.map((one) => ({ ...one, summary: `${name}: ${one.summary}`, place: one.place ?? place })),
      error.exitStatus,
    );
  }
}
