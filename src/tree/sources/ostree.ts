// A tree as a commit of an OSTree repository has it.

import type { ReadObservation } from "../../module/probe.js";
import { takeLogins } from "../address-logins.js";
import { fillProgram } from "../fill-program.js";
import { defineSource } from "../source.js";
import { missingTool, toolProbes, toolRefusal, type Tool } from "../tool.js";
import {
  firstProblem,
  limitKeys,
  limitParams,
  limitProblem,
  pathProblem,
  withoutPasswords,
  wordProblem,
} from "./limits.js";

const tool: Tool = {
  name: "ostree",
  packages: ["Debian: apt install ostree", "Fedora: dnf install ostree", "Arch: pacman -S ostree"],
};

// Never by hard links: whoever writes into a file of the tree would write into the repository.
const checkOut = 'ostree checkout --repo="$repo" --union --force-copy "$@" "$into"\n';

/** A commit of a local repository. */
const localScript = `repo=$1\nshift\n${checkOut}`;

/** What is fetched is checked and lies in a repository of the tree's own until it is laid out. */
const pullScript = `
url=$1 ref=$2 verify=$3
shift 3
repo=$into/.crun-ostree
must_answer "$url/config"
ostree init --repo="$repo" --mode=bare
case $verify in
  no) ostree remote add --repo="$repo" --no-gpg-verify origin "$url" ;;
  yes) ostree remote add --repo="$repo" origin "$url" ;;
  *) ostree remote add --repo="$repo" --gpg-import="\${verify#key:}" origin "$url" ;;
esac
# An address with a login comes in a file of ours, and goes into another that ends with this script: no program is given it as an argument.
if [ -f "$files/address" ]; then
  IFS= read -r address <"$files/address"
  chmod 600 "$repo/config"
  printf '\n[remote "origin"]\n%s\n' "$address" >>"$repo/config"
fi
ostree pull --repo="$repo" --depth=0 origin "$ref" >/dev/null
case $ref in
  *[!0-9a-f]*) found=origin:$ref ;;
  *) if [ \${#ref} = 64 ]; then found=$ref; else found=origin:$ref; fi ;;
esac
set -- "$@" "$found"
${checkOut}rm -rf -- "$repo"
`;

export const ostree = defineSource({
  name: "ostree",
  summary: "a commit of an OSTree repository",
  withoutRoot: { takes: "one id" },
  params: {
    repo: { type: "path", doc: "A repository of the host." },
    url: { type: "str", doc: "A repository elsewhere; its commits have to be signed." },
    ref: { type: "str", required: true, aliases: ["commit", "branch"], doc: "A branch, or a commit by its digest." },
    subpath: { type: "path", doc: "The directory of the commit that becomes the tree. Absent: all of it." },
    keyring: {
      type: "path",
      doc: "A file of the host with the keys that sign. Absent: those that the host trusts for OSTree; of a local repository nothing is checked then.",
    },
    gpg_verify: { type: "bool", default: true, doc: "false: a commit from elsewhere may be unsigned." },
    ...limitParams,
  },
  incidental: limitKeys,
  examples: [
    {
      title: "A branch of a local repository",
      yaml: "tree:\n  name: app\n  ostree:\n    repo: /srv/ostree\n    ref: app/stable",
    },
  ],
  check: ({ repo, url, ref, subpath, keyring, timeout }) =>
    firstProblem(
      (repo === undefined) === (url === undefined) ? "one of repo and url says where the commit is" : undefined,
      /^[\w+@][\w.:/+@-]*$/.test(ref) && !ref.split("/").includes("..")
        ? undefined
        : `ref: ${JSON.stringify(ref)} is no branch and no commit`,
      wordProblem("url", url === undefined ? [] : [url]),
      pathProblem("repo", repo === undefined ? [] : [repo]),
      pathProblem("keyring", keyring === undefined ? [] : [keyring]),
      pathProblem("subpath", subpath === undefined ? [] : [subpath]),
      limitProblem(timeout),
    ),
  identity: ({ url }) => (url === undefined ? {} : { url: withoutPasswords(url) }),
  observe: ({ repo, ref, keyring }) => ({
    tools: toolProbes(tool),
    repo: { kind: "stat", path: `${repo ?? "/nowhere"}/objects`, follow: true } as const,
    key: { kind: "stat", path: keyring ?? "/", follow: true } as const,
    head: { kind: "read", path: repo === undefined ? "/nowhere" : headPath(repo, ref), limit: 256 } as const,
  }),
  moved: ({ repo, ref }, { head }, { found }) => {
    const [before, now] = [found?.["commit"], repo === undefined ? undefined : commitOf(ref, head)];
    if (before === undefined || now === undefined || before === now) return undefined;
    return { difference: `${ref}: ${before.slice(0, 12)} → ${now.slice(0, 12)}` };
  },
  fill: ({ repo, url, ref, subpath, keyring, gpg_verify, timeout }, seen, into, { context }) => {
    const refusal =
      missingTool(seen.tools, tool) ??
      (repo !== undefined && seen.repo.stat === undefined
        ? { message: `${repo} is no OSTree repository of the host`, remedy: "Check the path." }
        : undefined) ??
      (seen.key.stat === undefined
        ? { message: `keyring: ${keyring} is not there`, remedy: "It has to be on the host." }
        : undefined);
    if (refusal) return { changes: [], refusal };
    const beneath = subpath === undefined ? [] : [`--subpath=${subpath}`];
    const isPlain = repo !== undefined && (keyring === undefined || !gpg_verify);
    // What was seen is what is laid out, whatever the branch is a moment later.
    const commit = repo === undefined ? undefined : commitOf(ref, seen.head);
    const wanted = commit ?? ref;
    const { text: address, logins } = takeLogins(url ?? `file://${repo}`);
    const verify = !gpg_verify ? "no" : keyring === undefined ? "yes" : `key:${keyring}`;
    return {
      ...(commit === undefined ? {} : { found: { commit } }),
      changes: [
        fillProgram({
          script: isPlain ? localScript : pullScript,
          into,
          args: isPlain ? [repo, ...beneath, wanted] : [address, wanted, verify, ...beneath],
          ...(logins.length === 0 ? {} : { files: { address: `url=${url}\n` } }),
          environment: context.environment,
          timeoutS: timeout,
          home: "private",
        }),
      ],
      explain: (_, outcome) => toolRefusal("ostree", outcome, { telling: /^(?:error:|curl:)/, remedies }),
    };
  },
});

/** Where a repository has a branch's commit: `branch`, or `remote:branch`. */
function headPath(repo: string, ref: string): string {
  const [remote = "", branch] = ref.split(":");
  return branch === undefined ? `${repo}/refs/heads/${ref}` : `${repo}/refs/remotes/${remote}/${branch}`;
}

/** The commit that a ref means, where that is known. */
function commitOf(ref: string, head: ReadObservation): string | undefined {
  const text = /^[0-9a-f]{64}$/.test(ref)
    ? ref
    : Buffer.from(head.content ?? [])
        .toString("utf8")
        .trim();
  return /^[0-9a-f]{64}$/.test(text) ? text : undefined;
}

const remedies: readonly (readonly [RegExp, string])[] = [
  [
    /[Pp]ublic key not found|GPG signatures|Can't check signature|BAD signature/,
    "Name the file with the keys that sign as keyring.",
  ],
  [
    /Refspec '.*' not found|No such branch|not found in summary|No such metadata object/,
    "Check the ref: `ostree refs --repo=…` tells what a repository has.",
  ],
];
