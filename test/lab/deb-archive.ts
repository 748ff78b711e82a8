// A signed Debian archive of a distribution so small that mmdebstrap and debootstrap install it in seconds: this machine's dpkg, a C library, busybox.
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { must } from "./process.js";
import type { Scope } from "./scope.js";
import type { SigningKey } from "./signing-key.js";

/** A package: text by path, programs and libraries of this machine, links, maintainer scripts by name. */
export interface DebPackage {
  readonly name: string;
  readonly fields?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly copies?: readonly string[];
  readonly links?: Readonly<Record<string, string>>;
  readonly directories?: readonly string[];
  readonly scripts?: Readonly<Record<string, string>>;
}

const applets =
  "true false rm cp cat mkdir rmdir ln mv chmod chown ls touch sed grep sleep mount umount id test [ echo readlink tail head dirname basename expr find sort uname mknod diff mktemp".split(
    " ",
  );

const essential = ["Essential: yes", "Priority: required"];

/** What debootstrap installs by name, and what dpkg needs. */
async function distribution(): Promise<DebPackage[]> {
  const programs = [
    "/usr/bin/dpkg",
    "/usr/bin/dpkg-deb",
    "/usr/bin/dpkg-split",
    "/usr/bin/dpkg-query",
    "/usr/bin/dpkg-divert",
    "/usr/bin/dpkg-statoverride",
    "/usr/bin/dpkg-trigger",
    "/sbin/start-stop-daemon",
    "/bin/tar",
    // busybox's own would run its dpkg and start-stop-daemon instead of those in PATH
    "/bin/dash",
    "/usr/bin/env",
  ];
  const listed = await must(["ldd", ...programs]);
  const libraries = [...new Set([...listed.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map((match) => match[1] ?? ""))];
  return [
    {
      name: "base-files",
      fields: essential,
      files: {
        "etc/os-release": 'PRETTY_NAME="Tiny"\nID=debian\nVERSION_CODENAME=sid\n',
        "etc/debian_version": "13.0\n",
        "etc/ld.so.conf": [...new Set(libraries.map(dirname))].join("\n"),
      },
      directories:
        "bin boot dev home lib opt proc root run sbin srv sys tmp usr/bin usr/sbin usr/lib var/lib var/log var/tmp var/cache".split(
          " ",
        ),
    },
    {
      name: "base-passwd",
      fields: essential,
      files: { "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/group": "root:x:0:\nshadow:x:42:\nmail:x:8:\n" },
    },
    {
      name: "dpkg",
      fields: essential,
      copies: programs,
      directories: ["etc/dpkg/dpkg.cfg.d", "var/lib/dpkg/info", "var/lib/dpkg/updates"],
    },
    { name: "libc6", fields: essential, copies: [...libraries, "/sbin/ldconfig"] },
    {
      name: "busybox",
      fields: essential,
      copies: ["/bin/busybox"],
      links: { ...Object.fromEntries(applets.map((applet) => [`bin/${applet}`, "busybox"])), "bin/sh": "dash" },
    },
    { name: "perl-base", fields: ["Priority: required"] },
    {
      name: "mawk",
      fields: ["Priority: required"],
      links: { "usr/bin/mawk": "../../bin/busybox", "usr/bin/awk": "mawk" },
    },
    { name: "debconf", fields: ["Priority: required"] },
    { name: "apt", fields: ["Priority: important"] },
  ];
}

/** Builds the archive's suite `sid` with these packages more, signs it, and returns its directory. */
export async function debArchive(scope: Scope, key: SigningKey, more: readonly DebPackage[]): Promise<string> {
  const root = scope.tempDir("archive");
  const work = scope.tempDir("debs");
  const architecture = (await must(["dpkg", "--print-architecture"])).trim();
  mkdirSync(join(root, "pool"));
  const paragraphs: string[] = [];
  for (const one of [...(await distribution()), ...more]) {
    const control = [
      `Package: ${one.name}`,
      "Version: 1.0",
      `Architecture: ${architecture}`,
      "Maintainer: x <x@example.org>",
      "Description: x",
      ...(one.fields ?? []),
    ].join("\n");
    const directory = join(work, one.name);
    lay(directory, one, control);
    const file = join(root, "pool", `${one.name}_1.0_${architecture}.deb`);
    await must(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", directory, file]);
    const bytes = readFileSync(file);
    paragraphs.push(
      `${control}\nFilename: pool/${basename(file)}\nSize: ${bytes.length}\nMD5sum: ${digest("md5", bytes)}\nSHA256: ${digest("sha256", bytes)}\n`,
    );
  }
  const list = `main/binary-${architecture}/Packages`;
  const suite = join(root, "dists/sid");
  write(join(suite, list), paragraphs.join("\n"));
  await must(["gzip", "--keep", "-1", join(suite, list)]);
  const sums = [list, `${list}.gz`].map((path) => {
    const bytes = readFileSync(join(suite, path));
    return ` ${digest("sha256", bytes)} ${bytes.length} ${path}`;
  });
  const release = `Origin: tiny\nLabel: tiny\nSuite: unstable\nCodename: sid\nArchitectures: ${architecture}\nComponents: main\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n${sums.join("\n")}\n`;
  write(join(suite, "Release"), release);
  await key.clearSign(join(suite, "Release"), join(suite, "InRelease"));
  await must([
    "gpg",
    "--homedir",
    key.home,
    "--batch",
    "--quiet",
    "--armor",
    "--output",
    join(suite, "Release.gpg"),
    "--detach-sign",
    join(suite, "Release"),
  ]);
  return root;
}

function lay(directory: string, one: DebPackage, control: string): void {
  write(join(directory, "DEBIAN/control"), `${control}\n`);
  for (const path of one.directories ?? []) mkdirSync(join(directory, path), { recursive: true });
  for (const [name, text] of Object.entries(one.scripts ?? {})) write(join(directory, "DEBIAN", name), text, 0o755);
  for (const [path, text] of Object.entries(one.files ?? {}))
    write(join(directory, path), text, path.includes("bin/") ? 0o755 : 0o644);
  for (const path of one.copies ?? []) {
    const to = join(directory, path);
    mkdirSync(dirname(to), { recursive: true });
    if (existsSync(to)) continue;
    copyFileSync(path, to);
    chmodSync(to, 0o755);
  }
  for (const [path, target] of Object.entries(one.links ?? {})) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    symlinkSync(target, join(directory, path));
  }
}

function digest(name: string, bytes: Uint8Array): string {
  return createHash(name).update(bytes).digest("hex");
}

function write(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
}
