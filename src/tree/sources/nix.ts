// A tree whose programs lie in a Nix store of its own.

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

const packages = ["NixOS has it", "Debian: apt install nix-bin", "Arch: pacman -S nix"];
const build: Tool = { name: "nix-build", packages };
const store: Tool = { name: "nix-store", packages };

/**
 * The store of the tree holds what was built or copied and all that it needs, and nothing else. What lies at the top of the outputs becomes the
 * tree's own top: links, and copies of what has to be written to.
 */
const script = `
mode=$1 copied=$2
shift 2
# Builds may be larger than what /run holds.
export TMPDIR="$into/.crun-tmp"
mkdir "$TMPDIR"
case $mode in
  build) nix-build --store "$into" --no-out-link "$@" >"$files/outputs" ;;
  copy)
    from=$1
    shift
    printf '%s\\n' "$@" >"$files/outputs"
    nix-store --store "$from" --query --requisites "$@" >"$files/closure"
    { xargs nix-store --store "$from" --export <"$files/closure" || : >"$files/failed"; } |
      nix-store --store "$into" --import >/dev/null
    [ ! -e "$files/failed" ]
    ;;
esac
mkdir -p "$into/nix/var/nix/gcroots"
number=0
while read -r output; do
  number=$((number + 1))
  plain "\${output#/}" && [ -d "$into$output" ] || {
    echo "error: $output is no directory that could be a tree" >&2
    exit 1
  }
  ln -s "$output" "$into/nix/var/nix/gcroots/tree-$number"
  for path in "$into$output"/*; do
    name=\${path##*/}
    if [ ! -e "$path" ] && [ ! -L "$path" ]; then continue; fi
    if [ -e "$into/$name" ] || [ -L "$into/$name" ]; then
      echo "error: /$name stands in more than one of the outputs" >&2
      exit 1
    fi
    case ",$copied," in
      *",$name,"*)
        cp -R -P -- "$path" "$into/$name"
        chmod -R u+w "$into/$name"
        ;;
      *) ln -s "$output/$name" "$into/$name" ;;
    esac
  done
done <"$files/outputs"
nix-store --store "$into" --option keep-derivations false --gc >/dev/null 2>&1
rm -rf -- "$into/nix/var/log" "$into/nix/var/nix/gc-socket" "$into/nix/var/nix/temproots"
rm -rf -- "$TMPDIR"
for name in proc sys dev run tmp; do
  if [ ! -e "$into/$name" ] && [ ! -L "$into/$name" ]; then mkdir "$into/$name"; fi
done
[ -L "$into/tmp" ] || chmod 1777 "$into/tmp"
`;

