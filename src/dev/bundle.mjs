// Bundles crun into dist/: one entry, parts loaded when they are needed, the helpers beside them.

import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));
const dist = `${root}dist`;

rmSync(dist, { recursive: true, force: true });
await build({
  entryPoints: { crun: `${root}src/cli/main.ts` },
  outdir: dist,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  chunkNames: "parts/[name]-[hash]",
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "none",
  // Optional native speed-ups of ssh2: it does without where they are not built.
  external: ["*.node", "cpu-features"],
  // What CommonJS packages expect to find.
  banner: {
    js: 'import{createRequire as __cr}from"node:module";import{fileURLToPath as __fu}from"node:url";const require=__cr(import.meta.url),__filename=__fu(import.meta.url),__dirname=__fu(new URL(".",import.meta.url));',
  },
  logLevel: "warning",
});
// The shebang goes before the banner, in the entry alone.
const entry = `${dist}/crun.js`;
writeFileSync(entry, `#!/usr/bin/env node\n${readFileSync(entry, "utf8").replace(/^#!.*\n/, "")}`);
chmodSync(entry, 0o755);

const native = `${root}native/build`;
mkdirSync(`${dist}/native`, { recursive: true });
for (const file of existsSync(native) ? readdirSync(native) : []) {
  if (file.startsWith("crun-helper-") && !file.includes("asan")) cpSync(`${native}/${file}`, `${dist}/native/${file}`);
}
