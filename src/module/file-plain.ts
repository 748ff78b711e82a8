// States of the module file that deal with plain files: file, touch, absent.

import type { Plan } from "./contract.js";
import { attributeChange, differenceOf, pathInfo, stateName } from "./file-params.js";
import type { Situation } from "./file-state.js";
import { freshNode, hasParent, planAttributes, refuse } from "./file-state.js";
import { inherited } from "./make-parents.js";
import { defaultFileMode } from "./mode.js";
import { parentOf } from "./tree-path.js";
import { reasonOf } from "./failure-text.js";

/** `state: file`: attributes of a file that must be there. */
export function planFile(situation: Situation): Plan {
  const { self, target, params } = situation;
  const isFollowed = params.follow && self.stat?.type === "link";
  const stat = isFollowed ? target.stat : self.stat;
  const path = isFollowed ? target.real || situation.path : situation.path;
  const state = stateName(stat);
  if (!stat || (state !== "file" && state !== "hard")) {
    const remedy =
      state === "absent"
        ? "state: touch makes an empty file, copy and template one with content, state: directory a directory."
        : undefined;
    return refuse(`file (${path}) is ${state}, cannot continue`, { path, state }, remedy);
  }
  return planAttributes(situation, path, stat, { path });
}

/** `state: touch`: a file that is there, with the times asked for. */
export function planTouch(situation: Situation): Plan {
  const { self, target, params, path, times, accounts } = situation;
  if (!self.stat) return planNewFile(situation);
  if (self.stat.type !== "link") return planAttributes(situation, path, self.stat, { dest: path });
  if (!target.stat)
    return refuse(`Error while updating modification or access time: ${path} is a link that leads nowhere`, { path });
  const result = { dest: path, ...pathInfo(self.stat, accounts) };
  if (params.follow) return { ...planAttributes(situation, target.real || path, target.stat, {}), result };
  const noTimes = { ...situation, times: { atime: undefined, mtime: undefined } };
  const own = planAttributes(noTimes, path, self.stat, result);
  const onlyTimes = { ...params, mode: undefined, owner: undefined, group: undefined, attributes: undefined };
  const followed = planAttributes({ ...situation, params: onlyTimes, times }, target.real || path, target.stat, {});
  return own.refusal ? own : { ...own, changes: [...own.changes, ...followed.changes] };
}

/** `state: absent`: nothing at the path, whatever it was. */
export function planAbsent(situation: Situation): Plan {
  const { self, path } = situation;
  const result = { path, state: "absent" };
  if (self.failure) return refuse(`cannot look at ${path}: ${reasonOf(self.failure)}`, { path });
  if (!self.stat) return { changes: [], result };
  if (path === "/") return refuse("refusing to remove the root directory of the tree", { path });
  const { type, target } = self.stat;
  const expect = type === "link" ? { type, target } : { type };
  return {
    changes: [{ kind: "remove", path, ...(type === "directory" ? { isRecursive: true } : {}), expect }],
    result,
  };
}

function planNewFile(situation: Situation): Plan {
  const { params, path, times, accounts } = situation;
  if (params.path.endsWith("/")) {
    return refuse(
      `Error, could not touch target: ${params.path} ends with a slash, as a directory does`,
      { path },
      "Leave the slash out for a file; state: directory makes a directory.",
    );
  }
  if (!hasParent(situation)) {
    return refuse(
      `Error, could not touch target: the directory ${parentOf(path)} does not exist`,
      { path },
      "Make it in an earlier task with state: directory.",
    );
  }
  const given = inherited(situation.parents.at(-1)?.stat, "file");
  const fresh = { ...freshNode(situation, "file", defaultFileMode), ...given };
  const { refusal, setFlags, clearFlags, ...fields } = differenceOf(params, fresh, accounts);
  if (refusal) return { changes: [], refusal };
  const node = { ...fresh, ...fields };
  const stamps = {
    ...(isGiven(times.atime) ? { atime: times.atime } : {}),
    ...(isGiven(times.mtime) ? { mtime: times.mtime } : {}),
  };
  const after = attributeChange(
    path,
    node,
    { ...(setFlags ? { setFlags } : {}), ...(clearFlags ? { clearFlags } : {}) },
    { times: stamps },
  );
  return {
    changes: [
      { kind: "writeFile", path, content: emptyContent, ...given, ...fields, expect: { type: "absent" } },
      ...(after ? [after] : []),
    ],
    result: { dest: path, ...pathInfo(node, accounts) },
  };
}

const emptyContent = {
  sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  size: 0,
  bytes: new Uint8Array(),
};

function isGiven<T>(time: T | "now" | undefined): time is T {
  return time !== undefined && time !== "now";
}
