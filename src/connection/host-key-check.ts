// Whether a host is the one it was: its key or certificate against known_hosts, as ssh decides, and what to do where it is not.

import type { Prompt } from "../target/session.js";
import { escapeControls } from "../wire/noise.js";
import { parseCertificate, whyNotGood } from "./host-certificate.js";
import type { CheckSignature, HostCertificate } from "./host-certificate.js";
import {
  appendKnownHost,
  authorityFor,
  fingerprint,
  judgeHostKey,
  keyType,
  knownHostLine,
  knownHostName,
  linesOf,
  loadKnownHosts,
  orderHostKeyAlgorithms,
  revokedBy,
} from "./known-hosts.js";
import type { KnownHostLine, Verdict } from "./known-hosts.js";
import { lookUpRevoked } from "./revoked-keys.js";
import type { SshTarget } from "./ssh-config.js";

/** Why a key was refused. */
export interface Refusal {
  readonly cause: string;
  readonly remedy: string;
  readonly detail?: string | undefined;
}

/** What the check needs besides the files. */
export interface HostKeyNeeds {
  /** --accept-new-host-keys: as if ssh_config said so, where that does not say more. */
  readonly acceptsNew: boolean;
  /** Asked about a host that nothing is known of, where StrictHostKeyChecking is `ask`. */
  readonly prompt: Prompt;
  readonly isSignedBy: CheckSignature;
  /** Seconds since 1970. */
  readonly now: () => number;
}

