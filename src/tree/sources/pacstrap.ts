// A tree of pacman packages by pacstrap.

import { fillProgram } from "../fill-program.js";
import { defineSource } from "../source.js";
import { missingTool, toolProbes, toolRefusal, type Tool } from "../tool.js";
import {
  firstProblem,
  limitKeys,
  limitParams,
  limitProblem,
  optionProblem,
  pathProblem,
  withoutPasswords,
  wordProblem,
} from "./limits.js";

const packages = [
  "Arch: pacman -S arch-install-scripts",
  "Debian: apt install arch-install-scripts",
  "Fedora: dnf install arch-install-scripts",
];
const tools: readonly Tool[] = [
  { name: "pacstrap", packages },
  {
    name: "pacman",
    packages: ["Arch has it", "Debian: apt install pacman-package-manager", "Fedora: dnf install pacman"],
  },
];
const gpg: Tool = { name: "gpg", packages: ["Debian: apt install gpg", "Fedora: dnf install gnupg2"] };

// A keyring of the recipe's own lies outside of the tree and of the host, and its keys are believed: they were named.
const script = `
while [ "$1" != -- ]; do
  if [ ! -d "$files/gnupg" ]; then
    mkdir -m 700 "$files/gnupg"
    : >"$files/gnupg/pubring.gpg"
    printf '[options]\\nGPGDir = %s\\n' "$files/gnupg" >"$files/all.conf"
  fi
  gpg --homedir "$files/gnupg" --batch --quiet --no-autostart --import -- "$1" || {
    echo "error: the keyring $1 cannot be read" >&2
    exit 1
  }
  shift
done
shift
cat "$files/pacman.conf" >>"$files/all.conf"
pacstrap -G -M -C "$files/all.conf" "$@"
discard var/cache/pacman/pkg
if plain var/cache/pacman; then mkdir -p "$into/var/cache/pacman/pkg"; fi
`;

export const pacstrap = defineSource({
  name: "pacstrap",
  summary: "packages of pacman repositories, by pacstrap",
  withoutRoot: {
    takes: "root",
    because: "pacstrap mounts a devtmpfs",
    instead: "Take an archive or an image (tarball, oci)",
  },
  params: {
    packages: {
      type: "list",
      elements: "str",
      default: ["base"],
      aliases: ["include"],
      doc: "Names of packages and groups.",
    },
    repos: {
      type: "list",
      elements: "raw",
      doc: "The repositories: maps with `name`, `server` (one or a list) and, where it is another one, `sig_level`. Absent: those of `config`.",
    },
    config: { type: "path", default: "/etc/pacman.conf", doc: "A pacman.conf of the host, where no repos are given." },
    keyring: {
      type: "list",
      elements: "path",
      doc: "Files of the host with keys that are believed. Absent: the keyring of the host's pacman.",
    },
    sig_level: {
      type: "str",
      doc: "What has to be signed, in pacman.conf's words. Absent: packages (`Required DatabaseOptional`).",
    },
    architecture: { type: "str", aliases: ["arch"], default: "auto", doc: "What $arch stands for." },
    exclude: { type: "list", elements: "str", doc: "Packages not to take (IgnorePkg)." },
    options: { type: "list", elements: "str", doc: "More options of pacstrap, as -K." },
    ...limitParams,
  },
  shortFor: "packages",
  incidental: limitKeys,
  examples: [
    {
      title: "An Arch tree",
      yaml: "tree:\n  name: arch\n  pacstrap:\n    packages: [base]\n    repos:\n      - name: core\n        server: https://mirror.example.org/$repo/os/$arch\n      - name: extra\n        server: https://mirror.example.org/$repo/os/$arch\n    keyring: /usr/share/keyrings/archlinux.gpg",
    },
  ],
  check: (params) =>
    firstProblem(
      params.packages.length === 0 ? "packages is empty" : undefined,
      wordProblem("packages", params.packages),
      repoProblem(params.repos),
      pathProblem("config", [params.config]),
      pathProblem("keyring", params.keyring),
      ...[params.sig_level, params.architecture].map((line) =>
        line === undefined || /^[\w ]+$/.test(line) ? undefined : `${JSON.stringify(line)} is no word of pacman.conf`,
      ),
      params.exclude?.some((word) => /\s/.test(word))
        ? "exclude takes single names"
        : wordProblem("exclude", params.exclude),
      optionProblem("options", params.options),
      limitProblem(params.timeout),
    ),
  identity: ({ repos }) => (repos === undefined ? {} : { repos: withoutPasswords(repos) }),
  observe: ({ config, keyring }) => ({
    tools: toolProbes(...tools, gpg),
    config: { kind: "stat", path: config, follow: true } as const,
    keys: (keyring ?? []).map((path) => ({ kind: "stat", path, follow: true }) as const),
  }),
  fill: (params, seen, into, { context }) => {
    const { packages: names, repos, config, keyring = [], options = [], timeout } = params;
    const missing = keyring.length > 0 ? missingTool(seen.tools, ...tools, gpg) : missingTool(seen.tools, ...tools);
    const gone = keyring.find((_, index) => seen.keys[index]?.stat === undefined);
    const refusal =
      missing ??
      (gone === undefined
        ? undefined
        : { message: `keyring: ${gone} is not there`, remedy: "It has to be on the host." }) ??
      (repos === undefined && seen.config.stat === undefined
        ? { message: `the host has no ${config}`, remedy: "Say repos: …, or name a pacman.conf of the host as config." }
        : undefined);
    if (refusal) return { changes: [], refusal };
    return {
      changes: [
        fillProgram({
          script,
          into,
          args: [...keyring, "--", ...options, into, ...names],
          files: { "pacman.conf": settings(params) },
          environment: context.environment,
          timeoutS: timeout,
        }),
      ],
      explain: (_, outcome) =>
        toolRefusal("pacstrap", outcome, {
          telling: /^(?:error:|==> ERROR|gpg: |:: .*(?:conflict|required))/,
          noise: /^==> ERROR: Failed to install packages|^warning: Public keyring not found|no gpg-agent running/,
          remedies: pacmanRemedies,
        }),
    };
  },
});

