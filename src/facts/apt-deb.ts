// Packages from files and URLs.

import { outputText } from "../module/command-result.js";
import { errorLines } from "./apt-command.js";
import { installOptions, type Steps } from "./apt-jobs.js";
import { debFiles, type AptSeen, type AptView } from "./apt-look.js";
import type { AptWish } from "./apt-params.js";
import { compareVersions } from "./debian-version.js";
import { isInstalled, parseParagraph, statusPath } from "./dpkg-status.js";

/** `.deb` files: those whose version is installed already are left out, the rest goes to apt with its dependencies. */
export function debSteps(wish: AptWish, seen: AptSeen, view: AptView): Steps {
  const wanted: { file: string; name: string; version: string; architecture: string }[] = [];
  for (const [index, file] of debFiles(wish).entries()) {
    const told = seen.debs[index];
    const fields = parseParagraph(outputText(told?.stdout));
    const [name, version, architecture] = [fields.get("package"), fields.get("version"), fields.get("architecture")];
    if (name === undefined || version === undefined || architecture === undefined) {
      const reason = errorLines(outputText(told?.stderr)) || told?.failure?.message || "it is no Debian package";
      return {
        jobs: [],
        refusal: {
          message: `Unable to install package: ${file}: ${reason}`,
          remedy: "Look whether the file is in the tree, and a .deb.",
        },
      };
    }
    const found = view.packages.find(
      (one) => one.name === name && (one.architecture === architecture || architecture === "all"),
    );
    if (found && isInstalled(found) && compareVersions(found.version, version) === 0) continue;
    wanted.push({ file, name, version, architecture });
  }
  if (wanted.length === 0) return { jobs: [] };
  const paragraphs = wanted.map(({ name, version, architecture }) => ({
    firstLine: `Package: ${name}`,
    text: `Package: ${name}\nStatus: install ok installed\nArchitecture: ${architecture}\nVersion: ${version}\n`,
  }));
  return {
    jobs: [
      {
        argv: debArgv(
          wish,
          wanted.map((one) => one.file),
        ),
        assumes: [{ kind: "amendParagraphs", path: statusPath, paragraphs }],
      },
    ],
    before: [],
    after: wanted.map((one) => `${one.name} ${one.version}`),
  };
}

function debArgv(wish: AptWish, files: readonly string[]): string[] {
  const install = ["apt-get", "install", ...installOptions(wish), "--"];
  if (!files.some((file) => file.includes("://"))) return [...install, ...files];
  const script =
    'set -e; url=$1; shift; d=$(mktemp -d); trap \'rm -rf "$d"\' EXIT; chmod 755 "$d"; /usr/lib/apt/apt-helper download-file "$url" "$d/x.deb"; "$@" "$d/x.deb"';
  return ["/bin/sh", "-c", script, "sh", files[0] ?? "", ...install];
}
