// States of the module file that make links: link and hard.

import type { Change, Expect } from "./change.js";
import type { Plan } from "./contract.js";
import { differenceOf, pathInfo, stateName } from "./file-params.js";
import type { Situation } from "./file-state.js";
import { freshNode, hasParent, inTurn, planAttributes, refuse } from "./file-state.js";
import type { Stat } from "./probe.js";
import { joinPath, linkTarget, parentOf } from "./tree-path.js";

/** `state: link`: a symbolic link to `src`; attributes go to what it leads to, or to the link itself without `follow`. */
export function planLink(situation: Situation): Plan {
  const { self, target, params, path, accounts } = situation;
  const old = self.stat;
  const src = params.src ?? (params.follow && old?.type === "link" && target.stat ? old.target : undefined);
  const result = { dest: path, ...(src === undefined ? {} : { src }) };
  const blocked = refuseLink(situation, src);
  if (blocked) return blocked;
  if (src === undefined && old?.type !== "link") return refuse("src is required for creating new symlinks");
  if (!old && !hasParent(situation)) return noParent(path);
  const changes: Change[] = [];
  let link: Stat | undefined = old;
  if (src !== undefined && !(old?.type === "link" && old.target === src)) {
    if (old?.type === "directory") changes.push({ kind: "remove", path, expect: { type: "directory" } });
    changes.push({
      kind: "makeLink",
      path,
      target: src,
      expect: old?.type === "directory" || !old ? { type: "absent" } : expectOf(old),
    });
    link = undefined;
  }
  const node = link ?? { ...freshNode(situation, "link", 0o777, Buffer.byteLength(src ?? "")), target: src };
  if (!params.follow) {
    const difference = differenceOf(params, node, accounts);
    if (difference.refusal) return { changes: [], refusal: difference.refusal };
    const { uid, gid } = difference;
    const owner = { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
    const last = changes.at(-1);
    if (last?.kind === "makeLink") changes.splice(-1, 1, { ...last, ...owner });
    else if (Object.keys(owner).length > 0 && link) {
      changes.push({
        kind: "setAttributes",
        path,
        follow: false,
        ...owner,
        expect: { type: "link", owner: { uid: link.uid, gid: link.gid } },
      });
    }
    return { changes, result: { ...result, ...pathInfo({ ...node, ...owner }, accounts) } };
  }
  const goal = params.src === undefined ? target : situation.source;
  if (!goal?.stat) {
    const warnings = [
      "Cannot set fs attributes on a non-existent symlink target. follow should be set to False to avoid this.",
    ];
    return { changes, warnings, result: { ...result, ...pathInfo(node, accounts) } };
  }
  const followed = planAttributes(situation, goal.real || joinPath(parentOf(path), src ?? ""), goal.stat, {});
  return inTurn(changes, { ...followed, result: { ...result, ...pathInfo(node, accounts) } });
}

/** `state: hard`: another name for the file `src`. */
export function planHardLink(situation: Situation): Plan {
  const { self, params, path, source, sourceSelf } = situation;
  const { src } = params;
  const old = self.stat;
  const state = stateName(old);
  if (state !== "hard" && src === undefined) return refuse("src is required for creating new hardlinks");
  if (src !== undefined && !source?.stat) return refuse("src does not exist", { dest: path, src });
  const result = { dest: path, ...(src === undefined ? {} : { src }) };
  const linked = sourceSelf?.stat ?? source?.stat;
  const isSame =
    src === undefined ||
    (old !== undefined && linked !== undefined && old.inode === linked.inode && old.device === linked.device);
  // A hard link of a symbolic link is that link again: its own owner is meant, never what it leads to.
  if (old && isSame) return planAttributes(situation, path, old, result, { allowHardLinks: true });
  if (source?.stat?.type === "directory")
    return refuse(`src ${src} is a directory, and those have no hard links`, result);
  if (old?.type === "directory") return refuse("Cannot link: different hard link exists at destination", result);
  if (old && state !== "link" && !params.force) {
    const message =
      state === "hard"
        ? "Cannot link, different hard link exists at destination"
        : `Cannot link, ${state} exists at destination`;
    return refuse(message, result, "force: true replaces it.");
  }
  if (!old && !hasParent(situation)) return noParent(path);
  const change: Change = {
    kind: "hardLink",
    path,
    source: src ?? "",
    expect: old ? expectOf(old) : { type: "absent" },
  };
  if (!linked) return { changes: [change], result };
  const attributes = planAttributes(situation, path, { ...linked, links: linked.links + 1 }, result, {
    allowHardLinks: true,
  });
  return inTurn([change], attributes);
}

/** Why the link may not be made: a target that is not there, or something in its place, without `force`. */
function refuseLink(situation: Situation, src: string | undefined): Plan | undefined {
  const { params, path, self, entries } = situation;
  const target = params.src === undefined ? situation.target : situation.source;
  if (!params.force && src !== undefined && !target?.stat) {
    const absolute = joinPath(parentOf(path), src);
    return refuse(`src file does not exist, use "force=yes" if you really want to create the link: ${absolute}`, {
      path,
      src,
    });
  }
  if (src !== undefined && linkTarget(path, src) === path)
    return refuse(`${path} cannot be a link to itself`, { path, src });
  const state = stateName(self.stat);
  if (state === "absent" || state === "link") return undefined;
  if (!params.force) return refuse(`refusing to convert from ${state} to symlink for ${path}`, { path });
  if (state === "directory" && (entries?.entries.length ?? 0) > 0) {
    return refuse(`the directory ${path} is not empty, refusing to convert it`, { path });
  }
  return undefined;
}

function noParent(path: string): Plan {
  return refuse(
    `Error while linking: the directory ${parentOf(path)} does not exist`,
    { path },
    "Make it in an earlier task with state: directory.",
  );
}

function expectOf(stat: Stat): Expect {
  if (stat.type === "link") return { type: "link", target: stat.target };
  return { type: stat.type, owner: { uid: stat.uid, gid: stat.gid }, mode: stat.mode };
}
