// A helper that a hostile owner knows the moments of: between a look and its change the tree is another, and right after it as it was.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Scope } from "../lab/scope.js";
import { crunWith } from "./ways.js";

/** What is exchanged while the changes of a batch are carried out: `name` is out of the way, a link to `target` in its place. */
export interface Swap {
  readonly name: string;
  readonly target: string;
}

/**
 * A crun whose helper is the real one behind a relay: for every other APPLY the names are swapped before it goes on, and swapped back when it is DONE.
 * So each look is followed by one try in vain, and by a second that nobody disturbs.
 */
export function crunBetween(scope: Scope, swaps: readonly Swap[]): string {
  const launcher = join(scope.tempDir("between"), "relay");
  writeFileSync(launcher, `#!${process.execPath}\n${relay(swaps)}`, { mode: 0o755 });
  return crunWith(scope, launcher);
}

/** APPLY is 0x04, DONE 0x84 (native/PROTOCOL.md); frames are length, type, channel. */
const relay = (swaps: readonly Swap[]): string => `
const { spawn } = require("node:child_process");
const { renameSync, symlinkSync, unlinkSync } = require("node:fs");
const swaps = ${JSON.stringify(swaps)};
const helper = spawn(process.argv[1] + "-real", [], { stdio: ["pipe", "pipe", "inherit"] });
let applies = 0;
let swapped = 0;
const turn = (type, channel) => {
  if (type === 0x04 && ++applies % 2 === 1) {
    swapped = channel;
    for (const { name, target } of swaps) {
      try { renameSync(name, name + ".away"); } catch { continue; }
      symlinkSync(target, name);
    }
  }
  if (type === 0x84 && channel === swapped) {
    swapped = 0;
    for (const { name } of swaps) {
      try { unlinkSync(name); } catch {}
      try { renameSync(name + ".away", name); } catch {}
    }
  }
};
const frames = (from, to, skip) => {
  let all = Buffer.alloc(0);
  let left = skip;
  from.on("data", (chunk) => {
    all = Buffer.concat([all, chunk]);
    if (left > 0) {
      if (all.length < left) return;
      to.write(all.subarray(0, left));
      all = all.subarray(left);
      left = 0;
    }
    while (all.length >= 9 && all.length >= 4 + all.readUInt32LE(0)) {
      const length = 4 + all.readUInt32LE(0);
      turn(all[4], all.readUInt32LE(5));
      to.write(all.subarray(0, length));
      all = all.subarray(length);
    }
  });
  from.on("end", () => to.end());
};
frames(process.stdin, helper.stdin, 0);
frames(helper.stdout, process.stdout, 8);
helper.on("exit", (status) => { process.stdin.destroy(); process.exitCode = status ?? 1; });
`;
