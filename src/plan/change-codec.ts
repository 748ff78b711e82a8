// Changes as the JSON of a plan file: src/module/change.ts kind by kind, what is not known is refused.

import type { Change, Expect, TimeSpec } from "../module/change.js";
import type { Root, Timestamp } from "../module/probe.js";
import { CHANGE_KINDS } from "../wire/changes.js";
import { FILE_TYPES } from "../wire/structs.js";
import { encodeExec, takeContent, takeExec, type FindContent, type StoreContent } from "./exec-codec.js";
import {
  digest,
  FieldFault,
  type Fields,
  fields,
  flag,
  integer,
  listOf,
  oneOf,
  path,
  text,
  type Take,
} from "./fields.js";

export const takeRoot: Take<Root> = oneOf(["tree", "host"]);

export const takeMode: Take<number> = (value, at) => {
  const mode = integer(value, at);
  if (mode < 0 || mode > 0o7777) throw new FieldFault(at, `${mode} is no mode`);
  return mode;
};

export const takeId: Take<number> = (value, at) => {
  const id = integer(value, at);
  if (id < 0 || id >= 0xffffffff) throw new FieldFault(at, `${id} is no user or group`);
  return id;
};

/** Those that modules plan: not what a session does for itself. */
const PLANNED_KINDS = CHANGE_KINDS.filter((kind) => kind !== "hold");

/** JSON of a change. What it `assumes` is for models alone and is left out. */
export function encodeChange(change: Change, store: StoreContent): unknown {
  if (change.kind === "writeFile") return { ...change, content: store(change.content) };
  if (change.kind !== "exec") return change;
  const { assumes: _, ...rest } = change;
  return { ...rest, exec: encodeExec(change.exec, store) };
}

export function takeChange(find: FindContent): Take<Change> {
  return fields((all) => changeIn(all, find));
}

function changeIn(all: Fields, find: FindContent): Change {
  const kind = all.get("kind", oneOf(PLANNED_KINDS));
  const root = all.maybe("at", takeRoot);
  if (kind === "exec") {
    return {
      kind,
      ...root,
      exec: all.get("exec", takeExec(find)),
      ...all.maybe("isContained", flag),
      ...all.maybe("isUncounted", flag),
      ...all.maybe("okStatuses", takeStatuses),
    };
  }
  const at = { path: all.get("path", path), ...root, expect: all.get("expect", takeExpect) };
  switch (kind) {
    case "writeFile":
      return {
        kind,
        ...at,
        content: all.get("content", takeContent(find)),
        ...owned(all),
        ...all.maybe("follow", flag),
        ...all.maybe("inPlace", flag),
        ...all.maybe("mtime", takeTimeSpec),
        ...all.maybe("isSecret", flag),
      };
    case "makeDirectory":
      return { kind, ...at, ...owned(all) };
    case "makeLink":
      return { kind, ...at, target: all.get("target", text), ...ids(all) };
    case "hardLink":
      return { kind, ...at, source: all.get("source", path) };
    case "remove":
      return { kind, ...at, ...all.maybe("isRecursive", flag), ...all.maybe("withSubvolumes", flag) };
    case "setAttributes":
      return {
        kind,
        ...at,
        ...all.maybe("follow", flag),
        ...all.maybe("allowHardLinks", flag),
        ...owned(all),
        ...all.maybe("atime", takeTimeSpec),
        ...all.maybe("mtime", takeTimeSpec),
        ...all.maybe("setFlags", integer),
        ...all.maybe("clearFlags", integer),
      };
    case "copyFile":
      return {
        kind,
        ...at,
        from: all.get("from", path),
        ...owned(all),
        ...all.maybe("follow", flag),
        ...all.maybe("keepTimes", flag),
        ...all.maybe("keepXattrs", flag),
        ...all.maybe("isBackup", flag),
      };
    case "rename":
      return {
        kind,
        ...at,
        to: all.get("to", path),
        ...all.maybe("onTaken", oneOf(["replace", "exchange", "refuse"])),
      };
    case "writeKernel":
      return { kind, ...at, value: all.get("value", text), ...all.maybe("current", text) };
    case "lock":
      return { kind, ...at, timeoutMs: all.get("timeoutMs", integer) };
    case "unlock":
      return { kind, ...at };
    case "subvolume":
      return { kind, ...at, ...all.maybe("from", path), ...all.maybe("isReadOnly", flag) };
    case "setSubvolume":
      return { kind, ...at, isReadOnly: all.get("isReadOnly", flag) };
    case "mountOverlay":
      return {
        kind,
        ...at,
        lower: all.get("lower", path),
        upper: all.get("upper", path),
        work: all.get("work", path),
        ...all.maybe("replaces", flag),
      };
    case "unmount":
      return { kind, ...at, ...all.maybe("removesDirectory", flag) };
  }
}

function ids(all: Fields): { readonly uid?: number; readonly gid?: number } {
  return { ...all.maybe("uid", takeId), ...all.maybe("gid", takeId) };
}

function owned(all: Fields): { readonly mode?: number; readonly uid?: number; readonly gid?: number } {
  return { ...all.maybe("mode", takeMode), ...ids(all) };
}

const takeExpect = fields((all): Expect => ({
  ...all.maybe("type", oneOf(FILE_TYPES)),
  ...all.maybe("sha256", digest),
  ...all.maybe(
    "owner",
    fields((owner) => ({ uid: owner.get("uid", takeId), gid: owner.get("gid", takeId) })),
  ),
  ...all.maybe("mode", takeMode),
  ...all.maybe("target", text),
  ...all.maybe("real", path),
}));

const takeTimestamp = fields((all): Timestamp => ({
  seconds: all.get("seconds", integer),
  nanoseconds: all.get("nanoseconds", integer),
}));

const takeTimeSpec: Take<TimeSpec> = (value, at) => (value === "now" ? value : takeTimestamp(value, at));

const takeStatuses: Take<readonly number[] | "any"> = (value, at) =>
  value === "any" ? value : listOf(integer)(value, at);
