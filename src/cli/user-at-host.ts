// Who runs crun, for what it writes down.

import { hostname, userInfo } from "node:os";

/** `alice@desk`; behind sudo the one who called it. */
export function userAtHost(): string {
  const caller = process.env["SUDO_USER"];
  return `${caller !== undefined && /^[\w.-]+$/.test(caller) ? caller : nameOfUser()}@${hostname()}`;
}

function nameOfUser(): string {
  try {
    return userInfo().username;
  } catch {
    // An id without a name.
    return String(process.getuid?.() ?? "somebody");
  }
}
