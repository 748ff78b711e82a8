// A signed repository of small pacman packages, made by hand.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { must } from "./process.js";
import type { Scope } from "./scope.js";
import type { SigningKey } from "./signing-key.js";

/** A package: text by path. */
export interface PacmanPackage {
  readonly name: string;
  readonly depends?: readonly string[];
  readonly files: Readonly<Record<string, string>>;
}

/** Builds and signs the packages and the database `NAME.db`; returns the repository's directory. */
export async function pacmanArchive(
  scope: Scope,
  key: SigningKey,
  name: string,
  packages: readonly PacmanPackage[],
): Promise<string> {
  const root = scope.tempDir("repository");
  const work = scope.tempDir("packages");
  const database = join(work, "database");
  for (const one of packages) {
    const { depends = [], files } = one;
    const directory = join(work, one.name);
    const info = `pkgname = ${one.name}\npkgbase = ${one.name}\npkgver = 1.0-1\npkgdesc = x\nurl = https://example.org\nbuilddate = 1\npackager = x\nsize = 1\narch = any\nlicense = MIT\n`;
    write(join(directory, ".PKGINFO"), info + depends.map((other) => `depend = ${other}\n`).join(""));
    for (const [path, text] of Object.entries(files)) write(join(directory, path), text);
    const file = join(root, `${one.name}-1.0-1-any.pkg.tar.gz`);
    const tops = [".PKGINFO", ...new Set(Object.keys(files).map((path) => path.split("/")[0] ?? ""))];
    await must(["tar", "-C", directory, "-czf", file, "--owner=0", "--group=0", ...tops]);
    const signature = Buffer.from(await key.sign(file, "sig")).toString("base64");
    const rows: Readonly<Record<string, string>> = {
      FILENAME: basename(file),
      NAME: one.name,
      VERSION: "1.0-1",
      CSIZE: String(statSync(file).size),
      ISIZE: "1",
      SHA256SUM: createHash("sha256").update(readFileSync(file)).digest("hex"),
      PGPSIG: signature,
      ARCH: "any",
      ...(depends.length > 0 ? { DEPENDS: depends.join("\n") } : {}),
    };
    const text = Object.entries(rows)
      .map(([field, value]) => `%${field}%\n${value}\n\n`)
      .join("");
    write(join(database, `${one.name}-1.0-1`, "desc"), text);
  }
  await must(["tar", "-C", database, "-czf", join(root, `${name}.db`), ...packages.map((one) => `${one.name}-1.0-1`)]);
  await key.sign(join(root, `${name}.db`), "sig");
  return root;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
