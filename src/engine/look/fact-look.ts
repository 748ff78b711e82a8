// Gathers facts along with other looks: a tree's for each target, a host's once for all its targets.

import type { Probes, Seen } from "../../module/contract.js";
import type { Observation, Probe } from "../../module/probe.js";
import { flatProbes, seenFrom } from "../../module/run-plan.js";
import type { HostInfo } from "../../target/session.js";

/** How facts are gathered: from a tree's own files, and from its host, which is asked once. Pure. */
export interface FactGatherer {
  readonly treeProbes: Probes;
  readonly hostProbes: Probes;
  treeFacts(seen: Seen<Probes>, treePath: string): Readonly<Record<string, unknown>>;
  hostFacts(seen: Seen<Probes>, info: HostInfo, treePath: string): Readonly<Record<string, unknown>>;
}

/** What one look has to ask for facts, and what becomes of the answers. */
export interface FactQuestion {
  readonly probes: readonly Probe[];
  /** Gives the facts once the host's are there, too; they are computed when they are first read. */
  answer(answers: readonly Observation[]): Promise<() => Readonly<Record<string, unknown>>>;
  /** The look failed: somebody else has to ask for the host's. */
  fail(): void;
}

interface HostAnswer {
  readonly promise: Promise<Seen<Probes> | undefined>;
  readonly resolve: (seen: Seen<Probes> | undefined) => void;
}

export class FactLook {
  readonly #gatherer: FactGatherer;
  readonly #tree: readonly Probe[];
  readonly #host: readonly Probe[];
  readonly #hosts = new Map<string, HostAnswer>();

  constructor(gatherer: FactGatherer) {
    this.#gatherer = gatherer;
    this.#tree = flatProbes(gatherer.treeProbes);
    this.#host = flatProbes(gatherer.hostProbes);
  }

  /** The host's facts are asked anew the next time. */
  forget(host: string): void {
    this.#hosts.delete(host);
  }

  ask(host: string, info: HostInfo, treePath: string): FactQuestion {
    const known = this.#hosts.get(host);
    const own = known ? undefined : this.#promise(host);
    const { treeProbes, hostProbes } = this.#gatherer;
    return {
      probes: own ? [...this.#tree, ...this.#host] : this.#tree,
      answer: async (answers) => {
        const tree = seenIn(treeProbes, answers);
        own?.resolve(seenIn(hostProbes, answers.slice(this.#tree.length)));
        const hostSeen = await (known ?? own)?.promise;
        const host = (): Readonly<Record<string, unknown>> =>
          hostSeen ? this.#gatherer.hostFacts(hostSeen, info, treePath) : {};
        return once(() => ({ ...this.#gatherer.treeFacts(tree, treePath), ...host() }));
      },
      fail: () => {
        if (!own) return;
        if (this.#hosts.get(host) === own) this.#hosts.delete(host);
        own.resolve(undefined);
      },
    };
  }

  #promise(host: string): HostAnswer {
    let resolve: HostAnswer["resolve"] = () => undefined;
    const promise = new Promise<Seen<Probes> | undefined>((done) => (resolve = done));
    const answer = { promise, resolve };
    this.#hosts.set(host, answer);
    return answer;
  }
}

function seenIn(probes: Probes, answers: readonly Observation[]): Seen<Probes> {
  let next = 0;
  return seenFrom(probes, (probe) => {
    const answer = answers[next++];
    if (!answer) throw new Error(`no answer to the probe ${probe.kind}`);
    return answer;
  });
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
