// Tells encrypted content from plain by its first line, and says which format it has.

/** What the first line of encrypted content says. */
export type VaultFormat =
  | { readonly kind: "ansible"; readonly version: "1.1" | "1.2"; readonly label: string | undefined }
  | { readonly kind: "age"; readonly isArmored: boolean };

/** Encrypted content that no password and no key can open. The message is a clause: "the body is cut off". */
export class Damaged extends Error {}

const ansibleStart = "$ANSIBLE_VAULT;";
const armorStart = "-----BEGIN AGE ENCRYPTED FILE-----";
const ageStart = "age-encryption.org/";

/** Whether the content claims to be encrypted; `formatOf` may still say that it cannot be read. */
export function isEncrypted(content: string | Uint8Array): boolean {
  const start = firstLineOf(content, 64);
  return start.startsWith(ansibleStart) || start.startsWith(armorStart) || start.startsWith(ageStart);
}

function firstLineOf(content: string | Uint8Array, limit: number): string {
  const text =
    typeof content === "string" ? content.slice(0, limit) : Buffer.from(content.subarray(0, limit)).toString("latin1");
  return (
    text
      .replace(/^(?:\uFEFF|\u00EF\u00BB\u00BF)/, "")
      .trimStart()
      .split(/\r?\n/, 1)[0] ?? ""
  ).trimEnd();
}

/** The format of content for which `isEncrypted` holds. Throws Damaged where version or cipher is not known. */
export function formatOf(content: string | Uint8Array): VaultFormat {
  const line = firstLineOf(content, 512);
  if (line.startsWith(armorStart)) return { kind: "age", isArmored: true };
  if (line === "age-encryption.org/v1") return { kind: "age", isArmored: false };
  if (line.startsWith(ageStart)) throw new Damaged(`${line} is no version of age that is known`);
  // A folded scalar has the body in the same line.
  const [, version, cipher, label, ...rest] = (line.split(/\s/, 1)[0] ?? "").split(";");
  if (version !== "1.1" && version !== "1.2")
    throw new Damaged(
      `Ansible Vault has no version ${JSON.stringify(version ?? "")} that is known: there are 1.1 and 1.2`,
    );
  if (cipher !== "AES256")
    throw new Damaged(`Ansible Vault has no cipher ${JSON.stringify(cipher ?? "")} that is known: there is AES256`);
  if (rest.length > 0 || (version === "1.1" && label !== undefined) || (version === "1.2" && !label))
    throw new Damaged(`${line} is no header of Ansible Vault ${version}`);
  return { kind: "ansible", version, label };
}
