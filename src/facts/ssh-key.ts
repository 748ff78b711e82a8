// A user's SSH key pair: what ssh-keygen has to be asked for.

import { posix } from "node:path";
import type { Change, Outcome } from "../module/change.js";
import type { Conclusion, ResultFields } from "../module/contract.js";
import type { ReadObservation, StatObservation } from "../module/probe.js";
import { fingerprintOf } from "./ssh-public-key.js";

export interface KeyWish {
  readonly force: boolean;
  readonly ssh_key_bits: number;
  readonly ssh_key_type: string;
  readonly ssh_key_file: string | undefined;
  readonly ssh_key_comment: string | undefined;
  readonly ssh_key_passphrase: string | undefined;
}

export interface KeyPlan {
  readonly changes: readonly Change[];
  readonly result: ResultFields;
  readonly warnings: readonly string[];
  /** What the outcomes of `changes` make of the result. */
  conclude(outcomes: readonly Outcome[]): Conclusion;
}

/** The private key's path: `.ssh/id_TYPE` where no file is given; relative to the home. */
export function sshKeyPath(file: string | undefined, type: string, home: string): string {
  return posix.resolve(home, file ?? `.ssh/id_${type}`);
}

/** Makes the pair where there is none, or anew with `force`. `seen`: the private and the public file. */
export function planKey(
  wish: KeyWish,
  owner: { readonly uid: number; readonly gid: number },
  home: string,
  seen: readonly ReadObservation[],
  directory: StatObservation | undefined,
  target: string,
): KeyPlan {
  const path = sshKeyPath(wish.ssh_key_file, wish.ssh_key_type, home);
  const [key, pub] = [seen[0]?.stat, seen[1]?.stat];
  const named = [
    ["private", path, key],
    ["public", `${path}.pub`, pub],
  ] as const;
  const found = named.filter(([, , stat]) => stat !== undefined);
  const warnings = found.map(([kind, file]) =>
    wish.force
      ? `Overwriting existing ssh key ${kind} file "${file}"`
      : `Found existing ssh key ${kind} file "${file}", no force, so skipping ssh-keygen generation`,
  );
  const line = Buffer.from(seen[1]?.content ?? [])
    .toString("utf8")
    .trim();
  if (found.length > 0 && !wish.force) {
    return { changes: [], result: keyResult(path, line), warnings: warnings.slice(0, 1), conclude: () => ({}) };
  }
  const ids = { uid: owner.uid, gid: owner.gid };
  const parent = posix.dirname(path);
  const bits = wish.ssh_key_bits > 0 ? ["-b", String(wish.ssh_key_bits)] : [];
  const comment = wish.ssh_key_comment ?? `crun-generated on ${target}`;
  const passphrase = wish.ssh_key_passphrase ?? "";
  const changes: Change[] = [
    ...(directory?.stat
      ? []
      : [{ kind: "makeDirectory", path: parent, mode: 0o700, ...ids, expect: { type: "absent" } } as const]),
    ...found.map(([, file]): Change => ({ kind: "remove", path: file, expect: {} })),
    {
      kind: "exec",
      exec: {
        argv: ["ssh-keygen", "-t", wish.ssh_key_type, ...bits, "-C", comment, "-f", path],
        // Without a terminal ssh-keygen reads the passphrase, twice, from its input: it never stands in an argument.
        stdin: `${passphrase}\n${passphrase}\n`,
        user: "root",
      },
    },
    { kind: "setAttributes", path, ...ids, expect: {} },
    { kind: "setAttributes", path: `${path}.pub`, ...ids, expect: {} },
    { kind: "exec", exec: { argv: ["cat", `${path}.pub`], user: "root" }, isContained: true },
  ];
  return {
    changes,
    result: { ssh_key_file: path },
    warnings,
    conclude(outcomes) {
      const text = Buffer.from(outcomes[changes.length - 1]?.stdout ?? [])
        .toString("utf8")
        .trim();
      return text === "" ? {} : { result: keyResult(path, text) };
    },
  };
}

function keyResult(path: string, line: string): ResultFields {
  return {
    ssh_key_file: path,
    ssh_public_key: line === "" ? null : line,
    ssh_fingerprint: line === "" ? "" : (fingerprintOf(line) ?? ""),
  };
}
