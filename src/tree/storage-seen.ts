// What is known of a host's storage where nobody looked.

import type { StorageSeen } from "./backend.js";

export const NOTHING_SEEN: StorageSeen = { fileSystem: undefined, isBaseSubvolume: false, isBaseNear: false };
