// What changes look like as differences, for --diff.

import type { Change } from "../../module/change.js";
import type { Model } from "../../module/model.js";
import type { Probe, Stat } from "../../module/probe.js";
import type { FileDiff } from "../events.js";

export interface Differences {
  readonly diffs: readonly FileDiff[];
  /** Probes without which the old side is not known. */
  readonly missing: readonly Probe[];
}

/** Bytes above this are described, not shown. */
const shownLimit = 512 * 1024;

/** Differences that the changes make to what the model knows. Call before they are predicted. */
export function diffsOf(changes: readonly Change[], model: Model): Differences {
  const diffs: FileDiff[] = [];
  const missing: Probe[] = [];
  for (const change of changes) {
    switch (change.kind) {
      case "writeFile": {
        const probe: Probe = {
          kind: "read",
          path: change.path,
          limit: shownLimit,
          ...(change.at ? { at: change.at } : {}),
        };
        const answer = change.expect.type === "absent" ? undefined : model.answer(probe);
        if (answer?.kind === "ask") {
          missing.push(answer.probe);
          break;
        }
        const seen = answer?.observation.kind === "read" ? answer.observation : undefined;
        const before = seen?.stat ? shown(seen.content, seen.isTooLarge) : undefined;
        const after = shown(change.content.bytes, change.content.size > shownLimit);
        if (change.isSecret || change.content.isSecret)
          diffs.push({ title: change.path, before: "(secret content)\n", after: "(secret content, changed)\n" });
        else if (before !== after) diffs.push({ title: change.path, before, after });
        pushAttributes(diffs, change.path, seen?.stat, change);
        break;
      }
      case "makeDirectory":
        diffs.push({ title: change.path, before: "state: absent\n", after: "state: directory\n" });
        break;
      case "makeLink":
        diffs.push({
          title: change.path,
          before: before(change.expect.type, change.expect.target),
          after: `state: link\ntarget: ${change.target}\n`,
        });
        break;
      case "hardLink":
        diffs.push({
          title: change.path,
          before: before(change.expect.type),
          after: `state: hard link\nsource: ${change.source}\n`,
        });
        break;
      case "remove":
        diffs.push({ title: change.path, before: before(change.expect.type ?? "file"), after: "state: absent\n" });
        break;
      case "copyFile":
        if (change.isBackup) break;
        diffs.push({
          title: change.path,
          before: before(change.expect.type),
          after: `state: file\ncopy of: ${change.from}\n`,
        });
        break;
      case "rename":
        diffs.push({ title: change.path, before: `path: ${change.path}\n`, after: `path: ${change.to}\n` });
        if (change.onTaken === "exchange")
          diffs.push({ title: change.to, before: `path: ${change.to}\n`, after: `path: ${change.path}\n` });
        break;
      case "subvolume":
        diffs.push({
          title: change.path,
          before: "state: absent\n",
          after: `state: subvolume\n${change.from === undefined ? "" : `snapshot of: ${change.from}\n`}${readOnlyLine(change.isReadOnly)}`,
        });
        break;
      case "setSubvolume":
        diffs.push({
          title: change.path,
          before: readOnlyLine(!change.isReadOnly),
          after: readOnlyLine(change.isReadOnly),
        });
        break;
      case "writeKernel":
        diffs.push({
          title: change.path,
          before: change.current === undefined ? undefined : `${change.current}\n`,
          after: `${change.value}\n`,
        });
        break;
      case "setAttributes": {
        const answer = model.answer({
          kind: "stat",
          path: change.path,
          ...(change.follow ? { follow: true } : {}),
          ...(change.at ? { at: change.at } : {}),
        });
        const stat =
          answer.kind === "known" && answer.observation.kind === "stat" ? answer.observation.stat : undefined;
        pushAttributes(diffs, change.path, stat, change);
        break;
      }
      case "mountOverlay":
        diffs.push({
          title: change.path,
          before: before(change.expect.type),
          after: `overlay over: ${change.lower}\n`,
        });
        break;
      case "unmount":
      case "exec":
      case "lock":
      case "unlock":
        break;
    }
  }
  return { diffs, missing };
}

function readOnlyLine(isReadOnly: boolean | undefined): string {
  return `read-only: ${isReadOnly === true ? "yes" : "no"}\n`;
}

function before(type: string | undefined, target?: string): string {
  return `state: ${type ?? "unknown"}\n${target === undefined ? "" : `target: ${target}\n`}`;
}

function shown(bytes: Uint8Array | undefined, isTooLarge: boolean): string {
  if (isTooLarge || !bytes) return "(large content)\n";
  const text = Buffer.from(bytes).toString("utf8");
  return text.includes("\0") || text.includes("\ufffd") ? "(binary content)\n" : text;
}

function pushAttributes(
  diffs: FileDiff[],
  path: string,
  stat: Stat | undefined,
  wanted: { readonly mode?: number; readonly uid?: number; readonly gid?: number },
): void {
  if (!stat) return;
  const lines: [string, string, string][] = [];
  if (wanted.mode !== undefined && wanted.mode !== stat.mode)
    lines.push(["mode", octal(stat.mode), octal(wanted.mode)]);
  if (wanted.uid !== undefined && wanted.uid !== stat.uid) lines.push(["owner", String(stat.uid), String(wanted.uid)]);
  if (wanted.gid !== undefined && wanted.gid !== stat.gid) lines.push(["group", String(stat.gid), String(wanted.gid)]);
  if (lines.length === 0) return;
  const side = (index: 1 | 2): string => lines.map((line) => `${line[0]}: ${line[index]}\n`).join("");
  diffs.push({ title: path, before: side(1), after: side(2) });
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
