// A Debian tree by mmdebstrap.

import type { ReadObservation } from "../../module/probe.js";
import { parseOsRelease } from "../../facts/os-release.js";
import { foreignRefusal, handlersProbe } from "../architecture.js";
import { loginProblem, takeAllLogins } from "../address-logins.js";
import { fillProgram } from "../fill-program.js";
import { defineSource } from "../source.js";
import { missingTool, toolProbes, toolRefusal, type Tool } from "../tool.js";
import { aptRemedies, suiteProblem } from "./debian.js";
import {
  firstProblem,
  limitKeys,
  limitParams,
  limitProblem,
  listProblem,
  optionProblem,
  pathProblem,
  withoutPasswords,
  wordProblem,
} from "./limits.js";

const tool: Tool = {
  name: "mmdebstrap",
  packages: ["Debian: apt install mmdebstrap", "Fedora: dnf install mmdebstrap", "Arch: pacman -S mmdebstrap"],
};

/** The distribution's own sources; what others laid beside them is not for a new tree. */
const hostSources = [
  "/etc/apt/sources.list",
  "/etc/apt/sources.list.d/debian.sources",
  "/etc/apt/sources.list.d/ubuntu.sources",
] as const;

export const mmdebstrap = defineSource({
  name: "mmdebstrap",
  summary: "a Debian archive, by mmdebstrap",
  withoutRoot: { takes: "subordinate ids", because: "mmdebstrap mounts a /dev/pts for the group tty" },
  params: {
    suite: { type: "str", required: true, doc: "The release: `bookworm`, `trixie`, `sid`, …" },
    mirror: {
      type: "list",
      elements: "str",
      aliases: ["mirrors"],
      doc: "The archive's address, or several; whole lines (`deb [trusted=yes] …`) and the host's files (`/etc/apt/x.sources`) too. Absent: the host's own sources where it is of the same release, else mmdebstrap's default.",
    },
    variant: {
      type: "str",
      choices: [
        "extract",
        "custom",
        "essential",
        "apt",
        "required",
        "minbase",
        "buildd",
        "important",
        "debootstrap",
        "standard",
      ],
      doc: "What is installed without being asked for. Absent: mmdebstrap's default (debootstrap, with init and all important packages).",
    },
    include: { type: "list", elements: "str", aliases: ["packages"], doc: "More packages." },
    components: { type: "list", elements: "str", doc: "Absent: main." },
    architectures: {
      type: "list",
      elements: "str",
      aliases: ["architecture", "arch"],
      doc: "The tree's, then further ones. Absent: the host's.",
    },
    keyring: {
      type: "list",
      elements: "path",
      doc: "Files of the host with the archive's keys. Absent: those that the host's apt trusts.",
    },
    aptopt: {
      type: "list",
      elements: "str",
      doc: 'Settings of apt that the tree keeps, as `Apt::Install-Recommends "false"`.',
    },
    dpkgopt: {
      type: "list",
      elements: "str",
      doc: "Options of dpkg that the tree keeps, as `path-exclude=/usr/share/doc/*`.",
    },
    options: { type: "list", elements: "str", doc: "More options of mmdebstrap, as `--setup-hook=…`." },
    ...limitParams,
  },
  shortFor: "suite",
  incidental: limitKeys,
  examples: [
    {
      title: "A Debian tree that boots",
      yaml: "tree:\n  name: base\n  mmdebstrap:\n    suite: bookworm\n    variant: minbase\n    include: [systemd, systemd-sysv, dbus]",
    },
  ],
  check: ({ suite, mirror, include, components, architectures, keyring, aptopt, dpkgopt, options, timeout }) =>
    firstProblem(
      suiteProblem(suite),
      wordProblem("mirror", mirror),
      loginProblem("mirror", mirror),
      wordProblem("include", include),
      listProblem("components", components),
      listProblem("architectures", architectures),
      pathProblem("keyring", keyring),
      ...[aptopt, dpkgopt].map((list) =>
        list?.some((one) => /[\0\n]/.test(one)) ? "aptopt and dpkgopt take one line each" : undefined,
      ),
      optionProblem("options", options),
      limitProblem(timeout),
    ),
  identity: ({ mirror }) => (mirror === undefined ? {} : { mirror: withoutPasswords(mirror) }),
  observe: ({ keyring }) => ({
    tools: toolProbes(tool),
    handlers: handlersProbe,
    release: { kind: "read", path: "/etc/os-release" } as const,
    lists: hostSources.map((path) => ({ kind: "read", path }) as const),
    keys: (keyring ?? []).map((path) => ({ kind: "stat", path, follow: true }) as const),
  }),
  fill: (params, seen, into, { context }) => {
    const { suite, mirror, variant, include, components, architectures, keyring, aptopt, dpkgopt, options, timeout } =
      params;
    const foreign =
      variant === "extract" ? undefined : foreignRefusal(architectures?.[0], context.architecture, seen.handlers);
    const gone = (keyring ?? []).find((_, index) => seen.keys[index]?.stat === undefined);
    const refusal =
      missingTool(seen.tools, tool) ??
      foreign ??
      (gone === undefined
        ? undefined
        : { message: `keyring: ${gone} is not there`, remedy: "It has to be on the host." });
    if (refusal) return { changes: [], refusal };
    // apt finds logins where nobody else looks: in no command line, and not in the tree.
    const { texts: own, logins } = takeAllLogins(mirror ?? ownSources(suite, seen.release, seen.lists));
    const auth = logins.map(({ site, name, password }) => `machine ${site} login ${name} password ${password}\n`);
    const list = (name: string, words: readonly string[] | undefined): string[] =>
      words && words.length > 0 ? [`--${name}=${words.join(",")}`] : [];
    const each = (name: string, words: readonly string[] | undefined): string[] =>
      (words ?? []).map((word) => `--${name}=${word}`);
    const args = [
      "--mode=root",
      "--format=directory",
      // Who does not answer is given up soon; the tree keeps nothing of it. mmdebstrap sets APT_CONFIG itself.
      `--setup-hook=cat '@files@/apt.conf' >>"$MMDEBSTRAP_APT_CONFIG"`,
      ...(auth.length === 0
        ? []
        : [`--setup-hook=echo 'Dir::Etc::netrc "@files@/auth.conf";' >>"$MMDEBSTRAP_APT_CONFIG"`]),
      // Its own stand-in for start-stop-daemon is overwritten when dpkg is installed.
      `--essential-hook=sh '@files@/quiet.sh' "$1"`,
      ...(variant === undefined ? [] : [`--variant=${variant}`]),
      ...list("include", include),
      ...list("components", components),
      ...list("architectures", architectures),
      ...each("keyring", keyring),
      ...each("aptopt", aptopt),
      ...each("dpkgopt", dpkgopt),
      ...(options ?? []),
      "--",
      suite,
      into,
      ...own,
    ];
    return {
      changes: [
        fillProgram({
          script: 'exec mmdebstrap "$@"\n',
          into,
          args,
          files: {
            "apt.conf": impatience,
            "quiet.sh": quiet,
            ...(auth.length === 0 ? {} : { "auth.conf": auth.join("") }),
          },
          // Its own alone: what it runs in the tree does not get it.
          environment: { ...context.environment, TMPDIR: "@files@" },
          timeoutS: timeout,
        }),
      ],
      explain: (_, outcome) =>
        toolRefusal("mmdebstrap", outcome, {
          telling: /^(?:E:|Err:|dpkg: error)/,
          noise:
            /^(?:I:|N:|Reading package lists|Building dependency tree)|mmdebstrap failed to run|Some index files failed to download|apt-get update --error-on=any|^E: apt download failed/,
          remedies: [
            [
              /use copy:\/\/ instead/,
              "Write the mirror as copy:///…: file:/// leads to a path that the tree does not have.",
            ],
            ...aptRemedies,
          ],
        }),
    };
  },
});

const impatience =
  'Acquire::http::Timeout "30";\nAcquire::https::Timeout "30";\nAcquire::ftp::Timeout "30";\nAcquire::Retries "2";\n';

/** mmdebstrap keeps the real one as .REAL meanwhile, and puts it back. */
const quiet = `[ -e "$1/sbin/start-stop-daemon.REAL" ] || exit 0
printf '%s\\n' '#!/bin/sh' 'echo "start-stop-daemon starts nothing now" >&2' >"$1/sbin/start-stop-daemon"
`;

/** The host's own sources, where they are of the suite. */
function ownSources(suite: string, release: ReadObservation, lists: readonly ReadObservation[]): string[] {
  if (parseOsRelease(text(release))["VERSION_CODENAME"] !== suite) return [];
  return hostSources.filter((_, index) =>
    text(lists[index])
      .split("\n")
      .some((line) => /^\s*(?:deb\s|Suites:)/.test(line) && line.split(/\s+/).includes(suite)),
  );
}

function text(read: ReadObservation | undefined): string {
  return Buffer.from(read?.content ?? []).toString("utf8");
}
