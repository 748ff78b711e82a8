// A tree of rpm packages by zypper --root.

import { takeLogins } from "../address-logins.js";
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
  wordProblem,
} from "./limits.js";
import {
  readRepos,
  recordedRepos,
  repoText,
  reposDoc,
  reposProblem,
  rpmMacros,
  rpmRemedies,
  scriptWarnings,
  settleDatabase,
  type Repository,
} from "./rpm.js";

const zypperTool: Tool = {
  name: "zypper",
  packages: ["openSUSE has it", "Debian: apt install zypper", "Fedora: dnf install zypper"],
};
const rpmTool: Tool = { name: "rpmkeys", packages: ["openSUSE has it", "Debian: apt install rpm"] };

// zypper would take any key that a repository offers, were it allowed to take keys at all: it only gets those of the recipe.
const script = `${settleDatabase}
api_mounts
keep=$1
shift
while [ "$1" != -- ]; do
  case $1 in
    key:*)
      rpmkeys --root "$into" --import "\${1#key:}" || {
        echo "error: gpgkey \${1#key:} cannot be read" >&2
        exit 1
      }
      ;;
    answer:*) must_answer "\${1#answer:}" ;;
    host:*)
      cp -- "\${1#host:}" "$files/"
      ;;
  esac
  shift
done
shift
status=0
zypper "$@" || status=$?
case $status in
  # a restart is due; a package's script failed, as dnf passes over it too
  0 | 102 | 103 | 107) ;;
  *) exit $status ;;
esac
settle_database
discard var/cache/zypp
if [ "$keep" = keep ]; then keep_repos etc/zypp/repos.d; fi
`;

export const zypper = defineSource({
  name: "zypper",
  summary: "packages of rpm repositories, by zypper --root",
  withoutRoot: { takes: "one id" },
  params: {
    packages: {
      type: "list",
      elements: "str",
      required: true,
      aliases: ["include"],
      doc: "Names, capabilities, `pattern:NAME`.",
    },
    repos: {
      type: "list",
      elements: "raw",
      required: true,
      doc: `${reposDoc} A gpgkey is a file of the host here (\`file:///…\`), and nothing else is trusted.`,
    },
    repos_dir: {
      type: "path",
      default: "/etc/zypp/repos.d",
      doc: "Where the host has its repositories, each in the file NAME.repo.",
    },
    keep_repos: { type: "bool", default: false, doc: "The tree gets the repositories in its /etc/zypp/repos.d." },
    releasever: { type: "str", doc: "What $releasever stands for, as `15.6`." },
    recommends: { type: "bool", default: true, doc: "Also what is only recommended." },
    accept_licenses: {
      type: "bool",
      default: false,
      doc: "Agree with the licenses that packages ask about; else such a package fails.",
    },
    options: { type: "list", elements: "str", doc: "More options of zypper install." },
    ...limitParams,
  },
  incidental: [...limitKeys, "repos_dir"],
  examples: [
    {
      title: "An openSUSE tree",
      yaml: "tree:\n  name: leap\n  zypper:\n    packages: [patterns-base-minimal_base, zypper]\n    recommends: false\n    repos:\n      - id: oss\n        baseurl: https://mirror.example.org/distribution/leap/15.6/repo/oss/\n        gpgkey: file:///usr/share/keyrings/opensuse.asc",
    },
  ],
  check: ({ packages, repos, repos_dir, releasever, options, timeout }) =>
    firstProblem(
      packages.length === 0 ? "packages is empty" : undefined,
      repos.length === 0 ? "repos is empty" : undefined,
      wordProblem("packages", packages),
      reposProblem(repos),
      pathProblem("repos_dir", [repos_dir]),
      wordProblem("releasever", releasever === undefined ? [] : [releasever]),
      keyProblem(readRepos(repos).own),
      optionProblem("options", options),
      limitProblem(timeout),
    ),
  identity: ({ repos }) => recordedRepos(repos),
  observe: () => ({ tools: toolProbes(zypperTool, rpmTool) }),
  fill: (params, seen, into, { context }) => {
    const { packages, repos, repos_dir, keep_repos, releasever, recommends, accept_licenses, options, timeout } =
      params;
    const refusal = missingTool(seen.tools, zypperTool, rpmTool);
    if (refusal) return { changes: [], refusal };
    const { own, hosts } = readRepos(repos);
    const args = [
      keep_repos ? "keep" : "forget",
      ...own.flatMap((repo) => keysOf(repo).map((path) => `key:${path}`)),
      ...new Set(own.flatMap((repo) => originsOf(repo).map((origin) => `answer:${takeLogins(origin).text}`))),
      ...hosts.map((name) => `host:${repos_dir}/${name}.repo`),
      "--",
      "--root",
      into,
      "--reposd-dir",
      "@files@",
      "--non-interactive",
      "--no-cd",
      ...(releasever === undefined ? [] : ["--releasever", releasever]),
      "install",
      recommends ? "--recommends" : "--no-recommends",
      ...(accept_licenses ? ["--auto-agree-with-licenses"] : []),
      ...(options ?? []),
      "--",
      ...packages,
    ];
    const checks = { autorefresh: "0", gpgcheck: "1" };
    const files = Object.fromEntries(own.map((repo) => [`${repo.id}.repo`, repoText(repo, checks)]));
    return {
      changes: [
        fillProgram({
          script,
          into,
          args,
          files: { ...files, "zypp.conf": "[main]\n", ".rpmmacros": rpmMacros },
          environment: { ...context.environment, ZYPP_CONF: "@files@/zypp.conf" },
          timeoutS: timeout,
          home: "private",
        }),
      ],
      tell: scriptWarnings,
      explain: (_, outcome) =>
        toolRefusal("zypper", outcome, {
          telling:
            /^(?:Problem: |Error|No provider|Download \(curl\) error|error:|curl:|cp:|File '.*' not found|Signature verification failed|Warning: File|The (?:following|requested) )|[Ee]rror:|not found on medium|needs? .* more space/,
          noise:
            /^(?:Loading repository data|Reading installed|Resolving package|History:|Some of the repositories|Additional rpm output)|RPM should not be used directly|assuming you know what you are doing/,
          inOutput: true,
          remedies: rpmRemedies,
        }),
    };
  },
});

/** The keys of a repository as paths on the host. */
function keysOf({ keys }: Repository): string[] {
  return (keys["gpgkey"] ?? "")
    .split(/[\s,]+/)
    .filter((word) => word !== "")
    .map((word) => word.replace(/^file:(?:\/\/)?(?=\/)/, ""));
}

function keyProblem(own: readonly Repository[]): string | undefined {
  for (const repo of own) {
    const other = keysOf(repo).find((path) => !path.startsWith("/"));
    if (other !== undefined)
      return `repos: gpgkey of ${repo.id}: ${JSON.stringify(other)} is no file of the host; have the key there first (get_url)`;
  }
  return undefined;
}

/** The servers of a repository. */
function originsOf({ keys }: Repository): string[] {
  const urls = ["baseurl", "mirrorlist", "metalink"].flatMap((key) => (keys[key] ?? "").split(/[\s,]+/));
  return urls.flatMap((url) => /^https?:\/\/[^/$\s]+(?=\/|$)/.exec(url)?.map((origin) => `${origin}/`) ?? []);
}
