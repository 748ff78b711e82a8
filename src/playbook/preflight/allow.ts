// What the variable crun_allow says wherever it is set, checked before the first connection.

import type { Diagnostic } from "../../diagnostic/diagnostic.js";
import { ALLOW_VARIABLE, allowedWords, problemOfAllowance } from "../../facts/allowances.js";
import type { VarLayer } from "../../module/value.js";
import { NO_SCOPE } from "../scope/no-scope.js";

/** An error for each place that allows what cannot be; what is a template is judged when it is used. */
export function wrongAllowances(layers: Iterable<VarLayer>): Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const layer of new Set(layers)) {
    const value = layer.get(ALLOW_VARIABLE);
    if (value === undefined || (!("raw" in value) && !value.isStatic)) continue;
    const place = layer.placeOf?.(ALLOW_VARIABLE) ?? ("raw" in value ? undefined : value.place);
    for (const word of allowedWords("raw" in value ? value.raw : value.render(NO_SCOPE))) {
      const wrong = problemOfAllowance(word);
      if (wrong)
        found.push({ severity: "error", summary: `${ALLOW_VARIABLE}: ${wrong.problem}`, place, remedy: wrong.remedy });
    }
  }
  return found;
}
