// A signed repository of small rpm packages.
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "./process.js";
import type { Scope } from "./scope.js";
import type { SigningKey } from "./signing-key.js";

/** A package. `files` by path: text, or a program of this machine (`copy:/bin/busybox`), or a link (`link:busybox`), or `directory`. */
export interface RpmPackage {
  readonly name: string;
  /** Lines of its preamble, as `Requires: x`. */
  readonly fields?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly post?: string;
}

/** Builds and signs the packages and the list of them; returns the repository's directory. */
export async function rpmArchive(scope: Scope, key: SigningKey, packages: readonly RpmPackage[]): Promise<string> {
  const work = scope.tempDir("rpms");
  const root = scope.tempDir("repository");
  mkdirSync(join(work, "sources"));
  const spec = join(work, "all.spec");
  const install = packages.flatMap(({ files = {} }) => Object.entries(files).map(([path, what]) => laying(path, what)));
  const sections = packages.map((one, index) => section(one, index === 0));
  writeFileSync(spec, [...sections, `%install\n${install.join("\n")}\n`].join("\n"));
  await must(
    [
      "rpmbuild",
      "--quiet",
      "--define",
      `_topdir ${work}`,
      "--define",
      "_build_id_links none",
      "--define",
      "__brp_strip true",
      "--define",
      "_binaries_in_noarch_packages_terminate_build 0",
      "-bb",
      spec,
    ],
    {
      env: { ...process.env, HOME: work },
    },
  );
  const built = join(work, "RPMS/noarch");
  for (const file of readdirSync(built)) copyFileSync(join(built, file), join(root, file));
  const files = readdirSync(root).map((file) => join(root, file));
  await must([
    "rpmsign",
    "--define",
    "__gpg /usr/bin/gpg",
    "--define",
    "_gpg_name Test archive",
    "--define",
    `_gpg_path ${key.home}`,
    "--addsign",
    ...files,
  ]);
  await must(["createrepo_c", "--quiet", root]);
  await key.sign(join(root, "repodata/repomd.xml"), "asc");
  copyFileSync(key.armored, join(root, "repodata/repomd.xml.key"));
  return root;
}

function section({ name, fields = [], files = {}, post }: RpmPackage, isFirst: boolean): string {
  const of = isFirst ? "" : ` -n ${name}`;
  const head = isFirst
    ? `Name: ${name}\nVersion: 1.0\nRelease: 1\nLicense: MIT\nSummary: x\nBuildArch: noarch\nAutoReqProv: no\n`
    : `%package -n ${name}\nSummary: x\nAutoReqProv: no\n`;
  const list = Object.entries(files)
    .map(([path, what]) => (what === "directory" ? `%dir ${path}` : path))
    .join("\n");
  return [
    `${head}${fields.join("\n")}\n%description${of}\nx\n`,
    post === undefined ? "" : `%post${of}\n${post}\n`,
    `%files${of}\n%defattr(-,root,root)\n${list}\n`,
  ].join("");
}

function laying(path: string, what: string): string {
  const to = `%{buildroot}${path}`;
  const parent = `mkdir -p "$(dirname "${to}")"`;
  if (what === "directory") return `mkdir -p "${to}"`;
  if (what.startsWith("copy:")) return `${parent}\ninstall -m 755 "${what.slice(5)}" "${to}"`;
  if (what.startsWith("link:")) return `${parent}\nln -s "${what.slice(5)}" "${to}"`;
  return `${parent}\nprintf '%%s' '${what}' >"${to}"`;
}
