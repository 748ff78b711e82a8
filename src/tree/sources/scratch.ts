// An empty tree.

import { defineSource } from "../source.js";

export const scratch = defineSource({
  name: "scratch",
  summary: "nothing: an empty directory",
  withoutRoot: { takes: "one id" },
  params: {},
  examples: [{ title: "An empty tree", yaml: "tree:\n  name: bare\n  scratch: true" }],
  observe: () => ({}),
  fill: () => ({ changes: [] }),
});
