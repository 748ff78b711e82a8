// What a command says of itself to whoever waits for a tree that it changes, and how long it waits for others.

import type { HoldingOptions } from "../engine/trees/holds.js";
import type { ReachOptions } from "./options.js";
import type { Setup } from "./setup.js";
import { userAtHost } from "./user-at-host.js";

const defaultSeconds = 600;

/** `command`: as people know it, without values of variables. */
export function holdingOf({ config }: Setup, { lockTimeoutSeconds }: ReachOptions, command: string): HoldingOptions {
  return {
    holder: { by: userAtHost(), pid: process.pid, command },
    timeoutMs: (lockTimeoutSeconds ?? config.lockTimeoutSeconds ?? defaultSeconds) * 1000,
  };
}
