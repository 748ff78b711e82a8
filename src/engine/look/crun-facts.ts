// The facts that crun gathers, as the engine asks for them.

import { hostFactProbes, hostFacts, treeFactProbes, treeFacts } from "../../facts/facts.js";
import type { Probes, Seen } from "../../module/contract.js";
import type { HostInfo } from "../../target/session.js";
import type { FactGatherer } from "./fact-look.js";

/** Checks the probes against what reads their answers, then forgets both types. */
function gatherer<T extends Probes, H extends Probes>(typed: {
  readonly treeProbes: T;
  readonly hostProbes: H;
  treeFacts(seen: Seen<T>, treePath: string): Readonly<Record<string, unknown>>;
  hostFacts(seen: Seen<H>, info: HostInfo, treePath: string): Readonly<Record<string, unknown>>;
}): FactGatherer {
  return typed as unknown as FactGatherer;
}

export const crunFacts = gatherer({ treeProbes: treeFactProbes, hostProbes: hostFactProbes, treeFacts, hostFacts });
