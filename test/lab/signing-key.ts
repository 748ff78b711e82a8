// A throwaway OpenPGP key that test archives are signed with.
import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "./process.js";
import type { Scope } from "./scope.js";

/** A key that signs; `armored` and `binary` are files that hold its public part. */
export class SigningKey {
  readonly home: string;
  readonly armored: string;
  readonly binary: string;

  private constructor(home: string) {
    this.home = home;
    this.armored = join(home, "key.asc");
    this.binary = join(home, "key.gpg");
  }

  /** Makes one. No agent of it lives on when the scope ends. */
  static async make(scope: Scope, name = "Test archive"): Promise<SigningKey> {
    const key = new SigningKey(scope.tempDir("gpg"));
    chmodSync(key.home, 0o700);
    scope.defer(async () => {
      await must(["gpgconf", "--homedir", key.home, "--kill", "all"]);
    });
    const user = `${name} <archive@example.org>`;
    await key.#gpg(["--passphrase", "", "--quick-generate-key", user, "rsa2048", "sign", "never"]);
    await key.#gpg(["--armor", "--output", key.armored, "--export"]);
    await key.#gpg(["--output", key.binary, "--export"]);
    return key;
  }

  /** A detached signature beside the file, as `FILE.sig` (binary) or `FILE.asc`. Returns its bytes. */
  async sign(file: string, form: "sig" | "asc"): Promise<Uint8Array> {
    const signature = `${file}.${form}`;
    await this.#gpg([...(form === "asc" ? ["--armor"] : []), "--output", signature, "--detach-sign", file]);
    return readFileSync(signature);
  }

  /** The file signed within itself, as an archive's InRelease. */
  async clearSign(file: string, output: string): Promise<void> {
    await this.#gpg(["--output", output, "--clear-sign", file]);
  }

  async #gpg(args: readonly string[]): Promise<void> {
    await must(["gpg", "--homedir", this.home, "--batch", "--yes", "--quiet", ...args]);
  }
}
