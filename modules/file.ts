// The module file: what lies at a path, of which kind, with which attributes.

import type { Plan } from "../src/module/contract.js";
import { defineModule } from "../src/module/contract.js";
import { planDirectoryState } from "../src/module/file-directory.js";
import { planHardLink, planLink } from "../src/module/file-link.js";
import { checkFileParams, fileParams, stateName } from "../src/module/file-params.js";
import { planAbsent, planFile, planTouch } from "../src/module/file-plain.js";
import { fileMoreProbes, fileProbes, situationOf } from "../src/module/file-look.js";
import type { Situation } from "../src/module/file-state.js";
import { refuse } from "../src/module/file-state.js";
import { checkAbsolute, hasSlash, tidyPath } from "../src/module/tree-path.js";
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
  observe: (params) => fileProbes(params),
  observeMore: (params, seen) => fileMoreProbes(params, seen),
  plan(params, seen, context): Plan {
    const path = tidyPath(params.path);
    const failure = seen.self.failure ?? seen.target.failure;
    if (failure && params.state !== "absent") return refuse(`cannot look at ${path}: ${reasonOf(failure)}`, { path });
    const state = params.state ?? (seen.self.stat ? stateName(seen.self.stat) : params.recurse ? "directory" : "file");
    if (params.recurse && state !== "directory")
      return refuse("recurse option requires state to be 'directory'", { path });
    const situation = situationOf(params, seen, context, state === "touch" ? "now" : "preserve");
    if ("problem" in situation) return refuse(situation.problem, { path });
    const plan = planners[state]?.(situation);
    if (!plan) return refuse(`${path} is of a kind that the module file does not deal with`);
    if (params.path === path) return plan;
    return asNamed(plan, params.path, hasSlash(params.path) ? [path, seen.target.real] : [path]);
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

/** Results name the path as it was given, as in Ansible: playbooks put names behind its slash. */
function asNamed(plan: Plan, given: string, own: readonly string[]): Plan {
  const named = Object.entries(plan.result ?? {}).map(([key, value]) =>
    (key === "path" || key === "dest") && own.some((one) => one === value) ? [key, given] : [key, value],
  );
  return plan.result ? { ...plan, result: Object.fromEntries(named) } : plan;
}

const planners: Readonly<Record<string, (situation: Situation) => Plan>> = {
  file: planFile,
  touch: planTouch,
  absent: planAbsent,
  directory: planDirectoryState,
  link: planLink,
  hard: planHardLink,
};
