// A value that is encrypted in its file: opened when it is first rendered, and then data, never a template.

import type { Place } from "../../diagnostic/diagnostic.js";
import { Vault } from "../../vault/vault.js";
import { placeOf, type YamlScalar } from "../yaml/yaml.js";
import type { Template } from "./template.js";

const noNames: ReadonlySet<string> = new Set();

/** An encrypted text and where it stands. */
export interface Ciphertext {
  readonly text: string;
  readonly place: Place;
  readonly source?: string | undefined;
  readonly vault: Vault | undefined;
}

export class EncryptedValue implements Template {
  readonly isStatic = false;
  readonly names = noNames;
  readonly references = [];
  /** As it is written. */
  readonly text: string;
  readonly place: Place;
  readonly #source: string | undefined;
  readonly vault: Vault;
  #plain: string | undefined;

  constructor({ text, place, source, vault }: Ciphertext) {
    this.text = text;
    this.place = place;
    this.#source = source;
    this.vault = vault ?? new Vault();
  }

  get encrypted(): readonly EncryptedValue[] {
    return [this];
  }

  /** Throws a CrunError where no key opens it. */
  render(): string {
    if (this.#plain === undefined) {
      const subject = { what: "the value", place: this.place, source: this.#source };
      this.#plain = this.vault.openText(this.text, subject);
      this.vault.keep(this.#plain);
    }
    return this.#plain;
  }
}

/** The value of a scalar that is marked `!vault`. */
export function encryptedScalar(node: YamlScalar): EncryptedValue {
  const place = placeOf(node);
  const source = place.line === undefined ? undefined : node.source.line(place.line);
  return new EncryptedValue({ text: node.text, place, source, vault: node.source.vault });
}
