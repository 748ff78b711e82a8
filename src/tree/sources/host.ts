// A tree that is the host's own root, with what differs from it laid over.

import { emptiedIdentity, hasOwnIdentity } from "../identity.js";
import { defineSource } from "../source.js";

export const host = defineSource({
  name: "host",
  summary: "the host's own root, which stays as it is: an overlay that takes no space and no time",
  withoutRoot: {
    takes: "root",
    because: "what a login mounts nobody else sees, and it ends with the run",
    instead: "Take another source",
  },
  params: {
    reset_identity: {
      type: "bool",
      default: true,
      doc: "The tree gets no machine-id of the host: it makes its own when it first starts.",
    },
  },
  examples: [
    { title: "A tree that sees all of the host's files and changes none", yaml: "tree:\n  name: trial\n  host: true" },
  ],
  observe: () => ({
    base: { kind: "stat", path: "/" } as const,
    machineId: { kind: "stat", path: "/etc/machine-id" } as const,
  }),
  fill: ({ reset_identity }, { machineId }, into) => ({
    cloneOf: "/",
    storedAs: "overlay",
    base: { path: "/" },
    changes: reset_identity && hasOwnIdentity(machineId, "/") ? [emptiedIdentity(into)] : [],
  }),
});
