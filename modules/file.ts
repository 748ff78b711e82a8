// The module file: what lies at a path, of which kind, with which attributes.

import type { Plan } from "../src/module/contract.js";
import { defineModule } from "../src/module/contract.js";
import { planDirectoryState } from "../src/module/file-directory.js";
import { planHardLink, planLink } from "../src/module/file-link.js";
import { checkFileParams, fileParams, stateName } from "../src/module/file-params.js";
import { planAbsent, planFile, planTouch } from "../src/module/file-plain.js";
import type { Situation } from "../src/module/file-state.js";
import { refuse } from "../src/module/file-state.js";
import { readTime, zoneOf, zoneProbe } from "../src/module/file-times.js";
import { parentProbes } from "../src/module/make-parents.js";
import { accountProbes, readAccounts } from "../src/module/ownership.js";
import type { ListProbe, Stat, StatProbe } from "../src/module/probe.js";
import { baseName, checkAbsolute, joinPath, linkTarget, parentOf, tidyPath } from "../src/module/tree-path.js";
import { reasonOf } from "../src/module/failure-text.js";

const format = "%Y%m%d%H%M.%S";
const time = (what: string) =>
  `Time of ${what}: \`preserve\`, \`now\`, or a date. Default preserve; with state touch, now.`;

export default defineModule({
  name: "file",
  summary: "Makes, changes and removes files, directories and links",
  doc:
    "Without `state` what is there keeps its kind and gets the attributes; a path that is not there is an error (with `recurse` a directory is made). " +
    "A file that has several hard links gets a copy of its own before it is changed, unless `state` says hard: the other name may lie outside the tree.",
  params: {
    ...fileParams,
    path: { type: "path", required: true, aliases: ["dest", "name"], doc: "An absolute path in the tree." },
    state: {
      type: "str",
      choices: ["absent", "directory", "file", "hard", "link", "touch"],
      doc: "What shall be there: nothing, a directory (parents too), a file that must be there, a hard or symbolic link to `src`, or a file that is made empty if missing.",
    },
    src: {
      type: "path",
      doc: "What a link leads to. With state link it may be relative to the link; with state hard it is an absolute path.",
    },
    recurse: {
      type: "bool",
      default: false,
      doc: "With state directory: mode, owner, group and flags for all beneath it too.",
    },
    force: {
      type: "bool",
      default: false,
      doc: "Make a link even if its target is missing, or a file or empty directory is in its place.",
    },
    follow: { type: "bool", default: true, doc: "Attributes go to what a link leads to, not to the link." },
    modification_time: { type: "str", doc: time("the last change of the content") },
    modification_time_format: {
      type: "str",
      default: format,
      doc: "How `modification_time` is written, as for strptime.",
    },
    access_time: { type: "str", doc: time("the last access") },
    access_time_format: { type: "str", default: format, doc: "How `access_time` is written." },
  },
  returns: {
    path: "The path, links followed (states file, directory, absent).",
    dest: "The path (states touch, link, hard).",
    src: "What the link leads to.",
    state: "What is there now: absent, directory, file, hard, link.",
    mode: "Permissions, as `0644`.",
    owner: "Owner's name or number.",
    group: "Group's name or number.",
    uid: "Owner's number.",
    gid: "Group's number.",
    size: "Bytes.",
  },
  check(params) {
    if (params.recurse && params.state !== undefined && params.state !== "directory")
      return "recurse option requires state to be 'directory'";
    if (params.src !== undefined && params.state !== "link" && params.state !== "hard")
      return "src option requires state to be 'link' or 'hard'";
    if (params.mode === "preserve") return "mode: preserve is for copy and template";
    const hard = params.state === "hard" ? checkAbsolute("src", params.src) : undefined;
    return checkAbsolute("path", params.path) ?? hard ?? checkFileParams(params);
  },
  observe(params) {
    const path = tidyPath(params.path);
    const source = params.src === undefined ? undefined : joinPath(parentOf(path), params.src);
    const lists: readonly ListProbe[] =
      params.recurse || (params.state === "link" && params.force)
        ? [{ kind: "list", path, depth: params.recurse ? 0 : 1 }]
        : [];
    return {
      ...accountProbes,
      ...atPath(path, params.attributes),
      parents: params.recurse || (params.state !== undefined && makes.has(params.state)) ? parentProbes(path) : [],
      sources:
        source === undefined
          ? []
          : ([
              { kind: "stat", path: source, follow: true },
              { kind: "stat", path: source },
            ] as const satisfies readonly StatProbe[]),
      lists,
      zone: [params.access_time, params.modification_time].some(
        (one) => one !== undefined && one !== "now" && one !== "preserve",
      )
        ? [zoneProbe]
        : [],
    };
  },
  observeMore(params, seen) {
    const path = tidyPath(params.path);
    const self = seen.self.stat;
    const isInside = params.state === "hard" && seen.target.stat?.type === "directory";
    const inside = isInside ? atPath(joinPath(path, baseName(params.src ?? "")), params.attributes) : undefined;
    const goal =
      self?.type === "link" && !seen.target.stat ? linkTarget(seen.self.real || path, self.target) : undefined;
    const links =
      params.recurse && params.follow ? linksAmong(seen.lists[0]?.entries ?? [], seen.lists[0]?.real || path) : [];
    const withFlags = params.attributes === undefined ? {} : { withFlags: true };
    return {
      insides: inside ? [inside.self, inside.target] : [],
      goal: goal === undefined ? [] : ([{ kind: "stat", path: goal }] as const satisfies readonly StatProbe[]),
      goalParents: goal === undefined ? [] : parentProbes(goal),
      linkTargets: links.map((one): StatProbe => ({ kind: "stat", path: one, follow: true, ...withFlags })),
      linkLists: links.map((one): ListProbe => ({ kind: "list", path: one, depth: 0 })),
    };
  },
  plan(params, seen, context): Plan {
    const path = tidyPath(params.path);
    const failure = seen.self.failure ?? seen.target.failure;
    if (failure && params.state !== "absent") return refuse(`cannot look at ${path}: ${reasonOf(failure)}`, { path });
    const [insideSelf, insideTarget] = seen.insides;
    const goal =
      seen.self.stat?.type === "link" ? linkTarget(seen.self.real || path, seen.self.stat.target) : undefined;
    const state = params.state ?? (seen.self.stat ? stateName(seen.self.stat) : params.recurse ? "directory" : "file");
    if (params.recurse && state !== "directory")
      return refuse("recurse option requires state to be 'directory'", { path });
    const times = readTimes(params, state === "touch" ? "now" : "preserve", zoneOf(seen.zone[0]));
    if ("problem" in times) return refuse(times.problem, { path });
    const situation: Situation = {
      params,
      path: insideSelf ? joinPath(path, baseName(params.src ?? "")) : path,
      self: insideSelf ?? seen.self,
      target: insideTarget ?? seen.target,
      parents: insideSelf ? [...seen.parents, seen.target] : seen.parents,
      source: seen.sources[0],
      sourceSelf: seen.sources[1],
      entries: seen.lists[0],
      dangling: goal === undefined ? undefined : { path: goal, self: seen.goal[0], parents: seen.goalParents },
      linked: seen.linkTargets.flatMap((target, index) => {
        const entries = seen.linkLists[index];
        return entries ? [{ target, entries }] : [];
      }),
      times,
      accounts: readAccounts(seen),
      context,
    };
    return planners[state]?.(situation) ?? refuse(`${path} is of a kind that the module file does not deal with`);
  },
  examples: [
    {
      title: "A directory with its owner",
      yaml: '- file:\n    path: /srv/app\n    state: directory\n    owner: www-data\n    mode: "0750"',
    },
    {
      title: "A link",
      yaml: "- file:\n    path: /etc/localtime\n    src: /usr/share/zoneinfo/Europe/Berlin\n    state: link",
    },
    {
      title: "All beneath a directory, directories enterable, files not executable",
      yaml: "- file:\n    path: /srv/www\n    state: directory\n    recurse: true\n    mode: u=rwX,g=rX,o=",
    },
    { title: "Nothing there", yaml: "- file:\n    path: /etc/nginx/sites-enabled/default\n    state: absent" },
  ],
});

