// RevokedHostKeys of ssh_config: a list of keys, or a revocation list (KRL), which ssh-keygen reads.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const KRL_MAGIC = "SSHKRL\n\0";
const TIMEOUT_MS = 10_000;

/** What the file says: of a host's key or certificate, and of the authority that has signed that. */
export type Revocation = "revoked" | "not revoked" | { readonly unreadable: string };

/** `shown`: the blobs to look for in a list; the first, as `type` names it, is what a KRL is asked of. */
export async function lookUpRevoked(file: string, type: string, shown: readonly Uint8Array[]): Promise<Revocation> {
  const bytes = await readFile(file).catch((error: Error) => error);
  if (bytes instanceof Error) return { unreadable: bytes.message };
  const [first = new Uint8Array(0)] = shown;
  if (bytes.toString("latin1", 0, KRL_MAGIC.length) === KRL_MAGIC) {
    return await askKeygen(file, `${type} ${Buffer.from(first).toString("base64")}\n`);
  }
  const wanted = new Set(shown.map((blob) => Buffer.from(blob).toString("base64")));
  const words = bytes.toString("latin1").split(/\s+/);
  return words.some((word) => wanted.has(word)) ? "revoked" : "not revoked";
}

/** ssh-keygen ends with 0 where nothing is revoked, with 1 where something is. It takes keys from files alone. */
async function askKeygen(file: string, key: string): Promise<Revocation> {
  const directory = await mkdtemp(join(tmpdir(), "crun-key-"));
  const keyFile = join(directory, "key.pub");
  try {
    await writeFile(keyFile, key);
    return await new Promise((resolve) => {
      execFile("ssh-keygen", ["-Q", "-f", file, keyFile], { timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
        if (error === null) resolve("not revoked");
        else if (error.code === 1 && stdout.includes("REVOKED")) resolve("revoked");
        else if (error.code === "ENOENT") resolve({ unreadable: "there is no ssh-keygen, which reads it" });
        else resolve({ unreadable: stderr.trim() === "" ? error.message : stderr.trim() });
      });
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
