// Helpers that encrypt and decrypt text as Ansible's filters vault and unvault do.

import { isEncrypted } from "../../vault/format.js";
import { sealAnsible } from "../../vault/ansible-vault.js";
import { Password } from "../../vault/keys.js";
import { Vault } from "../../vault/vault.js";
import { CrunError } from "../../diagnostic/diagnostic.js";
import { helper, HelperError, predicate, textArgument, type HelperOptions, type HelperTable } from "./definition.js";

/** The label that Ansible's filter gives where none is named. */
const defaultLabel = "filter_default";

/** The password and what was opened are secret. */
function openedWith(text: string, password: string, options: HelperOptions): string {
  const { secrets } = options.scope;
  const keep = (value: unknown): void => secrets?.keep(value);
  const vault = new Vault({ passwords: [new Password("given", { asked: password })], onSecret: keep });
  try {
    const plain = vault.openText(text, { what: "the text" });
    keep(plain);
    return plain;
  } catch (error) {
    throw error instanceof CrunError ? problemOf(error) : error;
  }
}

function problemOf(error: CrunError): HelperError {
  const [first] = error.diagnostics;
  return new HelperError(first?.summary ?? "it cannot be opened", first?.remedy);
}

function nonEmpty(value: unknown, what: string): string {
  const text = textArgument(value, what);
  if (text === "") throw new HelperError(`${what} must not be empty`);
  return text;
}

/** `readFile` gives the text of a file of the controller, opened where it is encrypted. */
export function secretHelpers(readFile: (name: string, options: HelperOptions) => string): HelperTable {
  return {
    vault: helper(
      "text password [salt] [vault_id]",
      "The text encrypted as Ansible Vault does it. Give a salt: without one it is random, and the task changes at each run.",
      ([text, password, salt, label], options) => {
        const plain = textArgument(text);
        const secret = nonEmpty(password, "the password");
        options.scope.secrets?.keep([plain, secret]);
        const id = label === undefined || label === null ? defaultLabel : textArgument(label, "vault_id");
        const given = salt === undefined || salt === null ? undefined : Buffer.from(nonEmpty(salt, "the salt"));
        return sealAnsible(Buffer.from(plain), Buffer.from(secret), id === "default" ? undefined : id, given);
      },
    ),
    vault_encrypted: predicate(
      "text",
      "The text is encrypted by vault. A value marked `!vault` is open by the time that a helper sees it.",
      ([text]) => typeof text === "string" && isEncrypted(text),
    ),
    unvault: helper(
      "value [password]",
      "What text that is encrypted holds; or the text of a file where crun runs, opened with the run's keys.",
      ([value, password], options) => {
        const text = textArgument(value);
        if (password === undefined) return isEncrypted(text) ? openedByRun(text, options) : readFile(text, options);
        if (!isEncrypted(text)) throw new HelperError("the text is not encrypted");
        return openedWith(text, nonEmpty(password, "the password"), options);
      },
    ),
  };
}

function openedByRun(text: string, { scope }: HelperOptions): string {
  try {
    const opened = scope.secrets
      ? scope.secrets.open(Buffer.from(text), "the text")
      : new Vault().openFile(Buffer.from(text), "the text");
    return Buffer.from(opened ?? text).toString("utf8");
  } catch (error) {
    throw error instanceof CrunError ? problemOf(error) : error;
  }
}