interface Wish {
  readonly repos?: readonly unknown[] | undefined;
  readonly config: string;
  readonly keyring?: readonly string[] | undefined;
  readonly sig_level?: string | undefined;
  readonly architecture: string;
  readonly exclude?: readonly string[] | undefined;
}

/** pacman.conf, less where its keyring lies. */
function settings({ repos, config, keyring, sig_level, architecture, exclude }: Wish): string {
  const level = sig_level ?? "Required DatabaseOptional";
  const own = `SigLevel = ${level}${keyring && sig_level === undefined ? " TrustAll" : ""}\n`;
  const isHosts = repos === undefined;
  const head = [
    "[options]\n",
    ...(isHosts ? [] : [`Architecture = ${architecture}\n`]),
    ...(isHosts && sig_level === undefined && !keyring ? [] : [own]),
    ...(exclude && exclude.length > 0 ? [`IgnorePkg = ${exclude.join(" ")}\n`] : []),
  ];
  if (isHosts) return [...head, `Include = ${config}\n`].join("");
  const sections = readRepos(repos).map(
    ({ name, servers, level: own }) =>
      `[${name}]\n${own === undefined ? "" : `SigLevel = ${own}\n`}${servers.map((server) => `Server = ${server}\n`).join("")}`,
  );
  return [...head, ...sections].join("");
}

interface Repository {
  readonly name: string;
  readonly servers: readonly string[];
  readonly level: string | undefined;
}

function readRepos(repos: readonly unknown[]): readonly Repository[] {
  return repos.map((repo) => {
    const { name, server, servers = server, sig_level } = repo as Readonly<Record<string, unknown>>;
    const list: readonly unknown[] = Array.isArray(servers) ? servers : [servers];
    return {
      name: String(name),
      servers: list.map(String),
      level: sig_level === undefined ? undefined : String(sig_level),
    };
  });
}

function repoProblem(repos: readonly unknown[] | undefined): string | undefined {
  for (const repo of repos ?? []) {
    if (typeof repo !== "object" || repo === null || Array.isArray(repo))
      return "repos: a repository is a map with name and server";
    const { name, server, servers = server, sig_level, ...rest } = repo as Readonly<Record<string, unknown>>;
    const other = Object.keys(rest)[0];
    if (other !== undefined)
      return `repos: ${JSON.stringify(other)} is no key of a repository (name, server, sig_level)`;
    if (typeof name !== "string" || !/^[\w@.+][\w@.+-]*$/.test(name) || name === "options")
      return `repos: ${JSON.stringify(name ?? null)} is no name of a repository`;
    const list: readonly unknown[] = Array.isArray(servers) ? servers : [servers];
    if (list.length === 0 || list.some((one) => typeof one !== "string" || !/^[a-z][a-z0-9+.-]*:\/\/\S+$/.test(one)))
      return `repos: ${name} needs a server: an address, as https://mirror.example.org/$repo/os/$arch`;
    if (sig_level !== undefined && !/^[\w ]+$/.test(String(sig_level))) return `repos: sig_level of ${name} is none`;
  }
  return undefined;
}

const pacmanRemedies: readonly (readonly [RegExp, string])[] = [
  [
    /is unknown|PGP signature|unknown trust|marginal trust|[Kk]eyring is not writable/,
    "Name the files with the repositories' keys as keyring, or prepare the keyring of the host's pacman (pacman-key --init, --populate).",
  ],
  [/target not found/, "Check the names of the packages and the repositories."],
  [/could not find database|returned error: 404|Couldn't open file/, "Check the addresses of the repositories."],
];
