// Whether a host is the one it was: its key against known_hosts, and what to do where it is not.

import {
  appendKnownHost,
  fingerprint,
  judgeHostKey,
  keyType,
  knownHostLine,
  knownHostName,
  linesOf,
  loadKnownHosts,
  orderHostKeyAlgorithms,
} from "./known-hosts.js";
import type { KnownHostLine, Verdict } from "./known-hosts.js";
import type { SshTarget } from "./ssh-config.js";

/** Why a key was refused. */
export interface Refusal {
  readonly cause: string;
  readonly remedy: string;
  readonly detail?: string;
}

/** The check of one connection. */
export class HostKeyCheck {
  readonly #name: string;
  readonly #file: string;
  readonly #lines: readonly KnownHostLine[];
  readonly #acceptsNew: boolean;
  readonly #isHashed: boolean;
  #refusal: Refusal | undefined;

  private constructor(target: SshTarget, lines: readonly KnownHostLine[], acceptsNew: boolean) {
    this.#name = target.hostKeyAlias ?? knownHostName(target.hostName, target.port);
    this.#file = target.knownHostsFiles[0] ?? "~/.ssh/known_hosts";
    this.#lines = lines;
    this.#acceptsNew = acceptsNew;
    this.#isHashed = target.hashesKnownHosts;
  }

  static async load(target: SshTarget, acceptsNew: boolean): Promise<HostKeyCheck> {
    const lines = await loadKnownHosts([...target.knownHostsFiles, ...target.globalKnownHostsFiles]);
    return new HostKeyCheck(target, lines, acceptsNew);
  }

  /** Set when a key was refused. */
  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  /** Algorithms of known keys first. */
  order(algorithms: readonly string[]): string[] {
    return orderHostKeyAlgorithms(algorithms, linesOf(this.#lines, this.#name));
  }

  /** False: `refusal` says why. A new key is added to known_hosts where that is wanted. */
  async verify(key: Uint8Array): Promise<boolean> {
    const verdict = judgeHostKey(this.#lines, this.#name, key);
    if (verdict.kind === "known") return true;
    if (verdict.kind === "unknown" && this.#acceptsNew) {
      const error = await appendKnownHost(this.#file, knownHostLine(this.#name, key, this.#isHashed)).then(
        () => undefined,
        (reason: Error) => reason,
      );
      if (error === undefined) return true;
      this.#refusal = {
        cause: `the new host key cannot be written to ${this.#file}: ${error.message}`,
        remedy: "Make the file writable, or name another one with UserKnownHostsFile.",
      };
      return false;
    }
    this.#refusal = this.#explain(verdict, key);
    return false;
  }

  #explain(verdict: Exclude<Verdict, { kind: "known" }>, key: Uint8Array): Refusal {
    const shown = `${keyType(key)} ${fingerprint(key)}`;
    const toAdd = knownHostLine(this.#name, key);
    const at = verdict.kind === "unknown" ? "" : `${verdict.line.file}:${verdict.line.line}`;
    switch (verdict.kind) {
      case "unknown":
        return {
          cause: `the host key is not known (${shown})`,
          detail: `If the fingerprint is right, add this line to ${this.#file}:\n${toAdd}`,
          remedy:
            "Compare the fingerprint with the host's own, then add the line, or run once with --accept-new-host-keys.",
        };
      case "changed":
        return {
          cause: `the host key has changed (now ${shown}; ${at} has another): somebody may stand in between`,
          detail: `If the host was set up anew, replace that line by:\n${toAdd}`,
          remedy: `Ask the host's owner first; then \`ssh-keygen -R '${this.#name}'\` takes the old key out.`,
        };
      case "other-type":
        return {
          cause: `the host shows a key of a type that is not known of it (${shown}; ${at} has ${verdict.line.type})`,
          detail: `If the fingerprint is right, add this line to ${this.#file}:\n${toAdd}`,
          remedy: "Compare the fingerprint with the host's own, then add the line.",
        };
      case "revoked":
        return {
          cause: `the host key is revoked (${shown}; ${at})`,
          remedy: "The key must not be trusted any more: give the host a new one.",
        };
      case "certificate-only":
        return {
          cause: `the host is known by a certificate authority (${at}), which crun cannot check (the key is ${shown})`,
          detail: `Add the host's own key to ${this.#file}:\n${toAdd}`,
          remedy: "Compare the fingerprint with the host's own, then add the line.",
        };
    }
  }
}
