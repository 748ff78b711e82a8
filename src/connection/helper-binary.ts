// The helper's binaries, which lie beside crun: one for each architecture.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** As `uname -m` names them. */
export const ARCHITECTURES = ["x86_64", "aarch64"] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** A binary with what tells whether a host has the same. */
export interface HelperBinary {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  /** What `cksum` prints for it: for hosts without sha256sum. */
  readonly checksum: number;
}

const loaded = new Map<Architecture, Promise<HelperBinary | undefined>>();

/** Node's name of an architecture as `uname -m` has it, if there can be a helper for it. */
export function architectureOf(nodeArch: string): Architecture | undefined {
  return nodeArch === "x64" ? "x86_64" : nodeArch === "arm64" ? "aarch64" : undefined;
}

/** Where the binary lies: in the sources' native/build, or in native/ beside the bundle. Undefined: it was not built. */
export function findHelper(architecture: Architecture): string | undefined {
  const name = `crun-helper-${architecture}`;
  let directory = dirname(fileURLToPath(import.meta.url));
  for (let level = 0; level < 5; level++) {
    for (const candidate of [join(directory, "native", name), join(directory, "native", "build", name)]) {
      if (existsSync(candidate)) return candidate;
    }
    directory = dirname(directory);
  }
  return undefined;
}

/** Reads it once. Undefined: it was not built. */
export function loadHelper(architecture: Architecture): Promise<HelperBinary | undefined> {
  const known = loaded.get(architecture) ?? read(findHelper(architecture));
  loaded.set(architecture, known);
  return known;
}

async function read(path: string | undefined): Promise<HelperBinary | undefined> {
  if (path === undefined) return undefined;
  const bytes = await readFile(path);
  return { path, bytes, sha256: createHash("sha256").update(bytes).digest("hex"), checksum: posixChecksum(bytes) };
}

/** The CRC of POSIX `cksum`. */
export function posixChecksum(bytes: Uint8Array): number {
  let crc = 0;
  const add = (byte: number): void => {
    crc = (crc << 8) ^ (CRC_TABLE[((crc >>> 24) ^ byte) & 0xff] ?? 0);
  };
  for (const byte of bytes) add(byte);
  for (let length = bytes.length; length > 0; length = Math.floor(length / 256)) add(length & 0xff);
  return ~crc >>> 0;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc >>> 0;
});
