// Gives a command a masker of its own, and lets no error out that shows what it hides.

import { CrunError } from "../diagnostic/diagnostic.js";
import { Masker } from "../engine/task/masker.js";

/** Does the work; what it throws has secrets hidden. */
export async function withMasker<T>(work: (masker: Masker) => Promise<T>): Promise<T> {
  const masker = new Masker();
  try {
    return await work(masker);
  } catch (error) {
    if (masker.isEmpty) throw error;
    if (error instanceof CrunError)
      throw new CrunError(
        error.diagnostics.map((one) => masker.diagnostic(one)),
        error.exitStatus,
      );
    if (!(error instanceof Error)) throw error;
    const hidden = new Error(masker.text(error.message));
    hidden.stack = masker.text(error.stack ?? "");
    throw hidden;
  }
}
