// A tree of rpm packages by dnf --installroot.

import { foreignRefusal, handlersProbe } from "../architecture.js";
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
} from "./rpm.js";

const tool: Tool = { name: "dnf", packages: ["Fedora has it", "Debian: apt install dnf", "Arch: pacman -S dnf"] };

const script = `${settleDatabase}
api_mounts
keep=$1
shift
dnf "$@"
settle_database
discard var/cache/dnf var/cache/libdnf5 var/log/dnf.log var/log/dnf.librepo.log var/log/dnf.rpm.log var/log/hawkey.log
if [ "$keep" = keep ]; then keep_repos etc/yum.repos.d; fi
`;

export const dnf = defineSource({
  name: "dnf",
  summary: "packages of rpm repositories, by dnf --installroot",
  withoutRoot: { takes: "one id" },
  params: {
    packages: {
      type: "list",
      elements: "str",
      required: true,
      aliases: ["include"],
      doc: "Names, patterns, `@groups`, paths of files.",
    },
    releasever: { type: "str", doc: "What $releasever stands for, as `41`." },
    repos: { type: "list", elements: "raw", doc: `${reposDoc} Absent: those that the host has enabled.` },
    repos_dir: { type: "path", default: "/etc/yum.repos.d", doc: "Where the host has its repositories." },
    keep_repos: {
      type: "bool",
      default: false,
      doc: "The tree gets the described repositories in its /etc/yum.repos.d.",
    },
    exclude: { type: "list", elements: "str", doc: "Packages not to take." },
    install_weak_deps: { type: "bool", default: true, doc: "Also what is only recommended." },
    docs: { type: "bool", default: true, doc: "false: without documentation." },
    architecture: { type: "str", aliases: ["arch"], doc: "Absent: the host's." },
    options: { type: "list", elements: "str", doc: "More options of dnf, as `--setopt=…`." },
    ...limitParams,
  },
  incidental: [...limitKeys, "repos_dir"],
  examples: [
    {
      title: "A Fedora tree",
      yaml: "tree:\n  name: fedora\n  dnf:\n    releasever: 41\n    packages: [fedora-release-container, systemd, dnf]\n    install_weak_deps: false\n    repos:\n      - id: fedora\n        baseurl: https://mirror.example.org/fedora/releases/41/Everything/x86_64/os/\n        gpgkey: file:///etc/pki/rpm-gpg/RPM-GPG-KEY-fedora-41-x86_64",
    },
  ],
  check: ({ packages, releasever, repos, repos_dir, exclude, architecture, options, timeout }) =>
    firstProblem(
      packages.length === 0 ? "packages is empty" : undefined,
      wordProblem("packages", packages),
      releasever === undefined || /^[A-Za-z0-9_.+-]+$/.test(releasever)
        ? undefined
        : `releasever: ${JSON.stringify(releasever)} is no release`,
      reposProblem(repos),
      pathProblem("repos_dir", [repos_dir]),
      wordProblem("exclude", exclude),
      wordProblem("architecture", architecture === undefined ? [] : [architecture]),
      optionProblem("options", options),
      limitProblem(timeout),
    ),
  identity: ({ repos }) => recordedRepos(repos),
  observe: () => ({ tools: toolProbes(tool), handlers: handlersProbe }),
  fill: (params, seen, into, { context }) => {
    const {
      packages,
      releasever,
      repos,
      repos_dir,
      keep_repos,
      exclude,
      install_weak_deps,
      docs,
      architecture,
      options,
      timeout,
    } = params;
    const refusal = missingTool(seen.tools, tool) ?? foreignRefusal(architecture, context.architecture, seen.handlers);
    if (refusal) return { changes: [], refusal };
    const { own, hosts } = readRepos(repos ?? []);
    const directories = repos === undefined || hosts.length > 0 ? ["@files@", repos_dir] : ["@files@"];
    const selected = repos === undefined ? [] : [...own.map(({ id }) => id), ...hosts];
    const args = [
      keep_repos ? "keep" : "forget",
      "--config=@files@/dnf.conf",
      `--setopt=reposdir=${directories.join(",")}`,
      `--setopt=install_weak_deps=${install_weak_deps ? "True" : "False"}`,
      ...(docs ? [] : ["--setopt=tsflags=nodocs"]),
      ...selected.map((id) => `--repo=${id}`),
      `--installroot=${into}`,
      ...(releasever === undefined ? [] : [`--releasever=${releasever}`]),
      ...(architecture === undefined ? [] : [`--forcearch=${architecture}`]),
      ...(exclude ?? []).map((word) => `--exclude=${word}`),
      "--assumeyes",
      ...(options ?? []),
      "install",
      "--",
      ...packages,
    ];
    const files = Object.fromEntries(own.map((repo) => [`${repo.id}.repo`, repoText(repo, { gpgcheck: "1" })]));
    return {
      changes: [
        fillProgram({
          script,
          into,
          args,
          files: { ...files, "dnf.conf": settings, ".rpmmacros": rpmMacros },
          environment: context.environment,
          timeoutS: timeout,
          home: "private",
        }),
      ],
      tell: scriptWarnings,
      explain: (_, outcome) =>
        toolRefusal("dnf", outcome, {
          telling: /^Error|^You have enabled checking|^ Problem|[Cc]url error|usage:/,
          noise: /^Importing GPG key|^ (?:Userid|Fingerprint|From) /,
          remedies: rpmRemedies,
        }),
    };
  },
});

const settings = `[main]
gpgcheck=1
plugins=0
keepcache=0
timeout=15
retries=2
`;
