// A Debian archive of small packages in a tree, so that apt has something to install without a network.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { must } from "../lab/process.js";
import type { Scope } from "../lab/scope.js";

/** A package to build. `fields`: more of its control file; `scripts`: maintainer scripts by name; `files` by path. */
export interface Package {
  readonly name: string;
  readonly version: string;
  readonly suite?: "stable" | "testing";
  readonly architecture?: string;
  readonly fields?: readonly string[];
  readonly scripts?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

const root = "/srv/archive";

/** Where the archive has a package's file, in the tree. */
export function debPath(name: string, version: string, architecture = "all"): string {
  return `${root}/pool/${name}_${version}_${architecture}.deb`;
}

/** Builds the packages and makes the archive the tree's only source. apt's lists stay as they are. */
export async function makeArchive(scope: Scope, tree: string, packages: readonly Package[]): Promise<void> {
  const work = scope.tempDir("packages");
  mkdirSync(`${tree}${root}/pool`, { recursive: true });
  const paragraphs = new Map<string, string[]>([
    ["stable", []],
    ["testing", []],
  ]);
  for (const one of packages) {
    const { name, version, suite = "stable", architecture = "all" } = one;
    const directory = join(work, `${name}_${version}_${architecture}`);
    const control = [
      `Package: ${name}`,
      `Version: ${version}`,
      `Architecture: ${architecture}`,
      "Maintainer: x <x@example.org>",
      "Description: x",
      ...(one.fields ?? []),
    ].join("\n");
    write(join(directory, "DEBIAN/control"), `${control}\n`);
    for (const [script, text] of Object.entries(one.scripts ?? {}))
      write(join(directory, "DEBIAN", script), text, 0o755);
    for (const [path, text] of Object.entries(one.files ?? {}))
      write(join(directory, path), text, path.includes("bin/") || path.includes("init.d/") ? 0o755 : 0o644);
    const file = tree + debPath(name, version, architecture);
    await must(["dpkg-deb", "--root-owner-group", "--build", directory, file]);
    const bytes = readFileSync(file);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    paragraphs
      .get(suite)
      ?.push(`${control}\nFilename: pool/${basename(file)}\nSize: ${bytes.length}\nSHA256: ${sha256}\n`);
  }
  for (const [suite, texts] of paragraphs) {
    for (const architecture of ["amd64", "i386", "all"]) {
      write(
        `${tree}${root}/dists/${suite}/main/binary-${architecture}/Packages`,
        texts.filter((text) => new RegExp(`^Architecture: (all|${architecture})$`, "m").test(text)).join("\n"),
      );
    }
    const lists = ["amd64", "i386", "all"].map((architecture) => `main/binary-${architecture}/Packages`);
    const sums = lists.map((path) => {
      const full = `${tree}${root}/dists/${suite}/${path}`;
      return ` ${createHash("sha256").update(readFileSync(full)).digest("hex")} ${statSync(full).size} ${path}`;
    });
    write(
      `${tree}${root}/dists/${suite}/Release`,
      `Origin: local\nLabel: local\nSuite: ${suite}\nCodename: ${suite}\nArchitectures: amd64 i386 all\nComponents: main\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n${sums.join("\n")}\n`,
    );
  }
  rmSync(`${tree}/etc/apt/sources.list.d`, { recursive: true, force: true });
  write(
    `${tree}/etc/apt/sources.list`,
    `deb [trusted=yes] file:${root} stable main\ndeb [trusted=yes] file:${root} testing main\n`,
  );
  write(`${tree}/etc/apt/preferences.d/stable`, "Package: *\nPin: release a=testing\nPin-Priority: 100\n");
}

function write(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode });
}
