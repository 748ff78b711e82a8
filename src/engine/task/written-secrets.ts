// Secrets that a task's arguments hold without saying so: passwords in addresses, and what stands under the name of one.

import { takeLogins } from "../../tree/address-logins.js";

const names: ReadonlySet<string> = new Set(["password", "passphrase"]);

/** Their texts. `byName`: also what maps (at any depth) have under `password` and `passphrase`; not of modules whose params are anything. */
export function* writtenSecrets(value: unknown, byName: boolean): Generator<string> {
  if (typeof value === "string") {
    if (!value.includes("://")) return;
    for (const { password } of takeLogins(value).logins) yield password;
    // As it is written there, too.
    for (const match of value.matchAll(/:\/\/[^\s/@:]*:([^\s/@]+)@/g)) if (match[1] !== undefined) yield match[1];
  } else if (Array.isArray(value)) {
    for (const one of value) yield* writtenSecrets(one, byName);
  } else if (typeof value === "object" && value !== null && !(value instanceof Uint8Array)) {
    for (const [key, one] of Object.entries(value)) {
      if (byName && names.has(key) && typeof one === "string") yield one;
      else yield* writtenSecrets(one, byName);
    }
  }
}