/** Names with any of these are written to no file: they would be other names there (as in ssh, and the comma). */
const NO_NAME = /[@?*#[\]|'"\\,\s]/;

/** The check of one connection. */
export class HostKeyCheck {
  readonly #target: SshTarget;
  readonly #needs: HostKeyNeeds;
  /** As known_hosts has it: with the port where that is not 22. */
  readonly #name: string;
  /** As certificates have it. */
  readonly #plainName: string;
  readonly #file: string | undefined;
  readonly #lines: readonly KnownHostLine[];
  #refusal: Refusal | undefined;
  #taken: Buffer | undefined;

  private constructor(target: SshTarget, lines: readonly KnownHostLine[], needs: HostKeyNeeds) {
    this.#target = target;
    this.#needs = needs;
    this.#plainName = target.hostKeyAlias ?? target.hostName.toLowerCase();
    this.#name = target.hostKeyAlias ?? knownHostName(target.hostName, target.port);
    this.#file = target.knownHostsFiles[0];
    this.#lines = lines;
  }

  static async load(target: SshTarget, needs: HostKeyNeeds): Promise<HostKeyCheck> {
    const lines = await loadKnownHosts([...target.knownHostsFiles, ...target.globalKnownHostsFiles]);
    return new HostKeyCheck(target, lines, needs);
  }

  /** Set when a key was refused. */
  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  /** Algorithms of known keys first. */
  order(algorithms: readonly string[]): string[] {
    return orderHostKeyAlgorithms(algorithms, this.#mine());
  }

  /** Whether a certificate could tell more than a plain key: an authority is known, or something is revoked. */
  get asksForCertificate(): boolean {
    return this.#target.revokedHostKeys !== undefined || this.#mine().some(({ marker }) => marker !== "");
  }

  #mine(): KnownHostLine[] {
    const names = new Set([this.#name, this.#plainName]);
    return [...names].flatMap((name) => linesOf(this.#lines, name));
  }

  /**
   * `key`: the host's plain key, which the server has proven to have by the time that anything is sent; `certificate`: the one that it came in. False: `refusal`
   * says why. A new key is added to known_hosts where that is wanted.
   */
  async verify(key: Uint8Array, certificate?: Uint8Array): Promise<boolean> {
    const shown = Buffer.from(certificate ?? key);
    // When keys are exchanged anew: what was right at the beginning is right.
    if (this.#taken?.equals(shown) === true) return true;
    this.#refusal = await this.#judge(Buffer.from(key), certificate === undefined ? undefined : shown);
    if (this.#refusal === undefined) this.#taken = shown;
    return this.#refusal === undefined;
  }

  async #judge(key: Buffer, blob: Buffer | undefined): Promise<Refusal | undefined> {
    const certificate = blob === undefined ? undefined : parseCertificate(blob);
    const revoked = await this.#lookUpRevoked(key, blob, certificate);
    if (revoked !== undefined) return revoked;
    let whyNot: string | undefined;
    if (certificate !== undefined) {
      const authority = certificate.authority;
      const by = this.#first((name) => revokedBy(this.#lines, name, authority));
      if (by !== undefined) return revocation("the authority of the host's certificate is revoked", authority, by);
      const own = this.#first((name) => revokedBy(this.#lines, name, key));
      if (own !== undefined) return revocation("the host key is revoked", key, own);
      const line = this.#first((name) => authorityFor(this.#lines, name, authority));
      const { now, isSignedBy } = this.#needs;
      if (line !== undefined) whyNot = whyNotGood(certificate, this.#plainName, now(), isSignedBy);
      if (line !== undefined && whyNot === undefined) return undefined;
      whyNot ??= `no authority that is known of it has signed it (${keyType(authority)} ${fingerprint(authority)})`;
      whyNot = `its certificate ${JSON.stringify(certificate.id)} does not count: ${whyNot}`;
    }
    // Without a certificate that is good it is a key as others are.
    const verdict = this.#verdict(key);
    if (verdict.kind === "known") return undefined;
    const refusal = this.#explain(verdict, key, whyNot);
    if (verdict.kind !== "unknown") return refusal;
    return await this.#takeNew(key, refusal);
  }

  #first<T>(find: (name: string) => T | undefined): T | undefined {
    return find(this.#name) ?? find(this.#plainName);
  }

  /** A host at another port than 22 may be known without it, too; what is known of it with the port counts first. */
  #verdict(key: Buffer): Verdict {
    const verdict = judgeHostKey(this.#lines, this.#name, key);
    if (verdict.kind !== "unknown" && verdict.kind !== "certificate-only") return verdict;
    const plain = judgeHostKey(this.#lines, this.#plainName, key);
    return plain.kind === "known" || plain.kind === "revoked" ? plain : verdict;
  }

  async #lookUpRevoked(
    key: Buffer,
    blob: Buffer | undefined,
    certificate: HostCertificate | undefined,
  ): Promise<Refusal | undefined> {
    const file = this.#target.revokedHostKeys;
    if (file === undefined) return undefined;
    const shown = blob ?? key;
    const blobs = [shown, key, ...(certificate === undefined ? [] : [certificate.authority])];
    const found = await lookUpRevoked(file, keyType(shown), blobs);
    if (found === "not revoked") return undefined;
    if (found === "revoked") {
      return {
        cause: `the host key is revoked (${keyType(shown)} ${fingerprint(key)}; ${file})`,
        remedy: "The key must not be trusted any more: give the host a new one.",
      };
    }
    return {
      cause: `whether the host key is revoked cannot be told: ${file}: ${found.unreadable}`,
      remedy: "Put the file of RevokedHostKeys in order, or take that line out of ssh_config.",
    };
  }

  /** Nothing is known of the host: whether it is let in all the same, and remembered. */
  async #takeNew(key: Buffer, refusal: Refusal): Promise<Refusal | undefined> {
    const strictness = this.#target.strictHostKeyChecking;
    const isAccepted = this.#needs.acceptsNew || strictness === "accept-new" || strictness === "no";
    if (!isAccepted && (strictness === "yes" || !(await this.#isAffirmed(key)))) return refusal;
    const file = this.#file;
    if (file === undefined) return undefined; // UserKnownHostsFile /dev/null
    if (NO_NAME.test(this.#plainName)) {
      if (strictness === "no") return undefined;
      const cause = `${JSON.stringify(this.#plainName)} is no name that known_hosts can hold, so the key cannot be remembered`;
      return { cause, remedy: "Give the host a plain name with HostKeyAlias." };
    }
    const line = knownHostLine(this.#name, key, this.#target.hashesKnownHosts);
    return await appendKnownHost(file, line).then(
      () => undefined,
      (reason: Error) => ({
        cause: `the new host key cannot be written to ${file}: ${reason.message}`,
        remedy: "Make the file writable, or name another one with UserKnownHostsFile.",
      }),
    );
  }

  /** By a person at the terminal, with `yes` or the fingerprint. */
  async #isAffirmed(key: Buffer): Promise<boolean> {
    const shown = fingerprint(key);
    const question =
      `The host key of ${escapeControls(this.#name)} is not known: ${keyType(key)} ${shown}.\n` +
      "Is it the host's, to be remembered (yes, no, or the fingerprint)? ";
    const answer = (await this.#needs.prompt(question, { isSecret: false }))?.trim();
    return answer !== undefined && (/^yes$/i.test(answer) || answer === shown);
  }

  #explain(verdict: Exclude<Verdict, { kind: "known" }>, key: Uint8Array, whyNot: string | undefined): Refusal {
    const shown = `${keyType(key)} ${fingerprint(key)}`;
    const toAdd = knownHostLine(this.#name, key);
    const at = verdict.kind === "unknown" ? "" : `${verdict.line.file}:${verdict.line.line}`;
    const file = this.#file ?? "~/.ssh/known_hosts";
    const addLine = `If the fingerprint is right, add this line to ${file}:\n${toAdd}`;
    const noted = (detail: string): string => (whyNot === undefined ? detail : `${escapeControls(whyNot)}\n${detail}`);
    switch (verdict.kind) {
      case "unknown":
        return {
          cause: `the host key is not known (${shown})`,
          detail: noted(addLine),
          remedy:
            "Compare the fingerprint with the host's own, then add the line, or run once with --accept-new-host-keys.",
        };
      case "changed":
        return {
          cause: `the host key has changed (now ${shown}; ${at} has another): somebody may stand in between`,
          detail: noted(`If the host was set up anew, replace that line by:\n${toAdd}`),
          remedy: `Ask the host's owner first; then \`ssh-keygen -R '${this.#name}'\` takes the old key out.`,
        };
      case "other-type":
        return {
          cause: `the host shows a key of a type that is not known of it (${shown}; ${at} has ${verdict.line.type})`,
          detail: noted(addLine),
          remedy: "Compare the fingerprint with the host's own, then add the line.",
        };
      case "revoked":
        return revocation("the host key is revoked", key, verdict.line);
      case "certificate-only":
        return {
          cause:
            whyNot === undefined
              ? `the host shows no certificate, though an authority is known for it (${at}; the key is ${shown})`
              : `the host's certificate is not good (${at}; the key is ${shown})`,
          detail: noted(`Have the authority sign the host's key, or add the key itself to ${file}:\n${toAdd}`),
          remedy: "See to the host's certificate (HostCertificate in sshd_config, `ssh-keygen -L`), or add the line.",
        };
    }
  }
}

function revocation(what: string, key: Uint8Array, line: KnownHostLine): Refusal {
  return {
    cause: `${what} (${keyType(key)} ${fingerprint(key)}; ${line.file}:${line.line})`,
    remedy: "The key must not be trusted any more: give the host a new one.",
  };
}