/** States that may make something, and so look at the directories above. */
const makes = new Set(["touch", "directory", "link", "hard"]);

const planners: Readonly<Record<string, (situation: Situation) => Plan>> = {
  file: planFile,
  touch: planTouch,
  absent: planAbsent,
  directory: planDirectoryState,
  link: planLink,
  hard: planHardLink,
};

function atPath(
  path: string,
  attributes: string | undefined,
): { readonly self: StatProbe; readonly target: StatProbe } {
  const withFlags = attributes === undefined ? {} : { withFlags: true };
  return { self: { kind: "stat", path, ...withFlags }, target: { kind: "stat", path, follow: true, ...withFlags } };
}

function linksAmong(
  entries: readonly { readonly name: string; readonly stat: Stat }[],
  directory: string,
): readonly string[] {
  return entries.flatMap(({ name, stat }) => (stat.type === "link" ? [joinPath(directory, name)] : []));
}

function readTimes(
  params: {
    readonly access_time: string | undefined;
    readonly access_time_format: string;
    readonly modification_time: string | undefined;
    readonly modification_time_format: string;
  },
  fallback: string,
  zone: string,
): Situation["times"] | { readonly problem: string } {
  const atime = readTime(params.access_time ?? fallback, params.access_time_format, zone);
  const mtime = readTime(params.modification_time ?? fallback, params.modification_time_format, zone);
  if ("problem" in atime) return atime;
  if ("problem" in mtime) return mtime;
  return { atime: atime.time, mtime: mtime.time };
}
