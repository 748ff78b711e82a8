// `crun vault keygen`: age keys, in the form in which age-keygen writes them.

import { newIdentity, recipientOf } from "../../vault/age.js";
import type { Password } from "../../vault/keys.js";
import { writeNew } from "./files.js";
import { passphraseSealer } from "./sealer.js";

/** A new key to a file that is not there yet, or to stdout. `password`: the key itself is encrypted with it. */
export function generateKey(output: string | undefined, password: Password | undefined): void {
  const identity = newIdentity();
  const recipient = recipientOf(identity);
  const text = `# created: ${new Date().toISOString()}\n# public key: ${recipient}\n${identity}\n`;
  const content = password ? passphraseSealer(password).seal(Buffer.from(text)) : text;
  if (output === undefined || output === "-") process.stdout.write(content);
  else {
    writeNew(output, content);
    process.stderr.write(`Public key: ${recipient}\n`);
  }
}

/** The recipients of identities, a line each. */
export function printRecipients(identities: readonly string[]): void {
  process.stdout.write(identities.map((one) => `${recipientOf(one)}\n`).join(""));
}
