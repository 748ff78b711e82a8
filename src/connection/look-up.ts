// Addresses of a name, asked of the system by a process of its own: one that gets no answer can be given up, and holds nobody up.

import { execFile } from "node:child_process";
import { lookup } from "node:dns";
import type { LookupAddress } from "node:dns";
import { isIP } from "node:net";
import type { LookupFunction } from "node:net";

const QUICK_MS = 2000;

/**
 * For `connect`. Node's own lookups wait in the four threads that also read its files: a few names whose servers do not answer would stop all that crun does
 * on this machine for half a minute. Without `getent` it is Node's own.
 */
export function lookUpWith(signal: AbortSignal): LookupFunction {
  return (name, options, done) => {
    const begin = performance.now();
    execFile("getent", ["ahosts", "--", name], { signal }, (error, stdout) => {
      // No such program, or one that does not know ahosts.
      if (error !== null && (error.code === "ENOENT" || error.code === 1)) return lookup(name, options, done);
      const found = addressesIn(stdout).filter(({ family }) => !options.family || options.family === family);
      const [first] = found;
      if (first === undefined) return done(notFound(name, performance.now() - begin), []);
      return options.all === true ? done(null, found) : done(null, first.address, first.family);
    });
  };
}

/** `192.0.2.1       STREAM name`, several lines for each. */
function addressesIn(text: string): LookupAddress[] {
  const all = new Set(text.split("\n").flatMap((line) => line.split(/\s+/)[0] ?? []));
  return [...all].flatMap((address) => {
    const family = isIP(address.replace(/%.*$/, ""));
    return family === 0 ? [] : [{ address, family }];
  });
}

/** getent does not say whether there is no such name or nobody who knows; who says no is quick. */
function notFound(name: string, afterMs: number): NodeJS.ErrnoException {
  const code = afterMs < QUICK_MS ? "ENOTFOUND" : "EAI_AGAIN";
  return Object.assign(new Error(`getent ahosts ${name}: ${code}`), { code });
}
