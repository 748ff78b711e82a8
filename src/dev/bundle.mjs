// Bundles crun into dist/: a tiny entry, the program with its compiled code beside it, the helpers, and the notices of what is in them.

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { thirdPartyNotices } from "./third-party.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const dist = `${root}dist`;

rmSync(dist, { recursive: true, force: true });
const common = {
  bundle: true,
  platform: "node",
  target: "node20",
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
  // The same names in the output, wherever it is built and whatever leads to node_modules.
  absWorkingDir: root,
  preserveSymlinks: true,
};
// The entry answers --version by itself; the program is loaded by program.js, which is not part of the bundle.
// CommonJS: Node's loader of modules proper costs each start as much as reading a playbook.
const built = [];
built.push(
  await build({
    ...common,
    entryPoints: { crun: `${root}src/cli/main.ts` },
    outdir: dist,
    format: "cjs",
    external: ["./program.js"],
    supported: { "dynamic-import": false },
  }),
);
// The thread that works with age is a file of its own: few runs start it.
built.push(
  await build({
    ...common,
    entryPoints: { "age-worker": `${root}src/vault/age-worker.ts` },
    outdir: dist,
    format: "cjs",
  }),
);
// One script, so that V8 can keep what it compiled of it (program-loader.mjs). ASCII alone: read without decoding.
built.push(
  await build({
    ...common,
    entryPoints: { program: `${root}src/cli/program.ts` },
    outdir: dist,
    outExtension: { ".js": ".cjs" },
    format: "cjs",
    charset: "ascii",
    // Optional native speed-ups of ssh2: it does without where they are not built.
    external: ["*.node", "cpu-features"],
    define: { "import.meta.url": "__url" },
    // What the loader hands in; around it here, so that the source need not be copied at each start.
    banner: { js: "(function(exports,require,module,__filename,__dirname,__url){" },
    footer: { js: "})" },
  }),
);
// Regular expressions are left as they are written. (Raw templates, too: test/architecture.test.ts holds that ours are ASCII.)
const program = `${dist}/program.cjs`;
const escaped = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
writeFileSync(program, readFileSync(program, "utf8").replace(/[^\0-\x7f]/g, escaped));
copyFileSync(`${root}src/dev/program-loader.cjs`, `${dist}/program.js`);
writeFileSync(`${dist}/package.json`, '{"type":"commonjs"}\n');

const entry = `${dist}/crun.js`;
writeFileSync(entry, `#!/usr/bin/env node\n${readFileSync(entry, "utf8").replace(/^#!.*\n/, "")}`);
chmodSync(entry, 0o755);

const native = `${root}native/build`;
mkdirSync(`${dist}/native`, { recursive: true });
const made = existsSync(native) ? readdirSync(native).sort() : [];
for (const file of made) {
  if (/^crun-helper-(?:x86_64|aarch64)$/.test(file)) {
    cpSync(`${native}/${file}`, `${dist}/native/${file}`);
    chmodSync(`${dist}/native/${file}`, 0o755);
  }
}

const inputs = built.flatMap(({ metafile }) => Object.keys(metafile.inputs));
const madeWith = made
  .filter((file) => /^(?:native|arm64)\.made-with$/.test(file))
  .map((file) => readFileSync(`${native}/${file}`, "utf8").split("\n")[0]);
writeFileSync(`${dist}/THIRD-PARTY.txt`, thirdPartyNotices(root, inputs, madeWith));

// Without the cache all works, only slower: a failure to make it is no failure of the build.
const isCold = process.argv.includes("--without-cache");
const warm = isCold
  ? { status: 0 }
  : spawnSync(process.execPath, [`${root}src/dev/warm.mjs`], {
      stdio: ["ignore", "ignore", "inherit"],
      timeout: 60_000,
    });
if (warm.status !== 0)
  process.stderr.write("bundle: the program's compiled code could not be kept; crun will start slower\n");
