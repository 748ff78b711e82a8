// The scope for what is static: it has nothing.

import type { Scope } from "../../module/value.js";

export const NO_SCOPE: Scope = {
  has: () => false,
  get: (name) => {
    throw new Error(`a static value looked up ${name}`);
  },
  names: () => [],
  with: () => NO_SCOPE,
};
