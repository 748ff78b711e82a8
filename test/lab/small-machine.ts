// A tree of a few megabytes that runs as a machine: a shell as its init, which ends when it is asked to.

import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { must } from "./process.js";
import type { Scope } from "./scope.js";

const programs = ["/bin/dash", "/bin/sleep", "/bin/cat", "/bin/stat", "/bin/id"];

/** What systemd-nspawn asks an init with is SIGRTMIN+3. */
const init = '#!/bin/sh\ntrap "exit 0" 37\nwhile :; do sleep 1 & wait $!; done\n';

/** Programs with their libraries, passwd, group, os-release, /sbin/init. */
export async function smallMachine(scope: Scope): Promise<string> {
  const tree = join(scope.tempDir("small"), "tree");
  for (const name of ["etc", "root", "srv", "usr", "dev", "proc", "sys", "run", "tmp", "var", "sbin", "bin"])
    mkdirSync(join(tree, name), { recursive: true });
  writeFileSync(join(tree, "etc/os-release"), "ID=small\nVERSION_ID=1\n");
  writeFileSync(
    join(tree, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
  );
  writeFileSync(join(tree, "etc/group"), "root:x:0:\ndaemon:x:1:\nnogroup:x:65534:\n");
  const needed = (await must(["ldd", ...programs])).match(/\/\S+(?= \(0x)/g) ?? [];
  for (const path of new Set([...programs, ...needed])) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    cpSync(path, join(tree, path), { dereference: true });
  }
  symlinkSync("dash", join(tree, "bin/sh"));
  writeFileSync(join(tree, "sbin/init"), init);
  chmodSync(join(tree, "sbin/init"), 0o755);
  return tree;
}
