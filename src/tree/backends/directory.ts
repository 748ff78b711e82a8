// Trees as plain directories, on any file system; copies share blocks where it can (reflink).

import type { Backend } from "../backend.js";
import { hostProgram } from "../program.js";

export const directory: Backend = {
  name: "directory",
  summary: "a plain directory; clones are copies, which share their blocks where the file system can",
  cannot: () => undefined,
  create: (at) => [{ kind: "makeDirectory", path: at, mode: 0o755, uid: 0, gid: 0, expect: { type: "absent" } }],
  clone: (from, at) => [
    {
      ...hostProgram({
        argv: ["cp", "--archive", "--reflink=auto", "--one-file-system", "--no-target-directory", "--", from, at],
      }),
      assumes: [{ kind: "makeDirectory", path: at, mode: 0o755, expect: {} }],
    },
  ],
  publish: (made, place) => [
    { kind: "rename", path: made, to: place.path, onTaken: "refuse", expect: { type: "directory" } },
  ],
  exchange: (made, place) => [
    { kind: "rename", path: made, to: place.path, onTaken: "exchange", expect: { type: "directory" } },
  ],
  remove: (at) => [{ kind: "remove", path: at, isRecursive: true, expect: { type: "directory" } }],
};
