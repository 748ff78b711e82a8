// The notices that the licences of what dist/ holds ask for: dist/THIRD-PARTY.txt.

import { existsSync, readFileSync, readdirSync } from "node:fs";

/** Licences that ask for their notice and for nothing else. Another one is looked at by a person before it is added here. */
const known = new Set([
  "MIT",
  "ISC",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "Unlicense",
  "CC0-1.0",
]);

/** What is linked into the helper by its compiler's first word, and where Debian has its copyright. */
const libraries = [
  { of: /musl/, name: "musl", at: ["/usr/share/doc/musl/copyright", "/usr/share/doc/musl-dev/copyright"] },
  { of: /./, name: "the GNU C Library", at: ["/usr/share/doc/libc6-dev/copyright", "/usr/share/doc/libc6/copyright"] },
];

/**
 * `inputs`: paths of bundled files, from esbuild's metafile; `madeWith`: what the helpers were made with (native/build/*.made-with). Throws where a package has no
 * licence that is known, or no text of it. The same text for the same packages, whoever builds it where.
 */
export function thirdPartyNotices(root, inputs, madeWith) {
  const packages = new Set(inputs.flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []));
  const sections = [...packages].sort().map((directory) => sectionOf(root, directory));
  const linked = new Set(madeWith.map((words) => libraries.find(({ of }) => of.test(words))));
  const texts = [...linked].sort((left, right) => (left.name < right.name ? -1 : 1)).map(sectionOfLibrary);
  const head =
    "crun is built with the following works of others; their licences ask that these notices go with it.\n" +
    "The JavaScript packages are in program.cjs, crun.js and age-worker.js, the C libraries in native/.\n";
  return [head, ...sections, ...texts].join(`\n${"-".repeat(78)}\n\n`);
}

function sectionOf(root, directory) {
  const at = `${root}${directory}`;
  const { name, version, license, licenses } = JSON.parse(readFileSync(`${at}/package.json`, "utf8"));
  const spdx = license ?? licenses?.[0]?.type ?? "";
  const words = spdx.replace(/[()]/g, "").split(/ OR /);
  if (!words.some((word) => known.has(word)))
    throw new Error(
      `${name} ${version} has the licence ${JSON.stringify(spdx)}: see whether it may be bundled, then add it to src/dev/third-party.mjs`,
    );
  const files = readdirSync(at)
    .filter((file) => /^(?:licen[cs]e|copying|notice)(?:[-.]|$)/i.test(file))
    .sort();
  if (files.length === 0) throw new Error(`${name} ${version} brings no text of its licence (${spdx})`);
  return `${name} ${version} (${spdx})\n\n${files.map((file) => readFileSync(`${at}/${file}`, "utf8").trim()).join("\n\n")}\n`;
}

/** Where a machine has no text of it, its name must do: releases are built where it has. */
function sectionOfLibrary({ name, at }) {
  const file = at.find((path) => existsSync(path));
  return `${name}\n\n${file === undefined ? "(its copyright is in its source package)" : readFileSync(file, "utf8").trim()}\n`;
}
