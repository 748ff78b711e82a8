// A Debian tree by debootstrap.

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
  name: "debootstrap",
  packages: ["Debian: apt install debootstrap", "Fedora: dnf install debootstrap", "Arch: pacman -S debootstrap"],
};

/** debootstrap's own log goes with the tree: what it tells of a failure is said before. */
const script = `
status=0
debootstrap "$@" || status=$?
if [ $status != 0 ] && plain debootstrap/debootstrap.log && [ -f "$into/debootstrap/debootstrap.log" ]; then
  tail -n 15 "$into/debootstrap/debootstrap.log" >&2
fi
exit $status
`;

export const debootstrap = defineSource({
  name: "debootstrap",
  summary: "a Debian archive, by debootstrap",
  withoutRoot: {
    takes: "root",
    because: "debootstrap makes device nodes",
    instead: "Take mmdebstrap, which does without",
  },
  params: {
    suite: {
      type: "str",
      required: true,
      doc: "The release: `bookworm`, `trixie`, `sid`, …; debootstrap has to know it.",
    },
    mirror: { type: "str", doc: "The archive's address. Absent: debootstrap's default for the suite." },
    variant: {
      type: "str",
      choices: ["minbase", "buildd"],
      doc: "Absent: all packages of priority required and important.",
    },
    include: { type: "list", elements: "str", aliases: ["packages"], doc: "More packages." },
    exclude: { type: "list", elements: "str", doc: "Packages to leave out, at your own risk." },
    components: { type: "list", elements: "str", doc: "Absent: main." },
    extra_suites: { type: "list", elements: "str", doc: "Further suites of the archive, as `bookworm-updates`." },
    architecture: { type: "str", aliases: ["arch"], doc: "Absent: the host's." },
    keyring: {
      type: "path",
      doc: "A file of the host with the archive's keys. Absent: the suite's own keyring package on the host.",
    },
    check_gpg: { type: "bool", default: true, doc: "false: the archive's signature is not looked at." },
    merged_usr: { type: "bool", doc: "Whether /bin, /sbin and /lib are links into /usr. Absent: as the suite has it." },
    cache: { type: "path", doc: "A directory of the host that keeps the packages for the next tree." },
    options: { type: "list", elements: "str", doc: "More options of debootstrap." },
    script: {
      type: "path",
      doc: "A script of the host's in place of the suite's own, for suites that debootstrap does not know.",
    },
    ...limitParams,
  },
  shortFor: "suite",
  incidental: [...limitKeys, "cache"],
  examples: [
    {
      title: "A small Debian tree from a mirror of one's own",
      yaml: "tree:\n  name: base\n  debootstrap:\n    suite: bookworm\n    variant: minbase\n    mirror: http://mirror.example.org/debian",
    },
  ],
  check: (params) =>
    firstProblem(
      suiteProblem(params.suite),
      wordProblem("mirror", one(params.mirror)),
      loginProblem("mirror", one(params.mirror)),
      listProblem("include", params.include),
      listProblem("exclude", params.exclude),
      listProblem("components", params.components),
      listProblem("extra_suites", params.extra_suites),
      listProblem("architecture", one(params.architecture)),
      pathProblem("keyring", one(params.keyring)),
      pathProblem("cache", one(params.cache)),
      pathProblem("script", one(params.script)),
      optionProblem("options", params.options),
      params.script !== undefined && params.mirror === undefined ? "script needs mirror" : undefined,
      limitProblem(params.timeout),
    ),
  identity: ({ mirror }) => (mirror === undefined ? {} : { mirror: withoutPasswords(mirror) }),
  observe: ({ keyring }) => ({
    tools: toolProbes(tool),
    handlers: handlersProbe,
    keys: one(keyring).map((path) => ({ kind: "stat", path, follow: true }) as const),
  }),
  fill: (params, seen, into, { context }) => {
    const { suite, mirror, variant, architecture, keyring, check_gpg, merged_usr, cache, options, timeout } = params;
    const refusal =
      missingTool(seen.tools, tool) ??
      foreignRefusal(architecture, context.architecture, seen.handlers) ??
      (seen.keys.some(({ stat }) => stat === undefined)
        ? { message: `keyring: ${keyring} is not there`, remedy: "It has to be on the host." }
        : undefined);
    if (refusal) return { changes: [], refusal };
    // wget finds the login in its settings: it is in no command line, and not in the tree.
    const { texts: mirrors, logins } = takeAllLogins(one(mirror));
    const [login] = logins;
    const auth = login === undefined ? "" : `http_user = ${login.name}\nhttp_password = ${login.password}\n`;
    const list = (name: string, words: readonly string[] | undefined): string[] =>
      words && words.length > 0 ? [`--${name}=${words.join(",")}`] : [];
    const args = [
      // Without force, a keyring that is missing would let an archive without signature pass over https.
      check_gpg ? "--force-check-gpg" : "--no-check-gpg",
      ...list("variant", one(variant)),
      ...list("include", params.include),
      ...list("exclude", params.exclude),
      ...list("components", params.components),
      ...list("extra-suites", params.extra_suites),
      ...list("arch", one(architecture)),
      ...list("keyring", one(keyring)),
      ...(merged_usr === undefined ? [] : [merged_usr ? "--merged-usr" : "--no-merged-usr"]),
      ...(cache === undefined ? [] : [`--cache-dir=${cache}`]),
      ...(options ?? []),
      suite,
      into,
      ...mirrors,
      ...one(params.script),
    ];
    return {
      changes: [
        fillProgram({
          script,
          into,
          args,
          // wget would wait for a quarter of an hour, twenty times.
          files: { wgetrc: `timeout = 30\ntries = 2\n${auth}` },
          environment: { ...context.environment, WGETRC: "@files@/wgetrc" },
          timeoutS: timeout,
        }),
      ],
      explain: (_, outcome) =>
        toolRefusal("debootstrap", outcome, {
          telling: /^(?:E:|dpkg: error|.*: error while)|ERROR|cannot|[Cc]ould not|[Cc]ouldn't|failed/,
          noise: /^I:/,
          inOutput: true,
          remedies: aptRemedies,
        }),
    };
  },
});

function one<T extends string>(word: T | undefined): T[] {
  return word === undefined ? [] : [word];
}
