// What is said between crun and the thread that works with age.

/** Who can open what is encrypted: holders of keys, or whoever knows the passphrase. */
export type SealTo = { readonly recipients: readonly string[] } | { readonly passphrase: string };

/** Keys to try, in order. */
export interface AgeKeys {
  /** `AGE-SECRET-KEY-1…`. */
  readonly identities: readonly string[];
  readonly passphrases: readonly string[];
}

/** A job for the thread. Content to decrypt is armored text or bytes. */
export type AgeRequest =
  | ({ readonly kind: "decrypt"; readonly content: string | Uint8Array } & AgeKeys)
  | { readonly kind: "encrypt"; readonly content: Uint8Array; readonly to: SealTo }
  | { readonly kind: "generate" }
  | { readonly kind: "recipient"; readonly identity: string };

/** `locked`: none of the keys fits. `damaged`: none ever could. */
export type AgeReply =
  /** `keys`: for how many it is encrypted. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array; readonly keys: number }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "locked"; readonly needs: "passphrase" | "identity" }
  | { readonly kind: "damaged"; readonly why: string };