export const nix = defineSource({
  name: "nix",
  summary: "a Nix expression or store paths, with all that they need",
  withoutRoot: { takes: "subordinate ids", because: "nix builds as users of its own" },
  params: {
    file: { type: "path", doc: "A file of the host with the expression. Its outputs look like a root: bin, etc, …" },
    expression: { type: "str", doc: "The expression itself." },
    attribute: {
      type: "list",
      elements: "str",
      aliases: ["attributes", "attr"],
      doc: "Which attributes of it. Absent: all.",
    },
    arguments: { type: "dict", doc: "Texts that the expression's function takes." },
    store_paths: {
      type: "list",
      elements: "path",
      aliases: ["store_path"],
      doc: "Instead of an expression: paths of a store of the host, which are copied.",
    },
    store: { type: "path", default: "/", doc: "The root of the store that has store_paths." },
    copy: {
      type: "list",
      elements: "str",
      default: ["etc", "var", "root", "home"],
      doc: "Names at the top of the outputs that become the tree's own, to be written to; the others are links into its store.",
    },
    nix_path: { type: "list", elements: "str", doc: "What <NAME> stands for, as `nixpkgs=/srv/nixpkgs`." },
    substituters: {
      type: "list",
      elements: "str",
      doc: "Where to look for what is built already; an empty list: nowhere. Absent: as the host's nix.conf has it.",
    },
    options: { type: "list", elements: "str", doc: "More options of nix-build." },
    ...limitParams,
  },
  shortFor: "file",
  incidental: [...limitKeys, "store"],
  examples: [
    {
      title: "A tree from an expression",
      yaml: "tree:\n  name: tool\n  nix:\n    file: /srv/trees/tool.nix\n    attribute: tree",
    },
  ],
  check: (params) => {
    const {
      file,
      expression,
      attribute,
      store_paths,
      store: from,
      copy,
      nix_path,
      substituters,
      options,
      timeout,
    } = params;
    const given = [file, expression, store_paths].filter((one) => one !== undefined);
    return firstProblem(
      given.length === 1 ? undefined : "one of file, expression and store_paths says what the tree holds",
      pathProblem("file", file === undefined ? [] : [file]),
      pathProblem("store", [from]),
      wordProblem("attribute", attribute),
      store_paths?.some((path) => !/^\/nix\/store\/[a-z0-9]{32}-[\w+.?=-]+$/.test(path))
        ? "store_paths are /nix/store/HASH-NAME"
        : undefined,
      copy.some((name) => !/^[\w.+-]+$/.test(name)) ? "copy takes names at the top of an output" : undefined,
      wordProblem("nix_path", nix_path),
      wordProblem("substituters", substituters),
      optionProblem("options", options),
      argumentProblem(params.arguments),
      limitProblem(timeout),
    );
  },
  observe: ({ file, store: from }) => ({
    tools: toolProbes(store, build),
    file: { kind: "stat", path: file ?? "/", follow: true } as const,
    store: { kind: "stat", path: `${from.replace(/\/+$/, "")}/nix/store`, follow: true } as const,
  }),
  fill: (params, seen, into, { context }) => {
    const {
      file,
      expression,
      attribute,
      store_paths,
      store: from,
      copy,
      nix_path,
      substituters,
      options,
      timeout,
    } = params;
    const refusal =
      missingTool(seen.tools, store, build) ??
      (seen.file.stat === undefined
        ? { message: `the host has no ${file}`, remedy: "The expression's file has to be there." }
        : undefined) ??
      (store_paths && seen.store.stat === undefined
        ? { message: `the host has no Nix store beneath ${from}`, remedy: "Name the root that has it as store." }
        : undefined);
    if (refusal) return { changes: [], refusal };
    const args = store_paths
      ? [from, ...store_paths]
      : [
          // Without Nix's own users (a daemon's business) builds run as root, in Nix's sandbox.
          "--option",
          "build-users-group",
          "",
          ...(substituters ? ["--option", "substituters", substituters.join(" ")] : []),
          "--option",
          "connect-timeout",
          "15",
          "--option",
          "stalled-download-timeout",
          "30",
          ...(nix_path ?? []).flatMap((one) => ["-I", one]),
          ...(attribute ?? []).flatMap((one) => ["--attr", one]),
          ...Object.entries(params.arguments ?? {}).flatMap(([key, value]) => ["--argstr", key, String(value)]),
          ...(options ?? []),
          file ?? "@files@/default.nix",
        ];
    return {
      changes: [
        fillProgram({
          script,
          into,
          args: [store_paths ? "copy" : "build", copy.join(","), ...args],
          ...(expression === undefined ? {} : { files: { "default.nix": expression } }),
          environment: context.environment,
          timeoutS: timeout,
          home: "private",
        }),
      ],
      explain: (_, outcome) =>
        toolRefusal("nix", outcome, { telling: /^error:|^ *error:/, noise: /^warning: |retrying in/ }),
    };
  },
});

function argumentProblem(given: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const wrong = Object.entries(given ?? {}).find(
    ([key, value]) => !/^[A-Za-z_][\w'-]*$/.test(key) || typeof value === "object",
  );
  return wrong === undefined ? undefined : `arguments: ${JSON.stringify(wrong[0])} is no argument with a text`;
}
