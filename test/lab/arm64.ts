// Runs the arm64 helper on a machine of another architecture, under qemu-user.
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { childStream } from "../../src/connection/child-stream.js";
import { openHostSession } from "../../src/target/host-session.js";
import type { HostSession } from "../../src/target/session.js";

const QEMU = "qemu-aarch64-static";

/** What such a test cannot do without. */
export const ARM64_TOOLS = [QEMU, "aarch64-linux-gnu-gcc", "make"] as const;

async function session(child: ChildProcessWithoutNullStreams): Promise<HostSession> {
  return await openHostSession("arm64", { ...childStream(child, "qemu-user"), noise: new Uint8Array() }, 20_000);
}

/** The helper alone is emulated: it cannot execute anything. */
export async function emulatedHelper(helper: string): Promise<HostSession> {
  return await session(spawn(QEMU, [helper]));
}

// The last line is the helper's, so that nothing stands between it and the streams.
const REGISTER = `
read -r go
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || exit 90
printf '%s' ":arm64:M::$1:$2:$3:POCF" >/proc/sys/fs/binfmt_misc/register || exit 91
exec "$4"
`;
const MAGIC = String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`;
const MASK = String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`;

/**
 * The helper on a machine whose kernel takes arm64 programs for its own: binfmt_misc of a user namespace (Linux 6.7), so
 * that this machine's stays as it is. Rejects where the kernel has none of that. Root only.
 */
export async function arm64Helper(helper: string, qemu: string): Promise<HostSession> {
  const child = spawn("unshare", ["--user", "--mount", "sh", "-c", REGISTER, "sh", MAGIC, MASK, qemu, helper]);
  await once(child, "spawn");
  // The shell waits for its ids; unshare is in the new namespace once its maps can be written.
  for (const map of ["uid_map", "gid_map"]) await mapIds(`/proc/${child.pid}/${map}`);
  child.stdin.write("go\n");
  return await session(child);
}

async function mapIds(path: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      writeFileSync(path, "0 0 65536\n");
      return;
    } catch (error) {
      if (tries === 100) throw error; // before the unshare it is EPERM: the first namespace's map is written
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
