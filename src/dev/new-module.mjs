// Makes a new module with its three first fixtures: `npm run new-module -- NAME`.

import { mkdirSync, writeFileSync } from "node:fs";

const name = process.argv[2];
if (!name || !/^[a-z][a-z0-9_]*$/.test(name)) {
  process.stderr.write("usage: npm run new-module -- NAME (lower case letters, digits, _)\n");
  process.exitCode = 1;
} else {
  const file = name.replaceAll("_", "-");
  const module = `// Says in one line what ${name} does.

import { defineModule } from "../src/module/contract.js";

export default defineModule({
  name: "${name}",
  summary: "Says in one line what it does.",
  params: {
    path: { type: "path", required: true, doc: "What it is about." },
  },
  returns: { path: "The path." },
  observe: (params) => ({ path: { kind: "stat", path: params.path } }),
  plan: (params, seen) => {
    if (seen.path.stat) return { changes: [], result: { path: params.path } };
    return { changes: [], refusal: { message: \`${name} of \${params.path} is not planned yet\` } };
  },
  examples: [{ title: "The common case", yaml: "${name}:\\n  path: /etc/example\\n" }],
});
`;
  const test = `// Fixtures of the module ${name}: converged, partial, error.

import module from "../../modules/${file}.js";
import { testFixtures } from "../module/harness.js";

testFixtures(module, [
  {
    name: "finds nothing to do where all is as wanted",
    tree: {},
    params: { path: "/etc/example" },
    expect: { changed: false },
  },
  {
    name: "changes only what differs",
    tree: {},
    params: { path: "/etc/example" },
    expect: { changed: true },
  },
  {
    name: "says what is wrong and what to do",
    tree: { "/etc/example": "" },
    params: { path: "/etc/example" },
    expect: { refusal: /what is wrong/ },
  },
]);
`;
  const root = new URL("../../", import.meta.url);
  mkdirSync(new URL("test/modules/", root), { recursive: true });
  writeFileSync(new URL(`modules/${file}.ts`, root), module, { flag: "wx" });
  writeFileSync(new URL(`test/modules/${file}.test.ts`, root), test, { flag: "wx" });
  process.stdout.write(
    `modules/${file}.ts and test/modules/${file}.test.ts are there; the fixtures fail until they are true.\n`,
  );
}
