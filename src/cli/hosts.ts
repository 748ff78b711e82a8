// How the inventory's hosts are reached: from their variables and those of their trees.

import type { Target } from "../inventory/inventory.js";
import type { LiveInventory } from "../inventory/live.js";
import type { Scope, VarLayer } from "../module/value.js";
import { hostAddress, hostVariables, type ConnectionOptions, type PlayReach } from "../target/address.js";
import { hostScope } from "../target/host-scope.js";
import type { HostAddress } from "../target/session.js";
import { withVariablePlace } from "./variable-place.js";

/** What was found out is kept until the inventory changes. `keep` is told the passwords that hosts are reached with. */
export class Hosts {
  readonly #inventory: LiveInventory;
  readonly #scopeOf: (name: string) => Scope;
  readonly #layersOf: (name: string) => readonly VarLayer[];
  readonly #connection: ConnectionOptions;
  readonly #keep: (secret: string | undefined) => void;
  #version = -1;
  /** By host, with the rules for trees that are yet to be found. */
  #targets = new Map<string, Pick<Target, "name" | "host">[]>();
  #addresses = new Map<string, HostAddress>();

  constructor(
    inventory: LiveInventory,
    scopeOf: (name: string) => Scope,
    layersOf: (name: string) => readonly VarLayer[],
    connection: ConnectionOptions,
    keep: (secret: string | undefined) => void,
  ) {
    this.#inventory = inventory;
    this.#scopeOf = scopeOf;
    this.#layersOf = layersOf;
    this.#connection = connection;
    this.#keep = keep;
  }

  /** The variables that a host is reached by. Throws a CrunError where its trees say different things. */
  readonly scopeOf = (host: string): Scope => {
    this.#renew();
    const members = (this.#targets.get(host) ?? []).map(({ name }) => ({ name, scope: this.#scopeOf(name) }));
    return hostScope(host, this.#scopeOf(host), members, hostVariables);
  };

  /** `play`: what holds where the inventory says nothing. Throws a CrunError for variables that make no sense. */
  readonly addressOf = (host: string, play?: PlayReach): HostAddress => {
    this.#renew();
    const key = play ? `${host} ${JSON.stringify(play)}` : host;
    const known = this.#addresses.get(key);
    if (known) return known;
    const address = withVariablePlace(
      host,
      () => [...(this.#targets.get(host) ?? []).map(({ name }) => name), host].flatMap((name) => this.#layersOf(name)),
      () => hostAddress(host, this.scopeOf(host), this.#connection, play),
    );
    // Whoever shows it, the host itself included: it is no text to be read.
    this.#keep(address.password);
    this.#keep(address.become?.password);
    this.#addresses.set(key, address);
    return address;
  };

  #renew(): void {
    const { version, targets, base } = this.#inventory;
    if (this.#version === version) return;
    this.#version = version;
    this.#addresses = new Map();
    this.#targets = new Map();
    for (const target of [...targets.values(), ...base.rules]) {
      const known = this.#targets.get(target.host);
      if (known) known.push(target);
      else this.#targets.set(target.host, [target]);
    }
  }
}
